"""The wheel that `pip install .` makes: it holds all the package needs, and works without a checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_carries_the_bundled_model_and_every_data_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        model = archive.read("mlagent_tui/models/minnow.gguf")
    assert model == (ROOT / "models" / "minnow.gguf").read_bytes()
    files = {
        path
        for path in (ROOT / "mlagent_tui").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {path.relative_to(ROOT).as_posix() for path in files} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top.partition("-")[0] for top in tops} == {"mlagent_tui"}


def test_an_installed_wheel_finds_its_model_and_starts_without_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = f"""
import sys
sys.path.insert(0, {str(site)!r})
import mlagent_tui
from mlagent_tui import paths
from mlagent_tui.cli import main
assert mlagent_tui.__file__.startswith({str(site)!r})
print(paths.bundled_model())
sys.argv = ["mlagent", "--help"]
sys.exit(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(site / "mlagent_tui" / "models" / "minnow.gguf")
    assert "run" in done.stdout
