"""Whether a data set is there: one answer for all who ask, and one sentence for each thing that is wrong."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlagent_tui import doctor
from mlagent_tui.cli import main
from mlagent_tui.errors import DataError, DataMissing
from mlagent_tui.settings import Settings
from mlagent_tui.training import data_card
from mlagent_tui.training.catalog import locate
from tests.data_files import write_cifar, write_idx, write_mnist

IMAGES = "train-images-idx3-ubyte"
LABELS = "t10k-labels-idx1-ubyte"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with MNIST in it."""
    write_mnist(tmp_path / "data" / "MNIST" / "raw")
    return tmp_path / "data"


# --- links ------------------------------------------------------------------------------------------------


def _the_folder(data: Path) -> None:
    """`data` itself is a link."""
    data.rename(data.parent / "real")
    data.symlink_to("real")


def _absolute(data: Path) -> None:
    (data / "MNIST").rename(data.parent / "elsewhere")
    (data / "MNIST").symlink_to(data.parent / "elsewhere")


def _a_chain(data: Path) -> None:
    """Over two links, the second relative and in a folder that is a link."""
    (data.parent / "deep").mkdir()
    (data / "MNIST").rename(data.parent / "deep" / "files")
    (data.parent / "deep" / "alias").symlink_to("files")
    (data.parent / "short").symlink_to("deep")
    (data / "MNIST").symlink_to("../short/alias")


def _single_files(data: Path) -> None:
    (data.parent / "store").mkdir()
    for file in list((data / "MNIST" / "raw").iterdir()):
        file.rename(data.parent / "store" / f"{file.name}.v1")
        file.symlink_to(f"../../../store/{file.name}.v1")


LINKS: list[Callable[[Path], None]] = [_the_folder, _absolute, _a_chain, _single_files]


@pytest.mark.parametrize("make", LINKS)
def test_links_are_followed_to_the_files_themselves(data: Path, make: Callable[[Path], None]) -> None:
    make(data)
    found = locate("mnist", data)
    assert [file.is_symlink() or file.resolve() != file for file in found] == [False] * 4
    assert data_card("mnist", None, data).test_size == 10_000


# --- what is wrong ------------------------------------------------------------------------------------------


def _replace(data: Path, name: str, content: bytes) -> None:
    (data / "MNIST" / "raw" / name).write_bytes(content)


def _cut(data: Path, name: str, size: int) -> None:
    os.truncate(data / "MNIST" / "raw" / name, size)


def _link(data: Path, target: str, part: str = "MNIST") -> None:
    place = data / part
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    place.symlink_to(target)


def _pack(data: Path, size: int | None = None) -> None:
    """The test labels compressed, and of that the first bytes only."""
    path = data / "MNIST" / "raw" / LABELS
    path.with_name(f"{LABELS}.gz").write_bytes(gzip.compress(path.read_bytes())[:size])
    path.unlink()


def _fifo(data: Path) -> None:
    path = data / "MNIST" / "raw" / IMAGES
    path.unlink()
    os.mkfifo(path)


def _folder(data: Path) -> None:
    path = data / "MNIST" / "raw" / IMAGES
    path.unlink()
    path.mkdir()


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link to itself": (lambda data: _link(data, "MNIST"), "data/MNIST is a link that leads back to itself"),
    "two links in a circle": (
        lambda data: (_link(data, "other"), (data / "other").symlink_to("MNIST")),
        "data/MNIST is a link that leads back to itself",
    ),
    "a link to nothing": (
        lambda data: _link(data, "/no/such/place"),
        "data/MNIST is a link to /no/such/place, which does not exist",
    ),
    "a file that is a link to nothing": (
        lambda data: _link(data, "gone", f"MNIST/raw/{IMAGES}"),
        f"raw/{IMAGES} is a link to gone, which does not exist",
    ),
    "a pipe": (_fifo, f"{IMAGES} is not a plain file"),
    "a folder": (_folder, f"{IMAGES} is a folder"),
    "an empty file": (lambda data: _cut(data, IMAGES, 0), "not an IDX file of bytes: it begins with nothing"),
    "another format": (
        lambda data: _replace(data, IMAGES, b"<html>" * 9),
        "is not an IDX file of bytes: it begins with 3c 68 74 6d",
    ),
    "labels for images": (
        lambda data: write_idx(data / "MNIST" / "raw" / IMAGES, (60_000,)),
        "holds numbers in 1 dimensions, expected 3",
    ),
    "too few images": (
        lambda data: write_idx(data / "MNIST" / "raw" / IMAGES, (59_999, 28, 28)),
        "holds 59,999x28x28 numbers, expected 60,000x28x28",
    ),
    "half a file": (
        lambda data: _cut(data, IMAGES, 20_000_000),
        "is cut short: it holds 20,000,000 of 47,040,016 bytes",
    ),
    "a byte too many": (lambda data: _cut(data, LABELS, 10_009), "is longer than the 10,008 bytes"),
    "half a compressed file": (lambda data: _pack(data, 40), f"{LABELS}.gz is cut short: it cannot be"),
    "the first bytes of a compressed file": (lambda data: _pack(data, 12), f"{LABELS}.gz is cut short"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_file_that_is_there_and_cannot_be_used_is_named_with_what_is_wrong(data: Path, name: str) -> None:
    damage, said = FAULTS[name]
    damage(data)
    with pytest.raises(DataError) as caught:
        locate("mnist", data)
    assert not isinstance(caught.value, DataMissing)
    assert caught.value.what.startswith("mnist: ") and said in caught.value.what
    assert caught.value.remedy


def test_a_compressed_file_is_taken_in_pieces_as_well(data: Path) -> None:
    path = data / "MNIST" / "raw" / LABELS
    content = path.read_bytes()
    path.unlink()
    path.with_name(f"{LABELS}.gz").write_bytes(gzip.compress(content[:5000]) + gzip.compress(content[5000:]))
    assert len(locate("mnist", data)) == 4


def test_a_good_file_elsewhere_stands_in_for_a_damaged_one(data: Path) -> None:
    _cut(data, LABELS, 10)
    write_mnist(data / "spare")
    for file in (data / "spare").iterdir():
        file.rename(data / "MNIST" / file.name)
    assert {file.parent for file in locate("mnist", data)} == {data / "MNIST"}


CIFAR_FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (lambda data: os.truncate(data / "cifar-10-batches-py/data_batch_4", 30_000_000),
            "data_batch_4 is cut short: it has 30,000,000 bytes, and its images alone take 30,720,000"),
    "without its end": (lambda data: os.truncate(data / "cifar-10-batches-py/test_batch", 30_720_000),
                        "test_batch is damaged or cut short"),
    "far too long": (lambda data: os.truncate(data / "cifar-10-batches-py/test_batch", 1 << 40),
                     "test_batch is not a CIFAR batch: it has 1,099,511,627,776 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", CIFAR_FAULTS)
def test_a_batch_that_is_not_whole_is_named(tmp_path: Path, name: str) -> None:
    write_cifar(tmp_path / "cifar-10-batches-py")
    assert len(locate("cifar10", tmp_path)) == 6
    damage, said = CIFAR_FAULTS[name]
    damage(tmp_path)
    with pytest.raises(DataError) as caught:
        locate("cifar10", tmp_path)
    assert said in caught.value.what


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is cut short: it holds 0 bytes"),
        (b"\x1f\x8bjunk", "is cut short"),
        (b"PK" * 50, "is cut short: it holds 100 bytes"),
        (gzip.compress(bytes(1000)), "it holds 1,000 bytes, and its images alone take 184,320,000"),
        (gzip.compress(bytes(9000))[:-9], "is cut short: it cannot be unpacked to its end"),
        (gzip.compress(bytes(9000))[:-8] + bytes(8), "is damaged: CRC check failed"),
    ],
    ids=["empty", "junk", "another format", "too small", "cut", "overwritten"],
)  # fmt: skip
def test_an_archive_that_is_not_whole_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(content)
    with pytest.raises(DataError) as caught:
        locate("cifar10", tmp_path)
    assert "cifar-10-python.tar.gz" in caught.value.what and said in caught.value.what


# --- what may not be read -------------------------------------------------------------------------------


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder that every user may enter; within the test this process has no rights but those of nobody."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user and back")
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        write_mnist(Path(name) / "MNIST" / "raw")
        yield Path(name)
        os.seteuid(0)


CLOSED = {
    "a file": (f"MNIST/raw/{IMAGES}", f"MNIST/raw/{IMAGES} cannot be read: permission denied", "chmod a+r "),
    "a folder": ("MNIST/raw", "MNIST/raw cannot be read: permission denied", "chmod a+rx "),
    "the data folder": ("", "cannot be read: permission denied", "chmod a+rx "),
}


@pytest.mark.parametrize("name", CLOSED)
def test_what_may_not_be_read_is_said_to_be_unreadable_and_not_missing(nobody: Path, name: str) -> None:
    place, said, remedy = CLOSED[name]
    os.chmod(nobody / place, 0o600)
    os.seteuid(65_534)
    with pytest.raises(DataError) as caught:
        locate("mnist", nobody)
    os.seteuid(0)
    assert not isinstance(caught.value, DataMissing)
    assert said in caught.value.what and "missing" not in caught.value.what
    assert remedy + str(nobody / place) in caught.value.remedy


def test_what_only_roots_powers_can_read_cannot_be_read_by_a_worker(data: Path) -> None:
    path = data / "MNIST" / "raw" / IMAGES
    path.chmod(0)
    with pytest.raises(DataError, match=f"{IMAGES} cannot be read: permission denied"):
        locate("mnist", data)


# --- everybody says the same ----------------------------------------------------------------------------


def test_doctor_and_check_say_of_a_damaged_set_what_a_run_says(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut(data, IMAGES, 100)
    monkeypatch.setenv("MLAGENT_DATA", str(data))
    with pytest.raises(DataError) as caught:
        data_card("mnist")
    found = doctor._data_sets(Settings(data_dir=data))
    assert [finding.state for finding in found] == ["ok", "fault", "advice"]
    assert (found[1].found, found[1].remedy) == (caught.value.what, caught.value.remedy)
    assert "mnist" not in found[0].found.split(", ") and "fashion_mnist" in found[2].found
    assert main(["run", "--check", "mnist, 90% accuracy"]) == 2
    told = json.loads(capsys.readouterr().out)
    (problem,) = [problem for problem in told["problems"] if problem["field"] == "dataset"]
    assert (problem["message"], problem["remedy"]) == (caught.value.what, caught.value.remedy)
    assert told["datasets"]["mnist"] == f"{caught.value.what}. {caught.value.remedy}"
