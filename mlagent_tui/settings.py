"""The user's settings: a YAML file whose every key is an attribute here, with its meaning and default."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from mlagent_tui import paths
from mlagent_tui.errors import UsageError
from mlagent_tui.schemas import SandboxPolicy

SERVER = re.compile(r"https?://[^\s/#?@]+(/[^\s#?@]*)?(#[^\s#]+)?")
"""How a model behind an OpenAI-compatible server is named: `http://host:port/v1#model`."""

_HOST = r"(\[[0-9a-fA-F:.]+\]|[\w-]+(\.[\w-]+)*)"
_NO_SCHEME = re.compile(rf"{_HOST}:\d{{1,5}}([/#]\S*)?|(localhost|[\w-]+(\.[\w-]+)+)/v\d\S*", re.ASCII)

Policy = Literal["never", "ask", "always"]
Sharing = Literal["keep", "offload", "auto"]


def _on_or_off(value: object) -> object:
    """YAML reads `on` and `off` as truth values."""
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def lacks_scheme(spec: str) -> bool:
    """Whether `spec` is the address of a server without `http://`, as `localhost:8000/v1`, and no file."""
    return bool(_NO_SCHEME.fullmatch(spec)) and not os.path.exists(paths.user_path(spec))


class RoleOptions(BaseModel):
    """How a role uses its model; every key may be left out, and is then left out of what is written."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    """0 takes the likeliest token always; a repeated attempt is drawn at random at 0.4 or more."""

    context: Annotated[int, Field(ge=512, le=2**31 - 1)] | None = None
    """Tokens that prompt and answer may have together; null: what the model was made for, at most 16,384."""

    thinking_budget: Annotated[int, Field(ge=0, le=1_000_000)] = 2048
    """Tokens that a reasoning model may think before it answers; 0: it answers at once."""

    chat_template: Path | None = None
    """A file with a Jinja chat template; null: the model's own."""

    gpu_layers: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Layers of a .gguf on the GPU; null: all of them, or as many as fit. 0 keeps any model off the GPU."""

    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """Threads of the CPU; 0: as many as there are physical cores, and one for a very small model."""

    flash_attention: Annotated[Literal["auto", "on", "off"], BeforeValidator(_on_or_off)] = "auto"
    """An implementation of attention that needs less memory; auto: where the device has it."""

    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Where a folder of weights is computed; auto: the first there is of cuda, mps and cpu."""

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """The numbers a folder of weights is computed in; auto: 16 bits on a GPU, 32 on a CPU where they fit."""

    memory_check: bool = True
    """Whether a model that seems too large for the memory is refused before it is loaded."""

    @model_serializer(mode="wrap")
    def _what_was_said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if name in self.model_fields_set}


class Settings(BaseModel):
    """Defaults for every run; options of the command line take precedence."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    planner: str = "bundled"
    """The model that plans and decides: `bundled`, a .gguf file, a folder of weights, or a server's URL."""

    coder: str = "bundled"
    """The model that writes and explains code, named in the same way."""

    planner_options: RoleOptions = RoleOptions()
    """How the planner uses its model."""

    coder_options: RoleOptions = RoleOptions()
    """How the coder uses its model."""

    sharing: Sharing = "auto"
    """Whether language models stay in memory while a network trains: keep, offload, or auto by estimate."""

    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Where networks train; auto takes the first there is of cuda, mps and cpu."""

    data_dir: Path | None = None
    """The folder of the data sets; without it `$MLAGENT_DATA`, or the user's data folder."""

    sandbox: SandboxPolicy = "auto"
    """How generated code is confined: auto (the best level that works), required (that or nothing runs),
    none, or one level by name: bubblewrap, landlock, seatbelt."""

    bash_run: Policy = "ask"
    """Whether a plan may run shell commands: never, after asking, or always."""

    python_run: Policy = "ask"
    """Whether a plan may run Python scripts: never, after asking, or always."""

    iterations: Annotated[int, Field(ge=1, le=1000)] = 8
    """A run tries at most this many networks."""

    patience: Annotated[int, Field(ge=1, le=1000)] = 3
    """A run stops after this many networks in a row that were no better than the best before."""

    time_budget: Annotated[float, Field(gt=0, le=1e8)] | None = None
    """A run starts no new iteration after this many seconds; null: no limit."""

    memory_limit_mb: Annotated[int, Field(ge=256)] | None = None
    """A trial that holds more resident memory than this is ended; null: a share of the machine's."""

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Everything random in a run follows from it."""

    model_folders: list[Path] = Field(default_factory=list)
    """Folders with models of yours, which `mlagent models` lists too."""

    theme: Annotated[str, Field(max_length=100)] | None = None
    """The interface's theme; null: the one chosen last."""

    keys: dict[str, Annotated[str, Field(max_length=100)]] = Field(default_factory=dict)
    """Other keys for actions of the interface, such as `run.pause: "space,f9"`; `docs/keys.md` lists them."""

    mouse: bool = True
    """Whether the interface takes the mouse; without it, the terminal's own selection works as usual."""

    notify: Literal["never", "bell", "desktop", "both"] = "both"
    """How the interface says that a long run has ended: with a bell, a desktop notice, or both."""

    notify_after: Annotated[float, Field(ge=0, le=1e8)] = 30
    """A run is long when it takes more than this many seconds."""


def load(path: Path | None = None) -> Settings:
    """The settings in `path`, or in the user's settings file; the defaults when there is none.

    Raises `UsageError` naming the file and the key that is wrong.
    """
    path = path or paths.settings_file()
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        what = f"cannot read the settings in {path}: {error}"
        raise UsageError(what, "Correct the file or remove it.") from error
    try:
        return Settings.model_validate({} if fields is None else fields)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{path}: {key}: {first['msg']}", _remedy(key)) from error


def _remedy(key: str) -> str:
    outer, _, name = key.rpartition(".")
    inner = outer in ("planner_options", "coder_options")
    fields = RoleOptions.model_fields if inner else Settings.model_fields
    field = fields.get(name if inner else key)
    if field is None:
        return f"The {'options' if inner else 'settings'} are: {', '.join(fields)}."
    return f"{key}: {field.description} Default: {field.default}."
