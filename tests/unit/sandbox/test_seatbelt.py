"""The text of the macOS profile; it cannot be run here."""

from __future__ import annotations

from pathlib import Path

from mlagent_tui.sandbox.seatbelt import profile


def test_everything_is_denied_that_is_not_named(tmp_path: Path) -> None:
    text = profile(writable=tmp_path, readable=[Path("/opt/python")], gpu=False, processes=False)
    lines = text.splitlines()
    assert lines[:2] == ["(version 1)", "(deny default)"]
    assert text.count("(") == text.count(")")
    assert "network" not in text and "process-fork" not in text and "iokit" not in text
    assert [line for line in lines if "file-write*" in line] == [
        f'(allow file-read* file-write* (subpath "{tmp_path.resolve()}"))'
    ]
    assert '(subpath "/opt/python")' in text


def test_the_gpu_and_processes_are_allowed_when_asked_for(tmp_path: Path) -> None:
    text = profile(writable=tmp_path, readable=[], gpu=True, processes=True)
    assert "AGXDeviceUserClient" in text and "MTLCompilerService" in text and "(allow process-fork)" in text


def test_a_quote_in_a_path_cannot_end_the_string() -> None:
    text = profile(writable=Path('/tmp/a") (allow network*'), readable=[], gpu=False, processes=False)
    assert '(subpath "/tmp/a\\") (allow network*")' in text.replace("/private", "")
