"""How backends go back to the beginning of a prompt, stop in mid-evaluation, and check a device."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as c
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mlagent_tui import paths
from mlagent_tui.errors import ModelError
from mlagent_tui.llm import Options
from mlagent_tui.llm.folder import read_folder
from mlagent_tui.llm.generation import Stopped
from mlagent_tui.llm.llama_cpp import Llama
from mlagent_tui.llm.prefixes import CHUNK
from mlagent_tui.llm.transformers import Transformers, agree, pick_device
from tests.hugging_face import convert
from tests.tiny_gguf import make

Backend = Llama | Transformers


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    path = make(tmp_path_factory.mktemp("evaluation") / "tiny.gguf")
    model = Llama(path, context_limit=4096, threads=1, prefix_bytes=10**8)
    yield model
    model.close()


@pytest.fixture(scope="module")
def hugging_face(tmp_path_factory: pytest.TempPathFactory) -> Transformers:
    if not paths.bundled_model().is_file():
        pytest.skip("needs the bundled model")
    folder = convert(paths.bundled_model(), tmp_path_factory.mktemp("evaluation") / "minnow")
    return Transformers(read_folder(folder), Options(device="cpu"), threads=lambda size: 1, available=10**10)


@pytest.fixture(params=["llama.cpp", "transformers"])
def backend(request: pytest.FixtureRequest) -> Backend:
    name = "llama" if request.param == "llama.cpp" else "hugging_face"
    backend: Backend = request.getfixturevalue(name)
    return backend


def evaluate(backend: Backend, prompt: list[int], fixed: int = 0) -> tuple[int | None, NDArray[Any]]:
    kept = backend.begin(prompt, lambda: False, fixed)
    return kept, backend.logits().copy()


def told(first: int, length: int) -> list[int]:
    """A prompt of ordinary tokens."""
    return [270 + (first + 7 * i) % 60 for i in range(length)]


def cannot_be_cut_back(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with recurrent models; one that is small enough to test with cannot be had."""
    if isinstance(backend, Llama):
        cut = c.llama_memory_seq_rm
        monkeypatch.setattr(
            c, "llama_memory_seq_rm", lambda m, s, start, end: start == 0 and cut(m, s, start, end)
        )
    else:
        monkeypatch.setattr(type(backend._cache), "is_croppable", False)


@pytest.mark.parametrize("cut_back", [True, False])
def test_a_kept_beginning_gives_the_same_numbers_as_a_fresh_one(
    backend: Backend, cut_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not cut_back:
        cannot_be_cut_back(backend, monkeypatch)
    first = int(cut_back)
    instructions, other = told(first, 2 * CHUNK), told(first + 30, 2 * CHUNK)
    ask = [*instructions, *told(3, 50)]
    kept, fresh = evaluate(backend, ask, fixed=2 * CHUNK)
    assert kept == 0
    evaluate(backend, [*other, *told(4, 50)], fixed=2 * CHUNK)
    backend.append(told(5, 3))
    kept, again = evaluate(backend, ask, fixed=2 * CHUNK)
    assert kept == 2 * CHUNK
    assert np.array_equal(fresh, again)
    backend.append(told(6, 3))
    kept, again = evaluate(backend, ask, fixed=2 * CHUNK)
    assert kept == 2 * CHUNK
    assert np.array_equal(fresh, again)


def test_an_evaluation_is_stopped_before_it_ends_and_the_next_is_sound(backend: Backend) -> None:
    prompt = told(20, 300)
    _, expected = evaluate(backend, prompt)
    backend.halt(True)
    assert backend.begin(told(21, 300), lambda: False) is None
    with pytest.raises(Stopped):
        backend.append(told(1, 5))
    backend.halt(False)
    assert np.array_equal(evaluate(backend, prompt)[1], expected)


def test_progress_is_told_after_each_part_of_a_prompt(backend: Backend) -> None:
    parts: list[tuple[int, int]] = []
    backend.begin(told(40, 300), lambda: False, 0, lambda done, total: parts.append((done, total)))
    assert parts == [(CHUNK, 300), (300, 300)]


def test_a_long_prompt_is_cancelled_between_its_parts(backend: Backend) -> None:
    cancel = threading.Event()
    assert backend.begin(told(50, 2 * CHUNK), cancel.is_set, 0, lambda done, total: cancel.set()) is None


def test_a_device_that_computes_the_same_passes_and_one_that_does_not_is_refused(
    hugging_face: Transformers,
) -> None:
    hugging_face.move(lambda: None, "sound")
    layer = hugging_face._model.model.norm
    good = layer.weight.clone()

    def broken() -> None:
        layer.weight.copy_(-good)

    with pytest.raises(ModelError, match="gives different results") as caught:
        hugging_face.move(broken, "broken")
    assert "`cpu`" in caught.value.remedy
    with torch.no_grad():
        layer.weight.copy_(good)


def test_rounding_is_agreement_and_nonsense_is_not() -> None:
    logits = torch.randn(20, 50, generator=torch.Generator().manual_seed(0)) * 4
    assert agree(logits, logits.half())
    assert not agree(logits, logits.roll(1, -1))
    assert not agree(logits, logits * float("nan"))


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("auto") == "mps"
    assert pick_device("cpu") == "cpu"
    with pytest.raises(ModelError, match="no cuda device"):
        pick_device("cuda")


def test_a_folder_that_does_not_fit_is_refused_with_what_it_needs(
    hugging_face: Transformers, tmp_path: Path
) -> None:
    folder = read_folder(convert(paths.bundled_model(), tmp_path / "large"))
    with pytest.raises(ModelError, match=r"large does not fit: it needs about .* and 1\.0 MB are free"):
        Transformers(folder, Options(device="cpu"), threads=lambda size: 1, available=10**6)
