"""A change of the loop's own, for when the planner proposes only what was tried or is over the limit.

The same history always gives the same change; none is ever over the parameter limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from mlagent_tui import shapes
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.errors import ConfigError, MlagentError
from mlagent_tui.research import change, ranking
from mlagent_tui.schemas import EvalConfig, ModelConfig

MAX_EPOCHS = 1000
Step = Callable[[ModelConfig, EvalConfig], tuple[ModelConfig, EvalConfig]]


class NothingNew(MlagentError):
    """Every change that the loop knows was tried, or is over the limit."""

    title = "Search"


@dataclass(frozen=True)
class Own:
    """A pair that was not tried, and what it changes."""

    config: ModelConfig
    settings: EvalConfig
    words: list[str]


def tried(brief: Brief, config: ModelConfig, settings: EvalConfig) -> Attempt | None:
    """The attempt that this network with this training would only repeat."""
    known: list[Attempt] = [*brief.history, *([brief.start] if brief.start else [])]
    for attempt in known:
        out_of_time = attempt.entry.status == "time_limit"
        if change.same(attempt.config, attempt.eval_config, config, settings, out_of_time=out_of_time):
            return attempt
    return None


def over(brief: Brief, parameters: int) -> str:
    """In words, that so many parameters are over the goal's limit; empty when they are not."""
    limit = brief.goal.max_parameters
    if limit is None or parameters <= limit:
        return ""
    return f"the network has {parameters} parameters, over the limit of {limit}"


def own_change(brief: Brief, config: ModelConfig, settings: EvalConfig) -> Own:
    """The first pair that was not tried: from the best attempt so far, then from what was proposed.

    `config` and `settings` are the proposal. Raises `NothingNew` when there is none.
    """
    for base, trained in _bases(brief, config, settings):
        for steps in _paths():
            made, planned = base, trained
            for step in steps:
                made, planned = step(made, planned)
            if _is_new(brief, made, planned):
                return Own(made, planned, change.differences(base, made, trained, planned))
    raise NothingNew(
        "every change known to the loop was tried, or is over the limit of parameters",
        "Give another goal, a larger limit, or a more capable planner.",
    )


def _bases(
    brief: Brief, config: ModelConfig, settings: EvalConfig
) -> Iterator[tuple[ModelConfig, EvalConfig]]:
    best = ranking.best(brief.goal, [attempt.entry for attempt in brief.history])
    for attempt in brief.history:
        if attempt.entry is best and attempt.config and attempt.eval_config:
            fixed = {name: getattr(settings, name) for name in ("seed", "device", "time_limit")}
            yield attempt.config, attempt.eval_config.model_copy(update=fixed)
    yield config, settings


def _paths() -> Iterator[tuple[Step, ...]]:
    """One step, then two, then narrower ones for a network that is far over the limit."""
    for count in (1, 2):
        yield from combinations(_STEPS, count)
    for times in range(2, 10):
        yield (_narrower,) * times


def _is_new(brief: Brief, config: ModelConfig, settings: EvalConfig) -> bool:
    try:
        parameters = shapes.count_parameters(shapes.infer(config))
    except ConfigError:
        return False
    return not over(brief, parameters) and tried(brief, config, settings) is None


def _sized(factor: float) -> Step:
    def step(config: ModelConfig, settings: EvalConfig) -> tuple[ModelConfig, EvalConfig]:
        layers = change.scaled(change.layers_of(config), factor)
        return ModelConfig.model_validate(config.model_dump() | {"layers": layers}), settings

    return step


def _set(**fields: object) -> Step:
    return lambda config, settings: (config, settings.model_copy(update=fields))


def _longer(config: ModelConfig, settings: EvalConfig) -> tuple[ModelConfig, EvalConfig]:
    return config, settings.model_copy(update={"epochs": min(MAX_EPOCHS, 2 * settings.epochs)})


def _rate(factor: float) -> Step:
    def step(config: ModelConfig, settings: EvalConfig) -> tuple[ModelConfig, EvalConfig]:
        rate = float(f"{min(1.0, max(1e-5, settings.learning_rate * factor)):.1g}")
        return config, settings.model_copy(update={"learning_rate": rate})

    return step


_narrower = _sized(0.5)
_STEPS: tuple[Step, ...] = (
    _sized(2), _longer, _rate(1 / 3), _rate(3), _set(augmentation="shift"), _sized(1.5),
    _set(weight_decay=0.05), _set(label_smoothing=0.1), _narrower, _set(schedule="cosine"), _sized(0.75),
    _set(batch_size=32), _set(batch_size=128),
)  # fmt: skip
