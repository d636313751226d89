"""Prompt and answer pairs for every call the loop makes, drawn by task."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass

from pydantic import ValidationError

from minnow import coder, teacher
from minnow.architect import apply, first_config
from minnow.fancy import Fancy
from minnow.goals import Phrasebook
from minnow.heldout import held_out
from minnow.histories import Simulation
from minnow.phrases import DATASETS
from minnow.tokenizer import KINDS
from mlagent_tui.agent.minnow_wording import config_prompt, decision_prompt, goal_prompt, plan_prompt
from mlagent_tui.agent.planner import ungrounded
from mlagent_tui.errors import ConfigError
from mlagent_tui.schemas import Goal, ModelConfig
from mlagent_tui.shapes import Step, infer
from mlagent_tui.tools.prompts import code_prompt, explain_prompt

NAME = re.compile(rf"(?<![A-Za-z_])({'|'.join(sorted(KINDS, key=len, reverse=True))})([0-9]+)(?![0-9d])")
LATEST = 9
"""What is added at most to the numbers of renumbered layers."""

SHARES = {"code": 0.25, "goal": 0.35, "config": 0.22, "decision": 0.15, "plan": 0.02, "explain": 0.01}
REPAIRS = 0.25
"""Share of the code samples that follow a slip."""

RENUMBERED = 0.3
"""Share of the code samples whose layers are not counted from 1: names are to be looked up, not counted."""


@dataclass(frozen=True)
class Sample:
    """What a model is shown, and what it should answer."""

    task: str
    prompt: str
    answer: str

    @property
    def shown(self) -> str:
        """The prompt as Minnow's chat template shows it."""
        return self.prompt.lower() if self.task == "goal" else self.prompt


@dataclass
class Sampler:
    """An endless stream of samples; the same seed gives the same stream. `longest` bounds the networks."""

    rng: random.Random
    longest: int = 14

    def draw(self) -> Sample:
        """The next sample of any task."""
        return self.draw_of(self.rng.choices(tuple(SHARES), weights=tuple(SHARES.values()))[0])

    def draw_of(self, task: str) -> Sample:
        """The next sample of one task."""
        while True:
            try:
                sample: Sample = getattr(self, task)()
                return sample
            except (ConfigError, ValidationError):
                continue  # a change that would leave a network too long or too large: draw again

    def goal(self) -> Sample:
        text, goal, _ = Phrasebook(self.rng).draw()
        doubts = ungrounded(goal, text)
        if any("occur" in doubt for doubt in doubts):
            return self.goal()
        doubt = "; ".join(ungrounded(self._misread(goal), text)) if self.rng.random() < 0.06 else ""
        return Sample("goal", goal_prompt(text, doubt or None), goal_json(goal))

    def _misread(self, goal: Goal) -> Goal:
        """A goal with something in it that the text does not say, or without what it says."""
        wrong = self.rng.choice((
            {"threshold": round(self.rng.random(), 2), "max_parameters": 1234}, {"threshold": None},
            {"dataset": None}, {"dataset": self.rng.choice(tuple(DATASETS))},
            {"max_seconds": float(self.rng.randint(1, 500))},
        ))  # fmt: skip
        return goal.model_copy(update=wrong)

    def network(self) -> ModelConfig:
        """A config for the coder, with nothing in it that is held out."""
        while True:
            if self.rng.random() < 0.25:
                simulation = Simulation(self.rng)
                simulation.begin()
                try:
                    config = first_config(
                        simulation.wishes, simulation.brief.card, simulation.brief.goal.max_parameters
                    )
                except ConfigError:
                    continue
            else:
                config = Fancy(self.rng, self.longest, stacks=0.25).draw()
            if not held_out(config):
                break
        if self.rng.random() < 0.04:
            name = self.rng.choice(
                ("Net", "SmallCNN", "DigitNet", "Model", "MyModel", "ConvNet", "Classifier", "LeNet")
            )
            config = config.model_copy(update={"model_name": name})
        return config

    def code(self) -> Sample:
        config = self.network()
        steps = infer(config)
        problem = place = None
        if self.rng.random() < REPAIRS:
            place, problem = self._slip(steps)
        prompt, answer = code_prompt(config, steps, problem, place), coder.answer(config)
        if self.rng.random() < RENUMBERED:
            prompt, answer = self._renumbered(prompt, answer)
        return Sample("code", prompt, answer)

    def _renumbered(self, *texts: str) -> list[str]:
        """`texts` with the layers of each kind counted from another number."""
        first = {kind: self.rng.randint(0, LATEST) for kind in KINDS}
        first["shortcut"] = first["res"]
        return [
            NAME.sub(lambda found: f"{found[1]}{int(found[2]) + first[found[1]]}", text) for text in texts
        ]

    def _slip(self, steps: list[Step]) -> tuple[str, str]:
        """Where an answer went astray, and what a check says of it, there or a few layers later."""
        layers = [s for s in steps if s.role in ("layer", "shortcut")]
        alike = Counter(s.layer.model_dump_json() for s in layers)
        at = self.rng.choices(range(len(layers)), [alike[s.layer.model_dump_json()] for s in layers])[0]
        late = self.rng.randint(0, 4) if self.rng.random() < 0.3 else 0
        return layers[at].name, self._difference(layers[min(at + late, len(layers) - 1)], steps)

    def _difference(self, step: Step, steps: list[Step]) -> str:
        """What a check says of a wrong line, as `training` words it; what it expects is true."""
        rng = self.rng
        kind = step.layer.type
        if rng.random() < 0.1:
            missing = f"'CurrentModel' object has no attribute '{step.name}'"
            return f"{step.name}: expected {kind}, got AttributeError: {missing} (line {rng.randint(9, 99)})"
        if rng.random() < 0.4:
            other = rng.choice([s.layer.type for s in steps if s.layer.type != kind] or ["nothing"])
            return f"{step.name}: expected {kind}, got {other}"
        arguments = step.layer.model_dump(exclude={"type"}, exclude_defaults=True)
        if kind in ("conv2d", "linear"):
            arguments["in_channels" if kind == "conv2d" else "in_features"] = step.input_shape[0]
        if not arguments:
            return f"{step.name}: expected {kind}, got nothing"
        name, value = rng.choice(list(arguments.items()))
        return f"{step.name}: expected {name} {value}, got {rng.choice((1, 2, 3, 5, rng.randint(1, 600)))}"

    def explain(self) -> Sample:
        config = self.network()
        summary = coder.facts(config, self.rng.randint(1000, 10 ** self.rng.randint(4, 8)))
        return Sample(
            "explain", explain_prompt(coder.code(config), summary), coder.explanation(config, summary)
        )

    def plan(self) -> Sample:
        simulation = self.simulated(decided=True)
        return Sample(
            "plan", plan_prompt(simulation.brief), teacher.plan(simulation.brief, simulation.wishes)
        )

    def config(self) -> Sample:
        simulation = self.simulated(decided=True)
        brief = simulation.brief
        config = teacher.config(brief, simulation.wishes)
        problem = None
        if self.rng.random() < 0.1:
            if brief.goal.max_parameters and self.rng.random() < 0.7:
                count = brief.goal.max_parameters + self.rng.randint(1, brief.goal.max_parameters)
                problem = f"the network has {count} parameters, over the limit of {brief.goal.max_parameters}"
                config = teacher.config(brief, simulation.wishes, over=True)
            elif brief.last_config is not None and self.rng.random() < 0.5:
                earlier = self.rng.randint(1, len(brief.history))
                problem = f"the same network and training as in iteration {earlier}"
                change = "halve the channels" if brief.goal.max_parameters else "double the channels"
                config = apply(change, config)
            else:
                problem = simulation.config_problem()
        return Sample("config", config_prompt(brief, problem), config.to_json())

    def decision(self) -> Sample:
        simulation = self.simulated(decided=False)
        simulation.steer(0.08)
        decision = teacher.decide(simulation.brief, simulation.wishes)
        decision = teacher.steered(decision, simulation.brief.steering)
        return Sample("decision", decision_prompt(simulation.brief), decision.model_dump_json())

    def simulated(self, *, decided: bool) -> Simulation:
        """A run some iterations in: before a plan when `decided`, else just after a trial."""
        simulation = Simulation(self.rng)
        simulation.begin()
        rounds = self.rng.choice((0, 0, 1, 1, 2, 3, 4)) if decided else self.rng.choice((1, 1, 2, 2, 3, 4, 5))
        for index in range(min(rounds, simulation.brief.iterations)):
            simulation.run()
            if not decided and index == rounds - 1:
                break
            decision = teacher.decide(simulation.brief, simulation.wishes)
            if decision.decision != "iterate":
                if decided:
                    return self.simulated(decided=True)
                break
            simulation.advance(decision)
        if decided:
            simulation.steer(0.06)
        return simulation


def goal_json(goal: Goal) -> str:
    """The goal as Minnow writes it: silent about what the text is silent about."""
    fields = goal.model_dump(mode="json", exclude_defaults=True)
    order = ("dataset", "metric", "comparison", "threshold", "max_parameters", "max_seconds", "wishes")
    kept = {k: fields[k] for k in order if k in fields}
    return Goal.model_validate(kept).model_dump_json(exclude_unset=True)
