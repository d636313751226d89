"""`create_pytorch_project_scaffold`: the folders and files every project begins with."""

from __future__ import annotations

import re

from mlagent_tui import paths
from mlagent_tui.errors import ToolError
from mlagent_tui.files import Folder
from mlagent_tui.tools.checking import checked
from mlagent_tui.tools.context import current

REQUIREMENTS = "torch>=2.10\ntorchvision>=0.25\nPyYAML>=6.0\n"
_NAME = re.compile(r"[^/\\\x00-\x1f]{1,255}")


@checked
def create_pytorch_project_scaffold(project_name: str, base_dir: str = ".") -> None:
    """Make the folder `project_name` in `base_dir` with the parts of a project; existing files are kept.

    `base_dir` may be anywhere: this is the tool that makes a root. A relative one starts at the current root.
    Raises `ToolError` when the name is not a plain name or the folder cannot be written to.
    """
    if not _NAME.fullmatch(project_name) or project_name in (".", ".."):
        raise ToolError(
            f"{project_name!r} cannot be the name of a project",
            "Use a plain name, such as MyProject.",
        )
    base = current().root / base_dir
    if not base.is_dir():
        raise ToolError(f"there is no folder {base}", "Create it first, or choose another base_dir.")
    Folder(base).make(project_name)
    project = Folder(base / project_name)
    for folder in paths.FOLDERS:
        project.make(folder)
    for name, content in ((paths.REGISTRY, "[]\n"), (paths.REQUIREMENTS, REQUIREMENTS)):
        if not project.exists(name):
            project.write(name, content)
