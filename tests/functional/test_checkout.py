"""A checkout with users' projects in it: none of its checks, packages and commits takes notice of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from mlagent_tui import paths, workspace
from mlagent_tui.errors import ProjectError
from mlagent_tui.files import Folder

ROOT = Path(__file__).resolve().parents[2]
UGLY = "import os,sys\nx = eval( 'undefined' )\nraise RuntimeError('this file was run')\n"
PLACES = ("design-a-small-cnn-1", "projects/a-network-1", "src", "testing", "build2/deep/er")

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def do(*command: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=os.environ | more, capture_output=True, text=True, timeout=120, check=False
    )


def own_files() -> list[Path]:
    """All files of this checkout but those that it ignores, and its large model."""
    tops = [*paths.CHECKOUT, "pyproject.toml", ".gitignore", "README.md", "CHANGELOG.md", "LICENSE"]
    found = [ROOT / top for top in tops if top not in (".git", ".venv")]
    files = [path for top in found for path in ([top] if top.is_file() else top.rglob("*"))]
    return [p for p in files if p.is_file() and "__pycache__" not in p.parts and p.suffix != ".gguf"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy under git, with a project in every one of `PLACES`, each with files that no check would pass."""
    top = tmp_path_factory.mktemp("checkout")
    for path in own_files():
        target = top / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (top / "models" / "minnow.gguf").write_bytes(b"stands for the model")
    identity = ("-c", "user.name=A", "-c", "user.email=a@b")
    for arguments in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "x")):
        done = do("git", *arguments, cwd=top)
        assert done.returncode == 0, done.stderr
    for place in PLACES:
        workspace.prepare(top / place)
        project = Folder(top / place)
        for name in (paths.CURRENT_MODEL, "conftest.py", "test_x.py", "tests/test_y.py", "mlagent_tui/z.py"):
            project.write(name, UGLY)
    return top


def test_git_does_not_see_them_and_still_sees_every_file_of_its_own(checkout: Path) -> None:
    assert do("git", "status", "--porcelain", cwd=checkout).stdout == ""
    tracked = set(do("git", "ls-files", cwd=checkout).stdout.splitlines())
    assert {path.relative_to(ROOT).as_posix() for path in own_files()} <= tracked


def test_the_stages_of_scripts_test_do_not_see_them(checkout: Path) -> None:
    python = [sys.executable, "-m"]
    listed = do(*python, "ruff", "check", "--show-files", cwd=checkout).stdout
    assert f"{checkout}/mlagent_tui/paths.py" in listed
    tops = {Path(line).relative_to(checkout).parts[0] for line in listed.splitlines()}
    assert tops == {"mlagent_tui", "pyproject.toml", "scripts", "tests"}
    for arguments in (["check"], ["format", "--check"]):
        done = do(*python, "ruff", *arguments, cwd=checkout)
        assert done.returncode == 0, done.stdout
    collecting = [*python, "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    slow = [checkout / "tests/functional", *(p for p in (checkout / "tests/unit").iterdir() if p.is_dir())]
    collecting += [f"--ignore={folder}" for folder in slow]  # importing all of them takes ten seconds
    done = do(*collecting, cwd=checkout, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    assert done.returncode == 0, done.stdout
    assert "tests/unit/test_files.py" in done.stdout
    assert not any(name in done.stdout for name in ("test_x.py", "test_y.py"))


def test_scripts_test_names_what_it_types_and_lints_by_its_settings() -> None:
    lines = (ROOT / "scripts" / "test").read_text(encoding="utf-8").splitlines()
    stages = [line.split('" ', 1)[1] for line in lines if line.startswith('stage "')]
    assert stages == [
        "ruff check",
        "ruff format --check",
        "mypy --strict mlagent_tui scripts/*.py",
        "lint-imports --no-logo",
        'python -m pytest "$@"',
    ]


def test_packages_do_not_hold_them(checkout: Path, tmp_path: Path) -> None:
    done = do(
        sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--target", "sdist",
        "--directory", str(tmp_path), cwd=checkout,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        inside = {name.split("/")[1] for name in archive.getnames()}
    assert inside <= {*paths.CHECKOUT, "pyproject.toml", ".gitignore", "README.md", "CHANGELOG.md", "LICENSE",
                      "PKG-INFO"}  # fmt: skip
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        assert {name.split("/")[0].partition("-")[0] for name in wheel.namelist()} == {"mlagent_tui"}


@pytest.mark.parametrize("place", ["tests/p", "mlagent_tui/p", "scripts/minnow/p", "models/p", ".venv/p"])
def test_a_project_is_not_made_among_the_checkouts_own_files(place: str) -> None:
    with pytest.raises(ProjectError, match="mlagent's own source code"):
        workspace.check(ROOT / place)


def test_scripts_run_puts_projects_into_one_ignored_folder(tmp_path: Path) -> None:
    """The script itself, with set-up and command replaced: where it is started decides."""
    top = tmp_path / "checkout"
    (top / "scripts").mkdir(parents=True)
    (top / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/run", top / "scripts/run")
    (top / "scripts/bootstrap.sh").write_text("")
    command = top / ".venv/bin/mlagent"
    command.write_text('#!/bin/sh\necho "$MLAGENT_PROJECTS"\n')
    command.chmod(0o755)
    elsewhere = tmp_path / "checkout-2"
    elsewhere.mkdir()
    said = {
        where: do(str(top / "scripts/run"), "a goal", cwd=where).stdout.strip()
        for where in (top, top / "scripts", elsewhere)
    }
    assert said == {top: f"{top}/projects", top / "scripts": f"{top}/projects", elsewhere: ""}
    assert do(str(top / "scripts/run"), cwd=top, MLAGENT_PROJECTS="/data").stdout.strip() == "/data"


def test_the_folder_for_new_projects_is_used_and_said_as_it_is_seen_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert workspace.default_folder("a goal") == Path("a-goal-1")
    monkeypatch.setenv("MLAGENT_PROJECTS", str(tmp_path / "projects"))
    assert workspace.default_folder("a goal") == Path("projects/a-goal-1")
    monkeypatch.setenv("MLAGENT_PROJECTS", "/elsewhere")
    assert workspace.default_folder("a goal") == Path("/elsewhere/a-goal-1")
