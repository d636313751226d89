"""Scripts on their way to a trial worker: copied out of the project, so that what runs is what was read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePath

from mlagent_tui import temporary
from mlagent_tui.errors import MachineError
from mlagent_tui.files import explain
from mlagent_tui.tools.context import ToolContext

MAX_SCRIPT = 2**20


@contextmanager
def staged(name: str, source: bytes) -> Iterator[Path]:
    """A file `name` holding `source`, alone in a temporary folder that goes away with the block.

    Raises `MachineError` where it cannot be written.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(temporary.folder("script"))
            script = folder / name
            script.write_bytes(source)
        except OSError as error:
            what, remedy = explain(error)
            raise MachineError(f"cannot write to the temporary folder: {what}", remedy) from error
        yield script


@contextmanager
def staged_copy(context: ToolContext, path: str) -> Iterator[Path]:
    """A copy of the project's script `path`. Raises `ToolError` when it cannot be read."""
    source = context.folder.read(path, limit=MAX_SCRIPT)
    with staged(PurePath(path).name, source) as script:
        yield script
