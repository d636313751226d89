"""Where models are looked for: the folders of other programs, as they lay them out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlagent_tui import paths
from mlagent_tui.errors import ModelError
from mlagent_tui.llm import check_spec, places
from mlagent_tui.llm.folder import read_folder
from mlagent_tui.llm.gguf import is_gguf, read_header
from tests.unit.llm.test_folder import folder


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"GGUF" + str(path).encode())
    return path


def test_the_bundled_model_comes_first_and_once() -> None:
    found = places.find([paths.bundled_model().parent])
    assert found[0] == places.Found(paths.bundled_model(), "bundled")
    assert [model.path for model in found].count(paths.bundled_model()) == 1


def test_a_folder_of_the_settings_is_walked_and_hidden_ones_in_it_are_not(tmp_path: Path) -> None:
    wanted = {
        touch(tmp_path / "a.gguf"),
        touch(tmp_path / "deep" / "er" / "B.GGUF"),
        touch(tmp_path / "big-00001-of-00002.gguf"),
        folder(tmp_path / "weights"),
    }
    touch(tmp_path / "big-00002-of-00002.gguf")
    touch(tmp_path / ".git" / "c.gguf")
    touch(tmp_path / "mmproj-a.gguf")
    touch(tmp_path / "notes.txt")
    assert {model.path for model in places.find([tmp_path]) if model.source == "settings"} == wanted


def test_links_lead_to_one_file_only(tmp_path: Path) -> None:
    real = touch(tmp_path / "one" / "a.gguf")
    (tmp_path / "b.gguf").symlink_to(real)
    (tmp_path / "one" / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.gguf").symlink_to(tmp_path / "nowhere")
    assert len([model for model in places.find([tmp_path]) if model.source == "settings"]) == 1


def test_what_only_looks_like_a_model_or_a_note_keeps_nobody_waiting(home: Path, tmp_path: Path) -> None:
    real = touch(tmp_path / "real.gguf")
    weights, hub = tmp_path / "weights", home / ".cache/huggingface/hub/models--a--b"
    manifests = home / ".ollama/models/manifests/x"
    for place in (weights, manifests, home / ".lmstudio", hub / "refs", hub / "snapshots/1"):
        place.mkdir(parents=True)
    pipes = (
        tmp_path / "pipe.gguf", weights / "config.json", manifests / "tag", home / ".lmstudio/settings.json",
        home / ".lmstudio-home-pointer", hub / "refs/main", hub / "snapshots/1/pipe.gguf",
    )  # fmt: skip
    for pipe in pipes:
        os.mkfifo(pipe)
    (weights / "model.safetensors").touch()
    (tmp_path / "folder.gguf").mkdir()
    for name, target in {"loop": "loop.gguf", "zero": "/dev/zero", "pipe-too": "pipe.gguf"}.items():
        (tmp_path / f"{name}.gguf").symlink_to(target)
    assert [model.path for model in places.find([tmp_path]) if model.source != "bundled"] == [real]
    for path in (tmp_path / "pipe.gguf", tmp_path / "zero.gguf", tmp_path / "loop.gguf"):
        assert not is_gguf(path)
        with pytest.raises(ModelError, match="cannot read"):
            read_header(path)
    with pytest.raises(ModelError, match="not a plain file"):
        read_folder(weights)


def test_a_place_that_cannot_be_looked_at_ends_no_listing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a folder of another user's; a name too long stands in, since root may look at every folder."""
    unseen = tmp_path / ("x" * 300)
    real, weights = touch(tmp_path / "real.gguf"), tmp_path / "weights"
    blobs, manifest = home / ".ollama/models/blobs", home / ".ollama/models/manifests/registry/m/tag"
    for folder_ in (weights, blobs, manifest.parent):
        folder_.mkdir(parents=True)
    (weights / "model.safetensors").touch()
    layers = [{"mediaType": places.OLLAMA_WEIGHTS, "digest": "sha256:1"}]
    manifest.write_text(json.dumps({"layers": layers}))
    for link in (tmp_path / "a.gguf", weights / "config.json", blobs / "sha256-1"):
        link.symlink_to(unseen)
    for name in ("", "OLLAMA_MODELS", "HF_HUB_CACHE"):
        if name:
            monkeypatch.setenv(name, str(unseen))
        assert [model.path for model in places.find([tmp_path]) if model.source != "bundled"] == [real]
        assert unseen not in places.searched([tmp_path, unseen])
    for refused in (unseen, tmp_path / "a.gguf"):
        with pytest.raises(ModelError, match="cannot read"):
            check_spec(str(refused))


def test_lm_studio_is_found_where_it_says_that_its_models_are(home: Path, tmp_path: Path) -> None:
    usual = touch(home / ".lmstudio" / "models" / "org" / "m" / "m.gguf")
    old = touch(home / ".cache" / "lm-studio" / "models" / "o.gguf")
    moved = touch(tmp_path / "elsewhere" / "n.gguf")
    settings = {"downloadsFolder": str(moved.parent)}
    (home / ".lmstudio" / "settings.json").write_text(json.dumps(settings))
    assert {model.path for model in places.find() if model.source == "LM Studio"} == {usual, old, moved}


def test_lm_studio_may_have_moved_altogether(home: Path, tmp_path: Path) -> None:
    touch(tmp_path / "studio" / "models" / "m.gguf")
    (home / ".lmstudio-home-pointer").write_text(f"{tmp_path / 'studio'}\n")
    assert [model.path.name for model in places.find() if model.source == "LM Studio"] == ["m.gguf"]


def ollama(store: Path, name: str, digest: str, kind: str = places.OLLAMA_WEIGHTS) -> None:
    manifest = store / "manifests" / name
    manifest.parent.mkdir(parents=True, exist_ok=True)
    template = {"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:00"}
    manifest.write_text(json.dumps({"layers": [template, {"mediaType": kind, "digest": digest}]}))


def test_ollamas_blobs_have_the_names_of_their_manifests(home: Path) -> None:
    store = home / ".ollama" / "models"
    blob = touch(store / "blobs" / "sha256-12ab")
    other = touch(store / "blobs" / "sha256-34cd")
    ollama(store, "registry.ollama.ai/library/qwen3/8b", "sha256:12ab")
    ollama(store, "registry.ollama.ai/someone/tuned/latest", "sha256:34cd")
    ollama(store, "registry.ollama.ai/library/gone/1b", "sha256:56ef")
    ollama(
        store,
        "registry.ollama.ai/library/picture/1b",
        "sha256:34cd",
        "application/vnd.ollama.image.projector",
    )
    ollama(store, "registry.ollama.ai/library/evil/1b", "sha256:../../../../etc/passwd")
    (store / "manifests" / "registry.ollama.ai" / "library" / "damaged").write_text("{")
    found = {model.name: model.path for model in places.find() if model.source == "Ollama"}
    assert found == {"qwen3:8b": blob, "someone/tuned:latest": other}


def test_ollama_may_keep_its_models_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "blobs" / "sha256-1")
    ollama(tmp_path, "registry.ollama.ai/library/a/b", "sha256:1")
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    assert [model.name for model in places.find() if model.source == "Ollama"] == ["a:b"]


def test_the_hugging_face_cache_gives_folders_and_files(home: Path) -> None:
    hub = home / ".cache" / "huggingface" / "hub"
    blob = touch(hub / "models--org--quantised" / "blobs" / "99")
    link = hub / "models--org--quantised" / "snapshots" / "r1" / "q4.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    weights = folder(hub / "models--org--whole" / "snapshots" / "r2")
    touch(hub / "datasets--org--x" / "snapshots" / "r3" / "no.gguf")
    assert {model.path for model in places.find() if model.source == "Hugging Face"} == {link, weights}


@pytest.mark.parametrize("variable", ["HF_HOME", "HF_HUB_CACHE"])
def test_the_hugging_face_cache_may_be_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    hub = tmp_path / "hub" if variable == "HF_HOME" else tmp_path
    assert places.hugging_face_cache() == hub


def test_models_are_found_where_people_keep_them_by_habit(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = {
        touch(home / "models/a/b/c/one.gguf"): "~/models",
        touch(home / ".cache/llama.cpp/two.gguf"): "llama.cpp",
        touch(home / ".local/share/nomic.ai/GPT4All/three.gguf"): "GPT4All",
        touch(home / "Downloads/new/four.gguf"): "Downloads",
        touch(tmp_path / "project/five.gguf"): "here",
        folder(tmp_path / "models" / "deep" / "er" / "still" / "six"): "here",
    }
    touch(tmp_path / "a" / "b" / "c" / "too-deep.gguf")
    found = {model.path: model.source for model in places.find()}
    assert {path: source for path, source in found.items() if path != paths.bundled_model()} == wanted


def test_the_folders_that_were_searched_are_told(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (home / ".lmstudio" / "models").mkdir(parents=True)
    (home / "Downloads").mkdir()
    searched = places.searched([tmp_path / "none"])
    studio = home / ".lmstudio" / "models"
    assert searched == [paths.bundled_model().parent, studio, tmp_path, home / "Downloads"]
