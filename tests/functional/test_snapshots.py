"""Screens in three sizes and two themes, compared with pictures that somebody has looked at.

After a change that is meant, `pytest tests/functional/test_snapshots.py --snapshot-update`; then look at what
has changed. The scenes, and how they are kept still, are those of the documentation's pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from export_screenshots import GOAL, Scene, play, staged
from mlagent_tui.tui import found
from mlagent_tui.tui.app import MlagentApp
from mlagent_tui.tui.screens import start

Compare = Callable[..., bool]
SIZES = ((80, 24), (120, 40), (200, 50))
THEMES = ("mlagent-dark", "mlagent-light")
ANY = (0, 0)

SCREENS = (
    Scene("start", "", ANY, ("can start",), opens="start", words=GOAL),
    Scene("models", "", ANY, ("own-7b",), ("f2",), opens="start"),
    Scene("coding", "", ANY, ("writing code", "relu2"), ("2",), ("code", 0.8)),
    Scene("training", "", ANY, ("training", "┫"), ("4",), ("epochs", 0.6)),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _the_same_everywhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No version in the frame, and the models that are found are those put there."""
    monkeypatch.setattr(start, "__version__", "0")
    own = home / "models" / "own-7b.gguf"
    facts = ("~/models", "qwen3", "Q4_K_M", "40,960 tokens")

    async def models() -> found.Listing:
        return found.Listing((found.Model(str(own), "own-7b", 4_100_000_000, facts),))

    monkeypatch.setattr(found, "models", models)


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
@pytest.mark.parametrize("scene", SCREENS, ids=lambda scene: scene.name)
def test_the_screen_looks_as_it_did(
    scene: Scene, size: tuple[int, int], theme: str, home: Path, snap_compare: Compare
) -> None:
    with staged(scene, home, theme) as app:
        assert isinstance(app, MlagentApp)
        assert snap_compare(app, terminal_size=size, run_before=partial(play, scene=scene))
