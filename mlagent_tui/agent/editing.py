"""The user's own configuration or code in place of a model's, under the checks that a model's must pass."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mlagent_tui import events, field_errors, paths, python_source, shapes, tools
from mlagent_tui.agent import planning
from mlagent_tui.agent.control import Edit
from mlagent_tui.commands import EditCode, EditConfig, EditSettings, Reply
from mlagent_tui.errors import ConfigError, MlagentError
from mlagent_tui.schemas import EvalConfig, ModelConfig

if TYPE_CHECKING:
    from mlagent_tui.agent.loop import Loop

Steps = Generator[events.Event, None, None]

THE_RUNS = {"dataset", "num_classes", "input_shape", "seed", "device", "keep_best"}
"""The settings of a training that are the same in all trials of a run."""


def edited(loop: Loop, edit: Edit) -> Steps:
    """Use the user's version, or reply what is wrong with it; then nothing has changed."""
    reply = Reply(ok=False, message="the run was stopped before the check")
    try:
        match edit.command:
            case EditConfig(config=config, confirmed=confirmed):
                yield from _take_config(loop, config, confirmed)
            case EditSettings(settings=settings, confirmed=confirmed):
                yield from _take_settings(loop, settings, confirmed)
            case EditCode(code=code):
                yield from _take_code(loop, code)
        reply = Reply(ok=True, message="checked and accepted")
    except planning.Pointless as error:
        remedy = "Confirm to use it anyway, or change it."
        reply = Reply(ok=False, message=error.what, remedy=remedy, confirm=True)
    except MlagentError as error:
        loop.interrupted_by(error)
        reply = Reply(ok=False, message=error.what, remedy=error.remedy)
    finally:
        edit.answer.set_result(reply)


def accept_code(loop: Loop, code: str) -> Steps:
    """Code that no model writes in this iteration becomes its code. Raises `CodeError`."""
    config = loop.now.config
    assert config is not None  # there is code only after it
    check = partial(tools.check_code, code, config)
    yield from loop.checking(lambda: loop.session.use(check))
    loop.session.project.files.write(paths.CURRENT_MODEL, code)
    yield events.CodeMade(code=code, accepted=True, path=paths.CURRENT_MODEL)


def _take_config(loop: Loop, fields: dict[str, Any], confirmed: bool) -> Steps:
    config = tools.parse_config(fields)
    _refuse_unfit(loop, config)
    steps = shapes.infer(config)
    yield from loop.checking(partial(loop.session.build, config))
    try:
        if loop.now.plan is not None:
            planning.refuse_pointless(loop.brief(), config, steps, loop.now.plan)
    except planning.Pointless as error:
        if not confirmed:
            raise
        yield events.Warned(message=f"the user's configuration is used although {error.what}")
    yield from loop.call("write_file", planning.config_file(config))
    loop.now.edited.add("config")
    loop.now.own, loop.now.planner = False, ""
    yield planning.config_made(loop.now.number, config, steps, loop.change(config))
    loop.now.config = config
    yield events.Edited(what="config", iteration=loop.now.number)


def _take_settings(loop: Loop, fields: dict[str, Any], confirmed: bool) -> Steps:
    plan, config = loop.now.plan, loop.config
    assert plan is not None  # there is a configuration only after it
    before = plan.evaluation
    for name in fields.keys() & THE_RUNS:
        if fields[name] != before.model_dump(mode="json")[name]:
            raise ConfigError(f"{name} is the same in all trials of a run", f"Leave {name} out.")
    try:
        settings = EvalConfig.model_validate(before.model_dump(mode="json") | fields)
    except ValidationError as error:
        told = field_errors.first(error, EvalConfig, noun="setting")
        raise ConfigError(told.what, told.remedy) from error
    longest = before.time_limit
    if longest is not None and (settings.time_limit is None or settings.time_limit > longest):
        raise ConfigError(
            f"time_limit can be {longest:g} at most: the goal or the time budget allows no more", "Lower it."
        )
    plan = planning.retrained(plan, settings)
    try:
        planning.refuse_pointless(loop.brief(), config, shapes.infer(config), plan)
    except planning.Pointless as error:
        if not confirmed:
            raise
        yield events.Warned(message=f"the user's settings are used although {error.what}")
    loop.now.plan = plan
    loop.now.edited.add("settings")
    yield planning.plan_made(loop.now.number, plan)
    yield events.Edited(what="settings", iteration=loop.now.number)


def _refuse_unfit(loop: Loop, config: ModelConfig) -> None:
    """A planner's slip is put right; a user is told, as they may have meant another data set."""
    card = loop.card
    for what, given, wanted in (
        ("input_shape", tuple(config.input_shape), tuple(card.input_shape)),
        ("num_classes", config.num_classes, card.num_classes),
    ):
        if given != wanted:
            raise ConfigError(f"{what} is {given}, but {card.dataset} has {wanted}", "Correct it.")
    if planning.fitted(loop.brief(), config) != config:
        raise ConfigError(
            f"the last layer must have {card.num_classes} outputs, one per class", "Correct it."
        )


def _take_code(loop: Loop, code: str) -> Steps:
    now = loop.now
    code = python_source.text_of(code).rstrip("\n") + "\n"
    yield from accept_code(loop, code)
    now.code, now.coder = code, ""
    now.edited.add("code")
    if now.summary is not None and now.plan is not None:
        call = next(call for call in now.plan.calls if call.tool == "pytorch_model_summary")
        now.summary = yield from loop.summarise(call)
    yield events.Edited(what="code", iteration=now.number)
