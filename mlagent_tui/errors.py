"""Errors meant for people: each says what happened, and what to do about it."""

from __future__ import annotations


class MlagentError(Exception):
    """Base of every error a user may see.

    `title` names the problem in a few words, `what` says what happened and where, `remedy` what to do.
    """

    title = "Error"

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.title}: {self.what}" + (f"\n  {self.remedy}" if self.remedy else "")


class UsageError(MlagentError):
    """The command or its arguments are wrong (exit status 2)."""

    title = "Usage"


class GoalError(UsageError):
    """The goal cannot be worked on as stated."""

    title = "Goal"


class PromptError(UsageError):
    """A prompt of the user's that cannot be used; `what` names its file."""

    title = "Prompts"


class ConfigError(MlagentError):
    """A model_config that cannot be built; `what` names the layer."""

    title = "Model configuration"


class CodeError(MlagentError):
    """Generated code that fails a check; `what` names the first difference."""

    title = "Generated code"


class ModelError(MlagentError):
    """A language model that cannot be loaded, crashed, or gave no usable answer."""

    title = "Language model"


class DataError(MlagentError):
    """A data set that is missing or damaged."""

    title = "Data set"


class DataMissing(DataError):
    """A data set of which there are no files, or not all."""


class ProjectError(MlagentError):
    """A project folder that cannot be read, written or locked."""

    title = "Project"


class ToolError(MlagentError):
    """A tool call that was refused or failed."""

    title = "Tool"


class SandboxError(MlagentError):
    """The confinement asked for is not available."""

    title = "Sandbox"


class TrialError(MlagentError):
    """A trial worker that crashed, hung, or ran out of its limits."""

    title = "Trial"


class OutOfMemory(TrialError):
    """A network that needs more memory than trials may use; never a fault of the code's wording."""


class TookTooLong(TrialError):
    """A trial worker that did not answer within its time."""


class MachineError(MlagentError):
    """A fault of the machine: no disk space, no memory, no process. It is never the result of a network."""

    title = "Machine"


class WorkerLost(MachineError):
    """A trial worker that did not start, or was killed from outside; the same request may be made again."""


class Interrupted(MlagentError):
    """The user asked to stop (exit status 130)."""

    title = "Interrupted"
