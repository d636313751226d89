"""Whether a network has what was asked of it follows from its configuration and its training."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from mlagent_tui.research.wishes import check, clash, impossible, lost, phrase, unmet, words
from mlagent_tui.schemas import EvalConfig, ModelConfig, Wish, WishAbout

CONV = {"type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1}
LAST: list[dict[str, Any]] = [{"type": "flatten"}, {"type": "linear", "out_features": 10}]


def network(*layers: dict[str, Any]) -> ModelConfig:
    return ModelConfig.model_validate(
        {"input_shape": [1, 8, 8], "num_classes": 10, "layers": [*layers, *LAST]}
    )


CNN = network(CONV, {"type": "batchnorm2d"}, {"type": "relu"}, {"type": "max_pool2d", "kernel_size": 2}, CONV)
MLP = ModelConfig.model_validate({
    "input_shape": [1, 8, 8], "num_classes": 10,
    "layers": [{"type": "flatten"}, {"type": "linear", "out_features": 32}, {"type": "gelu"},
               {"type": "dropout", "p": 0.2}, {"type": "linear", "out_features": 10}],
})  # fmt: skip
DEPTHWISE = network(CONV, CONV | {"groups": 8}, CONV | {"kernel_size": 1, "padding": 0})
GROUPED = network(CONV | {"out_channels": 8}, CONV | {"groups": 2})
BLOCKS = network(CONV, {"type": "repeat", "times": 3, "layers": [{"type": "residual", "layers": [CONV]}]},
                 {"type": "adaptive_avg_pool2d", "output_size": 1})  # fmt: skip
SETTINGS = EvalConfig(dataset="digits", epochs=20, optimizer="sgd", learning_rate=0.01, augmentation="shift")


def wish(about: WishAbout, value: str = "", number: float | None = None, **more: Any) -> Wish:
    return Wish(about=about, value=value, number=number, **more)


CASES = [
    (wish("convolutional"), CNN, True), (wish("convolutional"), MLP, False),
    (wish("convolutional", refused=True), MLP, True), (wish("fully connected"), MLP, True),
    (wish("fully connected"), CNN, False), (wish("residual"), BLOCKS, True), (wish("residual"), CNN, False),
    (wish("residual", refused=True), BLOCKS, False), (wish("residual blocks", number=3), BLOCKS, True),
    (wish("depthwise"), DEPTHWISE, True), (wish("depthwise"), GROUPED, False),
    (wish("attention"), CNN, False),
    (wish("attention", refused=True), CNN, True), (wish("recurrent", refused=True), CNN, True),
    (wish("squeeze-and-excitation"), CNN, False), (wish("convolutions", number=2), CNN, True),
    (wish("convolutions", number=4), BLOCKS, True), (wish("convolutions", number=3), CNN, False),
    (wish("convolutions", number=6, comparison="<="), CNN, True),
    (wish("convolutions", number=3, comparison=">="), CNN, False),
    (wish("linear layers", number=2), MLP, True), (wish("hidden layers", number=1), MLP, True),
    (wish("layers", number=3), CNN, True), (wish("channels", number=8), CNN, True),
    (wish("channels", number=32), MLP, True), (wish("kernel", number=3), CNN, True),
    (wish("kernel", number=3), DEPTHWISE, True), (wish("kernel", number=5), CNN, False),
    (wish("activation", "relu"), CNN, True), (wish("activation", "relu"), MLP, False),
    (wish("activation", "relu", refused=True), CNN, False), (wish("norm", "batch"), CNN, True),
    (wish("norm", "group"), CNN, False), (wish("norm", refused=True), CNN, False),
    (wish("norm", refused=True), MLP, True), (wish("dropout", refused=True), MLP, False),
    (wish("dropout", number=0.2), MLP, True), (wish("dropout", number=0.3), MLP, False),
    (wish("dropout"), MLP, True), (wish("pooling", "max"), CNN, True),
    (wish("pooling", "average"), CNN, False),
    (wish("pooling", "global average"), BLOCKS, True), (wish("epochs", number=20), CNN, True),
    (wish("epochs", number=5), CNN, False),
    (wish("epochs", number=25, comparison="<="), CNN, True),
    (wish("channels", number=4, comparison="<="), CNN, False), (wish("optimizer", "sgd"), CNN, True),
    (wish("optimizer", "rmsprop"), CNN, False), (wish("learning rate", number=0.01), CNN, True),
    (wish("augmentation"), CNN, True), (wish("augmentation", refused=True), CNN, False),
    (wish("batch size", number=64), CNN, True), (wish("weight decay", number=0.01), CNN, True),
    (wish("label smoothing", number=0.1), CNN, False),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "config", "met"), CASES)
def test_a_wish_is_met_by_what_the_configuration_has(asked: Wish, config: ModelConfig, met: bool) -> None:
    (answer,) = check([asked], config, SETTINGS)
    assert answer.met is met, answer.has
    assert str(answer) == f"{words(asked)}: {'met' if met else f'not met, {answer.has}'}"


def test_every_kind_of_wish_is_tried_here() -> None:
    assert {asked.about for asked, _, _ in CASES} == set(get_args(WishAbout))


def test_an_unmet_wish_says_what_is_there_in_its_place() -> None:
    answers = check([wish("convolutional"), wish("dropout", refused=True)], MLP, SETTINGS)
    assert unmet(answers) == [
        "convolutional network: not met, the network is an MLP with 2 linear layers",
        "no dropout: not met, the network has dropout 0.2",
    ]


def test_without_a_network_nothing_is_said() -> None:
    assert check([wish("residual")], None, None) == []


def test_only_a_network_wish_that_was_not_missed_before_is_lost() -> None:
    asked = [wish("convolutional"), wish("residual"), wish("epochs", number=5)]
    first = check(asked, MLP, SETTINGS)
    assert [answer.wish.about for answer in lost([], first)] == ["convolutional", "residual"]
    assert lost(first, check(asked, MLP, SETTINGS)) == []
    assert [a.wish.about for a in lost(check(asked, BLOCKS, SETTINGS), first)] == [
        "convolutional",
        "residual",
    ]


def test_what_no_configuration_can_have_is_not_asked_for_again() -> None:
    asked = [wish("attention"), wish("optimizer", "rmsprop"), wish("recurrent", refused=True)]
    assert [impossible(one) for one in asked] == [True, True, False]
    assert lost([], check(asked, CNN, SETTINGS)) == []


def test_linear_layers_only_and_convolutions_exclude_each_other() -> None:
    assert clash(wish("fully connected"), wish("kernel", number=3))
    assert clash(wish("convolutional", refused=True), wish("convolutions", number=2))
    assert not clash(wish("fully connected"), wish("residual"))
    assert not clash(wish("convolutional", refused=True), wish("fully connected"))


@pytest.mark.parametrize(("asked", "said"), [
    (wish("convolutional"), ""), (wish("convolutional", refused=True), "mlp"),
    (wish("fully connected"), "mlp"),
    (wish("residual", refused=True), "no residual"), (wish("convolutions", number=3), "3 conv layers"),
    (wish("norm", "batch", refused=True), "no normalisation"), (wish("dropout", refused=True), "no dropout"),
    (wish("dropout", number=0.3), "dropout 0.3"), (wish("kernel", number=5), "kernel 5"),
    (wish("optimizer", "sgd"), "sgd"), (wish("augmentation", refused=True), "no augmentation"),
])  # fmt: skip
def test_planners_are_told_in_the_words_that_the_bundled_one_knows(asked: Wish, said: str) -> None:
    assert phrase(asked) == said
