from __future__ import annotations

import random
import re

import pytest

from minnow import phrases, teacher
from minnow.goals import Phrasebook, words
from minnow.histories import Simulation
from minnow.phrases import Stock
from minnow.samples import SHARES, Sample, Sampler
from mlagent_tui import tools
from mlagent_tui.agent import stopping
from mlagent_tui.agent.numbers import find_numbers, listing, occurs
from mlagent_tui.agent.planner import ungrounded
from mlagent_tui.errors import ConfigError
from mlagent_tui.llm import code_block
from mlagent_tui.research import ranking
from mlagent_tui.schemas import Decision, Goal, Plan


def test_the_same_seed_gives_the_same_stream() -> None:
    first, second = (Sampler(random.Random(5)) for _ in range(2))
    assert [first.draw() for _ in range(20)] == [second.draw() for _ in range(20)]


def test_every_task_is_drawn(drawn: dict[str, list[Sample]]) -> None:
    assert set(drawn) == set(SHARES)
    for task, samples in drawn.items():
        assert all(sample.prompt.startswith(f"Task: {task}\n") for sample in samples)


# --- goals ----------------------------------------------------------------------------------------------


def test_every_goal_is_valid_and_its_numbers_occur_in_the_text(drawn: dict[str, list[Sample]]) -> None:
    for sample in drawn["goal"]:
        goal = Goal.model_validate_json(sample.answer)
        _, text, numbers, *_ = sample.prompt.splitlines()
        found = find_numbers(text.removeprefix("Text: "))
        assert numbers == f"Numbers: {listing(found)}"
        for value in (goal.threshold, goal.max_parameters, goal.max_seconds):
            assert value is None or occurs(value, found), sample


def test_wishes_are_the_normal_form_of_what_was_drawn() -> None:
    book = Phrasebook(random.Random(6))
    for _ in range(100):
        text, goal, wishes = book.draw()
        assert goal.wishes == wishes.text()
        assert len(text) < 600
        assert not [doubt for doubt in ungrounded(goal, text) if "named" in doubt and goal.dataset is None]


def test_held_out_goals_hold_a_phrase_that_training_never_sees() -> None:
    book = Phrasebook(random.Random(7), held_out=True)
    for _ in range(50):
        book.draw()
        assert book.novel


def stocks() -> dict[str, Stock]:
    found: dict[str, Stock] = {}
    for name, value in vars(phrases).items():
        if name.startswith("_") or not name.isupper() or name == "ACTIVATION_NAMES":
            continue
        if isinstance(value, dict):
            found |= {f"{name} {key}": stock for key, stock in value.items()}
        elif isinstance(value, tuple):
            found[name] = value
    return found


def test_held_out_phrases_never_occur_in_training_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {phrase for _, new in stocks().values() for phrase in new}
    assert len(stocks()) > 40
    assert len(kept) > 90
    for phrase in kept:
        assert phrases.KEPT.fullmatch(phrase.format(n="five", a="ReLU"))
    monkeypatch.setattr(Phrasebook, "_typos", lambda book, text: text)
    book = Phrasebook(random.Random(9))
    texts = " | ".join(book.draw()[0].lower() for _ in range(1000))
    plain = {phrase.lower() for phrase in kept if "{" not in phrase}
    assert not [phrase for phrase in plain if re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", texts)]


def test_a_template_stands_for_every_choice_in_it() -> None:
    drawn = {phrases.expand("a (b|c [d|e]) f", random.Random(seed)) for seed in range(100)}
    assert drawn == {"a b f", "a c f", "a c d f", "a c e f"}


@pytest.mark.parametrize(("number", "word"), [(0, "zero"), (12, "twelve"), (19, "nineteen"), (90, "ninety")])
def test_numbers_in_words(number: int, word: str) -> None:
    assert words(number, random.Random(0)) == word


# --- plans and decisions --------------------------------------------------------------------------------


def test_every_plan_is_valid_and_its_calls_fit_the_tools(drawn: dict[str, list[Sample]]) -> None:
    for sample in drawn["plan"]:
        plan = Plan.model_validate_json(sample.answer)
        for call in plan.calls:
            tools.validate_call(call)
        assert [call.tool for call in plan.calls] == [
            "write_file",
            "pytorch_model_assembler",
            "pytorch_model_summary",
            "pytorch_quick_evaluator",
        ]


def runs(count: int) -> list[Simulation]:
    """Simulated runs, each just after a trial."""
    sampler, found = Sampler(random.Random(8)), list[Simulation]()
    while len(found) < count:
        try:
            found.append(sampler.simulated(decided=False))
        except (ConfigError, ValueError):
            continue  # as `Sampler.draw` does
    return found


def test_decisions_agree_with_the_numbers() -> None:
    seen = set()
    for simulation in runs(150):
        brief = simulation.brief
        met = ranking.achieved(brief.goal, brief.history[-1].entry)
        wanted = "goal_achieved" if met else "stop" if stopping.must_stop(brief) else "iterate"
        decision = teacher.decide(brief, simulation.wishes)
        assert decision.decision == wanted
        assert stopping.settle(decision, brief).overruled_because == ""
        seen.add(wanted)
    assert seen == {"goal_achieved", "stop", "iterate"}


def test_changes_are_new_unless_the_network_is_too_large() -> None:
    for simulation in runs(60):
        tried = {change for attempt in simulation.brief.history for change in attempt.entry.change}
        changes = set(teacher.decide(simulation.brief, simulation.wishes).changes)
        fallbacks = {"halve the channels", "learning rate 0.001", "remove a conv layer", "start smaller"}
        again = {change for change in changes & tried if not change.startswith(("train ", "learning"))}
        assert not again - fallbacks


def test_every_decision_is_valid(drawn: dict[str, list[Sample]]) -> None:
    for sample in drawn["decision"]:
        assert Decision.model_validate_json(sample.answer).assessment


def test_what_the_user_says_comes_first() -> None:
    decision = Decision(decision="iterate", assessment="", changes=["double the channels", "add batch norm"])
    said = next(said for said, change in teacher.PHRASES.items() if change == "use activation gelu")
    assert teacher.steered(decision, said).changes == ["use activation gelu", "double the channels"]
    assert teacher.steered(decision, "whatever that means") == decision


# --- code and explanations ------------------------------------------------------------------------------


def test_an_answer_of_the_coder_is_one_fenced_block(drawn: dict[str, list[Sample]]) -> None:
    for sample in drawn["code"][:50]:
        assert sample.answer.count("```") == 2
        assert code_block(sample.answer)


def test_layers_are_counted_from_any_number() -> None:
    sampler = Sampler(random.Random(3))
    prompt, answer = sampler._renumbered(
        "conv1: conv2d 1x8x8\nres1: add shortcut1\nOrder: conv1, drop2d2, leaky_relu1, conv2",
        "self.conv1 = nn.Conv2d(1, 2)\nx = x + self.shortcut1(res1)\nx = self.conv2(x)",
    )
    first, second = (int(n) for n in re.findall(r"conv(\d+)\b", prompt.splitlines()[2]))
    assert second == first + 1
    assert f"conv{first}: conv2d 1x8x8" in prompt
    assert f"self.conv{first} = nn.Conv2d(1, 2)" in answer
    block = re.search(r"res(\d+): add shortcut(\d+)", prompt)
    assert block
    assert block[1] == block[2]
    assert f"x = x + self.shortcut{block[1]}(res{block[1]})" in answer


def test_some_repairs_show_the_place_again(drawn: dict[str, list[Sample]]) -> None:
    again = [s.prompt.partition("Look again:\n")[2] for s in drawn["code"] if "Look again" in s.prompt]
    assert again
    for excerpt, sample in zip(again, (s for s in drawn["code"] if "Look again" in s.prompt), strict=True):
        *lines, order = excerpt.splitlines()
        assert "\n".join(lines) in sample.prompt.partition("Order: ")[0]
        assert order.removeprefix("Order there: ") in sample.prompt.partition("Order: ")[2]


def test_an_explanation_names_the_class_and_its_size(drawn: dict[str, list[Sample]]) -> None:
    for sample in drawn["explain"]:
        facts = dict(line.split(": ", 1) for line in sample.prompt.splitlines()[1:6])
        assert sample.answer.startswith(facts["Class"])
        assert facts["Multiply-adds"] in sample.answer
        assert len(sample.answer) < 600
