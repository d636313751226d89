from mlagent_tui.schemas import LayerRow, ModelConfig, Summary
from mlagent_tui.shapes import infer
from mlagent_tui.tools.prompts import code_prompt, code_request, describe, explain_prompt, order

CONFIG = ModelConfig.model_validate({
    "input_shape": [1, 8, 8], "num_classes": 10,
    "layers": [
        {"type": "conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1},
        {"type": "batchnorm2d"},
        {"type": "residual", "layers": [
            {"type": "conv2d", "out_channels": 32, "kernel_size": 3, "stride": 2, "padding": 1},
        ]},
        {"type": "residual", "layers": [{"type": "gelu"}]},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10, "bias": False},
    ],
})  # fmt: skip


def test_each_step_is_described_on_its_own_line_with_its_name_and_shapes() -> None:
    assert describe(infer(CONFIG)).splitlines() == [
        "conv1: conv2d 1x8x8 -> 16x8x8 out_channels=16 kernel_size=3 padding=1",
        "bn1: batchnorm2d 16x8x8",
        "res1: residual 16x8x8 -> 32x4x4",
        "conv2: conv2d 16x8x8 -> 32x4x4 out_channels=32 kernel_size=3 stride=2 padding=1",
        "shortcut1: conv2d 16x8x8 -> 32x4x4 out_channels=32 kernel_size=1 stride=2",
        "res1: add shortcut1",
        "res2: residual 32x4x4 -> 32x4x4",
        "gelu1: gelu",
        "res2: add input",
        "flatten1: flatten 32x4x4 -> 512",
        "fc1: linear 512 -> 10 out_features=10 bias=False",
    ]


def test_the_order_names_every_step_of_the_forward_pass_once() -> None:
    assert order(infer(CONFIG)) == [
        "conv1", "bn1", "res1", "conv2", "shortcut1", "res2", "gelu1", "+ res2", "flatten1", "fc1",
    ]  # fmt: skip


def test_the_first_attempt_is_greedy_and_holds_no_code_of_the_network() -> None:
    request = code_request(CONFIG, infer(CONFIG), seed=5)
    assert (request.temperature, request.seed, request.schema) == (0.0, 5, None)
    assert "nn.Conv2d" not in "".join(message.content for message in request.messages)


def test_a_repair_shows_the_previous_code_and_the_first_difference_and_changes_the_seed() -> None:
    request = code_request(CONFIG, infer(CONFIG), "fc1: expected 512, got 256", "class A: pass", 2, seed=5)
    assert [m.role for m in request.messages] == ["system", "user", "assistant", "user"]
    assert "Problem: fc1: expected 512, got 256" in request.messages[-1].content
    assert request.temperature > 0
    assert request.seed == 7


def test_a_repair_shows_again_what_lies_around_the_difference() -> None:
    shown = code_prompt(CONFIG, infer(CONFIG), "bn1: expected batchnorm2d, got conv2d", "bn1")
    assert shown.partition("Problem: bn1: expected batchnorm2d, got conv2d\n")[2].splitlines() == [
        "Look again:",
        "conv1: conv2d 1x8x8 -> 16x8x8 out_channels=16 kernel_size=3 padding=1",
        "bn1: batchnorm2d 16x8x8",
        "res1: residual 16x8x8 -> 32x4x4",
        "conv2: conv2d 16x8x8 -> 32x4x4 out_channels=32 kernel_size=3 stride=2 padding=1",
        "Order there: conv1, bn1, res1, conv2",
    ]


def test_what_is_shown_again_keeps_a_shortcut_with_its_block() -> None:
    shown = code_prompt(CONFIG, infer(CONFIG), "gelu1: expected gelu, got nothing", "gelu1")
    assert shown.endswith("Order there: shortcut1, res2, gelu1, + res2, flatten1")


def test_a_difference_without_a_place_shows_nothing_again() -> None:
    shown = code_prompt(CONFIG, infer(CONFIG), "output: expected nothing after fc1, got relu", "output")
    assert shown.endswith("got relu")


def test_the_explanation_is_asked_for_with_measured_facts() -> None:
    summary = Summary(
        class_name="CurrentModel", input_shape=(1, 1, 8, 8), output_shape=(1, 10), total_parameters=650,
        trainable_parameters=650, size_mb=0.0026, multiply_adds=640,
        layers=[LayerRow(name="fc1", type="Linear", output_shape=(10,), parameters=650)],
    )  # fmt: skip
    prompt = explain_prompt("code here\n", summary)
    assert "Parameters: 650" in prompt
    assert "Largest: fc1 650" in prompt
    assert prompt.endswith("Code:\ncode here")
