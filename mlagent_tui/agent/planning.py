"""From what the planner proposes to what is carried out: the run's own settings, resolved references, events.

A planner chooses how to train and which network to build; where files go, on what data and with which seed
is the run's to say, and is filled in here.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Any

from mlagent_tui import paths, shapes, tools
from mlagent_tui.agent import alternatives, stopping
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.options import RunOptions
from mlagent_tui.errors import ConfigError
from mlagent_tui.events import ConfigMade, DecisionMade, GoalUnderstood, PlanMade
from mlagent_tui.research import wishes
from mlagent_tui.schemas import (
    DEFAULT_CLASS,
    Decision,
    EvalConfig,
    EvalResult,
    Goal,
    JsonObject,
    Linear,
    ModelConfig,
    Plan,
    ToolCall,
    Wish,
)

REFERENCE = "$model_config"
"""What stands for the configuration in a plan that is made before it."""

CHOSEN = (
    "epochs", "batch_size", "optimizer", "learning_rate", "weight_decay",
    "schedule", "label_smoothing", "augmentation",
)  # fmt: skip
"""The settings of training that a planner chooses."""

WITHIN = 0.98
"""Share of a limit in seconds after which a trial is stopped, so that its last validation fits in as well."""


class Pointless(ConfigError):
    """The network `config` builds, and its trial could bring nothing."""

    def __init__(self, what: str, config: ModelConfig) -> None:
        super().__init__(what)
        self.config = config


class Unwished(ConfigError):
    """The network builds, and lacks something that the goal asks for."""


def prescribe(plan: Plan, brief: Brief, options: RunOptions, seconds_left: float | None) -> Plan:
    """The plan with the run's data set, seed, device, time limit and the project's places filled in."""
    fixed: dict[str, dict[str, Any]] = {
        "pytorch_model_assembler": {"output_script_path": paths.CURRENT_MODEL},
        "pytorch_model_summary": {
            "model_script_path": paths.CURRENT_MODEL,
            "input_size": (1, *brief.card.input_shape),
        },
        "pytorch_quick_evaluator": {
            "model_script_path": paths.CURRENT_MODEL,
            "eval_config": _evaluation(plan.evaluation, brief, options, seconds_left),
        },
    }
    calls = [
        call.model_copy(update={"arguments": call.arguments.model_copy(update=fixed.get(call.tool, {}))})
        for call in plan.calls
    ]
    return plan.model_copy(update={"calls": calls})


def _evaluation(
    proposed: EvalConfig, brief: Brief, options: RunOptions, seconds_left: float | None
) -> EvalConfig:
    card, goal = brief.card, brief.goal
    own = card.dataset == "dummy"
    allowed = (
        proposed.time_limit,
        None if goal.max_seconds is None else WITHIN * goal.max_seconds,
        None if seconds_left is None else max(1.0, seconds_left),
    )
    return proposed.model_copy(
        update={
            "dataset": card.dataset,
            "input_shape": card.input_shape if own else None,
            "num_classes": card.num_classes if own else None,
            "seed": options.seed,
            "device": options.device,
            "keep_best": goal.metric,
            "time_limit": min((limit for limit in allowed if limit is not None), default=None),
        }
    )


def fitted(brief: Brief, config: ModelConfig) -> ModelConfig:
    """The configuration on the data's own input shape and classes, one value a class at its end."""
    card, layers = brief.card, list(config.layers)
    if isinstance(layers[-1], Linear):
        layers[-1] = layers[-1].model_copy(update={"out_features": card.num_classes})
    fields = {"input_shape": card.input_shape, "num_classes": card.num_classes, "layers": layers}
    return config.model_copy(update=fields)


def refuse_pointless(brief: Brief, config: ModelConfig, steps: list[shapes.Step], plan: Plan) -> None:
    """Raise `Pointless` for a network that cannot meet the goal, or was tried with the same training."""
    problem = alternatives.over(brief, shapes.count_parameters(steps))
    if problem:
        raise Pointless(problem, config)
    attempt = alternatives.tried(brief, config, plan.evaluation)
    if attempt:
        raise Pointless(f"the same network and training as in iteration {attempt.entry.iteration}", config)


def refuse_unwished(brief: Brief, config: ModelConfig, plan: Plan) -> None:
    """Raise `Unwished` for a network that lacks what the goal asks of it and the last one had, if any.

    What earlier networks missed as well is not asked for again: the planner could not do it then.
    """
    answers = _lost(brief, config, plan.evaluation)
    if answers:
        wanted = ", ".join(wishes.words(answer.wish) for answer in answers)
        raise Unwished(
            f"the goal asks for {wanted}, but {' and '.join(dict.fromkeys(a.has for a in answers))}"
        )


def missed(brief: Brief, config: ModelConfig, settings: EvalConfig | None) -> list[Wish]:
    """What the goal asks of the network, `config` lacks, and the last network had, if there was one."""
    return [answer.wish for answer in _lost(brief, config, settings)]


def _lost(brief: Brief, config: ModelConfig, settings: EvalConfig | None) -> list[wishes.Answer]:
    asked = brief.goal.asked
    before = wishes.check(asked, brief.last_config, brief.last_eval_config)
    return wishes.lost(before, wishes.check(asked, config, settings))


def closer(brief: Brief, plan: Plan, config: ModelConfig, first: ModelConfig | None) -> ModelConfig:
    """Of a proposal and the one that was refused before it, if any, the one that meets more of the wishes."""
    if first is None:
        return config
    missed = [len(wishes.unmet(wishes.check(brief.goal.asked, c, plan.evaluation))) for c in (config, first)]
    return config if missed[0] < missed[1] else first


def retrained(plan: Plan, settings: EvalConfig) -> Plan:
    """The plan with other settings of training."""
    calls = [
        call.model_copy(update={"arguments": call.arguments.model_copy(update={"eval_config": settings})})
        if call.tool == "pytorch_quick_evaluator"
        else call
        for call in plan.calls
    ]
    return plan.model_copy(update={"calls": calls})


def goal_understood(goal: Goal) -> GoalUnderstood:
    """The goal as an event: its wishes in words, those that are checked apart from the others."""
    checked = {wishes.phrase(wish) for wish in goal.asked}
    return GoalUnderstood(
        goal=goal.model_dump(mode="json"),
        asked=[wishes.words(wish) for wish in goal.asked],
        unchecked=[phrase for phrase in goal.wishes.split(", ") if phrase and phrase not in checked],
    )


def plan_made(iteration: int, plan: Plan) -> PlanMade:
    """The plan as an event."""
    return PlanMade(iteration=iteration, plan=plan.model_dump(mode="json", by_alias=True))


def again(attempt: Attempt) -> Plan:
    """The plan that trains the network of `attempt` once more, as it was; `prescribe` does the rest."""
    assert attempt.eval_config is not None
    return core_plan(attempt.eval_config, attempt.entry.model_name)


def core_plan(
    settings: EvalConfig, class_name: str = DEFAULT_CLASS, extra: Sequence[JsonObject] = ()
) -> Plan:
    """The plan of the three core calls that trains with `settings`, after the `extra` calls.

    `prescribe` does the rest.
    """
    script = {"model_script_path": paths.CURRENT_MODEL, "model_class_name": class_name}
    core: dict[str, JsonObject] = {
        "pytorch_model_assembler": {"model_config": REFERENCE, "output_script_path": paths.CURRENT_MODEL},
        "pytorch_model_summary": script | {"input_size": (1, 1, 1, 1)},
        "pytorch_quick_evaluator": script | {"eval_config": settings},
    }
    calls = [*extra, *({"tool": tool, "arguments": said} for tool, said in core.items())]
    return Plan.model_validate({"calls": calls})


def branched(brief: Brief, start: Attempt) -> Brief:
    """The brief of an iteration that goes on from `start`, with a change of its network to ask for."""
    brief = replace(brief, start=start, history=brief.history or (start,))
    if not brief.changes:
        *before, last = brief.history
        entry = last.entry.model_copy(update={"next_change": [stopping.fallback_change(brief)]})
        brief = replace(brief, history=(*before, replace(last, entry=entry)))
    return brief


def remaining(plan: Plan, done: Set[str]) -> list[ToolCall]:
    """The planned calls; of a plan that is partly carried out, those after the last tool in `done`."""
    first = max((index + 1 for index, call in enumerate(plan.calls) if call.tool in done), default=0)
    return plan.calls[first:]


def arguments(call: ToolCall, config: ModelConfig) -> dict[str, Any]:
    """What a planned call is called with: references to the configuration replaced by it."""
    said = tools.arguments_of(call, config)
    if "model_class_name" in said:
        said["model_class_name"] = config.model_name
    return said


def writes_config(plan: Plan) -> bool:
    """Whether the plan itself keeps the current configuration in its file."""
    wanted = {"file_path": paths.CURRENT_CONFIG, "content": REFERENCE}
    return any(c.tool == "write_file" and c.arguments.model_dump() == wanted for c in plan.calls)


def config_file(config: ModelConfig) -> dict[str, Any]:
    """The arguments of the `write_file` that keeps the current configuration."""
    return {"file_path": paths.CURRENT_CONFIG, "content": config.to_yaml()}


def config_made(
    iteration: int, config: ModelConfig, steps: list[shapes.Step], change: list[str], model: str = ""
) -> ConfigMade:
    """The configuration as an event, with its unrolled layers and the model that proposed it, if one did."""
    return ConfigMade(
        iteration=iteration,
        model=model,
        config=config.model_dump(mode="json"),
        parameters=shapes.count_parameters(steps),
        change=change,
        steps=[
            {
                "name": step.name,
                "type": step.layer.type,
                "role": step.role,
                "input_shape": list(step.input_shape),
                "output_shape": list(step.output_shape),
                "parameters": step.parameters,
            }
            for step in steps
        ],
    )


def resettle(
    decided: DecisionMade, brief: Brief, out_of_time: bool, result: EvalResult | None
) -> stopping.Settled:
    """A journalled decision, settled again from the advice it holds under the limits of now."""
    advice = Decision.model_validate(decided.advised) if decided.advised else None
    return stopping.settle(advice, brief, out_of_time=out_of_time, result=result)
