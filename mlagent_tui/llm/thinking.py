"""Splits streamed text into thinking and answer at the marks of reasoning models."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence

from mlagent_tui.llm.families import Family, known_to

Emit = Callable[[str, bool], None]
ANY = known_to(None)
"""The families to look for in the text of a model of which nothing is known."""


class Writer:
    """Takes the bytes of tokens and passes text on, each piece marked as thinking or answer.

    `inside` is the family whose thinking is being written. A mark that opens thinking counts only at the very
    start, the one that begins an answer only where thinking has ended. With `ended` the answer is complete,
    and what follows is dropped: it ends where its family says so, and before the first of `stops`.
    """

    def __init__(
        self,
        emit: Emit,
        inside: Family | None = None,
        known: Sequence[Family] = ANY,
        stops: Sequence[str] = (),
    ) -> None:
        self.inside = inside
        self.ended = False
        self._family = inside
        self._emit = emit
        self._stops = tuple(stops)
        self._openings = {family.opens: family for family in reversed(known) if family.opens}
        self._directs = {family.direct: family for family in known if family.direct and not family.plain}
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._started = bool(inside)
        self._strip = False
        self._parts: dict[bool, list[str]] = {True: [], False: []}

    @property
    def text(self) -> str:
        return "".join(self._parts[False])

    @property
    def thinking(self) -> str:
        return "".join(self._parts[True]).strip()

    def write(self, piece: bytes) -> None:
        if self.ended:
            return
        self._held += self._decoder.decode(piece)
        if not self._started:
            self._start()
        if self.inside:
            self._think(self.inside)
        elif self._started:
            self._answer()

    def finish(self) -> None:
        """Passes on what was held back because it might have been part of a mark."""
        self._held += self._decoder.decode(b"", final=True)
        self._hand_on(len(self._held))

    def _start(self) -> None:
        head = self._held.lstrip() if self._held.strip() else self._held
        for texts, thinks in ((self._openings, True), (self._directs, False)):
            for mark, family in texts.items():
                found = next((text for text in (self._held, head) if text.startswith(mark)), None)
                if found is not None:
                    self._family, self._held, self._started = family, found[len(mark) :], True
                    self.inside = family if thinks else None
                    self._strip = not thinks
                    return
        marks = (*self._openings, *self._directs)
        self._started = bool(head.strip()) and not any(
            mark.startswith(text) for mark in marks for text in (head, self._held)
        )

    def _think(self, family: Family) -> None:
        before, found, after = self._held.partition(family.closes)
        if found:
            self._hand_on(len(before))
            self.inside, self._held, self._strip = None, after, True
            self._answer()
            return
        self._hand_on(len(self._held) - _overlap(self._held, family.closes))

    def _answer(self) -> None:
        family = self._family
        if self._strip:  # neither blank lines nor the mark between thinking and answer belong to either
            self._held = self._held.lstrip()
            mark = family.answer if family else ""
            if mark and self._held.startswith(mark):
                self._held = self._held[len(mark) :].lstrip()
            elif mark.startswith(self._held):
                return
            self._strip = not self._held
        ends = (*self._stops, family.ends) if family and family.ends else self._stops
        found = min((at for at in map(self._held.find, ends) if at >= 0), default=None)
        if found is not None:
            self._held, self.ended = self._held[:found], True
        kept = 0 if self.ended else max((_overlap(self._held, mark) for mark in ends), default=0)
        self._hand_on(len(self._held) - kept)

    def _hand_on(self, size: int) -> None:
        piece, self._held = self._held[:size], self._held[size:]
        if piece:
            self._parts[bool(self.inside)].append(piece)
            self._emit(piece, bool(self.inside))


def split(text: str, known: Sequence[Family] = ANY) -> tuple[str, str]:
    """Thinking and answer of a text that is complete.

    Thinking may have been opened before it began, may come again on a line of its own, or have no end.
    """
    writer = Writer(lambda *_: None, None, known)
    writer.write(text.encode(errors="replace"))
    writer.finish()
    thoughts, text = [writer.thinking], writer.text
    own = [family for family in known if family.closes and not family.sign]
    for family in own:
        while (at := f"\n{text}".find(f"\n{family.opens}")) >= 0:
            thought, _, after = text[at + len(family.opens) :].partition(family.closes)
            thoughts.append(thought.strip())
            text = f"{text[:at]}{after}".strip()
    for family in own if not any(thoughts) and not writer.inside else ():
        before, found, after = text.partition(family.closes)
        if found:
            return before.strip(), after.removeprefix(family.answer).strip()
    return "\n".join(filter(None, thoughts)), text


def _overlap(text: str, mark: str) -> int:
    """How many characters at the end of `text` may be the beginning of `mark`."""
    return next((n for n in range(len(mark) - 1, 0, -1) if text.endswith(mark[:n])), 0)
