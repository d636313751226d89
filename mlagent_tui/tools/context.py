"""What tools work with beyond their arguments: the root folder, the coder, trial workers, who is told.

The agent sets a context for its calls; a plain script needs none, and gets the current folder, the bundled
model and workers started when first needed.
"""

from __future__ import annotations

import atexit
import contextvars
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlagent_tui.events import Event, Warned
from mlagent_tui.files import Folder
from mlagent_tui.schemas import SandboxPolicy

if TYPE_CHECKING:
    from mlagent_tui.llm import Answer, LanguageModel
    from mlagent_tui.schemas import ModelConfig
    from mlagent_tui.training import WorkerPool


def _ignore(*_: object) -> None:
    return None


def _always(tool: str, command: str) -> bool:
    return True


@dataclass(frozen=True)
class ToolContext:
    """Where tools work and whom they tell.

    `coder` and `pool` are called when first needed and may be called often; whoever made them closes them.
    `approve(tool, command)` is asked before a command runs. `on_text(task, piece, is_thinking)` streams the
    coder's words and `on_call(task, answer)` follows each answer, with the tasks `code` and `explain`;
    `on_event` gets everything else as it happens. All are called on the thread that called the tool, or on
    one that it waits for.
    """

    root: Path
    coder: Callable[[], LanguageModel]
    pool: Callable[[], WorkerPool]
    seed: int = 0
    sandbox: SandboxPolicy = "auto"
    timeout: float = 600.0
    """Seconds that `bash_run` and `python_run` may take."""
    approve: Callable[[str, str], bool] = _always
    on_text: Callable[[str, str, bool], None] = _ignore
    on_call: Callable[[str, Answer], None] = _ignore
    on_event: Callable[[Event], None] = _ignore
    cancel: threading.Event = field(default_factory=threading.Event)
    network: ModelConfig | None = None
    """The configuration that the code to train was checked against; its weights are held against it too."""

    @property
    def folder(self) -> Folder:
        """The root as the folder that no path may leave."""
        return Folder(self.root)


_current: contextvars.ContextVar[ToolContext] = contextvars.ContextVar("tool_context")


@contextmanager
def use_context(context: ToolContext) -> Iterator[ToolContext]:
    """Let the tools use `context` within the block, in this thread and in copies of its context."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def current() -> ToolContext:
    """The context in use, or the one of plain scripts."""
    return _current.get(None) or ToolContext(Path.cwd(), coder=_coder, pool=_pool, on_event=_tell)


_opening = threading.Lock()


def _coder() -> LanguageModel:
    with _opening:
        return _bundled_coder()


def _pool() -> WorkerPool:
    with _opening:
        return _shared_pool()


@cache
def _bundled_coder() -> LanguageModel:
    from mlagent_tui.llm import open_models

    _, coder = open_models("bundled", "bundled")
    atexit.register(coder.close)
    return coder


@cache
def _shared_pool() -> WorkerPool:
    from mlagent_tui.training import WorkerPool

    pool = WorkerPool(Path.cwd())
    atexit.register(pool.close)
    return pool


def _tell(event: Event) -> None:
    if isinstance(event, Warned):
        warnings.warn(f"{event.message} {event.remedy}".strip(), stacklevel=4)
