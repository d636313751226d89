"""Which level is used, and the reason that is given where one does not work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlagent_tui.errors import SandboxError
from mlagent_tui.sandbox import LEVELS, failure, levels, resolve_level, why_not, works

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="levels of Linux")


@pytest.fixture(autouse=True)
def tried_anew() -> Iterator[None]:
    failure.cache_clear()
    yield
    failure.cache_clear()


@pytest.fixture
def broken_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return program


@pytest.mark.usefixtures("broken_bubblewrap")
def test_what_bubblewrap_says_is_the_reason_and_installing_it_is_not_the_remedy() -> None:
    failed = failure("bubblewrap")
    assert failed is not None and "No permissions to create a new namespace" in failed.what
    assert "user namespaces" in failed.remedy and "Install" not in failed.remedy
    with pytest.raises(SandboxError, match="No permissions") as caught:
        resolve_level("bubblewrap")
    assert "user namespaces" in caught.value.remedy


@pytest.mark.usefixtures("broken_bubblewrap")
def test_where_none_works_the_reason_of_each_is_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "landlock_version", lambda: 0)
    assert resolve_level("auto") == "none"
    assert "bubblewrap: " in why_not() and "landlock: " in why_not()
    with pytest.raises(SandboxError, match=r"No permissions.*landlock") as caught:
        resolve_level("required")
    assert "user namespaces" in caught.value.remedy


def test_a_missing_bubblewrap_is_to_be_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    failed = failure("bubblewrap")
    assert failed is not None and "not installed" in failed.what and "Install bubblewrap" in failed.remedy


def test_a_folder_of_python_that_cannot_be_read_is_named(
    broken_bubblewrap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = Path(sys.base_prefix)
    monkeypatch.setattr(levels.os, "access", lambda place, mode: Path(place) != closed)  # root may read all
    failed = failure("bubblewrap")
    assert failed is not None and str(closed) in failed.what and "Allow reading" in failed.remedy


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_can_be_chosen(level: levels.Level) -> None:
    if not works(level):
        pytest.skip(f"{level} does not work on this machine")
    assert resolve_level(level) == level


def test_a_level_of_another_system_is_refused() -> None:
    with pytest.raises(SandboxError, match="seatbelt"):
        resolve_level("seatbelt")
