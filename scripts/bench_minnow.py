#!/usr/bin/env python3
"""Measure the bundled model on goals, networks and histories that its training cannot have produced.

    scripts/bench_minnow.py [--count 200] [--model FILE] [--only QUESTION]

Every text holds something that `minnow/heldout.py` keeps from the training generator. Prints one table.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml
from pydantic import ValidationError

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from minnow import teacher
from minnow.architect import LayerDict, make
from minnow.fancy import Fancy
from minnow.goals import Phrasebook
from minnow.heldout import CLASSES, INPUTS, held_out
from minnow.histories import Simulation
from minnow.published import NAMES, networks
from mlagent_tui import tools
from mlagent_tui.agent import stopping
from mlagent_tui.agent.planner import Planner, ungrounded
from mlagent_tui.agent.planning import fitted
from mlagent_tui.errors import CodeError, ConfigError, ModelError
from mlagent_tui.events import CodeMade, Event
from mlagent_tui.llm import Answer, LanguageModel, open_model
from mlagent_tui.research import ranking
from mlagent_tui.schemas import DataCard, Decision, Goal, ModelConfig
from mlagent_tui.shapes import count_parameters, infer
from mlagent_tui.training import WorkerPool

PEOPLE = Path(__file__).parent / "minnow" / "people.yaml"
LONG_COUNT = 30
LONG_STEPS = 66
"""What Minnow's context holds is 65 steps or so, with their code."""
LONG_PARAMETERS = 1_500_000


@dataclass
class Tally:
    """Counts of one question, and what went wrong."""

    name: str
    wanted: float
    right: int = 0
    asked: int = 0
    misses: list[str] = field(default_factory=list)

    def note(self, ok: bool, miss: str = "") -> None:
        """Count one answer."""
        self.asked += 1
        self.right += ok
        if not ok:
            self.misses.append(miss)

    @property
    def good(self) -> bool:
        """Whether the rate is what is wanted of it."""
        return self.right >= self.wanted * self.asked

    def row(self) -> str:
        """One line of the table."""
        rate = self.right / max(self.asked, 1)
        verdict = "ok" if self.good else "BELOW"
        return f"{self.name:45} {self.right:4}/{self.asked:<4} {rate:7.1%}  (>= {self.wanted:.1%})  {verdict}"


class Speed:
    """Tokens and seconds of every answer."""

    def __init__(self) -> None:
        self.tokens, self.seconds, self.prompt_tokens, self.prompt_seconds = 0, 0.0, 0, 0.0

    def __call__(self, task: str, answer: Answer) -> None:
        self.tokens += answer.tokens
        self.seconds += answer.seconds
        self.prompt_tokens += answer.prompt_tokens
        self.prompt_seconds += answer.prompt_seconds


def main() -> int:
    """Ask every question and print the table; exit status 1 when a rate is below what is wanted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200, help="texts of each kind")
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--seed", type=int, default=20_000_003)
    parser.add_argument("--only", choices=("goals", "configs", "decisions", "code", "long", "names"))
    parser.add_argument("--misses", type=int, default=0, help="number of misses to print of each kind")
    options = parser.parse_args()
    model, speed = open_model(options.model), Speed()
    planner = Planner(model, 0, lambda *_: None, speed, threading.Event())
    rng = random.Random(options.seed)
    questions: dict[str, Callable[[], list[Tally]]] = {
        "goals": lambda: [goals(planner, rng, options.count), people(planner)],
        "configs": lambda: [configs(planner, rng, options.count)],
        "decisions": lambda: decisions(planner, rng, options.count),
        "code": lambda: codes(model, rng, options.count, speed),
        "long": lambda: long_networks(model, rng, min(options.count, LONG_COUNT), speed),
        "names": lambda: [names(model, speed)],
    }
    tallies: list[Tally] = []
    for name, ask in questions.items():
        if options.only in (None, name):
            began = time.monotonic()
            tallies += ask()
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    model.close()
    for tally in tallies:
        print(tally.row())
        for miss in tally.misses[: options.misses]:
            print(f"    {miss}")
    print(f"answers: {speed.tokens / max(speed.seconds, 1e-9):.0f} tokens/s")
    print(f"prompts: {speed.prompt_tokens / max(speed.prompt_seconds, 1e-9):.0f} tokens/s")
    return 0 if all(tally.good for tally in tallies) else 1


def goals(planner: Planner, rng: random.Random, count: int) -> Tally:
    """Goals in held-out turns of phrase, understood exactly: every field of the typed goal."""
    tally = Tally("goals understood exactly", 0.95)
    book = Phrasebook(rng, held_out=True)
    while tally.asked < count:
        text, goal, _ = book.draw()
        if any("occur" in doubt for doubt in ungrounded(goal, text)):
            continue  # a slip of the finger went into a number
        try:
            got = planner.read(text)
        except ModelError as error:
            tally.note(False, f"{text!r}: {error.what}")
            continue
        tally.note(got == goal, f"{text!r}\n      want {goal!r}\n      got  {got!r}")
    return tally


def people(planner: Planner) -> Tally:
    """Goals written by hand, by somebody who did not know the generator; all of them, whatever the count."""
    tally = Tally("goals by another hand (no bar)", 0.0)
    for entry in yaml.safe_load(PEOPLE.read_text(encoding="utf-8")):
        goal, text = Goal.model_validate(entry["goal"]), entry["text"]
        try:
            got = planner.read(text)
        except ModelError as error:
            tally.note(False, f"{text!r}: {error.what}")
            continue
        tally.note(got == goal, f"{text!r}\n      want {goal!r}\n      got  {got!r}")
    return tally


def unseen(rng: random.Random, iterations: tuple[int, ...]) -> Iterator[Simulation]:
    """Runs on inputs and class counts that training never saw, some iterations in."""
    while True:
        simulation = Simulation(rng)
        simulation.begin()
        brief = simulation.brief
        card = DataCard(
            dataset="dummy",
            input_shape=rng.choice(sorted(INPUTS)),
            num_classes=rng.choice(sorted(CLASSES)),
            train_size=brief.card.train_size,
            val_size=brief.card.val_size,
            test_size=brief.card.test_size,
        )
        goal = brief.goal.model_copy(update={"dataset": "dummy"})
        simulation.brief = replace(brief, goal=goal, card=card)
        try:
            for index in range(rng.choice(iterations)):
                if index:
                    decision = teacher.decide(simulation.brief, simulation.wishes)
                    if decision.decision != "iterate":
                        break
                    simulation.advance(decision)
                simulation.run()
        except (ValueError, ConfigError):
            continue  # the made-up changes led to a network that is too large
        yield simulation


def configs(planner: Planner, rng: random.Random, count: int) -> Tally:
    """First configs and changed ones, for unseen inputs: the first answer builds."""
    tally = Tally("configs that build", 0.99)
    for simulation in unseen(rng, (0, 1, 2, 3)):
        if tally.asked == count:
            break
        if simulation.brief.history:
            try:
                decision = teacher.decide(simulation.brief, simulation.wishes)
            except ValueError:
                continue  # nothing is left that the teacher would try
            if decision.decision != "iterate":
                continue
            simulation.advance(decision)
        brief = simulation.brief
        try:
            infer(fitted(brief, planner.configure(brief)))
            tally.note(True)
        except (ConfigError, ModelError) as error:
            tally.note(False, f"{brief.goal.wishes!r} {brief.changes}: {error.what}")
    return tally


def decisions(planner: Planner, rng: random.Random, count: int) -> list[Tally]:
    """Verdicts held against the numbers: Minnow's own, and after `stopping` has settled them."""
    alone = Tally("decisions agreeing with the numbers", 0.95)
    guarded = Tally("decisions, settled by the guard", 1.0)
    fresh = Tally("changes not tried in the runs shown", 0.95)
    for simulation in unseen(rng, (1, 2, 3, 4)):
        if alone.asked == count:
            break
        brief = simulation.brief
        met = ranking.achieved(brief.goal, brief.history[-1].entry)
        wanted = "goal_achieved" if met else "stop" if stopping.must_stop(brief) else "iterate"
        advice: Decision | None = None
        try:
            advice = planner.decide(brief)
            alone.note(advice.decision == wanted, f"want {wanted}, got {advice!r}")
        except ModelError as error:
            alone.note(False, error.what)
        guarded.note(stopping.settle(advice, brief).decision.decision == wanted)
        if advice and advice.changes:
            tried = {change for attempt in brief.history for change in attempt.entry.change}
            repeated = set(advice.changes) & tried - {"halve the channels"}  # twice too large, halved twice
            fresh.note(not repeated, f"{advice.changes} after {tried}")
    return [alone, guarded, fresh]


class Coding:
    """Has the coder write networks, each checked in a trial worker. Use as a context."""

    def __init__(self, model: LanguageModel, speed: Speed) -> None:
        self._attempts: list[CodeMade] = []
        self._folder = tempfile.TemporaryDirectory()
        self._pool = WorkerPool(Path(self._folder.name))
        self._context = tools.ToolContext(
            Path(self._folder.name), lambda: model, lambda: self._pool, on_event=self._told, on_call=speed
        )

    def __enter__(self) -> Coding:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()
        self._folder.cleanup()

    def _told(self, event: Event) -> None:
        if isinstance(event, CodeMade):
            self._attempts.append(event)

    def write(self, config: ModelConfig) -> tuple[bool, str]:
        """Whether the first answers were right, and what was wrong with the last; empty when it passed."""
        self._attempts.clear()
        problem = ""
        with tools.use_context(self._context):
            try:
                tools.pytorch_model_assembler(config.model_dump(mode="json"), "model.py")
            except (CodeError, ModelError) as error:
                problem = error.what
        return bool(self._attempts) and self._attempts[0].accepted, problem


def codes(model: LanguageModel, rng: random.Random, count: int, speed: Speed) -> list[Tally]:
    """Code of unseen networks: the same function as its config, checked in a trial worker."""
    first = Tally("code that is its config, first attempt", 0.98)
    repaired = Tally("code that is its config, within the repairs", 0.995)
    with Coding(model, speed) as coding:
        while first.asked < count:
            config = unseen_network(rng)
            at_once, problem = coding.write(config)
            shown = f"{config.to_json()}: {problem or 'repaired'}"
            first.note(at_once, shown)
            repaired.note(not problem, shown)
    return [first, repaired]


def long_networks(model: LanguageModel, rng: random.Random, count: int, speed: Speed) -> list[Tally]:
    """Networks that are too long for one answer: known ones, told one by one, and random ones."""
    known = Tally("known networks, within the repairs", 1.0)
    random_ones = Tally("long random networks, within the repairs", 0.95)
    tallies = [(known, name, config) for name, config in networks().items()]
    tallies += [(random_ones, f"random {n + 1}", long_network(rng)) for n in range(count)]
    with Coding(model, speed) as coding:
        for tally, name, config in tallies:
            began = time.monotonic()
            at_once, problem = coding.write(config)
            tally.note(not problem, f"{name}: {problem}")
            result = problem or ("right at once" if at_once else "right after repairs")
            seconds = time.monotonic() - began
            print(f"{name:28} {len(infer(config)):5} steps {seconds:6.1f} s  {result}", flush=True)
    return [known, random_ones]


def names(model: LanguageModel, speed: Speed) -> Tally:
    """A small network under each of 60 names."""
    tally = Tally("class names, at the first attempt", 1.0)
    layers: list[LayerDict] = [{"type": "flatten"}, {"type": "linear", "out_features": 16}, {"type": "relu"}]
    small = make((1, 8, 8), 10, [*layers, {"type": "linear", "out_features": 10}])
    with Coding(model, speed) as coding:
        for name in NAMES:
            config = ModelConfig.model_validate(small.model_dump() | {"model_name": name})
            at_once, problem = coding.write(config)
            tally.note(at_once, f"{name}: {problem or 'repaired'}")
    return tally


def long_network(rng: random.Random) -> ModelConfig:
    """A random network of more steps than Minnow can write in one answer."""
    while True:
        try:
            config = Fancy(rng, rng.choice((40, 55)), stacks=rng.choice((0.03, 0.25))).draw()
        except ValidationError:
            continue  # more layers than a configuration may have
        steps = infer(config)
        if len(steps) >= LONG_STEPS and count_parameters(steps) <= LONG_PARAMETERS:
            return config


def unseen_network(rng: random.Random) -> ModelConfig:
    """A network with at least one held-out size, input, class count or pair of layers."""
    fancy = Fancy(rng)
    while True:
        config = fancy.draw()
        if held_out(config):
            return config


if __name__ == "__main__":
    sys.exit(main())
