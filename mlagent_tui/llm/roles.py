"""From what a user names as a model, and the settings of its role, to a language model that answers.

A model is `bundled`, a .gguf file, a folder of Hugging Face weights, or `http://host:port/v1#name`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mlagent_tui import paths
from mlagent_tui.errors import ModelError
from mlagent_tui.files import explain, read_plain
from mlagent_tui.llm import address, usable
from mlagent_tui.llm.base import LanguageModel
from mlagent_tui.llm.client import Manner, ServedModel
from mlagent_tui.llm.process import Options
from mlagent_tui.settings import SERVER, RoleOptions, lacks_scheme

if TYPE_CHECKING:
    from mlagent_tui.llm.remote import RemoteModel

MAX_TEMPLATE = 1_000_000
CONTEXT = 16384
"""Tokens of context where neither the role's settings nor the model ask for fewer."""


@dataclass(frozen=True)
class Place:
    """What a specification names: a file or folder, or a model behind a URL."""

    path: Path | None = None
    url: str = ""
    model: str = ""


def parse(spec: str) -> Place:
    """Raises `ModelError` for a URL that is none. Nothing is looked up."""
    if spec == "bundled":
        return Place(paths.bundled_model())
    if "://" not in spec:
        if lacks_scheme(spec):
            raise ModelError(
                f"{spec} is neither a file nor a URL", f"For a model on a server, write http://{spec}."
            )
        return Place(paths.user_path(spec).absolute())
    if not SERVER.fullmatch(spec):
        raise ModelError(
            f"{spec} does not name a server",
            "Write http://HOST:PORT/v1#MODEL, without a user name or query.",
        )
    url, _, model = spec.partition("#")
    return Place(None, address.base(url), model)


def located(spec: str) -> Place:
    """As `parse`, with the file that a path means: the one in a folder, the first of a split model's parts.

    Raises `ModelError` for a folder with several models.
    """
    place = parse(spec)
    return Place(usable.meant(place.path)) if place.path else place


def is_bundled(spec: str) -> bool:
    """Whether `spec` names the model that comes with the package. Raises `ModelError` as `parse` does."""
    path = parse(spec).path
    return path is not None and _same(path, paths.bundled_model())


def start_bundled(beside: Iterable[LanguageModel] = ()) -> LanguageModel:
    """Starts loading the bundled model on the CPU, with its own settings. Raises `ModelError`.

    Where one of the models `beside` is the bundled one, it is the same process.
    """
    path = paths.bundled_model()
    for model in beside:
        if isinstance(model, ServedModel) and _same(model.path, path):
            return model.shared(Manner())
    return ServedModel(path, _loading(RoleOptions(gpu_layers=0)))


def check_spec(spec: str) -> None:
    """Raises `ModelError` with the remedy for a model that cannot be used, as far as it is quickly seen.

    Reads headers, loads nothing, and asks no server.
    """
    place = located(spec)
    if place.path is None:
        if find_spec("openai") is None:
            raise ModelError(
                "model servers need the Python package openai",
                "Install it: pip install 'mlagent-tui[server]'.",
            )
    else:
        usable.read(place.path)


def check_options(options: RoleOptions) -> None:
    """Raises `ModelError` for a chat template that cannot be used, as far as it is quickly seen."""
    _manner(options)


def open_role(spec: str, options: RoleOptions) -> LanguageModel:
    """Starts loading the model. Raises `ModelError`."""
    place = located(spec)
    if place.path is not None:
        return ServedModel(place.path, _loading(options), _manner(options))
    check_spec(spec)
    return _remote(place, options)


def _remote(place: Place, options: RoleOptions, beside: RemoteModel | None = None) -> RemoteModel:
    """The model of a server, which may be that of another model: what that has learnt of it is shared."""
    from mlagent_tui.llm.remote import RemoteModel

    return RemoteModel(
        place.url,
        place.model,
        _manner(options),
        options.thinking_budget,
        options.context or CONTEXT,
        known=beside.known if beside else None,
    )


def open_roles(
    planner_spec: str, coder_spec: str, planner: RoleOptions, coder: RoleOptions
) -> tuple[LanguageModel, LanguageModel]:
    """The models of both roles, loading at the same time; the same file or folder is loaded once.

    Then the larger context counts, and otherwise what the planner's settings say, or where they say nothing,
    the coder's. Raises `ModelError`.
    """
    one, other = located(planner_spec), located(coder_spec)
    if one.path is None and one.url == other.url:
        check_spec(planner_spec)
        model = _remote(one, planner)
        return model, _remote(other, coder, beside=model)
    if one.path is None or other.path is None or not _same(one.path, other.path):
        first = open_role(planner_spec, planner)
        try:
            return first, open_role(coder_spec, coder)
        except BaseException:
            first.close()
            raise
    if planner == coder:
        shared = open_role(planner_spec, planner)
        return shared, shared
    first = ServedModel(one.path, _loading(merged(planner, coder)), _manner(planner))
    return first, first.shared(_manner(coder))


def merged(planner: RoleOptions, coder: RoleOptions) -> RoleOptions:
    """How to load one model for both."""
    said = coder.model_dump(exclude_unset=True) | planner.model_dump(exclude_unset=True)
    said["context"] = max(options.context or CONTEXT for options in (planner, coder))
    return RoleOptions(**said)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other


def _loading(options: RoleOptions) -> Options:
    return Options(
        context_limit=options.context or CONTEXT,
        threads=options.threads,
        gpu_layers=-1 if options.gpu_layers is None else options.gpu_layers,
        thinking_tokens=options.thinking_budget,
        flash_attention=options.flash_attention,
        device=options.device,
        dtype=options.dtype,
        memory_check=options.memory_check,
    )


def _manner(options: RoleOptions) -> Manner:
    template = _template(options.chat_template) if options.chat_template else ""
    profile = None if options.prompts == "auto" else options.prompts
    code = None if options.code == "auto" else options.code
    return Manner(options.temperature, options.thinking_budget, template, profile, code)


def _template(path: Path) -> str:
    try:
        text = read_plain(paths.user_path(path)).decode("utf-8-sig")
    except OSError as error:
        raise ModelError(
            f"cannot read the chat template {path}: {explain(error)[0]}", "Name a text file."
        ) from error
    except UnicodeDecodeError as error:
        raise ModelError(f"the chat template {path} is not UTF-8 text", "Name a text file.") from error
    if not text.strip() or len(text) > MAX_TEMPLATE:
        raise ModelError(f"{path} is not a chat template", "Name a file with a Jinja template.")
    return text
