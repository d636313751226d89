"""Minnow's tokenizer: byte-fallback pieces merged best score first, as llama.cpp's `llama` tokenizer does.

Each digit (but for the 2 of `2d`) and each line break stands by itself; white space is part of pieces, so
that a line of code is a few tokens long, and a usual word of a goal is one. A layer's name (`conv12`) is one
as well: code is written by looking up what follows the last name. The scores are -(merge rank).
"""

from __future__ import annotations

import heapq
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

UNKNOWN, USER, ASSISTANT, END = 0, 1, 2, 3
SPECIALS = ("<unk>", "<|user|>", "<|assistant|>", "<|end|>")
FIRST_BYTE = len(SPECIALS)
FIRST_PIECE = FIRST_BYTE + 256
KINDS = (
    "conv", "bn", "gn", "ln", "relu", "gelu", "silu", "leaky_relu", "elu", "tanh", "sigmoid",
    "maxpool", "avgpool", "gap", "drop", "drop2d", "flatten", "fc", "res", "shortcut",
)  # fmt: skip
"""What layers are named after, before their number; see `mlagent_tui.shapes` and `tools.prompts.order`."""

NUMBERED = 24
"""Names that are one piece, of each kind; a larger number is two pieces."""

NAMES = tuple(f"{kind}{number}" for kind in KINDS for number in range(1, NUMBERED + 1))
FIRST = ("2d", "drop2d", *NAMES)
"""The pieces that are merged before all others: names, and what would be taken for one otherwise."""

_PLAIN = r"[0-9](?!d)|\n|(?:[^0-9\n]|[0-9](?=d))+"
_SEGMENT = rf"{_PLAIN}(?:(?:{'|'.join(f'(?<={kind})' for kind in KINDS)})[0-9]+)?"
_WORD = re.compile(r"\s?\S+|\s+")
_ONE_WORD = re.compile(r" ?[A-Za-z][A-Za-z'-]* ?")
ROUND = 50
"""Pieces learnt from one count of all pairs."""


class Pieces:
    """The vocabulary: specials, 256 bytes, then characters and merged pieces by rank."""

    def __init__(self, pieces: list[str]) -> None:
        self.pieces = pieces
        self.ids = {piece: FIRST_PIECE + rank for rank, piece in enumerate(pieces)}
        self._segment = lru_cache(maxsize=200_000)(self._merge)

    def __len__(self) -> int:
        return FIRST_PIECE + len(self.pieces)

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text; specials are never read from text."""
        return [i for segment in re.findall(_SEGMENT, text) for i in self._segment(segment)]

    def encode_loosely(self, text: str, share: float, rng: random.Random) -> list[int]:
        """As `encode`, but each merge of a pair is left out with the chance `share`.

        What is learnt from such texts holds for words in unusual pieces too: new words, and misspelt ones
        (BPE-dropout: Provilkov, Emelianenko and Voita, 2020, https://arxiv.org/abs/1910.13267).
        """
        segments = re.findall(_SEGMENT, text)
        return [i for s in segments for i in self._numbers(self.split(s, lambda: rng.random() < share))]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, specials left out."""
        out = bytearray()
        for i in ids:
            if i >= FIRST_PIECE:
                out += self.pieces[i - FIRST_PIECE].encode()
            elif i >= FIRST_BYTE:
                out.append(i - FIRST_BYTE)
        return out.decode("utf-8", errors="replace")

    def split(self, segment: str, leave_out: Callable[[], bool] = lambda: False) -> list[str]:
        """The pieces and characters of a segment, merged best rank first but for the pairs left out."""
        parts: list[str] = list(segment)
        following = list(range(1, len(parts) + 1))
        before = list(range(-1, len(parts) - 1))
        waiting: list[tuple[int, int, str]] = []

        def offer(at: int) -> None:
            pair = parts[at] + parts[following[at]]
            if pair in self.ids and not leave_out():
                heapq.heappush(waiting, (self.ids[pair], at, pair))

        for at in range(len(parts) - 1):
            offer(at)
        while waiting:
            _, at, pair = heapq.heappop(waiting)
            right = following[at]
            if right == len(parts) or not parts[at] or parts[at] + parts[right] != pair:
                continue  # one of the two has become part of another piece
            parts[at], parts[right] = pair, ""
            following[at] = following[right]
            if following[at] < len(parts):
                before[following[at]] = at
                offer(at)
            if before[at] >= 0:
                offer(before[at])
        return [part for part in parts if part]

    def _merge(self, segment: str) -> tuple[int, ...]:
        return tuple(self._numbers(self.split(segment)))

    def _numbers(self, parts: list[str]) -> Iterator[int]:
        for part in parts:
            yield from [self.ids[part]] if part in self.ids else (FIRST_BYTE + b for b in part.encode())

    def save(self, path: Path) -> None:
        """Write the pieces as JSON."""
        path.write_text(json.dumps(self.pieces, ensure_ascii=False))

    @classmethod
    def load(cls, path: Path) -> Pieces:
        """Read what `save` wrote."""
        return cls(json.loads(path.read_text()))


def train(structured: Iterable[str], prose: Iterable[str], size: int) -> Pieces:
    """Learn `size` pieces: from code and JSON across spaces, from prose within words only."""
    counts: Counter[str] = Counter()
    for text in structured:
        counts.update(re.findall(_PLAIN, text))
    for text in prose:
        for segment in re.findall(_PLAIN, text):
            counts.update(_WORD.findall(segment))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\x00"), "removed")
    trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=20, show_progress=False)
    tokenizer.train_from_iterator(
        (f"{segment}\x00" * min(count, 20_000) for segment, count in counts.items() if count > 2), trainer
    )
    learned = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return with_names([piece for piece, _ in learned if piece != "\x00" and "\n" not in piece])


def with_names(pieces: Iterable[str]) -> Pieces:
    """`pieces` behind those that come first."""
    return Pieces([*FIRST, *(piece for piece in pieces if piece not in FIRST)])


def extend(pieces: Pieces, prose: Iterable[str], count: int, least: int) -> Pieces:
    """`pieces` and up to `count` more, behind them in rank, by which a usual word of `prose` is one piece.

    Byte-pair encoding again, over what `pieces` leave of the texts, within words and the spaces around them;
    pairs that occur less than `least` times are left.
    """
    segments = Counter(s for text in prose for s in re.findall(_SEGMENT, text))
    rows = [(pieces.split(segment), times) for segment, times in segments.items()]
    known, learned = set(pieces.pieces), list[str]()
    while len(learned) < count:
        pairs: Counter[tuple[str, str]] = Counter()
        for parts, times in rows:
            for pair in pairwise(parts):
                pairs[pair] += times
        wanted = (
            pair
            for pair, times in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
            if times >= least and _ONE_WORD.fullmatch("".join(pair)) and "".join(pair) not in known
        )
        found = ["".join(pair) for pair in islice(wanted, min(ROUND, count - len(learned)))]
        found = list(dict.fromkeys(found))
        if not found:
            break
        learned += found
        known.update(found)
        ranks = {piece: rank for rank, piece in enumerate(found)}
        rows = [(_joined(parts, ranks), times) for parts, times in rows]
    return Pieces([*pieces.pieces, *learned])


def _joined(parts: list[str], ranks: dict[str, int]) -> list[str]:
    """`parts` with every pair in `ranks` merged, best rank first."""
    while True:
        found = [(ranks[a + b], at) for at, (a, b) in enumerate(pairwise(parts)) if a + b in ranks]
        if not found:
            return parts
        _, at = min(found)
        parts = [*parts[:at], parts[at] + parts[at + 1], *parts[at + 2 :]]
