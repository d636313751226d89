"""Which prompts suit a model, by what its file says of it."""

from __future__ import annotations

from mlagent_tui.llm.folder import Folder
from mlagent_tui.llm.gguf import Header
from mlagent_tui.prompts import CodeForm, Profile

MINNOW = "Minnow"
"""The bundled model's name for itself."""

WRITES_FILES = 1_000_000_000
"""Parameters from which on a chat model is asked for a whole file of code."""

PLAIN = "{% for m in messages %}{{ m.content }}{% if not loop.last %}{{ '\\n\\n' }}{% endif %}{% endfor %}"
"""What a model without a chat template is shown: the texts alone, one after the other."""


def profile_of(said: Header | Folder) -> Profile:
    """Minnow's own, `chat` for a model with a chat template, else `completion`."""
    if said.name == MINNOW:
        return "minnow"
    return "chat" if said.has_chat_template else "completion"


def forms_for(profile: Profile, parameters: int) -> tuple[CodeForm, ...]:
    """In which forms a model is asked for code, as a first guess: whole files of Minnow and large models.

    `parameters` is 0 where it is not known. A large model that fails is asked line by line at last.
    """
    if profile == "minnow":
        return ("whole",)
    if profile == "completion" or 0 < parameters < WRITES_FILES:
        return ("lines",)
    return ("whole", "lines")
