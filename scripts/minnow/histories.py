"""Simulated runs for the planner's training texts. Metrics are made up; the teacher answers along them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from minnow import teacher
from minnow.architect import Wishes
from minnow.goals import Phrasebook
from minnow.heldout import CLASSES, INPUTS, SIZES
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.schemas import DataCard, DatasetName, Decision, ModelConfig, RegistryEntry
from mlagent_tui.shapes import count_parameters, infer, show

CARDS: dict[str, tuple[tuple[int, int, int], int, int]] = {
    "digits": ((1, 8, 8), 10, 1150), "dummy": ((3, 16, 16), 10, 2000),
    "mnist": ((1, 28, 28), 10, 54000), "fashion_mnist": ((1, 28, 28), 10, 54000),
    "cifar10": ((3, 32, 32), 10, 45000), "cifar100": ((3, 32, 32), 100, 45000),
}  # fmt: skip

UNBUILT = 0.03
ENDINGS = (
    "out of memory",
    "the trial used more than its memory limit",
    "no answer within its time limit",
)


def card_for(dataset: DatasetName, rng: random.Random) -> DataCard:
    """A data card; the dummy set comes in many shapes, and sizes of splits vary."""
    shape, classes, train = CARDS[dataset]
    if dataset == "dummy" and rng.random() < 0.7:
        while True:
            side = rng.choice((8, 10, 12, 16, 20, 24, 28, 32, rng.randint(8, 48)))
            shape = (rng.choice((1, 2, 3, 4)), side, side)
            classes = rng.choice((2, 3, 4, 5, 6, 8, 10, 10, 12, 20, *rng.sample(range(2, 200), 10)))
            if shape not in INPUTS and classes not in CLASSES | SIZES:
                break
    if rng.random() < 0.7:
        train = rng.choice((train, rng.randint(500, 60000), 1000, 5000, 10000))
    return DataCard(
        dataset=dataset, input_shape=shape, num_classes=classes,
        train_size=train, val_size=train // 9, test_size=train // 5,
    )  # fmt: skip


@dataclass
class Simulation:
    """A made-up run up to some iteration: what a planner would see (`brief`), the `wishes` behind it."""

    rng: random.Random
    wishes: Wishes = field(default_factory=Wishes)
    brief: Brief = field(init=False)

    def begin(self) -> None:
        """A goal and its data card, nothing tried yet."""
        rng = self.rng
        while True:
            _, goal, self.wishes = Phrasebook(rng).draw()
            if goal.threshold is not None and goal.dataset is not None:
                break
        card = card_for(goal.dataset, rng)
        iterations = rng.choice((3, 4, 5, 5, 6, 8, 8, 8, 8, 10, 12))
        self.brief = Brief(goal, card, 1, iterations, 0, min(iterations, rng.choice((2, 3, 3, 3, 4))))

    def steer(self, chance: float) -> None:
        """Now and then the user says something."""
        said = self.rng.choice(tuple(teacher.PHRASES)) if self.rng.random() < chance else ""
        self.brief = self._with(steering=said)

    def run(self) -> None:
        """One iteration: configure, then an outcome drawn at random."""
        brief = self.brief
        change = teacher.all_changes(brief) if brief.history else []
        chance = self.rng.random()
        settings = teacher.training(brief, self.wishes)
        planned = teacher.config(brief, self.wishes)
        status, reason = self._fate(chance, planned)
        network = planned if chance >= UNBUILT else None
        entry = RegistryEntry(
            run_id=f"qe_{brief.iteration}", timestamp="", model_name="CurrentModel",
            dataset=brief.card.dataset, metrics_summary={}, experiment_dir="",
            iteration=brief.iteration, change=change, status=status, reason=reason,
        )  # fmt: skip
        if network is not None:
            entry.parameters = count_parameters(infer(network))
        if status == "completed":
            self._outcome(entry)
        history = (*brief.history, Attempt(entry, network, settings))
        self.brief = self._with(history=history, stale=self._stale(history), steering="")

    def _fate(self, chance: float, network: ModelConfig) -> tuple[str, str]:
        """How a trial ended, and why it did not complete."""
        if chance < UNBUILT:
            return "failed", self.config_problem()
        if chance < 0.06:
            return "failed", self.code_problem(network)
        if chance < 0.09:
            return "diverged", f"the loss became nan in epoch {self.rng.randint(1, 3)}"
        if chance < 0.11:
            return "failed", self.rng.choice(ENDINGS)
        return "completed", ""

    def advance(self, decision: Decision) -> None:
        """On to the next iteration with the changes a decision asked for."""
        self.brief.history[-1].entry.next_change = list(decision.changes)
        self.brief = self._with(iteration=self.brief.iteration + 1, steering="")

    def _with(self, **changes: object) -> Brief:
        return replace(self.brief, **changes)  # type: ignore[arg-type]

    def _outcome(self, entry: RegistryEntry) -> None:
        rng, goal = self.rng, self.brief.goal
        target = goal.threshold if goal.metric == "accuracy" else rng.uniform(0.5, 0.99)
        spread = rng.choice((0.004, 0.02, 0.1, 0.3))
        accuracy = min(1.0, max(0.05, (target or 0.5) + rng.uniform(-1, 0.45) * spread))
        if rng.random() < 0.02:
            accuracy = round(target or 0.5, 3)
        gap = rng.choice((
            rng.uniform(-0.03, 0.019), rng.uniform(0.02, 0.06),
            rng.uniform(0.02, 0.3), rng.uniform(-0.01, 0.04),
        ))  # fmt: skip
        train = min(1.0, max(0.02, accuracy + gap))
        loss = max(0.01, (1 - accuracy) * rng.uniform(1.5, 4.5))
        if goal.metric == "val_loss" and goal.threshold:
            factor = rng.choice((rng.uniform(0.5, 1.1), rng.uniform(0.9, 1.1), rng.uniform(1, 4)))
            loss = max(0.001, goal.threshold * factor)
        entry.metrics_summary = {"accuracy": round(accuracy, 4), "val_loss": round(loss, 4)}
        entry.train_accuracy = round(train, 4)
        entry.train_loss = round(max(0.005, (1 - train) * rng.uniform(1.5, 4)), 4)
        seconds = rng.choice((rng.uniform(0.5, 9), rng.uniform(5, 60), rng.uniform(20, 400)))
        if goal.max_seconds:
            share = rng.choice((rng.uniform(0.05, 0.95), rng.uniform(0.2, 0.9), rng.uniform(1.01, 1.6)))
            seconds = goal.max_seconds * share
        entry.seconds = round(seconds, 1)
        if rng.random() < 0.04:
            entry.status = "time_limit"
        if goal.max_parameters and rng.random() < 0.15:
            entry.parameters = int(goal.max_parameters * rng.uniform(1.01, 4)) + 1

    def _stale(self, history: tuple[Attempt, ...]) -> int:
        return self.rng.choice(
            (0, 0, 1, min(2, len(history)), self.brief.patience if self.rng.random() < 0.3 else 0)
        )

    def config_problem(self) -> str:
        """Why a network cannot be built, as `shapes.infer` says it."""
        rng = self.rng
        side, channels = rng.choice((1, 2, 3)), rng.choice((16, 32, 64, 128))
        name = rng.choice(("maxpool", "conv", "avgpool")) + str(rng.randint(2, 6))
        kind = {"m": "max_pool2d", "c": "conv2d", "a": "avg_pool2d"}[name[0]]
        place = f"{name} ({kind}) on {show((channels, side, side))}"
        return f"{place}: kernel {rng.randint(2, 7)} is larger than the image"

    def code_problem(self, network: ModelConfig) -> str:
        """A difference between code and network, as the check of code says it."""
        rng = self.rng
        names = [s.name for s in infer(network)]
        return f"{rng.choice(names)}: expected {rng.randint(1, 512)} in_features, got {rng.randint(1, 512)}"
