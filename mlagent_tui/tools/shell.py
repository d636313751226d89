"""`bash_run` and `python_run`: commands in the sandbox, where only the root can be written to."""

from __future__ import annotations

import shlex
import shutil
import sys

from mlagent_tui import sandbox
from mlagent_tui.errors import Interrupted, ToolError
from mlagent_tui.tools.checking import checked
from mlagent_tui.tools.context import ToolContext, current

OUTPUT_BYTES = 256 * 1024
EXCERPT = 4000


@checked
def bash_run(command: str) -> str:
    """What a bash command prints, stdout and stderr together, at most 256 KiB of it.

    It runs in the root folder, without network, and everything it started ends with it. Raises `ToolError`
    with the exit status and the output when it fails, takes too long or uses too much; or when not approved.
    """
    shell = shutil.which("bash") or shutil.which("sh")
    if shell is None:
        raise ToolError("there is no bash on this machine", "Install bash.")
    return _run(current(), "bash_run", command, [shell, "-c", command])


@checked
def python_run(script_path: str, *args: str) -> str:
    """What a Python script of the root folder prints; it runs under this Python, as `bash_run` does.

    Raises `ToolError` as `bash_run` does, and for a script that is missing or outside of the root.
    """
    context = current()
    script = context.folder.resolve(script_path)
    if not script.is_file():
        raise ToolError(f"cannot run {script_path}: it is a folder", "Name a Python script.")
    shown = shlex.join(["python", script_path, *args])
    return _run(context, "python_run", shown, [sys.executable, "-u", str(script), *args])


def _run(context: ToolContext, tool: str, shown: str, argv: list[str]) -> str:
    if "\0" in "".join(argv):
        raise ToolError("a command cannot hold a NUL character", "Remove it.")
    if not context.approve(tool, shown):
        raise ToolError(f"not approved: {shown}", f"The setting {tool} says who approves.")
    try:
        done = sandbox.run(
            sandbox.confine(argv, level=sandbox.resolve_level(context.sandbox), writable=context.root),
            seconds=context.timeout,
            limits=sandbox.Limits(memory_mb=sandbox.default_memory_mb()),
            output_bytes=OUTPUT_BYTES,
            cancel=context.cancel,
        )
    except OSError as error:
        raise ToolError(f"cannot run {shown}: {error}", "Shorten the command.") from error
    if context.cancel.is_set():
        raise Interrupted(f"{tool} was interrupted")
    if done.stopped or done.status:
        ending = f"was stopped: {done.stopped}" if done.stopped else f"ended with exit status {done.status}"
        raise ToolError(f"{shown} {ending}\n{_excerpt(done.output)}".rstrip(), "See its output above.")
    return done.output


def _excerpt(output: str) -> str:
    """The end of the output, where errors say what they are."""
    return output if len(output) <= EXCERPT else "[…]\n" + output[-EXCERPT:]
