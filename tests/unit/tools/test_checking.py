"""The edge of the tools: what may be given, and one sentence for everything else, before anything is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlagent_tui import tools
from mlagent_tui.errors import ConfigError, MlagentError, ToolError
from mlagent_tui.tools import ToolContext
from mlagent_tui.tools.checking import by_name

Tool = Callable[..., Any]
CONFIG: dict[str, Any] = {
    "input_shape": [1, 8, 8],
    "num_classes": 10,
    "layers": [{"type": "flatten"}, {"type": "linear", "out_features": 10}],
}
SIZES = "input_size: expected whole numbers such as (1, 3, 32, 32), got "


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("read_file", (), "read_file: missing a required argument: 'file_path'"),
        ("read_file", ("a", "b"), "read_file: too many positional arguments"),
        ("read_file", (None,), "read_file: file_path: expected a path, got None"),
        ("read_file", (b"a",), "read_file: file_path: expected a path, got a value of type bytes"),
        ("read_file", ("a\0",), "file_path: expected a path, got a NUL character in it"),
        ("write_file", ("a", None), "write_file: content: expected text, got None"),
        ("write_file", ("a", b"x"), "content: expected text, got a value of type bytes"),
        ("write_file", ("a", "ab\ud800"), "expected text, got a lone surrogate (U+D800) at character 3"),
        ("write_file", ("\ud800", "x"), "expected a path, got a lone surrogate (U+D800) in it"),
        ("write_file", ("d/", "x"), "cannot write d/: it is a folder, not a file"),
        ("write_file", ("d/.", "x"), "cannot write d/.: it is a folder, not a file"),
        ("write_file", ("~/x", "x"), "is outside of"),
        ("write_file", ("~nobody/x", "x"), "is outside of"),
        ("list_directory", (".", 1), "list_directory: recursive: expected True or False, got 1"),
        ("list_directory", (5,), "list_directory: path: expected a path, got 5"),
        ("bash_run", (None,), "bash_run: command: expected text, got None"),
        ("bash_run", (["ls"],), "bash_run: command: expected text, got a value of type list"),
        ("bash_run", ("echo \ud800",), "expected text, got a lone surrogate (U+D800) at character 6"),
        ("python_run", ("s.py", 5), "python_run: args: expected text, got 5"),
        ("python_run", ("s.py", "x", None), "python_run: args: expected text, got None"),
        ("create_pytorch_project_scaffold", (Path("P"),), "project_name: expected text, got a value of"),
        ("pytorch_model_assembler", (None, "a.py"), "model_config: expected a dictionary, got None"),
        ("pytorch_model_assembler", ([], "a.py"), "expected a dictionary, got a value of type list"),
        ("pytorch_model_assembler", ({None: 1}, "a.py"), "with names as its keys, got the key None"),
        ("pytorch_model_assembler", (CONFIG, None), "output_script_path: expected a path, got None"),
        ("pytorch_model_assembler", (CONFIG | {"num_clases": 1}, "a.py"), "did you mean 'num_classes'?"),
        ("pytorch_model_assembler", (CONFIG | {"num_classes": True}, "a.py"), "to 65,536, got true"),
        ("pytorch_model_summary", ("a.py", int, (1,)), "model_class_name: expected text, got a value of"),
        ("pytorch_model_summary", ("a.py", "A", 4), SIZES + "4"),
        ("pytorch_model_summary", ("a.py", "A", None), SIZES + "None"),
        ("pytorch_model_summary", ("a.py", "A", "1,3"), SIZES + "'1,3'"),
        ("pytorch_model_summary", ("a.py", "A", (1, 3.0)), SIZES + "(1, 3.0)"),
        ("pytorch_model_summary", ("a.py", "A", [True, 3]), SIZES + "(True, 3)"),
        ("pytorch_model_summary", ("a.py", "A", {1, 3}), SIZES + "a value of type set"),
        ("pytorch_quick_evaluator", ("a.py", "A", None), "eval_config: expected a dictionary, got None"),
        ("pytorch_quick_evaluator", ("a.py", "A", {"dataset": "digits", "epochs": True}),
         "eval_config: epochs: expected a whole number from 1 to 1,000, got true"),
        ("pytorch_quick_evaluator", ("a.py", "A", {"dataset": "digits", "epoch": 1}),
         "eval_config: there is no field 'epoch'; did you mean 'epochs'?"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_in_one_sentence(
    context: ToolContext, name: str, arguments: tuple[Any, ...], said: str
) -> None:
    with pytest.raises((ToolError, ConfigError)) as caught:
        getattr(tools, name)(*arguments)
    assert said in caught.value.what
    assert caught.value.remedy
    assert os.listdir(context.root) == []


def test_paths_and_mappings_are_taken_as_they_come(context: ToolContext, home: Path) -> None:
    tools.write_file(Path("a/b.py"), "import sys; print(sys.argv[1:])")  # type: ignore[arg-type]
    assert tools.list_directory(Path("a")) == ["b.py"]  # type: ignore[arg-type]
    printed = tools.python_run(Path("a/b.py"), Path("x"), "y")  # type: ignore[arg-type]
    assert printed == "['x', 'y']\n"
    config: Mapping[str, Any] = MappingProxyType(CONFIG | {"num_classes": 9})
    with pytest.raises(ConfigError, match="9"):
        tools.pytorch_model_assembler(config, "a.py")  # type: ignore[arg-type]
    tools.create_pytorch_project_scaffold("P", "~")
    assert (home / "P" / "experiments").is_dir()


def test_a_file_whose_name_is_not_utf_8_can_be_read(context: ToolContext) -> None:
    (context.root / os.fsdecode(b"a\xff")).write_text("text")
    (name,) = os.listdir(context.root)
    assert tools.read_file(name) == "text"


class Whole:
    """A whole number of another library."""

    def __index__(self) -> int:
        return 32


def test_sizes_may_be_whole_numbers_of_any_kind() -> None:
    arguments = {"model_script_path": "a", "model_class_name": "A", "input_size": [1, Whole()]}
    assert by_name(tools.pytorch_model_summary, arguments).arguments["input_size"] == (1, 32)


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.binary(), st.lists(st.integers(), max_size=2),
    st.text(st.characters(), max_size=5), st.just(object()), st.just({}), st.just(()), st.just(Path("x")),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(name=st.sampled_from(sorted(set(tools.TOOLS) - {"bash_run"})), values=st.lists(ANYTHING, max_size=4))
def test_no_arguments_give_anything_but_an_error_for_people(
    context: ToolContext, name: str, values: list[Any]
) -> None:
    try:
        getattr(tools, name)(*values)
    except MlagentError as error:
        assert error.what
