"""Which prompts suit a model, by what its file says of it."""

from __future__ import annotations

from mlagent_tui.llm.folder import Folder
from mlagent_tui.llm.gguf import Header
from mlagent_tui.prompts import Profile

MINNOW = "Minnow"
"""The bundled model's name for itself."""

PLAIN = "{% for m in messages %}{{ m.content }}{% if not loop.last %}{{ '\\n\\n' }}{% endif %}{% endfor %}"
"""What a model without a chat template is shown: the texts alone, one after the other."""


def profile_of(said: Header | Folder) -> Profile:
    """Minnow's own, `chat` for a model with a chat template, else `completion`."""
    if said.name == MINNOW:
        return "minnow"
    return "chat" if said.has_chat_template else "completion"
