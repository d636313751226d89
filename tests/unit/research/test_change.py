"""What changed between two trials, said from their configs and settings; the loop's own change is new."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minnow.architect import apply
from mlagent_tui.agent.alternatives import NothingNew, own_change, tried
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.research.change import differences, same, scaled
from mlagent_tui.schemas import DataCard, EvalConfig, Goal, ModelConfig, RegistryEntry
from mlagent_tui.shapes import count_parameters, infer

BASE = ModelConfig.model_validate({
    "input_shape": (1, 8, 8), "num_classes": 10,
    "layers": [
        {"type": "conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1},
        {"type": "batchnorm2d"}, {"type": "relu"}, {"type": "max_pool2d", "kernel_size": 2},
        {"type": "conv2d", "out_channels": 32, "kernel_size": 3, "padding": 1},
        {"type": "batchnorm2d"}, {"type": "relu"}, {"type": "max_pool2d", "kernel_size": 2},
        {"type": "flatten"}, {"type": "linear", "out_features": 10},
    ],
})  # fmt: skip
SETTINGS = EvalConfig(dataset="digits", epochs=20)
CARD = DataCard(
    dataset="digits", input_shape=(1, 8, 8), num_classes=10, train_size=1150, val_size=287, test_size=360
)
NETWORK_CHANGES = (
    "double the channels", "halve the channels", "add a conv layer", "remove a conv layer",
    "add a residual block", "use activation gelu", "use dropout 0.3", "add a linear layer 64",
    "pool globally",
)  # fmt: skip


@pytest.mark.parametrize("asked", NETWORK_CHANGES)
def test_a_change_the_planner_asks_for_is_named_in_its_own_words(asked: str) -> None:
    assert differences(BASE, apply(asked, BASE), SETTINGS, SETTINGS) == [asked]


@pytest.mark.parametrize("pair", [
    ("double the channels", "add a conv layer"), ("halve the channels", "use activation silu"),
    ("double the channels", "use dropout 0.5"), ("add a conv layer", "use activation elu"),
])  # fmt: skip
def test_two_changes_at_once_are_both_named(pair: tuple[str, str]) -> None:
    changed = apply(pair[1], apply(pair[0], BASE))
    assert sorted(differences(BASE, changed, SETTINGS, SETTINGS)) == sorted(pair)


@pytest.mark.parametrize(("fields", "words"), [
    ({"epochs": 40}, "train 40 epochs"), ({"learning_rate": 0.001}, "learning rate 0.001"),
    ({"augmentation": "shift"}, "augment with shift"), ({"weight_decay": 0.05}, "weight decay 0.05"),
    ({"label_smoothing": 0.1}, "label smoothing 0.1"),
])  # fmt: skip
def test_settings_are_named_in_the_planners_words(fields: dict[str, Any], words: str) -> None:
    assert differences(BASE, BASE, SETTINGS, SETTINGS.model_copy(update=fields)) == [words]


def test_what_was_asked_and_not_done_is_not_a_change() -> None:
    """The fault: the table said "train 40 epochs" where the channels had been halved."""
    halved = apply("halve the channels", BASE)
    assert differences(BASE, halved, SETTINGS, SETTINGS) == ["halve the channels"]
    assert differences(BASE, BASE, SETTINGS, SETTINGS) == []


@given(st.lists(st.sampled_from([0.5, 0.75, 1.5, 2.0, 3.0]), max_size=3))
def test_another_network_is_always_another_change(factors: list[float]) -> None:
    layers = BASE.model_dump(mode="json")["layers"]
    for factor in factors:
        layers = scaled(layers, factor)
    other = ModelConfig.model_validate(BASE.model_dump() | {"layers": layers})
    assert bool(differences(BASE, other, SETTINGS, SETTINGS)) == (other != BASE)


def test_another_name_repeats_a_trial_and_another_seed_does_not() -> None:
    renamed = BASE.model_copy(update={"model_name": "Other"})
    assert same(BASE, SETTINGS, renamed, SETTINGS)
    assert not same(BASE, SETTINGS, BASE, SETTINGS.model_copy(update={"seed": 1}))


def brief(limit: int | None, *pairs: tuple[ModelConfig, EvalConfig]) -> Brief:
    goal = Goal(dataset="digits", metric="accuracy", comparison=">=", threshold=0.999, max_parameters=limit)
    history = tuple(
        Attempt(
            RegistryEntry(
                run_id=f"qe_{index}", timestamp="", model_name="M", dataset="digits", experiment_dir="",
                metrics_summary={"accuracy": 0.5 + 0.01 * index, "val_loss": 1.0}, iteration=index,
            ),
            *pair,
        )
        for index, pair in enumerate(pairs, 1)
    )  # fmt: skip
    return Brief(goal, CARD, len(pairs) + 1, 100, 0, 100, history)


def test_the_loops_own_changes_are_new_every_time_and_never_over_the_limit() -> None:
    where, seen = brief(30_000, (BASE, SETTINGS)), [(BASE, SETTINGS)]
    for _ in range(30):
        own = own_change(where, BASE, SETTINGS)
        assert tried(where, own.config, own.settings) is None
        assert count_parameters(infer(own.config)) <= 30_000
        assert own.words
        seen.append((own.config, own.settings))
        where = brief(30_000, *seen)


def test_a_network_far_over_the_limit_is_made_narrower_until_it_is_within() -> None:
    own = own_change(brief(900), BASE, SETTINGS)
    assert count_parameters(infer(own.config)) <= 900


def test_where_nothing_fits_the_search_says_so() -> None:
    with pytest.raises(NothingNew):
        own_change(brief(10), BASE, SETTINGS)


def test_a_branchs_own_origin_counts_as_tried() -> None:
    where = brief(None, (BASE, SETTINGS))
    alone = replace(where, history=(), start=where.history[0])
    assert tried(alone, BASE, SETTINGS) is where.history[0]
