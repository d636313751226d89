"""How other people's models are asked: instructions, worked examples, then the case, all in one layout.

`chat` sends the examples as earlier turns of the conversation, `completion` as one text that ends where the
answer begins. A model is asked only for what is its to say; what a value needs besides is filled in here. The
texts are in `mlagent_tui/prompts`, one file a task.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PrivateAttr,
    WithJsonSchema,
    create_model,
    model_validator,
)

from mlagent_tui import prompts
from mlagent_tui.agent import advice, changes, context, explicit, layer_calls, tables
from mlagent_tui.agent.context import Brief
from mlagent_tui.agent.criteria import comparison_for
from mlagent_tui.agent.explicit import Edit, edit, together
from mlagent_tui.agent.numbers import Found, find_numbers
from mlagent_tui.agent.planning import CHOSEN, core_plan
from mlagent_tui.agent.reading import Reading, named_datasets
from mlagent_tui.agent.wish_reading import wishes_in
from mlagent_tui.agent.wording import Question, Refused
from mlagent_tui.llm import Message
from mlagent_tui.research import ranking
from mlagent_tui.schemas import Decision, EvalConfig, Goal, Metric, ModelConfig, Plan, Value, Verdict

Manner = Literal["chat", "completion"]
Use = Literal["accuracy", "val_loss", "parameters", "seconds", "nothing"]
"""What a number of a goal may be."""

MOST_WISHES, LONGEST_WISH = 6, 60
MOST_IMAGE, MOST_VECTOR = 14, 6
"""How many layers an answer may have; a network that is shown allows some more than it has."""
MORE = 4
TOKENS_A_LAYER, TOKENS_A_SETTING, TOKENS_A_WISH = 40, 14, 24
LONGEST_ASSESSMENT = 320

T = TypeVar("T")


@dataclass(frozen=True)
class Texts:
    """A file of prompts: the instructions, and pairs of a question and its answer."""

    instructions: str
    examples: tuple[tuple[str, str], ...]


def texts(manner: Manner, task: str) -> Texts:
    """The file of a task; its examples stand between lines `=== question` and `=== answer`."""
    return _parts(prompts.text(manner, task))


@cache
def _parts(source: str) -> Texts:
    instructions, *parts = re.split(r"^=== (?:question|answer)\n", source, flags=re.M)
    stripped = [part.strip() for part in parts]
    examples = tuple(zip(stripped[::2], stripped[1::2], strict=True))
    return Texts(instructions.strip().replace("{layers}", "\n".join(layer_calls.table())), examples)


class InstructWording:
    """Implements `wording.Wording`."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner

    def goal(self, reading: Reading, doubt: str, width: int) -> Question[Goal]:
        answer = goal_answer(reading)
        return self._question(
            "goal", goal_case(reading, doubt, width), answer, lambda said: _goal(reading, said),
            60 + TOKENS_A_WISH * MOST_WISHES + TOKENS_A_SETTING * len(reading.open),
        )  # fmt: skip

    def plan(self, brief: Brief) -> Question[Plan]:
        most = 40 + TOKENS_A_SETTING * len(CHOSEN)
        return self._question("plan", plan_case(brief), Training, lambda said: _plan(brief, said), most)

    def config(self, brief: Brief, refused: Refused | None) -> Question[ModelConfig]:
        answer = network_answer(brief, wanted(brief, refused))
        return self._question(
            "config", config_case(brief, refused), answer, lambda said: said.config,
            TOKENS_A_LAYER * sum(most_layers(brief).values()),
        )  # fmt: skip

    def decision(self, brief: Brief) -> Question[Decision]:
        answer = decision_answer(brief)
        return self._question("decision", decision_case(brief), answer, _decision, 250)

    def _question(
        self, task: str, case: str, answer: type[BaseModel], make: Callable[[Any], T], most: int
    ) -> Question[T]:
        told = texts(self._manner, task)
        if self._manner == "chat":
            turns = [
                message
                for question, said in told.examples
                for message in (Message("user", question), Message("assistant", said))
            ]
            messages = (Message("system", told.instructions), *turns, Message("user", case))
            return Question(messages, answer, make, most, most // 2)
        examples = [f"Question:\n{question}\nAnswer:{said}" for question, said in told.examples]
        before = "\n\n".join([told.instructions, *examples])
        messages = (Message("system", before), Message("user", f"Question:\n{case}"))
        return Question(messages, answer, make, most, most // 2, begin="\nAnswer:")


def some_of(values: Sequence[str], most: int) -> Any:
    """The type of at most so many of `values`: what a model is held to, and what is checked afterwards."""

    def check(chosen: list[str]) -> list[str]:
        if set(chosen) - set(values):
            raise ValueError(f"each is one of: {', '.join(values)}")
        return chosen

    schema = {"type": "array", "items": {"enum": list(values)}, "maxItems": most}
    return Annotated[list[str], Field(max_length=most), AfterValidator(check), WithJsonSchema(schema)]


# --- goal -----------------------------------------------------------------------------------------------


def goal_case(reading: Reading, doubt: str, width: int) -> str:
    """The text, what is known of it by rules, and the numbers that are left to be told what they are."""
    known = reading.goal()
    said = [f"data set {reading.dataset}"] if reading.dataset else []
    said += [f"{reading.metric} {reading.comparison} {known['threshold']}"] if reading.threshold else []
    said += [f"at most {reading.max_parameters} parameters"] if reading.max_parameters else []
    said += [f"at most {reading.max_seconds:g} seconds"] if reading.max_seconds else []
    lines = [
        f"Text: {context.one_line(reading.text)[:width]}",
        f"Known: {', '.join(said) or 'nothing'}",
        f"Other numbers: {', '.join(dict.fromkeys(found.text for found in reading.open)) or 'none'}",
    ]
    return "\n".join([*lines, f"Problem: {doubt}"] if doubt else lines)


def goal_answer(reading: Reading) -> type[BaseModel]:
    """The use of each number that is left, then the wishes in the text's own words."""
    wish = Annotated[str, Field(max_length=LONGEST_WISH)]
    numbers: dict[str, Any] = {
        f"n{index}": (Use, Field(alias=found)) for index, found in enumerate(_open(reading))
    }
    fields = numbers | {"wishes": (Annotated[list[wish], Field(max_length=MOST_WISHES)], ...)}
    return create_model("Goal", __base__=Value, **fields)


def _open(reading: Reading) -> list[str]:
    return list(dict.fromkeys(found.text for found in reading.open))


def _goal(reading: Reading, said: BaseModel) -> Goal:
    """What rules decided, and the uses and wishes that the model named."""
    uses = said.model_dump(by_alias=True)
    goal = {name: value for name, value in reading.goal().items() if value is not None}
    for found in reading.open:
        use = uses[found.text]
        if use in ("accuracy", "val_loss") and "threshold" not in goal:
            goal |= _criterion(found, use, reading.directions.get(found.text, ""))
        elif use in ("parameters", "seconds"):
            value = int(found.value) if use == "parameters" else found.value
            goal.setdefault(f"max_{use}", value)
    wishes = [wish for wish in uses["wishes"] if _is_wish(wish, reading.text)]
    plain = {"dataset": None, "metric": "accuracy", "comparison": ">=", "threshold": None}
    return Goal.model_validate(plain | goal | {"wishes": ", ".join(dict.fromkeys(wishes))})


def _criterion(found: Found, metric: Metric, direction: str) -> dict[str, object]:
    value = found.value
    if metric == "accuracy" and 1 < value <= 100:
        value = round(value / 100, 9)
    if not 0 < value <= (1 if metric == "accuracy" else 100):
        return {}
    return {"metric": metric, "threshold": value, "comparison": comparison_for(metric, direction)}


def _is_wish(wish: str, text: str) -> bool:
    """Whether these are words of the text, and not about what has a field of its own."""
    words = context.one_line(wish).casefold()
    if len(words) < 2 or "," in words or words not in context.one_line(text).casefold():
        return False
    return bool(wishes_in(wish)) or not (find_numbers(wish) or named_datasets(wish))


# --- plan -----------------------------------------------------------------------------------------------


def _settings() -> dict[str, Any]:
    """The fields of `EvalConfig` that a planner chooses, every one of them to be written."""
    fields = {name: EvalConfig.model_fields[name] for name in CHOSEN}
    return {name: (Annotated[(f.annotation, *f.metadata, Field())], ...) for name, f in fields.items()}


Training: type[BaseModel] = create_model("Training", __base__=Value, **_settings())
"""How a network is trained: the answer to `plan`."""


def plan_case(brief: Brief) -> str:
    """The goal, the runs, the settings of the last training and what to change."""
    return "\n".join([
        *tables.goal(brief.goal, brief.steering), *tables.data(brief.card), *tables.runs(brief),
        f"Training of the last run: {training_json(brief.last_eval_config) or 'none yet'}",
        f"Change: {'; '.join(brief.changes) or 'first training'}",
    ])  # fmt: skip


def training_json(settings: EvalConfig | None) -> str:
    """The settings that a planner chooses, in the form of an answer; empty where there are none."""
    if settings is None:
        return ""
    return json.dumps({name: getattr(settings, name) for name in CHOSEN}, separators=(",", ":"))


def _plan(brief: Brief, said: BaseModel) -> Plan:
    return core_plan(EvalConfig(dataset=brief.card.dataset, **said.model_dump()))


# --- config ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """The network to start from, what to change in it, and why the answer before was refused."""

    start: ModelConfig | None
    change: Edit
    problem: str = ""


def wanted(brief: Brief, refused: Refused | None) -> Wanted:
    """The change that the last decision asked for; after a network that was refused, the one it needs."""
    start, goal = brief.last_config, brief.goal
    if start and brief.changes:
        change = together(edit(one, start) for one in brief.changes)
    else:
        first = f"first network with {goal.wishes}" if goal.wishes else "first network"
        change = Edit("; ".join(brief.changes) or first, complete=False)
    if not refused:
        return Wanted(start, change)
    problem = context.one_line(refused.problem)
    needed = refused.config and advice.advice(brief, refused.config, refused.repeated)
    if needed:
        return Wanted(refused.config, needed, problem)
    if refused.repeated:
        change = Edit(f"{change.told}; use other sizes than before", complete=False)
    return Wanted(start, change, problem)


def config_case(brief: Brief, refused: Refused | None) -> str:
    """The goal, the data, the network to start from and what to change in it."""
    said = wanted(brief, refused)
    lines = [
        *tables.data(brief.card), *tables.goal(brief.goal, brief.steering), *tables.runs(brief),
        *([f"Problem: {said.problem}"] if said.problem else []),
        f"Network: {network_json(said.start) if said.start else 'none yet'}",
        f"Change: {said.change.told}",
    ]  # fmt: skip
    return "\n".join(lines)


def network_json(config: ModelConfig) -> str:
    """A network in the form of an answer."""
    calls = layer_calls.calls_of(config)
    return json.dumps({"image": calls.image, "vector": calls.vector}, separators=(",", ":"))


class Network(Value):
    """The answer to `config`."""

    image: list[str]
    vector: list[str]
    _config: ModelConfig = PrivateAttr()

    @property
    def config(self) -> ModelConfig:
        """The network that the calls make."""
        return self._config


def most_layers(brief: Brief) -> dict[str, int]:
    """How many layers each part of an answer may have."""
    shown = layer_calls.calls_of(brief.last_config) if brief.last_config else layer_calls.Calls((), ())
    return {
        "image": max(MOST_IMAGE, len(shown.image) + MORE),
        "vector": max(MOST_VECTOR, len(shown.vector) + MORE),
    }


def network_answer(brief: Brief, said: Wanted | None = None) -> type[BaseModel]:
    """A network on the data of `brief`, as calls; the answer has it as a `config`.

    A change that is known call by call is what an answer is held to, unless the user has said something.
    """
    parts = {part: _calls_schema(part, most) for part, most in most_layers(brief).items()}
    if said and said.start and said.change.complete and not brief.steering:
        held = explicit.allowed(said.start, said.change)
        parts = {part: _held_schema(calls, count) for part, (calls, count) in held.items()}

    class Held(Network):
        @model_validator(mode="after")
        def _build(self) -> Held:
            card = brief.card
            self._config = layer_calls.network(self.image, self.vector, card.input_shape, card.num_classes)
            return self

        @classmethod
        def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
            return {
                "type": "object", "properties": parts, "required": list(parts), "additionalProperties": False,
            }  # fmt: skip

    return Held


def _calls_schema(part: str, most: int) -> dict[str, Any]:
    items = {"type": "string", "pattern": layer_calls.pattern(part)}
    return {"type": "array", "items": items, "maxItems": most}


def _held_schema(calls: Sequence[str], count: int) -> dict[str, Any]:
    items = {"enum": list(calls)} if calls else {"type": "string", "maxLength": 0}
    return {"type": "array", "items": items, "minItems": count, "maxItems": count}


# --- decision -------------------------------------------------------------------------------------------


def decision_case(brief: Brief) -> str:
    """The runs, the last one against the goal, and the changes to choose from."""
    last = brief.history[-1]
    return "\n".join([
        *tables.goal(brief.goal, brief.steering), *tables.data(brief.card), *tables.runs(brief),
        f"Network: {network_json(last.config) if last.config else 'none'}",
        f"Training: {training_json(last.eval_config) or 'none'}",
        *context.seen(brief), *tables.last_run(brief),
        f"Possible changes: {'; '.join(changes.choices(brief))}",
    ])  # fmt: skip


def decision_answer(brief: Brief) -> type[BaseModel]:
    """A verdict that the numbers allow, what they say, and changes from the list that is shown."""
    met = ranking.achieved(brief.goal, brief.history[-1].entry)
    verdicts = ["goal_achieved"] if met else ["iterate", "stop"]
    some = some_of(changes.choices(brief), 2)
    fields: dict[str, Any] = {
        "decision": (Annotated[Verdict, WithJsonSchema({"enum": verdicts})], ...),
        "assessment": (Annotated[str, Field(max_length=LONGEST_ASSESSMENT)], ...),
        "changes": (some, ...),
    }
    return create_model("Decision", __base__=Decision, **fields)


def _decision(said: Decision) -> Decision:
    return Decision.model_validate(said.model_dump())
