"""Simulated runs, and the teacher's hand for plans, configs and decisions along them.

Metrics here are made up; what the teacher answers depends only on what a prompt shows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from minnow.architect import Wishes, apply, changes_network, first_config
from minnow.goals import Phrasebook
from minnow.heldout import INPUTS
from mlagent_tui.agent import context
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.errors import ConfigError
from mlagent_tui.schemas import (
    DataCard,
    DatasetName,
    Decision,
    EvalConfig,
    ModelConfig,
    Plan,
    RegistryEntry,
)
from mlagent_tui.shapes import count_parameters, infer, show

CARDS: dict[str, tuple[tuple[int, int, int], int, int]] = {
    "digits": ((1, 8, 8), 10, 1150), "mnist": ((1, 28, 28), 10, 54000), "fashion_mnist": ((1, 28, 28), 10, 54000),
    "cifar10": ((3, 32, 32), 10, 45000), "cifar100": ((3, 32, 32), 100, 45000), "dummy": ((3, 16, 16), 10, 2000),
}  # fmt: skip
UNDERFIT_GAP = 0.02
FAR = 0.05
STEERING = {
    "double the channels": (
        "make it wider",
        "use more channels",
        "wider please",
        "try a wider network",
        "more filters",
    ),
    "halve the channels": ("make it smaller", "fewer channels", "shrink it", "make the network narrower"),
    "add a conv layer": ("add a conv layer", "make it deeper", "one more convolution", "go deeper"),
    "add a residual block": ("use a residual block", "try residual connections", "add a skip connection"),
    "use activation gelu": ("use gelu", "try GELU instead", "switch to gelu"),
    "use activation silu": ("use silu", "try SiLU", "switch to swish"),
    "use dropout 0.3": ("add dropout", "add dropout 0.3", "try dropout of 0.3", "more dropout"),
    "remove dropout": ("no dropout", "drop the dropout", "remove the dropout"),
    "train 20 epochs": ("train for 20 epochs", "train longer", "20 epochs please", "more epochs"),
    "learning rate 0.001": ("use a smaller learning rate", "lower the learning rate", "learning rate 0.001"),
}
PHRASES = {phrase: change for change, phrases in STEERING.items() for phrase in phrases}


def card_for(dataset: DatasetName, rng: random.Random) -> DataCard:
    """A data card; the dummy set comes in many shapes, and sizes of splits vary."""
    shape, classes, train = CARDS[dataset]
    if dataset == "dummy" and rng.random() < 0.7:
        while True:
            side = rng.choice((8, 10, 12, 16, 20, 24, 28, 32))
            shape, classes = (
                (rng.choice((1, 2, 3, 4)), side, side),
                rng.choice((2, 3, 4, 5, 6, 8, 10, 10, 12, 20)),
            )
            if shape not in INPUTS:
                break
    if rng.random() < 0.7:
        train = rng.choice((train, rng.randint(500, 60000), 1000, 5000, 10000))
    return DataCard(
        dataset=dataset, input_shape=shape, num_classes=classes, train_size=train, val_size=train // 9, test_size=train // 5
    )  # fmt: skip


# --- the teacher's answers ------------------------------------------------------------------------------


def training(brief: Brief, wishes: Wishes) -> EvalConfig:
    """Training settings: the first from the wishes, later ones by the changes asked for."""
    small = brief.card.dataset in ("digits", "dummy")
    settings = brief.last_eval_config
    if settings is None:
        sgd = wishes.optimizer == "sgd"
        settings = EvalConfig(
            dataset=brief.card.dataset, num_classes=brief.card.num_classes,
            epochs=wishes.epochs or (10 if small else 3), batch_size=64 if small else 128,
            optimizer="sgd" if sgd else "adamw", learning_rate=wishes.learning_rate or (0.05 if sgd else 0.003),
            weight_decay=0.0005 if sgd else 0.01, augmentation=_augmentation(brief) if wishes.augmentation else "none",
        )  # fmt: skip
    for change in _all_changes(brief):
        settings = _train_change(settings, change)
    shape = brief.card.input_shape if brief.card.dataset == "dummy" else None
    return settings.model_copy(update={"input_shape": shape, "num_classes": brief.card.num_classes})


def _all_changes(brief: Brief) -> list[str]:
    steered = PHRASES.get(brief.steering)
    return brief.changes + ([steered] if steered and steered not in brief.changes else [])


def _augmentation(brief: Brief) -> str:
    return "flip" if brief.card.dataset in ("cifar10", "cifar100", "fashion_mnist") else "shift"


def _train_change(settings: EvalConfig, change: str) -> EvalConfig:
    words = change.split()
    if change.startswith("train "):
        return settings.model_copy(update={"epochs": int(words[1])})
    if change.startswith("learning rate"):
        return settings.model_copy(update={"learning_rate": float(words[2])})
    if change.startswith("weight decay"):
        return settings.model_copy(update={"weight_decay": float(words[2])})
    if change.startswith("label smoothing"):
        return settings.model_copy(update={"label_smoothing": float(words[2])})
    if change.startswith("augment with"):
        return settings.model_copy(update={"augmentation": words[2]})
    return settings


def plan(brief: Brief, wishes: Wishes) -> str:
    """The plan's JSON: write the config, assemble, summarise, evaluate."""
    settings = training(brief, wishes).model_dump(
        mode="json",
        exclude={"train_size", "val_size", "seed", "device", "precision", "time_limit"},
        exclude_none=True,
    )
    script, name = "src/models/current_model.py", "CurrentModel"
    calls = [
        {"tool": "write_file", "arguments": {"file_path": "configs/models/current_model_config.yaml", "content": "$model_config"}},
        {"tool": "pytorch_model_assembler", "arguments": {"model_config": "$model_config", "output_script_path": script}},
        {"tool": "pytorch_model_summary", "arguments": {
            "model_script_path": script, "model_class_name": name, "input_size": [1, *brief.card.input_shape]}},
        {"tool": "pytorch_quick_evaluator", "arguments": {
            "model_script_path": script, "model_class_name": name, "eval_config": settings}},
    ]  # fmt: skip
    return Plan.model_validate({"calls": calls}).model_dump_json(
        by_alias=True, exclude_none=True, exclude_unset=True
    )


def config(brief: Brief, wishes: Wishes, over: bool = False) -> ModelConfig:
    """The next network; `over`: the first answer was over the parameter limit."""
    previous = brief.last_config
    if previous is None:
        smaller = {"large": "medium", "medium": "small"}.get(wishes.size or "small", "tiny")
        if "start smaller" in brief.changes:
            wishes = Wishes(**{**wishes.__dict__, "size": smaller, "channels": None})
        result = first_config(wishes, brief.card, brief.goal.max_parameters)
    else:
        result = previous
    for change in _all_changes(brief):
        if changes_network(change):
            try:
                result = apply(change, result)
            except ConfigError:
                continue
    return apply("halve the channels", result) if over else result


def decide(brief: Brief, wishes: Wishes) -> Decision:
    """Advice that agrees with the numbers, and tries what has not been tried."""
    entry, goal = brief.history[-1].entry, brief.goal
    value = entry.metrics_summary.get(goal.metric)
    met = value is not None and context.holds(value, goal.comparison, goal.threshold or 0)
    too_big = bool(goal.max_parameters and entry.parameters and entry.parameters > goal.max_parameters)
    too_slow = bool(goal.max_seconds and entry.seconds and entry.seconds > goal.max_seconds)
    wanted = f"{goal.metric} {goal.comparison} {context.number(goal.threshold or 0)}"
    if met and not too_big and not too_slow:
        return Decision(
            decision="goal_achieved",
            assessment=f"The goal is met: {goal.metric} {value:.4f} satisfies {wanted}.",
        )
    facts, changes = _diagnose(brief, wishes, met, too_big, too_slow)
    if brief.iteration >= brief.iterations:
        return Decision(decision="stop", assessment=f"{facts} No iterations are left.")
    if brief.stale >= brief.patience:
        return Decision(decision="stop", assessment=f"{facts} There is no progress any more.")
    return Decision(decision="iterate", assessment=facts, changes=changes)


def _diagnose(
    brief: Brief, wishes: Wishes, met: bool, too_big: bool, too_slow: bool
) -> tuple[str, list[str]]:
    entry, goal = brief.history[-1].entry, brief.goal
    last = brief.history[-1].config
    value = entry.metrics_summary.get(goal.metric)
    if value is None:
        return f"The run gave no result: {entry.status}.", _after_failure(brief)
    if too_big:
        change = _applicable(
            ["pool globally", "halve the channels"], last, _seen(brief) - {"halve the channels"}
        )
        return f"{entry.parameters} parameters are over the limit of {goal.max_parameters}.", change[:1] or [
            "halve the channels"
        ]
    if too_slow:
        epochs = brief.history[-1].eval_config.epochs if brief.history[-1].eval_config else 2
        change = [f"train {epochs // 2} epochs"] if epochs > 1 else ["halve the channels"]
        return (
            f"Training took {entry.seconds:.1f} s, over the limit of {context.number(goal.max_seconds or 0)} s.",
            change,
        )
    gap = (entry.train_accuracy or 0) - entry.metrics_summary["accuracy"]
    gap = round(gap, 4)
    overfit = gap >= UNDERFIT_GAP
    candidates = _against_overfitting(brief, wishes) if overfit else _against_underfitting(brief, wishes)
    usable = _applicable(candidates, last, _seen(brief)) or ["learning rate 0.001"]
    off = abs(round(value, 4) - (goal.threshold or 0))
    count = 2 if round(off, 4) >= FAR else 1
    state = "overfits" if overfit else "underfits"
    return f"{goal.metric} {value:.4f} misses the goal. The network {state}: gap {gap:.4f}.", usable[:count]


def _after_failure(brief: Brief) -> list[str]:
    attempt = brief.history[-1]
    last, reason = brief.last_config, attempt.entry.reason
    if attempt.entry.status == "diverged":
        rate = attempt.eval_config.learning_rate if attempt.eval_config else 0.003
        slower = {0.1: 0.03, 0.05: 0.01, 0.03: 0.01, 0.01: 0.003, 0.003: 0.001, 0.001: 0.0003}.get(
            rate, 0.001
        )
        return [f"learning rate {context.number(slower)}"]
    if last is None:
        return ["start smaller"]
    if "memory" in reason or "time" in reason:
        return ["halve the channels"]
    return _applicable(["remove a conv layer", "halve the channels"], last, set())[:1]


def _against_underfitting(brief: Brief, wishes: Wishes) -> list[str]:
    attempt, limit = brief.history[-1], brief.goal.max_parameters
    kinds = _kinds(attempt.config)
    epochs = attempt.eval_config.epochs if attempt.eval_config else 5
    room = not limit or (attempt.entry.parameters or 0) * 4 <= limit
    return [c for c, ok in (
        (f"train {2 * epochs} epochs", epochs <= 40 and not brief.goal.max_seconds and not wishes.epochs),
        ("double the channels", room and not wishes.channels),
        ("add batch norm", wishes.norm is None and not wishes.mlp),
        ("add a conv layer", room and not wishes.convs and not wishes.mlp),
        ("add a residual block", room and wishes.residual is None and "residual" not in kinds and not wishes.mlp),
        ("add a linear layer 64", room and not wishes.linears),
        ("use activation gelu", not wishes.activation),
        ("learning rate 0.01", not wishes.learning_rate),
    ) if ok]  # fmt: skip


def _against_overfitting(brief: Brief, wishes: Wishes) -> list[str]:
    attempt = brief.history[-1]
    kinds = _kinds(attempt.config)
    augmented = attempt.eval_config is not None and attempt.eval_config.augmentation != "none"
    return [c for c, ok in (
        (f"augment with {_augmentation(brief)}", not augmented and wishes.augmentation is None),
        ("use dropout 0.3", "dropout" not in kinds and wishes.dropout is None),
        ("use dropout 0.5", "dropout" in kinds and wishes.dropout is None),
        ("weight decay 0.05", True),
        ("label smoothing 0.1", brief.goal.metric == "accuracy"),
        ("pool globally", not wishes.mlp and wishes.pooling is None),
        ("halve the channels", not wishes.channels),
    ) if ok]  # fmt: skip


def _kinds(config: ModelConfig | None) -> set[str]:
    return {layer.type for layer in config.layers} if config else set()


def _seen(brief: Brief) -> set[str]:
    return {c for a in brief.history[-context.RECENT_SHOWN :] for c in a.entry.change}


def _applicable(changes: list[str], config: ModelConfig | None, seen: set[str]) -> list[str]:
    out = []
    for change in changes:
        if change in seen:
            continue
        if config is not None and changes_network(change):
            try:
                apply(change, config)
            except ConfigError:
                continue
        out.append(change)
    return out


def steered(decision: Decision, steering: str) -> Decision:
    """The user's sentence comes first among the changes."""
    wanted = PHRASES.get(steering)
    if decision.decision != "iterate" or not wanted:
        return decision
    changes = [wanted, *(c for c in decision.changes if c != wanted)][:2]
    return decision.model_copy(update={"changes": changes})


# --- simulated runs -------------------------------------------------------------------------------------


@dataclass
class Simulation:
    """A made-up run up to some iteration; `brief` is what the planner would see, `wishes` what lies behind it."""

    rng: random.Random
    held_out: bool = False
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
        said = self.rng.choice(tuple(PHRASES)) if self.rng.random() < chance else ""
        self.brief = self._with(steering=said)

    def run(self, over_limit_chance: float = 0.1) -> None:
        """One iteration: configure, then an outcome drawn at random."""
        brief, rng = self.brief, self.rng
        change = _all_changes(brief) if brief.history else []
        failed = rng.random()
        settings = training(brief, self.wishes)
        network: ModelConfig | None = config(brief, self.wishes)
        if failed < 0.03:
            network, status, reason = None, "failed", self.config_problem()
        elif failed < 0.06:
            status, reason = "failed", self.code_problem(network)
        elif failed < 0.09:
            status, reason = "diverged", f"the loss became nan in epoch {rng.randint(1, 3)}"
        elif failed < 0.11:
            status, reason = (
                "failed",
                rng.choice(
                    (
                        "out of memory",
                        "the trial used more than its memory limit",
                        "no answer within its time limit",
                    )
                ),
            )
        else:
            status, reason = "completed", ""
        entry = RegistryEntry(
            run_id=f"qe_{brief.iteration}", timestamp="", model_name="CurrentModel", dataset=brief.card.dataset,
            metrics_summary={}, experiment_dir="", iteration=brief.iteration, change=change, status=status, reason=reason,
        )  # fmt: skip
        if network is not None:
            entry.parameters = count_parameters(infer(network))
        if status == "completed":
            self._outcome(entry)
        history = (*brief.history, Attempt(entry, network, settings))
        self.brief = self._with(history=history, stale=self._stale(history), steering="")

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
        gap = rng.choice(
            (
                rng.uniform(-0.03, 0.019),
                rng.uniform(0.02, 0.06),
                rng.uniform(0.02, 0.3),
                rng.uniform(-0.01, 0.04),
            )
        )
        train = min(1.0, max(0.02, accuracy + gap))
        loss = max(0.01, (1 - accuracy) * rng.uniform(1.5, 4.5))
        if goal.metric == "val_loss" and goal.threshold:
            loss = max(
                0.001,
                goal.threshold
                * rng.choice((rng.uniform(0.5, 1.1), rng.uniform(0.9, 1.1), rng.uniform(1, 4))),
            )
        entry.metrics_summary = {"accuracy": round(accuracy, 4), "val_loss": round(loss, 4)}
        entry.train_accuracy = round(train, 4)
        entry.train_loss = round(max(0.005, (1 - train) * rng.uniform(1.5, 4)), 4)
        seconds = rng.choice((rng.uniform(0.5, 9), rng.uniform(5, 60), rng.uniform(20, 400)))
        if goal.max_seconds:
            seconds = goal.max_seconds * rng.choice(
                (rng.uniform(0.05, 0.95), rng.uniform(0.2, 0.9), rng.uniform(1.01, 1.6))
            )
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
        rng = self.rng
        side, channels = rng.choice((1, 2, 3)), rng.choice((16, 32, 64, 128))
        name = rng.choice(("maxpool", "conv", "avgpool")) + str(rng.randint(2, 6))
        kind = {"m": "max_pool2d", "c": "conv2d", "a": "avg_pool2d"}[name[0]]
        return f"{name} ({kind}) on {show((channels, side, side))}: kernel {rng.randint(2, 7)} is larger than the image"

    def code_problem(self, network: ModelConfig | None) -> str:
        rng = self.rng
        names = [s.name for s in infer(network)] if network else ["conv1"]
        return f"{rng.choice(names)}: expected {rng.randint(1, 512)} in_features, got {rng.randint(1, 512)}"
