"""How other people's models are asked: examples have the form of the cases, and answers become values."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from pydantic import BaseModel, ValidationError

from mlagent_tui import shapes
from mlagent_tui.agent import changes, instruct, layer_calls
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.instruct import InstructWording, Manner, texts
from mlagent_tui.agent.reading import read
from mlagent_tui.agent.wish_reading import wishes_in
from mlagent_tui.agent.wording import Refused
from mlagent_tui.prompts import PROFILES
from mlagent_tui.schemas import DataCard, EvalConfig, Goal, ModelConfig, RegistryEntry
from mlagent_tui.shapes import infer

MANNERS: tuple[Manner, ...] = ("chat", "completion")
TASKS = ("goal", "plan", "config", "decision")
CARD = DataCard(
    dataset="dummy", input_shape=(2, 9, 9), num_classes=4, train_size=700, val_size=90, test_size=90
)
NETWORK = ModelConfig.model_validate({
    "input_shape": (2, 9, 9), "num_classes": 4,
    "layers": [
        {"type": "conv2d", "out_channels": 6, "kernel_size": 3}, {"type": "relu"}, {"type": "flatten"},
        {"type": "linear", "out_features": 4},
    ],
})  # fmt: skip


def brief(limit: int | None = 9000, steering: str = "") -> Brief:
    goal = Goal(dataset="dummy", metric="accuracy", comparison=">=", threshold=0.8, max_parameters=limit)
    entry = RegistryEntry(
        run_id="qe_1", timestamp="", model_name="CurrentModel", dataset="dummy", experiment_dir="",
        iteration=1, metrics_summary={"accuracy": 0.61, "val_loss": 1.1}, train_accuracy=0.72, seconds=2.0,
        parameters=1292, change=["use gelu"], next_change=["double the channels"],
    )  # fmt: skip
    settings = EvalConfig(dataset="dummy", epochs=7, batch_size=16)
    history = (Attempt(entry, NETWORK, settings),)
    return Brief(goal, CARD, 1, 8, 0, 3, history, steering)


def labels(text: str) -> list[str]:
    """What the lines of a case begin with."""
    return re.findall(r"^[A-Z][A-Za-z ]+(?=:)", text, re.M)


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("task", TASKS)
def test_examples_have_the_form_of_the_cases(manner: Manner, task: str) -> None:
    cases = {
        "goal": instruct.goal_case(read("mnist, at least 97"), "", 4000),
        "plan": instruct.plan_case(brief()),
        "config": instruct.config_case(brief(), None),
        "decision": instruct.decision_case(brief()),
    }
    told = texts(manner, task)
    assert "{" not in told.instructions, "a place for text is not filled"
    for question, answer in told.examples:
        assert [label for label in labels(question) if label not in ("Problem", "Wishes")] == labels(
            cases[task]
        )
        assert json.dumps(json.loads(answer), separators=(",", ":"), ensure_ascii=False) == answer


@pytest.mark.parametrize("manner", MANNERS)
def test_the_answers_of_examples_are_valid(manner: Manner) -> None:
    for question, answer in texts(manner, "goal").examples:
        text = re.search(r"^Text: (.*)$", question, re.M)
        assert text
        reading = read(text[1])
        goal = instruct.goal_answer(reading).model_validate_json(answer)
        assert instruct.goal_case(reading, "", 4000) == question
        assert instruct._goal(reading, goal).threshold is not None
    for _, answer in texts(manner, "plan").examples:
        instruct.Training.model_validate_json(answer)
    for question, answer in texts(manner, "config").examples:
        shape = re.search(r"^(\d+) \| (\d+) \| (\d+) \| (\d+) \| \d+$", question, re.M)
        assert shape
        channels, height, width, classes = map(int, shape.groups())
        card = CARD.model_copy(update={"input_shape": (channels, height, width), "num_classes": classes})
        held = instruct.network_answer(replace(brief(), card=card)).model_validate_json(answer)
        infer(held.config)  # type: ignore[attr-defined]
    for question, answer in texts(manner, "decision").examples:
        listed = question.partition("Possible changes: ")[2].split("; ")
        assert set(json.loads(answer)["changes"]) <= set(listed)


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("task", ["config", "decision"])
def test_the_numbers_of_parameters_in_examples_are_those_of_their_networks(manner: Manner, task: str) -> None:
    checked = 0
    for question, _ in texts(manner, task).examples:
        shape = re.search(r"^(\d+) \| (\d+) \| (\d+) \| (\d+) \| \d+$", question, re.M)
        shown = re.search(r"^Network: (\{.*\})$", question, re.M)
        told = re.findall(r"\| (\d+) \| [\d.]+ \| goal|has (\d+) parameters", question)
        if shape and shown and told:
            *size, classes = map(int, shape.groups())
            config = layer_calls.network(**json.loads(shown[1]), inputs=size, classes=classes)
            assert {int(a or b) for a, b in told} == {shapes.count_parameters(infer(config))}
            checked += 1
    assert checked >= 2


def test_a_prompt_ends_inside_the_line_where_a_base_model_goes_on() -> None:
    for question in every_question(InstructWording("completion")):
        assert question.begin == "\nAnswer:"
        assert question.messages[-1].content == question.messages[-1].content.rstrip()


def test_a_second_case_begins_like_the_first_up_to_the_case() -> None:
    for manner in MANNERS:
        wording = InstructWording(manner)
        one, other = (wording.config(b, None) for b in (brief(), brief(700)))
        assert one.messages[:-1] == other.messages[:-1]
        assert one.messages[-1] != other.messages[-1]


def every_question(wording: InstructWording) -> list[instruct.Question[object]]:
    return [
        wording.goal(read("mnist, at least 97"), "", 4000), wording.plan(brief()),
        wording.config(brief(), None), wording.decision(brief()),
    ]  # fmt: skip


@pytest.mark.parametrize("manner", MANNERS)
def test_no_schema_reference_is_shown_and_every_answer_is_bounded(manner: Manner) -> None:
    for question in every_question(InstructWording(manner)):
        shown = "".join(message.content for message in question.messages)
        assert "$ref" not in shown
        assert "$defs" not in shown
        assert_bounded(question.answer.model_json_schema())


def assert_bounded(schema: object) -> None:
    if isinstance(schema, list):
        for item in schema:
            assert_bounded(item)
    elif isinstance(schema, dict):
        if schema.get("type") == "string":
            assert {"maxLength", "enum", "const", "pattern"} & set(schema), schema
        if schema.get("type") == "array":
            assert "maxItems" in schema, schema
        for value in schema.values():
            assert_bounded(value)


# --- goals ----------------------------------------------------------------------------------------------


def said(text: str, answer: dict[str, object]) -> Goal:
    reading = read(text)
    return instruct._goal(reading, instruct.goal_answer(reading).model_validate(answer))


def test_a_number_of_the_text_gets_the_use_that_the_model_names() -> None:
    goal = said("mnist, at least 97", {"97": "accuracy", "wishes": []})
    assert (goal.metric, goal.comparison, goal.threshold) == ("accuracy", ">=", 0.97)
    assert said("digits, more than 97", {"97": "accuracy", "wishes": []}).comparison == ">"


def test_a_use_that_makes_no_sense_leaves_the_number_open() -> None:
    assert said("mnist, at least 397", {"397": "accuracy", "wishes": []}).threshold is None


def test_only_numbers_of_the_text_can_be_named() -> None:
    answer = instruct.goal_answer(read("mnist, at least 97"))
    with pytest.raises(ValidationError):
        answer.model_validate({"100": "accuracy", "wishes": []})
    with pytest.raises(ValidationError):
        answer.model_validate({"97": "accuracies", "wishes": []})


def test_wishes_are_words_of_the_text() -> None:
    text = "a tiny net for mnist, 97%, cosine schedule"
    wishes = said(
        text, {"wishes": ["tiny net", "dropout 0.5", "97%", "mnist", "Cosine  schedule", "tiny net"]}
    )
    assert wishes.wishes == "tiny net, Cosine  schedule"


# --- plans, networks, decisions -------------------------------------------------------------------------


def test_settings_of_training_become_a_whole_plan() -> None:
    question = InstructWording("chat").plan(brief())
    shown = json.loads(instruct.training_json(brief().last_eval_config))
    plan = question.make(question.answer.model_validate(shown | {"epochs": 14}))
    assert [call.tool for call in plan.calls] == [
        "pytorch_model_assembler", "pytorch_model_summary", "pytorch_quick_evaluator",
    ]  # fmt: skip
    assert (plan.evaluation.epochs, plan.evaluation.batch_size) == (14, 16)


def answered(answer: type[BaseModel], **fields: object) -> BaseModel:
    return answer.model_validate_json(json.dumps(fields))


def test_a_network_is_made_for_the_data() -> None:
    question = InstructWording("chat").config(brief(), None)
    config = question.make(answered(question.answer, image=["conv2d(8, kernel_size=3)", "relu"], vector=[]))
    assert (config.input_shape, config.num_classes) == ((2, 9, 9), 4)
    assert infer(config)[-1].output_shape == (4,)


def large(features: int) -> ModelConfig:
    return layer_calls.network(["max_pool2d(2)"], [f"linear({features})"], CARD.input_shape, 4)


def case(refused: Refused, limit: int | None = 9000) -> str:
    return InstructWording("chat").config(brief(limit), refused).messages[-1].content


def test_after_a_network_that_is_too_large_it_is_shown_with_the_change_that_it_needs() -> None:
    told = case(Refused("it has too many parameters", large(800)))
    assert "Problem: it has too many parameters" in told
    assert f"Network: {instruct.network_json(large(800))}" in told
    advised = re.search(r"Change: write linear\((\d+)\) instead of linear\(800\)$", told)
    assert advised
    assert shapes.count_parameters(infer(large(int(advised[1])))) <= 9000
    again = case(Refused("it has too many parameters", large(800), repeated=True))
    assert again != told


def test_after_a_network_that_cannot_be_built_the_remedy_is_told() -> None:
    small = layer_calls.network(["max_pool2d(9)", "max_pool2d(3)"], [], CARD.input_shape, 4)
    assert (
        "Use a smaller kernel" in case(Refused("kernel 3 is larger than the image", small)).splitlines()[-1]
    )


def test_after_a_network_that_lacks_a_wish_the_change_that_brings_it_is_told() -> None:
    asked = wishes_in("gelu and dropout 0.3")
    goal = brief().goal.model_copy(update={"asked": asked})
    first = replace(brief(), goal=goal, history=())
    told = InstructWording("chat").config(first, Refused("the goal asks for gelu", NETWORK))
    assert told.messages[-1].content.endswith(
        "Change: use gelu: write gelu instead of relu; "
        'use dropout 0.3: write dropout(0.3) at the end of "vector"'
    )


def test_after_the_same_network_as_before_the_change_is_asked_for_again() -> None:
    told = case(Refused("the same network and training as in iteration 1", NETWORK))
    assert "Change: double the channels: write conv2d(12, kernel_size=3) instead of conv2d(6" in told
    again = case(Refused("the same network and training as in iteration 1", NETWORK, repeated=True))
    assert again.endswith("; use other sizes than before")


SAME = ", kernel_size=3, padding=1"


def held(change: str, *layers: str, steering: str = "") -> dict[str, tuple[list[str], int]]:
    """The calls that an answer may have in each part, and how many, after a change of a network."""
    start = layer_calls.network([f"conv2d(6{SAME})", "relu", *layers], ["linear(5)"], (2, 9, 9), 4)
    entry = brief().history[0].entry.model_copy(update={"next_change": [change]})
    changed = replace(brief(steering=steering), history=(Attempt(entry, start, None),))
    parts = InstructWording("chat").config(changed, None).answer.model_json_schema()["properties"]
    return {
        name: (part["items"].get("enum", []), part["maxItems"] if "minItems" in part else 0)
        for name, part in parts.items()
    }


def test_a_change_that_is_known_call_by_call_is_what_an_answer_is_held_to() -> None:
    wide = held("double the channels", f"residual(conv2d(6{SAME}), relu)")
    double = f"conv2d(12{SAME})"
    assert wide["image"] == ([double, "relu", f"residual({double}, relu)"], 3)
    assert wide["vector"] == (["linear(10)"], 1)
    assert held("use gelu", "leaky_relu")["image"] == ([f"conv2d(6{SAME})", "gelu"], 3)
    assert held("use dropout 0.3")["vector"] == (["linear(5)", "dropout(0.3)"], 2)
    assert held("add batch norm")["image"] == ([f"conv2d(6{SAME})", "relu", "batchnorm2d"], 3)
    assert held("remove a layer")["image"][1] == 1


def test_a_change_that_no_rule_knows_or_a_sentence_of_the_users_leaves_all_layers_open() -> None:
    assert held("surprise me")["image"] == ([], 0)
    assert held("use gelu", steering="try tanh")["image"] == ([], 0)


def test_changes_are_chosen_from_a_list_of_those_that_were_not_tried() -> None:
    listed = changes.choices(brief())
    assert "use gelu" not in listed
    assert len(listed) <= changes.MOST
    answer = instruct.decision_answer(brief())
    answered(answer, decision="iterate", assessment="too low", changes=[listed[0]])
    with pytest.raises(ValidationError, match="one of"):
        answered(answer, decision="iterate", assessment="too low", changes=["use magic"])
    with pytest.raises(ValidationError, match="at least one change"):
        answered(answer, decision="iterate", assessment="too low", changes=[])


def test_a_goal_that_is_not_reached_cannot_be_said_to_be() -> None:
    def verdicts(accuracy: float) -> list[str]:
        entry = (
            brief()
            .history[0]
            .entry.model_copy(update={"metrics_summary": {"accuracy": accuracy, "val_loss": 0.5}})
        )
        after = replace(brief(), history=(Attempt(entry, NETWORK, None),))
        schema = instruct.decision_answer(after).model_json_schema()["properties"]["decision"]
        return list(schema["enum"])

    assert verdicts(0.7999) == ["iterate", "stop"]
    assert verdicts(0.8) == ["goal_achieved"]


def test_the_first_changes_of_the_list_fit_the_run() -> None:
    assert changes.choices(brief())[0] == "augment with shift"  # training data 0.72, validation 0.61
    assert changes.choices(brief(limit=1000))[0] == "halve the channels"
    assert changes.choices(brief(steering="try tanh"))[0] == "try tanh"


def test_each_profile_has_a_text_for_each_task_of_the_planner() -> None:
    assert set(MANNERS) < set(PROFILES)
    for manner in MANNERS:
        assert all(len(texts(manner, task).examples) in range(2, 6) for task in TASKS)
