"""Calling tools by name: exact signatures, arguments checked, calls told."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest
from pydantic import TypeAdapter

from mlagent_tui import schemas, tools
from mlagent_tui.errors import ToolError
from mlagent_tui.events import Event, ToolCalled, ToolFinished
from mlagent_tui.schemas import ModelConfig, ToolCall
from mlagent_tui.tools import ToolContext, arguments_of, call, validate_call

SIGNATURES = {
    "read_file": "(file_path: str) -> str",
    "write_file": "(file_path: str, content: str) -> None",
    "bash_run": "(command: str) -> str",
    "python_run": "(script_path: str, *args: str) -> str",
    "list_directory": "(path: str = '.', recursive: bool = False) -> list[str]",
    "create_pytorch_project_scaffold": "(project_name: str, base_dir: str = '.') -> None",
    "pytorch_model_assembler": "(model_config: dict[str, Any], output_script_path: str) -> None",
    "pytorch_model_summary": (
        "(model_script_path: str, model_class_name: str, input_size: tuple[int, ...]) -> dict[str, Any]"
    ),
    "pytorch_quick_evaluator": (
        "(model_script_path: str, model_class_name: str, eval_config: dict[str, Any]) -> dict[str, Any]"
    ),
}
CONFIG = ModelConfig.model_validate(
    {
        "input_shape": (1, 8, 8),
        "num_classes": 10,
        "layers": [{"type": "flatten"}, {"type": "linear", "out_features": 10}],
    }
)
PLANNED: list[dict[str, Any]] = [
    {"tool": "read_file", "arguments": {"file_path": "a"}},
    {"tool": "write_file", "arguments": {"file_path": "a.yaml", "content": "$model_config"}},
    {"tool": "bash_run", "arguments": {"command": "ls"}},
    {"tool": "python_run", "arguments": {"script_path": "a.py", "args": ["x", "y"]}},
    {"tool": "list_directory", "arguments": {}},
    {
        "tool": "pytorch_model_assembler",
        "arguments": {"model_config": "$model_config", "output_script_path": "src/models/current_model.py"},
    },
    {
        "tool": "pytorch_model_summary",
        "arguments": {"model_script_path": "a.py", "model_class_name": "Net", "input_size": [1, 1, 8, 8]},
    },
    {
        "tool": "pytorch_quick_evaluator",
        "arguments": {
            "model_script_path": "a.py",
            "model_class_name": "Net",
            "eval_config": {"dataset": "digits"},
        },
    },
]


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signature_is_the_one_of_the_specification(name: str) -> None:
    assert str(inspect.signature(getattr(tools, name), eval_str=False)).replace("'", "") == (
        SIGNATURES[name].replace("'", "")
    )


def test_there_are_nine_tools_and_all_can_be_called_by_name() -> None:
    assert set(tools.TOOLS) == set(SIGNATURES)


def test_every_call_that_a_plan_may_hold_fits_its_tool() -> None:
    planned = [TypeAdapter(ToolCall).validate_python(fields) for fields in PLANNED]
    assert {p.tool for p in planned} == set(SIGNATURES) - {"create_pytorch_project_scaffold"}
    for one in planned:
        validate_call(one)
        names = set(arguments_of(one, CONFIG))
        assert names == set(inspect.signature(tools.TOOLS[one.tool]).parameters)


def test_the_reference_to_the_configuration_becomes_the_configuration() -> None:
    write, assemble = (TypeAdapter(ToolCall).validate_python(PLANNED[i]) for i in (1, 5))
    assert ModelConfig.from_yaml(arguments_of(write, CONFIG)["content"]) == CONFIG
    assert ModelConfig.model_validate(arguments_of(assemble, CONFIG)["model_config"]) == CONFIG
    literal = schemas.WriteFileCall.model_validate(
        {"tool": "write_file", "arguments": {"file_path": "a", "content": "plain"}}
    )
    assert arguments_of(literal, CONFIG)["content"] == "plain"


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("rm_rf", {}, "there is no tool 'rm_rf'"),
        ("read_file", {}, "missing a required argument: 'file_path'"),
        ("read_file", {"file_path": "a", "mode": "r"}, "has no argument 'mode'"),
        ("read_file", {"file_path": 3}, "file_path: expected a path, got 3"),
        ("python_run", {"script_path": "a.py", "args": "abc"}, "args"),
        ("python_run", {"args": ["x"]}, "script_path"),
        (
            "pytorch_model_summary",
            {"model_script_path": "a", "model_class_name": "N", "input_size": "x"},
            "input_size",
        ),
    ],
)
def test_wrong_arguments_are_refused_with_the_signature(
    context: ToolContext, told: list[Event], name: str, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(ToolError) as caught:
        call(name, arguments)
    assert words in caught.value.what
    assert name in caught.value.remedy or "The tools are" in caught.value.remedy
    assert told == []


def test_a_call_and_its_end_are_told(context: ToolContext, told: list[Event]) -> None:
    call("write_file", {"file_path": "a.txt", "content": "text"})
    assert call("read_file", {"file_path": "a.txt"}) == "text"
    with pytest.raises(ToolError):
        call("read_file", {"file_path": "../a.txt"})
    kinds = [(e.tool, getattr(e, "ok", None)) for e in told if isinstance(e, ToolCalled | ToolFinished)]
    assert kinds == [
        ("write_file", None), ("write_file", True), ("read_file", None), ("read_file", True),
        ("read_file", None), ("read_file", False),
    ]  # fmt: skip
    last = told[-1]
    assert isinstance(last, ToolFinished) and "outside" in last.result


def test_python_run_gets_its_arguments_one_by_one(context: ToolContext) -> None:
    (context.root / "a.py").write_text("import sys; print(sys.argv[1:])")
    assert call("python_run", {"script_path": "a.py", "args": ["x", "y z"]}) == "['x', 'y z']\n"


def test_importing_the_tools_loads_neither_torch_nor_llama_cpp() -> None:
    code = (
        "import sys, mlagent_tui.tools, mlagent_tui.experiments;"
        "print({'torch', 'llama_cpp', 'matplotlib', 'textual', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
