"""What a goal's text decides beyond doubt, read by rules: no number of the text is lost or changed.

A number with a time unit is a limit in seconds; one with "parameters" a limit on parameters; a share or a
number beside a metric is the threshold. What contradicts itself, is impossible or is missing becomes a
question. What is left open is for the language model to choose from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from mlagent_tui.agent import goal_words as words
from mlagent_tui.agent import wish_reading
from mlagent_tui.agent.criteria import Criterion, candidates, comparison_fitting, stated
from mlagent_tui.agent.numbers import Found, find_numbers, levelled, masked, plain
from mlagent_tui.agent.places import Place, places_in
from mlagent_tui.errors import GoalError
from mlagent_tui.research import wishes as wish_rules
from mlagent_tui.schemas import Comparison, DatasetName, Goal, Metric, Wish

NO_CRITERION = "the goal has no measurable criterion"
NO_DATASET = "the goal names no data set"


@dataclass(frozen=True)
class Typed:
    """Parts of the goal that are given as options; they count before what the text says."""

    dataset: DatasetName | None = None
    metric: Metric | None = None
    threshold: float | None = None
    max_parameters: int | None = None
    max_seconds: float | None = None


@dataclass(frozen=True)
class Question:
    """What must be answered before the run: the part it is about, what is unclear, how to answer."""

    part: Literal["dataset", "metric", "threshold", "max_parameters", "max_seconds", "goal"]
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}. {self.remedy}"


@dataclass
class Reading:
    """The parts of the goal that are decided, what is asked, and the numbers that are still open.

    `directions` has for each number, as written, what the words around it say: see `Place.direction`.
    """

    dataset: DatasetName | None = None
    metric: Metric | None = None
    comparison: Comparison | None = None
    threshold: float | None = None
    max_parameters: int | None = None
    max_seconds: float | None = None
    text: str = ""
    asked: list[Wish] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    open: list[Found] = field(default_factory=list)
    directions: dict[str, str] = field(default_factory=dict)

    def goal(self) -> dict[str, object]:
        """The decided parts, by name."""
        names = ("dataset", "metric", "comparison", "threshold", "max_parameters", "max_seconds")
        return {name: getattr(self, name) for name in names}


def read(text: str, typed: Typed | None = None) -> Reading:
    """Everything that the text and the typed options decide. Needs no model and takes milliseconds."""
    typed = typed or Typed()
    reading = Reading(text=text, asked=wish_reading.wishes_in(text))
    places = places_in(text)
    _criterion(reading, places, text, typed)
    _limits(reading, places, typed)
    _datasets(reading, text, typed)
    for name, refused, wanted in words.OPPOSITES:
        if refused.search(text) and wanted.search(refused.sub(" ", text)):
            reading.questions.append(
                Question("goal", f"the goal wants {name} and refuses them", "Leave one of the two out.")
            )
    reading.warnings += _unread(text, [p.found for p in places])
    return reading


def no_criterion(left: Sequence[Found] = ()) -> Question:
    """The question that a goal without a threshold raises; `left` are numbers that may have been meant."""
    if left:
        said = " or ".join(found.text for found in left)
        remedy = 'Say what it is, such as "at least 95% accuracy", or set --metric and --threshold.'
        return Question("threshold", f"it is not clear whether {said} is the criterion", remedy)
    remedy = 'Say what counts as success, such as "at least 95% accuracy" or "validation loss below 0.3".'
    return Question("threshold", NO_CRITERION, remedy)


def unclear(questions: list[Question]) -> GoalError:
    """The error that tells all of the questions, each with its answer."""
    first, *others = questions
    more = "".join(f"\nAlso: {question}" for question in others)
    return GoalError(first.what, first.remedy + more)


def keep(reading: Reading, goal: Goal) -> Reading:
    """The reading with the limits that a model found in it decided, for when it is asked again."""
    limits = {"max_parameters": goal.max_parameters, "max_seconds": goal.max_seconds}
    new = [value for name, value in limits.items() if value is not None and getattr(reading, name) is None]
    still_open = [found for found in reading.open if found.value not in new]
    return replace(reading, max_parameters=goal.max_parameters, max_seconds=goal.max_seconds, open=still_open)


def settle(reading: Reading, answer: Goal) -> tuple[Goal, list[str]]:
    """The goal: what the text decides, and from the model's answer what it leaves open, with warnings."""
    goal, warnings = reading.goal(), list(reading.warnings)
    rest = list(reading.open)

    def take(value: float | None, share: bool = False) -> bool:
        for found in rest:
            said = {found.value, found.value / 100} if share and not found.scaled else {found.value}
            if value is not None and any(math.isclose(one, value, rel_tol=1e-6) for one in said):
                rest.remove(found)
                return True
        return False

    is_accuracy = answer.metric == "accuracy"
    criterion = answer.threshold is not None and (not is_accuracy or answer.threshold <= 1)
    if (
        reading.threshold is None
        and not reading.questions
        and criterion
        and take(answer.threshold, is_accuracy)
    ):
        goal |= {"metric": answer.metric, "threshold": answer.threshold}
        goal["comparison"] = comparison_fitting(answer.metric, answer.comparison)
    if reading.max_parameters is None and take(answer.max_parameters):
        goal["max_parameters"] = answer.max_parameters
    if reading.max_seconds is None and take(answer.max_seconds):
        goal["max_seconds"] = answer.max_seconds
    goal["metric"] = goal["metric"] or answer.metric
    goal["comparison"] = goal["comparison"] or answer.comparison
    warnings += [
        f"{found.text} is used for nothing: it is neither a limit nor the criterion" for found in rest
    ]
    wishes = wish_reading.settle(reading.text, answer.wishes)
    warnings += [
        f"the goal asks for {wish_rules.words(wish)}, which no network here can have"
        for wish in wishes.asked
        if wish_rules.impossible(wish)
    ]
    if wishes.left_out:
        read_into = " and ".join(f'"{phrase}"' for phrase in wishes.left_out)
        warnings.append(f"the planner read {read_into} into the goal, which its text does not say: not used")
    return Goal.model_validate(goal | {"wishes": wishes.phrases, "asked": wishes.asked}), warnings


def named_datasets(text: str) -> list[DatasetName]:
    """The data sets whose words stand in the text; the digits of MNIST are MNIST."""
    rest, named = levelled(text), []
    for name, pattern in words.DATASETS.items():
        if pattern.search(rest):
            named.append(name)
            rest = pattern.sub(" # ", rest)
    if (
        "mnist" in named
        and "digits" in named
        and not re.search(r"#\s*(?:,|and|und|y|et|or|&|/)\s*(?:the )?#", rest)
    ):
        named.remove("digits")
    if "digits" in named and "dummy" not in named and "mnist" not in named and len(named) > 1:
        joined = re.search(
            r"digit\w*\s*(?:data\s*set\s*)?(?:,|and|und|y|et|or|&|/)|(?:and|und|y|et|or|&)\s+(?:the\s+)?digit",
            text,
            re.I,
        )
        if not joined:
            named.remove("digits")
    return [
        name for name in ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "dummy") if name in named
    ]


# --- data set and limits --------------------------------------------------------------------------------


def _datasets(reading: Reading, text: str, typed: Typed) -> None:
    named = named_datasets(text)
    if typed.dataset:
        reading.dataset = typed.dataset
        if named and typed.dataset not in named:
            reading.warnings.append(
                f"the goal names {', '.join(named)}; the option --dataset {typed.dataset} counts"
            )
    elif len(named) == 1:
        reading.dataset = named[0]
    elif named:
        reading.questions.append(
            Question(
                "dataset",
                f"the goal names {len(named)} data sets: {', '.join(named)}",
                "Choose one with --dataset.",
            )
        )
    else:
        remedy = (
            "Name one in the goal, or choose it with --dataset: digits, mnist, fashion_mnist, cifar10, "
            "cifar100 or dummy."
        )
        reading.questions.append(Question("dataset", NO_DATASET, remedy))


LIMITS: tuple[tuple[Literal["max_parameters", "max_seconds"], str, str], ...] = (
    ("max_parameters", "parameters", "parameters"),
    ("max_seconds", "seconds", "seconds"),
)


def _limits(reading: Reading, places: list[Place], typed: Typed) -> None:
    for part, role, unit in LIMITS:
        option = "--" + part.replace("_", "-")
        given = [p for p in places if p.role == role]
        other = [p for p in given if role == "seconds" and _not_training(p)]
        values = {p.found.value for p in given if p not in other}
        set_by_option = getattr(typed, part)
        if set_by_option is not None:
            setattr(reading, part, set_by_option)
            if values - {set_by_option}:
                said = ", ".join(plain(v) for v in sorted(values))
                reading.warnings.append(
                    f"the goal says {said} {unit}; the option {option} {plain(set_by_option)} counts"
                )
            continue
        what = ""
        wrong = next((p.found for p in given if p not in other and not _possible(p.found.value, role)), None)
        minimum = next((p.found for p in given if p not in other and p.direction() in (">", ">=")), None)
        if wrong:
            what = f"{wrong.text} is not a possible number of {unit}"
        elif minimum:
            what = f"{minimum.text} is a minimum of {unit}, and only a maximum can be set"
        elif len(values) > 1:
            what = (
                f"the goal has {len(values)} numbers of {unit}: {', '.join(plain(v) for v in sorted(values))}"
            )
        elif other:
            reading.warnings += [
                f"{p.found.text} is used for nothing: it is not the training time of a trial" for p in other
            ]
        if what:
            reading.questions.append(
                Question(part, what, f"Set the limit with {option}, or change the goal.")
            )
        elif values:
            (value,) = values
            setattr(reading, part, int(value) if role == "parameters" else value)


def _possible(value: float, role: str) -> bool:
    return 1 <= value <= 1e10 and value == int(value) if role == "parameters" else 0 < value <= 1e6


def _not_training(place: Place) -> bool:
    return bool(words.NOT_TRAINING.search(place.after[:24]) or words.NOT_TRAINING.search(place.before[-30:]))


# --- the criterion --------------------------------------------------------------------------------------


def _criterion(reading: Reading, places: list[Place], text: str, typed: Typed) -> None:
    stating, reading.open = candidates(places, text)
    reading.directions = {place.found.text: place.direction() for place in places}
    unknown = words.UNKNOWN.search(levelled(text))
    if typed.metric is None and unknown and unknown.lastgroup:
        name = unknown.lastgroup.replace("_", " ")
        remedy = (
            "Runs measure accuracy and val_loss. Choose with --metric and --threshold, or change the goal."
        )
        reading.questions.append(Question("metric", f"the metric {name} is not measured", remedy))
        return
    criteria: list[Criterion] = []
    problems: list[str] = []
    for place in stating:
        made = stated(place, text)
        if isinstance(made, Criterion):
            criteria.append(made)
        else:
            problems.append(made)
    distinct = {(c.metric, c.comparison, c.threshold) for c in criteria}
    if typed.metric or typed.threshold is not None:
        _typed_criterion(reading, criteria, problems, typed)
    elif problems:
        remedy = "Change the goal, or set --metric and --threshold."
        reading.questions += [Question("threshold", problem, remedy) for problem in problems[:2]]
    elif len(distinct) > 1:
        said = " and ".join(c.text for c in criteria)
        reading.questions.append(
            Question(
                "threshold", f"the goal has more than one criterion: {said}", "Keep one, or set --threshold."
            )
        )
    elif criteria:
        first = criteria[0]
        reading.metric, reading.comparison, reading.threshold = (
            first.metric,
            first.comparison,
            first.threshold,
        )
    elif not reading.open:
        reading.questions.append(no_criterion())


def _typed_criterion(reading: Reading, criteria: list[Criterion], problems: list[str], typed: Typed) -> None:
    """The criterion of the options; what they leave out is the text's."""
    fitting = [c for c in criteria if typed.metric in (None, c.metric)]
    metric: Metric = typed.metric or (criteria[0].metric if criteria else "accuracy")
    threshold = typed.threshold
    if threshold is None and len({c.threshold for c in fitting}) == 1:
        threshold = fitting[0].threshold
    if threshold is None:
        reading.questions.append(
            Question("threshold", f"there is no threshold for {metric}", "Set --threshold.")
        )
        return
    if not 0 < threshold <= (1 if metric == "accuracy" else 100):
        what = f"{plain(threshold)} is not a possible threshold for {metric}"
        reading.questions.append(Question("threshold", what, "Accuracy is a fraction between 0 and 1."))
        return
    comparison = fitting[0].comparison if fitting else (">=" if metric == "accuracy" else "<=")
    reading.metric, reading.threshold, reading.comparison = metric, threshold, comparison
    others = [c.text for c in criteria if (c.metric, c.threshold) != (metric, threshold)]
    if others or problems:
        said = ", ".join(others) or problems[0]
        reading.warnings.append(
            f"the goal says {said}; the options count: {metric} {comparison} {plain(threshold)}"
        )


def _unread(text: str, found: list[Found]) -> list[str]:
    """Warnings for digits with a unit that were not read as a number: `max20k`."""
    rest = masked(text)
    for one in find_numbers(text):
        rest = rest[: one.start] + " " * (one.end - one.start) + rest[one.end :]
    loose = re.findall(r"\w*\d[\d.,]*\s?(?:%|(?:k|m|s|sec|min)\b|param\w*|weights)", rest, re.IGNORECASE)
    return [f'"{part}" was not read as a number: put a space before it' for part in loose]
