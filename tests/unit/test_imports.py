"""Which module may import which: what a process has loaded, and what each folder exports.

The contracts in pyproject.toml read imports; these tests also start a fresh interpreter and look.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlagent_tui

PACKAGE = Path(mlagent_tui.__file__).parent
HEAVY = ("llama_cpp", "matplotlib", "textual", "torch", "torchvision", "transformers")

MODEL_SERVER = {"mlagent_tui.llm.llama_cpp", "mlagent_tui.llm.server", "mlagent_tui.llm.transformers"}
RUNS_GENERATED_CODE = "mlagent_tui.training.loading"


def modules_of(path: Path = PACKAGE) -> dict[str, Path]:
    """Every module of the package, by its dotted name."""
    names = {}
    for file in sorted(path.rglob("*.py")):
        parts = ("mlagent_tui", *file.relative_to(PACKAGE).with_suffix("").parts)
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


def loaded_after(code: str) -> set[str]:
    """The names in `sys.modules` of a fresh interpreter that has run `code`."""
    report = "import json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    names: list[str] = json.loads(done.stdout.splitlines()[-1])
    return set(names)


def engine_modules() -> list[str]:
    """All that the engine process may import: all but the interface and the insides of its two children."""
    public = {"mlagent_tui.training", "mlagent_tui.training.client"}
    children = (*MODEL_SERVER, "mlagent_tui.llm.build", "mlagent_tui.training")
    children += ("mlagent_tui.tui", "mlagent_tui.__main__")
    return [name for name in modules_of() if name in public or not name.startswith(children)]


def test_importing_the_whole_engine_loads_none_of_the_heavy_libraries() -> None:
    loaded = loaded_after("\n".join(f"import {name}" for name in engine_modules()))
    assert "pydantic" in loaded
    assert loaded.isdisjoint({*HEAVY, "mlagent_tui.llm.llama_cpp", RUNS_GENERATED_CODE})


@pytest.mark.parametrize("package", ["mlagent_tui.tools", "mlagent_tui.training", "mlagent_tui.llm"])
def test_a_package_that_starts_heavy_processes_is_itself_light(package: str) -> None:
    assert loaded_after(f"import {package}").isdisjoint(HEAVY)


def test_the_help_text_needs_none_of_the_heavy_libraries() -> None:
    code = """
import contextlib, io, sys
from mlagent_tui.cli import main
sys.argv = ["mlagent", "--help"]
with contextlib.redirect_stdout(io.StringIO()) as out:
    try:
        status = main()
    except SystemExit as stop:
        status = stop.code
assert not status, status
assert "run" in out.getvalue()
"""
    assert loaded_after(code).isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("name", "more"), [("events", ()), ("schemas", ("mlagent_tui.field_errors", "mlagent_tui.yaml_text"))]
)
def test_events_and_schemas_import_next_to_nothing_of_ours(name: str, more: tuple[str, ...]) -> None:
    code = f"import sys, mlagent_tui.{name}"
    code += "; ours = sorted(n for n in sys.modules if n.startswith('mlagent_tui.'))"
    code += f"; assert ours and all(n.startswith(('mlagent_tui.{name}', *{more})) for n in ours), ours"
    loaded_after(code)


def screen_modules() -> list[str]:
    """The interface, every module of it."""
    return [name for name in modules_of() if name.startswith("mlagent_tui.tui")]


def test_the_whole_interface_loads_no_engine_and_none_of_the_heavy_libraries_but_textual() -> None:
    loaded = loaded_after("\n".join(f"import {name}" for name in screen_modules()))
    assert "textual" in loaded
    assert loaded.isdisjoint(set(HEAVY) - {"textual"})
    ours = {name.split(".")[1] for name in loaded if name.startswith("mlagent_tui.")}
    engine = {"agent", "arguments", "cli", "console", "headless", "llm", "preflight", "sandbox", "tools"}
    assert ours.isdisjoint(engine | {"training", "workspace"})


def test_the_interface_reads_projects_and_never_locks_one() -> None:
    for name in screen_modules():
        for node in ast.walk(ast.parse(modules_of()[name].read_text(encoding="utf-8"))):
            used = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            used += [node.attr] if isinstance(node, ast.Attribute) else []
            assert not {"Project", "Journal"} & set(used), f"{name}, line {getattr(node, 'lineno', 0)}"


RUNS_CODE = {"__import__", "eval", "exec"}
IMPORTS_BY_NAME = {"import_module", "module_from_spec", "run_module", "run_path", "spec_from_file_location"}


@pytest.mark.parametrize("name", sorted(modules_of().keys() - {RUNS_GENERATED_CODE}))
def test_only_a_trial_worker_can_import_or_execute_generated_code(name: str) -> None:
    tree = ast.parse(modules_of()[name].read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            bare = called.id if isinstance(called, ast.Name) else ""
            dotted = called.attr if isinstance(called, ast.Attribute) else ""
            assert bare not in RUNS_CODE, f"line {node.lineno}"
            assert not {bare, dotted} & IMPORTS_BY_NAME, f"line {node.lineno}"


FOLDERS = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}


def imports_of(source: str, module: str, *, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """What `source`, the text of `module`, imports: line and dotted name, at any depth and in any form.

    `from a.b import c` gives `a.b.c`; a relative import is made absolute. After `import a.b` or
    `from a import b`, what is read from it (`b.c.d`) counts too.
    """
    bound: dict[str, str] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
                top = alias.name.partition(".")[0]
                bound[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            up = module.split(".")[: module.count(".") + 1 + is_package - node.level] if node.level else []
            package = ".".join([*up, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{package}.{alias.name}"
                bound[alias.asname or alias.name] = f"{package}.{alias.name}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            first, *rest = ast.unparse(node).split(".")
            if first in bound and all(part.isidentifier() for part in rest):
                yield node.lineno, ".".join([bound[first], *rest])


def exported(folder: str) -> set[str]:
    """The names in `__all__` of a folder; without one, the public functions and classes defined there."""
    tree = ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def reaches_past(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """The imports of `source` that take from another folder what it does not export."""
    own = module.split(".")[1] if module.count(".") else ""
    found = []
    for line, target in imports_of(source, module, is_package=is_package):
        package, folder, name, *_ = [*target.split("."), "", ""]
        if package != "mlagent_tui" or folder not in FOLDERS - {own} or not name:
            continue
        if name not in exported(folder) and not name.startswith("__"):
            found.append(f"line {line}: {target}")
    return found


@pytest.mark.parametrize("name", sorted(modules_of()))
def test_nothing_reaches_past_what_a_folder_exports(name: str) -> None:
    file = modules_of()[name]
    past = reaches_past(file.read_text(encoding="utf-8"), name, is_package=file.name == "__init__.py")
    assert past == [], "the folder's __init__ should export what others need"


@pytest.mark.parametrize("source", [
    "from mlagent_tui.agent import context",
    "from mlagent_tui.agent import RunOptions, context as c",
    "from mlagent_tui.agent.context import Brief",
    "import mlagent_tui.agent.context",
    "import mlagent_tui.agent.context as c",
    "import mlagent_tui\nmlagent_tui.agent.context.Brief",
    "from mlagent_tui import agent\nagent.context.Brief",
    "from mlagent_tui import agent as a\ndef f():\n    return a.planner.Planner",
    "from .agent import context",
    "from .agent.context import Brief",
    "from . import agent\nagent.context",
    "from mlagent_tui.agent import *",
    "def f():\n    from mlagent_tui.agent import context",
    "if TYPE_CHECKING:\n    from mlagent_tui.agent import context",
    "try:\n    import json\nexcept ImportError:\n    from mlagent_tui.agent import context",
])  # fmt: skip
def test_every_form_of_import_is_seen(source: str) -> None:
    assert reaches_past(source, "mlagent_tui.somewhere")


@pytest.mark.parametrize("source", [
    "from mlagent_tui.agent import RunOptions",
    "from mlagent_tui import agent\nagent.RunOptions()",
    "from mlagent_tui.experiments import registry\nregistry.load",
    "import mlagent_tui.experiments\nmlagent_tui.experiments.registry.load",
    "from mlagent_tui.errors import MlagentError",
    "import json\njson.decoder.scanner",
])  # fmt: skip
def test_what_a_folder_exports_may_be_imported(source: str) -> None:
    assert reaches_past(source, "mlagent_tui.somewhere") == []
    assert reaches_past("from . import context; from .planner import x", "mlagent_tui.agent.loop") == []
