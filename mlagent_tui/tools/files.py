"""`read_file`, `write_file` and `list_directory`: files inside the root, as text."""

from __future__ import annotations

from mlagent_tui.errors import ToolError
from mlagent_tui.tools.checking import checked
from mlagent_tui.tools.context import current


@checked
def read_file(file_path: str) -> str:
    """The entire content of a text file (UTF-8), line endings as they are.

    Raises `ToolError` when the file is missing, outside of the root, not text, or larger than 64 MiB.
    """
    data = current().folder.read(file_path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolError(
            f"cannot read {file_path}: it is not UTF-8 text (byte {error.start})",
            "Use bash_run to look at files that are not text.",
        ) from error


@checked
def write_file(file_path: str, content: str) -> None:
    """Create or replace a text file (UTF-8), all or nothing; missing folders are made.

    Raises `ToolError` when the path is outside of the root or cannot be written to.
    """
    current().folder.write(file_path, content)


@checked
def list_directory(path: str = ".", recursive: bool = False) -> list[str]:
    """The names in a folder, sorted, relative to it; folders end in `/`.

    Raises `ToolError` when there is no such folder inside the root.
    """
    return current().folder.entries(path, recursive=recursive)
