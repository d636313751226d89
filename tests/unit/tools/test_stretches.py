"""Networks are divided where nothing is open, and alike stretches are one question."""

from __future__ import annotations

import pytest

from minnow.published import longest, mobilenet, mobilenet2, resnet, vgg16
from mlagent_tui.errors import ConfigError
from mlagent_tui.schemas import ModelConfig, ReLU, Repeat, Residual
from mlagent_tui.shapes import MAX_LAYERS, Step, infer
from mlagent_tui.tools.stretches import Stretch, divide, halves, length, renumbered

ROOM = 700


def divided(config: ModelConfig, room: int = ROOM) -> tuple[list[Step], list[Stretch]]:
    steps = infer(config)
    return steps, divide(steps, room, steps[-1])


@pytest.mark.parametrize("room", [1, 200, ROOM])
@pytest.mark.parametrize("config", [resnet(3), mobilenet2(), vgg16(4, norms=True)])
def test_every_step_is_in_one_stretch_and_no_block_is_cut(config: ModelConfig, room: int) -> None:
    steps, stretches = divided(config, room)
    assert [step for stretch in stretches for step in stretch.own] == steps
    for stretch in stretches:
        roles = [step.role for step in stretch.own]
        assert roles.count("open") == roles.count("close")
        block = roles.count("open") == 1 and roles[0] == "open" and roles[-1] == "close"
        assert length(stretch.own) <= room or len(stretch.own) == 1 or block


def test_a_stretch_is_asked_for_as_a_network_that_is_counted_from_one() -> None:
    steps, stretches = divided(resnet(3))
    classes = steps[-1].output_shape
    for stretch in stretches:
        first, last = stretch.steps[0], stretch.steps[-1]
        assert len(first.input_shape) == 3 and last.output_shape == classes
        asked = [s for s in stretch.steps if s.name not in (*stretch.lead, *stretch.tail)]
        assert [stretch.names[step.name] for step in asked] == [step.name for step in stretch.own]
        kinds = {name.rstrip("0123456789") for name in stretch.names if not name.startswith("shortcut")}
        assert {f"{kind}1" for kind in kinds} <= stretch.names.keys()
    assert stretches[0].lead == () and stretches[-1].tail == ()


def test_after_flatten_a_stretch_begins_with_an_image_all_the_same() -> None:
    sizes = [{"type": "linear", "out_features": 10 + n} for n in range(8)]
    config = {"input_shape": [1, 8, 8], "num_classes": 17, "layers": [{"type": "flatten"}, *sizes]}
    _, stretches = divided(ModelConfig.model_validate(config), 120)
    later = stretches[1]
    assert later.lead == ("flatten1",) and later.steps[0].input_shape == (*later.own[0].input_shape, 1, 1)


@pytest.mark.parametrize(("config", "most"), [(resnet(18), 12), (mobilenet(8), 8), (longest(), 8)])
def test_layers_that_repeat_are_asked_for_once(config: ModelConfig, most: int) -> None:
    _, stretches = divided(config)
    assert len({stretch.question for stretch in stretches}) <= most < len(stretches) + 1


def test_a_stretch_is_halved_and_renumbered_without_losing_a_name() -> None:
    steps, stretches = divided(resnet(3))
    parts = halves(stretches[0], steps[-1])
    assert len(parts) >= 2
    assert [step for part in parts for step in part.own] == list(stretches[0].own)
    other = renumbered(stretches[0], steps[-1], 0)
    assert set(other.names.values()) == set(stretches[0].names.values())
    assert other.names.keys().isdisjoint(stretches[0].names)


def test_a_network_has_at_most_as_many_layers_as_its_code_may_have() -> None:
    config = longest()
    assert sum(step.role == "layer" for step in infer(config)) == MAX_LAYERS
    with pytest.raises(ConfigError, match="2,049 layers"):
        infer(config.model_copy(update={"layers": [ReLU(type="relu"), *config.layers]}))
    inner = Residual(type="residual", layers=[ReLU(type="relu")] * 16)
    block = Repeat(type="repeat", times=16, layers=[inner] * 16)
    with pytest.raises(ConfigError, match="262,144 layers"):
        infer(config.model_copy(update={"layers": [block] * 64}))
