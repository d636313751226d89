"""The user's settings: a YAML file whose every key is an attribute here, with its meaning and default."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from mlagent_tui import field_errors, paths, yaml_text
from mlagent_tui.errors import UsageError
from mlagent_tui.field_errors import NUMBER, Truth
from mlagent_tui.files import explain, read_plain
from mlagent_tui.schemas import SandboxPolicy

SERVER = re.compile(r"https?://[^\s/#?@]+(/[^\s#?@]*)?(#[^\s#]+)?")
"""How a model behind an OpenAI-compatible server is named: `http://host:port/v1#model`."""

MAX_SETTINGS = 1_000_000
"""Bytes of a settings file."""
_HOST = r"(\[[0-9a-fA-F:.]+\]|[\w-]+(\.[\w-]+)*)"
_NO_SCHEME = re.compile(rf"{_HOST}:\d{{1,5}}([/#]\S*)?|(localhost|[\w-]+(\.[\w-]+)+)/v\d\S*", re.ASCII)

Policy = Literal["never", "ask", "always"]
Sharing = Literal["keep", "offload", "auto"]
Fallback = Literal["bundled", "none"]


UserPath = Annotated[Path, AfterValidator(paths.user_path)]
"""A path as people write it: `~` is the home folder."""


def _on_or_off(value: object) -> object:
    """Some programs write `on` and `off` as truth values."""
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def lacks_scheme(spec: str) -> bool:
    """Whether `spec` is the address of a server without `http://`, as `localhost:8000/v1`, and no file."""
    return bool(_NO_SCHEME.fullmatch(spec)) and not os.path.exists(paths.user_path(spec))


class RoleOptions(BaseModel):
    """How a role uses its model; every key may be left out, and is then left out of what is written."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    temperature: Annotated[float, Field(ge=0, le=2), NUMBER] = 0.0
    """0 takes the likeliest token always; a repeated attempt is drawn at random at 0.4 or more."""

    context: Annotated[int, Field(ge=512, le=2**31 - 1), NUMBER] | None = None
    """Tokens that prompt and answer may have together; null: what the model was made for, at most 16,384."""

    thinking_budget: Annotated[int, Field(ge=0, le=1_000_000), NUMBER] = 2048
    """Tokens that a reasoning model may think before it answers; 0: it answers at once."""

    chat_template: UserPath | None = None
    """A file with a Jinja chat template; null: the model's own."""

    prompts: Literal["auto", "minnow", "chat", "completion"] = "auto"
    """The form of what the model is told: minnow, chat, completion; auto: by what its file says of it."""

    code: Literal["auto", "whole", "lines"] = "auto"
    """How it is asked for code: as a whole file, or in lines, one by one; auto: by the size of the model."""

    gpu_layers: Annotated[int, Field(ge=0, le=10_000), NUMBER] | None = None
    """Layers of a .gguf on the GPU; null: all of them, or as many as fit. 0 keeps any model off the GPU."""

    threads: Annotated[int, Field(ge=0, le=1024), NUMBER] = 0
    """Threads of the CPU; 0: as many as there are physical cores, and one for a very small model."""

    flash_attention: Annotated[Literal["auto", "on", "off"], BeforeValidator(_on_or_off)] = "auto"
    """An implementation of attention that needs less memory; auto: where the device has it."""

    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Where a folder of weights is computed; auto: the first there is of cuda, mps and cpu."""

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """The numbers a folder of weights is computed in; auto: 16 bits on a GPU, 32 on a CPU where they fit."""

    memory_check: Truth = True
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

    fallback: Fallback = "bundled"
    """What answers a call at which another model fails: the bundled model, or none."""

    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Where networks train; auto takes the first there is of cuda, mps and cpu."""

    data_dir: UserPath | None = None
    """The folder of the data sets; without it `$MLAGENT_DATA`, or the user's data folder."""

    sandbox: SandboxPolicy = "auto"
    """How generated code is confined: auto (the best level that works), required (that or nothing runs),
    none, or one level by name: bubblewrap, landlock, seatbelt."""

    bash_run: Policy = "ask"
    """Whether a plan may run shell commands: never, after asking, or always."""

    python_run: Policy = "ask"
    """Whether a plan may run Python scripts: never, after asking, or always."""

    iterations: Annotated[int, Field(ge=1, le=1000), NUMBER] = 8
    """A run tries at most this many networks."""

    patience: Annotated[int, Field(ge=1, le=1000), NUMBER] = 3
    """A run stops after this many networks in a row that were no better than the best before."""

    time_budget: Annotated[float, Field(gt=0, le=1e8), NUMBER] | None = None
    """A run starts no new iteration after this many seconds; null: no limit."""

    memory_limit_mb: Annotated[int, Field(ge=256), NUMBER] | None = None
    """A trial that holds more resident memory than this is ended; null: a share of the machine's."""

    seed: Annotated[int, Field(ge=0, le=2**31 - 1), NUMBER] = 0
    """Everything random in a run follows from it."""

    model_folders: list[UserPath] = Field(default_factory=list)
    """Folders with models of yours, which `mlagent models` lists too."""

    theme: Annotated[str, Field(max_length=100)] | None = None
    """The interface's theme; null: the one chosen last."""

    keys: dict[str, Annotated[str, Field(max_length=100)]] = Field(default_factory=dict)
    """Other keys for actions of the interface, such as `run.pause: "space,f9"`; `docs/keys.md` lists them."""

    mouse: Truth = True
    """Whether the interface takes the mouse; without it, the terminal's own selection works as usual."""

    notify: Literal["never", "bell", "desktop", "both"] = "both"
    """How the interface says that a long run has ended: with a bell, a desktop notice, or both."""

    notify_after: Annotated[float, Field(ge=0, le=1e8), NUMBER] = 30
    """A run is long when it takes more than this many seconds."""


def load(path: Path | None = None) -> Settings:
    """The settings in `path`, or in the user's settings file; the defaults when there is none.

    Raises `UsageError` naming the file, the line and the key that is wrong.
    """
    path = path or paths.settings_file()
    if os.path.realpath(path) == os.devnull:
        return Settings()
    try:
        return field_errors.from_yaml(Settings, read_plain(path, MAX_SETTINGS), "the file", "setting")
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        what, remedy = explain(error)
        raise UsageError(f"cannot read the settings in {path}: {what}", remedy) from error
    except yaml_text.YamlError as error:
        raise UsageError(f"{path}, {error}", error.remedy or "Correct the file or remove it.") from error
