"""The nine tools, for plain scripts and for the agent, and the context they work in."""

from mlagent_tui.tools.assembler import check_code, parse_config, pytorch_model_assembler
from mlagent_tui.tools.context import ToolContext, use_context
from mlagent_tui.tools.dispatch import TOOLS, arguments_of, call, validate_call
from mlagent_tui.tools.evaluator import pytorch_quick_evaluator
from mlagent_tui.tools.files import list_directory, read_file, write_file
from mlagent_tui.tools.scaffold import create_pytorch_project_scaffold
from mlagent_tui.tools.shell import bash_run, python_run
from mlagent_tui.tools.summary import pytorch_model_summary

__all__ = [
    "TOOLS", "ToolContext", "arguments_of", "bash_run", "call", "check_code",
    "create_pytorch_project_scaffold", "list_directory", "parse_config", "python_run",
    "pytorch_model_assembler", "pytorch_model_summary", "pytorch_quick_evaluator", "read_file",
    "use_context", "validate_call", "write_file",
]  # fmt: skip
