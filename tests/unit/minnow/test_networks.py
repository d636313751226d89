from __future__ import annotations

import ast
import random

import pytest

from minnow import coder
from minnow.architect import Wishes, apply, changes_network, first_config
from minnow.fancy import Fancy
from minnow.heldout import held_out
from minnow.histories import card_for
from minnow.samples import Sample, Sampler
from minnow.teacher import PHRASES
from mlagent_tui.errors import ConfigError
from mlagent_tui.schemas import DataCard, ModelConfig
from mlagent_tui.shapes import count_parameters, infer

DIGITS = DataCard(
    dataset="digits", input_shape=(1, 8, 8), num_classes=10, train_size=1150, val_size=287, test_size=359
)


def kinds(config: ModelConfig) -> list[str]:
    return [step.layer.type for step in infer(config) if step.role == "layer"]


def test_every_config_of_the_training_texts_builds(drawn: dict[str, list[Sample]]) -> None:
    for sample in drawn["config"]:
        config = ModelConfig.model_validate_json(sample.answer)
        assert infer(config)[-1].output_shape == (config.num_classes,)
        assert config.to_json() == sample.answer


def test_fancy_draws_build_and_use_every_type_of_layer() -> None:
    fancy = Fancy(random.Random(1))
    seen = {kind for _ in range(150) for kind in kinds(fancy.draw())}
    assert seen == set(coder.CLASSES)


def test_short_fancy_draws_are_short() -> None:
    fancy = Fancy(random.Random(2), longest=1)
    assert all(len(fancy.draw().layers) <= 14 for _ in range(20))


def test_nothing_the_coder_is_taught_is_held_out() -> None:
    sampler = Sampler(random.Random(3))
    assert not any(held_out(sampler.network()) for _ in range(100))


def test_no_card_of_the_simulated_runs_is_held_out() -> None:
    rng = random.Random(4)
    layers = [{"type": "flatten"}, {"type": "linear", "out_features": 5}]
    for card in (card_for("dummy", rng) for _ in range(200)):
        fields = {"input_shape": card.input_shape, "num_classes": card.num_classes}
        layers[-1] = {"type": "linear", "out_features": card.num_classes}
        assert not held_out(ModelConfig.model_validate({**fields, "layers": layers}))


def test_wishes_are_followed() -> None:
    wishes = Wishes(convs=3, activation="gelu", norm="group norm", dropout=0.2, channels=12, kernel=5)
    config = first_config(wishes, DIGITS, None)
    assert kinds(config).count("conv2d") == 3
    assert {"gelu", "groupnorm", "dropout"} <= set(kinds(config))
    first = config.layers[0]
    assert (first.type, first.out_channels, first.kernel_size) == ("conv2d", 12, 5)


def test_a_perceptron_has_no_convolution() -> None:
    config = first_config(Wishes(mlp=True, linears=4), DIGITS, None)
    assert kinds(config).count("linear") == 4
    assert "conv2d" not in kinds(config)


@pytest.mark.parametrize("limit", [2_000, 5_000, 20_000, 50_000, 200_000, 1_000_000])
def test_a_first_network_of_ordinary_wishes_keeps_the_limit(limit: int) -> None:
    assert count_parameters(infer(first_config(Wishes(), DIGITS, limit))) <= limit


@pytest.mark.parametrize("change", sorted(set(PHRASES.values())))
def test_each_change_builds_and_changes_what_it_says(change: str) -> None:
    config = first_config(Wishes(dropout=0.1, convs=2), DIGITS, None)
    assert (apply(change, config) != config) == changes_network(change)


def test_a_change_that_does_not_apply_is_refused() -> None:
    config = first_config(Wishes(mlp=True), DIGITS, None)
    with pytest.raises(ConfigError, match="no conv2d in the network"):
        apply("add a conv layer", config)


def test_the_teachers_code_names_what_the_description_names(drawn: dict[str, list[Sample]]) -> None:
    for sample in drawn["code"][:100]:
        code = sample.answer.removeprefix("```python\n").removesuffix("\n```")
        tree = ast.parse(code)
        network = sample.prompt.partition("\nOrder: ")[0].splitlines()[3:]
        told = {line.partition(":")[0] for line in network}
        built = {
            node.targets[0].attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
        }
        assert built == {name for name in told if not name.startswith("res")}
