"""The step in which an iteration gets its network: proposed by a planner, else a change of the loop's own."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING

from mlagent_tui import events, shapes
from mlagent_tui.agent import alternatives, planning
from mlagent_tui.agent.standing_in import Models, asked
from mlagent_tui.errors import ConfigError, ModelError
from mlagent_tui.schemas import ModelConfig, Plan

if TYPE_CHECKING:
    from mlagent_tui.agent.loop import Loop
    from mlagent_tui.agent.records import Origin

Steps = Generator[events.Event, None, ModelConfig]

CONFIG_ATTEMPTS = 4
"""How often a planner may propose a configuration."""


def configure(loop: Loop, plan: Plan) -> Steps:
    """A configuration that builds. Where planners only repeat what was tried, the loop takes its own change.

    Raises `NothingNew` when there is no change left, `ConfigError` or `ModelError` when nothing could be
    built.
    """
    if loop.origin and loop.origin.again:
        return (yield from _again(loop, loop.origin, plan))
    refused: list[planning.Pointless] = []

    def ask(models: Models) -> Steps:
        try:
            return (yield from _proposed(loop, plan, models))
        except planning.Pointless as error:
            refused.append(error)
            raise

    try:
        return (yield from asked(loop, "config", ask))
    except (ConfigError, ModelError) as error:
        if not refused:
            raise
        return (yield from _own_change(loop, refused[-1].config, plan, error.what))


def _again(loop: Loop, origin: Origin, plan: Plan) -> Steps:
    """The network of an earlier trial, as it was. Raises `ConfigError`."""
    config = origin.attempt.config
    assert config is not None  # else there is no such origin
    yield from loop.checking(partial(loop.session.build, config))
    yield from _configured(loop, config, plan, origin.attempt.entry.planner)
    return config


def _proposed(loop: Loop, plan: Plan, models: Models) -> Steps:
    """The planner's configuration; it hears, a bounded number of times, why one does not build.

    One that was tried already or is over the limit is never taken. One that lacks what the goal asks for is
    refused once, and taken where nothing better comes. Raises `Pointless` with the last one that could bring
    nothing, where there was one, else `ConfigError` when nothing could be built.
    """
    problem: str | None = None
    pointless: ModelConfig | None = None
    unwished: ModelConfig | None = None
    chosen: ModelConfig | None = None
    for attempt in range(CONFIG_ATTEMPTS):
        brief = loop.brief()
        try:
            ask = partial(models.planner.configure, brief, problem, attempt)
            config = planning.fitted(brief, (yield from loop.thinking(ask)))
        except ModelError as error:
            if unwished is None:
                raise
            message = f"the planner gave no other network: {error.what}; the one before is used"
            yield events.Warned(message=message, remedy=error.remedy)
            break
        try:
            planning.refuse_pointless(brief, config, shapes.infer(config), plan)
            yield from loop.checking(partial(loop.session.build, config))
            if unwished is None and not loop.origin:
                planning.refuse_unwished(brief, config, plan)
        except ConfigError as error:
            problem = error.what
            pointless = config if isinstance(error, planning.Pointless) else pointless
            unwished = config if isinstance(error, planning.Unwished) else unwished
            yield events.CheckFailed(what="config", problem=problem, attempt=attempt)
        else:
            chosen = planning.closer(brief, plan, config, unwished)
            break
    chosen = chosen or unwished
    if chosen is None and pointless is not None:
        raise planning.Pointless(str(problem), pointless)
    if chosen is None:
        raise ConfigError(str(problem), "State the goal differently, or use a more capable planner.")
    yield from _configured(loop, chosen, plan, models.name("planner"))
    return chosen


def _own_change(loop: Loop, refused: ModelConfig, plan: Plan, problem: str) -> Steps:
    """The loop's own change, said, in place of what the planner could not leave."""
    own = alternatives.own_change(loop.brief(), refused, plan.evaluation)
    yield from loop.checking(partial(loop.session.build, own.config))
    yield events.Warned(
        message=f"the planner's networks were refused ({problem}); the loop takes a change of its own: "
        + "; ".join(own.words)
    )
    loop.now.own = True
    loop.now.plan = planning.retrained(plan, own.settings)
    yield planning.plan_made(loop.now.number, loop.now.plan)
    yield from _configured(loop, own.config, loop.now.plan)
    return own.config


def _configured(
    loop: Loop, config: ModelConfig, plan: Plan, model: str = ""
) -> Generator[events.Event, None, None]:
    """Keep the configuration, proposed by `model`, in its file and tell of it."""
    if not planning.writes_config(plan):
        yield from loop.call("write_file", planning.config_file(config))
    loop.now.planner = model
    yield planning.config_made(loop.now.number, config, shapes.infer(config), loop.change(config), model)
