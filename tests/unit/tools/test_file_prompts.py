"""What models other than Minnow are told of a network, and of what is wrong with their code."""

from __future__ import annotations

import ast

import pytest

from mlagent_tui import prompts
from mlagent_tui.prompts import Profile
from mlagent_tui.research.claims import explained
from mlagent_tui.research.network_facts import facts_of
from mlagent_tui.schemas import LayerRow, ModelConfig, Summary
from mlagent_tui.shapes import infer
from mlagent_tui.tools.explain_prompts import facts_requests, facts_text, own_words
from mlagent_tui.tools.file_prompts import file_request, network

CONFIG = ModelConfig.model_validate({
    "input_shape": [1, 8, 8], "num_classes": 10,
    "layers": [
        {"type": "conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1},
        {"type": "residual", "layers": [{"type": "gelu"}]},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10},
    ],
})  # fmt: skip
STEPS = infer(CONFIG)
WRONG = """class CurrentModel(nn.Module):
    def __init__(self):
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.gelu1 = nn.GELU()
        self.flatten1 = nn.Flatten()
        self.fc1 = nn.Linear(256, 10)

    def forward(self, x):
        return self.fc1(self.flatten1(self.gelu1(self.conv1(x))))
"""


def test_the_network_is_told_as_torch_would_have_it_and_holds_no_code() -> None:
    assert network(CONFIG, STEPS).splitlines() == [
        "Class: CurrentModel",
        "Layers:",
        "conv1: Conv2d in_channels=1, out_channels=16, kernel_size=3, padding=1",
        "gelu1: GELU",
        "flatten1: Flatten",
        "fc1: Linear in_features=1024, out_features=10",
        "Forward: conv1, keep x as res1, gelu1, add res1, flatten1, fc1",
    ]


@pytest.mark.parametrize("profile", ["chat", "completion"])
def test_the_worked_networks_of_a_prompt_are_what_it_says_of_them(profile: Profile) -> None:
    text = prompts.text(profile, "code")
    told = [part.partition("\n```python\n")[::2] for part in text.split("Class: CurrentModel\n")[1:]]
    assert len(told) == 2
    for described, code in told:
        layers, _, forward = described.strip().removeprefix("Layers:\n").partition("\nForward: ")
        tree = ast.parse(code.partition("```")[0])
        lines = ast.unparse(tree).splitlines()
        for layer in layers.splitlines():
            name, _, made = layer.partition(": ")
            kind, _, arguments = made.partition(" ")
            assert f"        self.{name} = nn.{kind}({arguments})" in lines
        ran = [line.strip() for line in lines if line.strip().startswith(("x = ", "res"))]
        assert len(ran) == len(forward.split(", ")) and ran[0] == f"x = self.{forward.split(', ')[0]}(x)"


def test_a_repair_shows_the_line_beside_what_was_wanted_and_the_code_so_far() -> None:
    problem = "fc1: expected 1024 inputs, got 256"
    first = file_request("chat", CONFIG, STEPS)
    request = file_request("chat", CONFIG, STEPS, problem, WRONG, attempt=1)
    assert request.messages[:2] == first.messages
    assert WRONG.strip() in request.messages[2].content
    told = request.messages[3].content.splitlines()
    assert problem in told[0]
    assert told[1:] == [
        "You wrote:",
        "self.fc1 = nn.Linear(256, 10)",
        "return self.fc1(self.flatten1(self.gelu1(self.conv1(x))))",
        "Wanted:",
        "fc1: Linear in_features=1024, out_features=10",
        "fc1",
        "Write the whole class again with this corrected, as one Python code block.",
    ]


def test_no_two_requests_for_the_same_network_are_alike() -> None:
    requests = [
        file_request("chat", CONFIG, STEPS),
        *(file_request("chat", CONFIG, STEPS, "output: other numbers", WRONG, n) for n in (1, 2, 3)),
        file_request("chat", CONFIG, STEPS, "output: other numbers", None, 3),
    ]
    warmth = [request.temperature for request in requests]
    assert warmth[0] == 0 and warmth[1] < warmth[2] < warmth[3]
    assert len({(request.messages, request.temperature) for request in requests}) == len(requests)


def test_the_limit_of_an_answer_follows_from_the_network() -> None:
    longer = CONFIG.model_copy(update={"layers": [*CONFIG.layers[:1], *CONFIG.layers]})
    short, long = (file_request("chat", one, infer(one)).max_tokens for one in (CONFIG, longer))
    assert len(WRONG) / 2.5 < short < long < 1000


SUMMARY = Summary(
    class_name="CurrentModel", input_shape=(1, 1, 8, 8), output_shape=(1, 10), total_parameters=10410,
    trainable_parameters=10410, size_mb=0.04, multiply_adds=19456,
    layers=[
        LayerRow(name="conv1", type="Conv2d", output_shape=(16, 8, 8), parameters=160),
        LayerRow(name="gelu1", type="GELU", output_shape=(16, 8, 8), parameters=0),
        LayerRow(name="fc1", type="Linear", output_shape=(10,), parameters=10250),
    ],
)  # fmt: skip


def test_an_explanation_is_asked_for_with_the_facts_alone() -> None:
    assert facts_text(facts_of(SUMMARY), 1).splitlines() == [
        "Class: CurrentModel",
        "Kind: a convolutional network",
        "Input: 1x8x8",
        "Output: 10",
        "Layers: 1 Conv2d, 1 GELU, 1 Linear",
        "Parameters: 10410",
        "Largest: fc1 10250",
        "Multiply-adds: 19456",
        "fc1: Linear 10 10250",
    ]
    first, second = facts_requests("chat", facts_of(SUMMARY))
    assert first.messages[0] == second.messages[0] and first.max_tokens < 400
    plain = next(facts_requests("completion", facts_of(SUMMARY)))
    assert plain.begin == "\nDescription:" and plain.stops


@pytest.mark.parametrize("profile", ["chat", "completion"])
def test_the_worked_description_of_a_prompt_follows_from_its_facts(profile: Profile) -> None:
    text = prompts.text(profile, "explain")
    facts, _, words = text.partition("Class: ")[2].partition("Description: ")
    shapes = dict(line.split(": ") for line in ("Class: " + facts).strip().splitlines())
    rows = [
        LayerRow(
            name=name, type=value.split()[0],
            output_shape=tuple(map(int, value.split()[1].split("x"))), parameters=int(value.split()[2]),
        )
        for name, value in shapes.items() if name[0].islower()
    ]  # fmt: skip
    total = int(shapes["Parameters"])
    assert sum(row.parameters for row in rows) == total
    summary = SUMMARY.model_copy(update={
        "input_shape": (1, *map(int, shapes["Input"].split("x"))), "output_shape": (1, int(shapes["Output"])),
        "total_parameters": total, "multiply_adds": int(shapes["Multiply-adds"]), "layers": rows,
    })  # fmt: skip
    kept, own, dropped = explained(facts_of(summary), words.strip())
    assert own and not dropped and kept == words.strip()


def test_of_an_answer_that_repeats_the_facts_its_own_sentences_are_left() -> None:
    facts = facts_text(facts_of(SUMMARY), 2)
    answer = f"{facts}\nDescription: It has one convolution.\nNote: it has no norm.\n"
    assert own_words(answer, "chat") == "It has one convolution.\nNote: it has no norm."
    assert own_words(answer, "minnow") == answer
