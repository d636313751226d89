"""The teacher's hand for plans, configs and decisions. It uses only what a prompt shows."""

from __future__ import annotations

import random

from minnow.architect import Wishes, apply, changes_network, first_config
from minnow.phrases import expand
from mlagent_tui.agent import context
from mlagent_tui.agent.context import Brief
from mlagent_tui.errors import ConfigError
from mlagent_tui.research import ranking
from mlagent_tui.schemas import Decision, EvalConfig, ModelConfig, Plan

UNDERFIT_GAP = 0.02
FAR = 0.05
_DO = "[please|maybe|now|next|let us|let's|try to|you should|i want you to|could you]"
_THEN = "[please|next|now|this time|from now on|for the next run]"
_SWITCH = "(use|try|switch to|go for|take|change to)"
STEERING = {
    "double the channels": (
        f"{_DO} (make|try) (it|the network|the net) (wider|broader|larger|bigger) {_THEN}",
        f"{_DO} (use|try|give it) [twice] (more|as many) (channels|filters|feature maps) {_THEN}",
        "wider please",
        "[try|use] a (wider|larger|bigger) (network|net|model)",
        "more (filters|channels|capacity|width)",
        "(double|increase|raise) the (channels|filters|width)",
        "widen it",
    ),
    "halve the channels": (
        f"{_DO} make (it|the network|the net) (smaller|narrower|thinner|leaner) {_THEN}",
        f"[use|try] (fewer|less) (channels|filters|feature maps|parameters) {_THEN}",
        "shrink it",
        "(halve|reduce|lower|cut) the (channels|filters|width)",
        "[try|use] a (smaller|narrower) (net|network)",
    ),
    "add a conv layer": (
        f"{_DO} add (a|another|one more) (conv|convolutional|convolution) layer {_THEN}",
        f"{_DO} (make it|go|try something) deeper {_THEN}",
        "one more (convolution|conv|conv layer)",
        "[use|try] a deeper (net|network|model)",
        "more (layers|depth|convolutions)",
    ),
    "add a residual block": (
        f"{_DO} (use|try|add) (a residual block|residual connections|skip connections) {_THEN}",
        "residual blocks [please]",
        "(make it|go) residual",
    ),
    "use activation gelu": (f"{_DO} {_SWITCH} (GELU|gelu|Gelu) [instead|activations] {_THEN}",),
    "use activation silu": (f"{_DO} {_SWITCH} (SiLU|silu|swish) [instead|activations] {_THEN}",),
    "use dropout 0.3": (
        f"{_DO} (add|use|try|put in) [some|more] (dropout|dropout 0.3|dropout of 0.3) {_THEN}",
        "(more|some) dropout",
        f"{_DO} regularise it [with dropout] {_THEN}",
        "it is overfitting",
    ),
    "remove dropout": (
        f"{_DO} (remove|drop|take out|leave out|skip) [the] dropout {_THEN}",
        "(no|without) dropout [please]",
    ),
    "train 20 epochs": (
        f"{_DO} train (it|for 20 epochs|longer|more|for longer|for more epochs) {_THEN}",
        "(20|more) epochs [please]",
    ),
    "learning rate 0.001": (
        f"{_DO} (use|try|set) a (smaller|lower) (learning rate|lr) {_THEN}",
        "(lower|reduce|decrease) the (learning rate|lr)",
        "(learning rate|lr) 0.001",
    ),
}
VARIANTS = 60
"""How many wordings are drawn from each template."""

SLOWER = {0.1: 0.03, 0.05: 0.01, 0.03: 0.01, 0.01: 0.003, 0.003: 0.001, 0.001: 0.0003}
_draw = random.Random(0)
PHRASES = {
    expand(template, _draw): change
    for change, templates in STEERING.items()
    for template in templates
    for _ in range(VARIANTS)
}


def training(brief: Brief, wishes: Wishes) -> EvalConfig:
    """Training settings: the first from the wishes, later ones by the changes asked for."""
    small = brief.card.dataset in ("digits", "dummy")
    settings = brief.last_eval_config
    if settings is None:
        sgd = wishes.optimizer == "sgd"
        settings = EvalConfig(
            dataset=brief.card.dataset, num_classes=brief.card.num_classes,
            epochs=wishes.epochs or (10 if small else 3), batch_size=64 if small else 128,
            optimizer="sgd" if sgd else "adamw", weight_decay=0.0005 if sgd else 0.01,
            learning_rate=wishes.learning_rate or (0.05 if sgd else 0.003),
            augmentation=_augmentation(brief) if wishes.augmentation else "none",
        )  # fmt: skip
    for change in all_changes(brief):
        settings = _train_change(settings, change)
    shape = brief.card.input_shape if brief.card.dataset == "dummy" else None
    return settings.model_copy(update={"input_shape": shape, "num_classes": brief.card.num_classes})


def all_changes(brief: Brief) -> list[str]:
    """What the last decision asked for, and what the user said since."""
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
    model = {"model_script_path": script, "model_class_name": name}
    calls = [
        {"tool": "write_file", "arguments": {
            "file_path": "configs/models/current_model_config.yaml", "content": "$model_config"}},
        {"tool": "pytorch_model_assembler", "arguments": {
            "model_config": "$model_config", "output_script_path": script}},
        {"tool": "pytorch_model_summary", "arguments": {**model, "input_size": [1, *brief.card.input_shape]}},
        {"tool": "pytorch_quick_evaluator", "arguments": {**model, "eval_config": settings}},
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
    for change in all_changes(brief):
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
    met = value is not None and ranking.holds(value, goal.comparison, goal.threshold or 0)
    too_big = bool(goal.max_parameters and entry.parameters and entry.parameters > goal.max_parameters)
    too_slow = bool(goal.max_seconds and entry.seconds and entry.seconds > goal.max_seconds)
    wanted = f"{goal.metric} {goal.comparison} {ranking.number(goal.threshold or 0)}"
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
        smaller = ["pool globally", "halve the channels"]
        change = _applicable(smaller, last, _seen(brief) - {"halve the channels"}) or ["halve the channels"]
        return f"{entry.parameters} parameters are over the limit of {goal.max_parameters}.", change[:1]
    if too_slow:
        epochs = brief.history[-1].eval_config.epochs if brief.history[-1].eval_config else 2
        change = [f"train {epochs // 2} epochs"] if epochs > 1 else ["halve the channels"]
        limit = ranking.number(goal.max_seconds or 0)
        return f"Training took {entry.seconds:.1f} s, over the limit of {limit} s.", change
    gap = round((entry.train_accuracy or 0) - entry.metrics_summary["accuracy"], 4)
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
        return [f"learning rate {ranking.number(SLOWER.get(rate, 0.001))}"]
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
    plain = wishes.residual is None and "residual" not in kinds
    return [c for c, ok in (
        (f"train {2 * epochs} epochs", epochs <= 40 and not brief.goal.max_seconds and not wishes.epochs),
        ("double the channels", room and not wishes.channels),
        ("add batch norm", wishes.norm is None and not wishes.mlp),
        ("add a conv layer", room and not wishes.convs and not wishes.mlp),
        ("add a residual block", room and plain and not wishes.mlp),
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
