"""A network as the coder has written it so far: whole, or in parts where it is too long for the coder.

Knows what is to be asked, how the answers become one module, and in which part a difference lies. It asks
nobody: the assembler does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mlagent_tui.errors import CodeError
from mlagent_tui.shapes import Step
from mlagent_tui.tools import naming
from mlagent_tui.tools.astray import astray
from mlagent_tui.tools.joining import Joined, Part, PartError, check, join
from mlagent_tui.tools.stretches import OTHER_STARTS, Stretch, divide, halves, length, renumbered, whole

ATTEMPTS = 4
"""How often a network is asked for that cannot be divided."""

ANEW_AFTER = 2
"""Refused answers after which a stretch is asked for in another way: in two, or under other names."""

SHORT = 8
"""A stretch of so many steps is not divided because of an answer to it."""

_WORD = re.compile(r"[A-Za-z_]\w*")
_LINE = re.compile(r"\bline (\d+)")
_AT_LINE = re.compile(r" \((?:<[^>]*>, )?line \d+\)")


@dataclass
class Question:
    """A stretch to be asked for, and its answer. Stretches that are alike are one question."""

    steps: list[Step]
    way: int = 0
    """How often the same stretch was asked for under other names before."""
    repairs: int = 0
    """Answers that were refused."""
    repeated: int = 0
    """Answers that were the one before again; the coder is then asked without being shown it."""
    code: str | None = None
    """The last answer."""
    problem: str | None = None
    """Why it was refused; None where there is no answer yet, or where nothing is known against it."""

    @property
    def open(self) -> bool:
        """Whether the coder is to be asked."""
        return self.code is None or self.problem is not None


@dataclass(frozen=True)
class Difference:
    """What is wrong with the module. `told` is the same in the names that the question's coder was told."""

    what: str
    question: Question
    told: str


@dataclass
class Draft:
    """The stretches of a network in their order, and their questions."""

    _stretches: list[Stretch]
    _questions: dict[str, Question] = field(default_factory=dict)

    @classmethod
    def of(cls, steps: Sequence[Step], room: int) -> Draft:
        """A draft to be written; a description longer than `room` characters is divided."""
        fits = length(steps) <= room
        draft = cls([whole(steps)] if fits else divide(steps, room, steps[-1]))
        draft._pose()
        return draft

    def _pose(self, way: int = 0) -> None:
        for stretch in self._stretches:
            if stretch.question not in self._questions:
                self._questions[stretch.question] = Question(list(stretch.steps), way)

    @property
    def open_question(self) -> Question | None:
        """The first question to ask."""
        return next((q for q in map(self._of, self._stretches) if q.open), None)

    def _of(self, stretch: Stretch) -> Question:
        return self._questions[stretch.question]

    def divide(self, question: Question) -> bool:
        """Ask for a stretch in two, wherever it stands. False where it is too short for that."""
        before = len(self._stretches)
        if len(question.steps) > SHORT:
            self._replace(question, halves)
            self._pose()
        return len(self._stretches) > before

    def _replace(self, question: Question, by: Callable[[Stretch, Step], list[Stretch]]) -> None:
        last = self._stretches[-1].own[-1]
        found: list[Stretch] = []
        for stretch in self._stretches:
            found += by(stretch, last) if self._of(stretch) is question else [stretch]
        self._stretches = found

    def refuse(self, difference: Difference) -> bool:
        """Have the answer that holds the difference written again. False after the last attempt."""
        question = difference.question
        question.problem = difference.told
        question.repairs += 1
        if question.repairs < ANEW_AFTER or self.divide(question):
            return True
        if len(self._stretches) == 1:
            return question.repairs < ATTEMPTS
        if question.way == len(OTHER_STARTS):
            return False
        self._replace(question, lambda stretch, last: [renumbered(stretch, last, question.way)])
        self._pose(question.way + 1)
        return True

    def unusable(self, question: Question, name: str) -> Difference | None:
        """What keeps an answer from being joined to others, if anything does."""
        if len(self._stretches) == 1:
            return None
        stretch = next(stretch for stretch in self._stretches if self._of(stretch) is question)
        code = question.code or ""
        try:
            check(Part(naming.for_user(code, name), stretch.names, stretch.lead, stretch.tail), name)
        except CodeError as error:
            kinds = {step.name: step.layer.type for step in question.steps}
            told = _with_place(error.what, code, kinds)
            return Difference(told, question, told)
        return None

    def module(self, name: str) -> Joined:
        """All answers as one module with the class `name`. Raises `PartError` for one that cannot be used."""
        parts = []
        for index, stretch in enumerate(self._stretches):
            try:
                code = naming.for_user(self._of(stretch).code or "", name)
            except CodeError as error:
                raise PartError(error.what, index) from None
            parts.append(Part(code, stretch.names, stretch.lead, stretch.tail))
        return join(parts, name)

    def refused_part(self, error: PartError) -> tuple[str, Difference]:
        """The answer that keeps the module from being made, and why."""
        question = self._of(self._stretches[error.index])
        return question.code or "", Difference(error.what, question, error.what)

    def located(self, problem: str, module: Joined) -> Difference:
        """The answer in which `problem`, found in the whole module, lies."""
        problem = _with_place(problem, module.code, self._kinds)
        if len(self._stretches) == 1:
            return Difference(problem, self._of(self._stretches[0]), problem)
        named = self._named(problem, module)
        for index in reversed(range(len(self._stretches) if named is None else named + 1)):
            question = self._of(self._stretches[index])
            place = astray(question.code or "", question.steps)
            if place is not None and index != named:
                kind = next(step.layer.type for step in question.steps if step.name == place)
                return Difference(problem, question, f"{place}: expected {kind}, got nothing")
            if place is not None:
                break
        stretch = self._stretches[-1 if named is None else named]
        local = {theirs: own for own, theirs in stretch.names.items()}
        told = _WORD.sub(lambda word: local.get(word[0], word[0]), _AT_LINE.sub("", problem))
        return Difference(problem, self._of(stretch), told)

    @property
    def _kinds(self) -> dict[str, str]:
        """The type of each layer, by its name in the network."""
        return {
            step.name: step.layer.type
            for stretch in self._stretches
            for step in stretch.own
            if step.role in ("layer", "shortcut")
        }

    def _named(self, problem: str, module: Joined) -> int | None:
        """The stretch that a problem names a layer or a line of."""
        for word in _WORD.findall(problem):
            for index, stretch in enumerate(self._stretches):
                if word in stretch.names.values():
                    return index
        line = _LINE.search(problem)
        return module.owners.get(int(line[1])) if line else None


def _with_place(problem: str, code: str, kinds: Mapping[str, str]) -> str:
    """The problem, begun with the layer of the line that it names, if it names a line and no layer."""
    line = _LINE.search(problem)
    if line is None or problem.partition(": ")[0] in kinds:
        return problem
    text = "".join(code.splitlines()[int(line[1]) - 1 : int(line[1])])
    word = next((word for word in _WORD.findall(text) if word in kinds), None)
    return f"{word}: expected {kinds[word]}, got {problem.rpartition('got ')[2]}" if word else problem
