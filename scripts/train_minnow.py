#!/usr/bin/env python3
"""Train Minnow, the bundled language model, from scratch on text generated here.

    scripts/train_minnow.py --out DIR [--tokens 125e6 | --minutes 360]

`export_minnow.py` makes a GGUF of it. Checkpoints go to DIR; a rerun goes on from the last. Two cores with
bf16 instructions read five to seven thousand tokens a second: the default, about what the shipped model has
seen, takes them some six hours.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from minnow import tokenizer
from minnow.export import restore
from minnow.goals import Phrasebook
from minnow.network import Minnow, Shape
from minnow.samples import SHARES, Sample, Sampler
from minnow.tokenizer import ASSISTANT, END, FIRST_PIECE, NAMES, USER, Pieces, with_names

PIECES, WORDS = 1100, 2000
GOALS_READ = 12_000
STEP_TOKENS = 4096
POOL = 256
LONGEST = 2048
MOST_LAYERS = 18
MUON_RATE, ADAM_RATE = 0.01, 0.003
WARM_START = 0.7
"""Share of these rates for a model that has been trained before, unless `--rates` says another."""
WARMUP_STEPS = 100
DECAY_FROM = 0.3
CHECK_EVERY = 400
WEIGHTS = {"goal": 5.0, "decision": 3.0, "config": 3.0, "explain": 0.5}
"""How much a token of an answer counts: answers differ in length, not in importance."""

LOOSE_GOALS, LOOSEST = 0.5, 0.25
"""Share of the goals that are split into unusual pieces, and the most that is left out of what is usual."""
CHECK_SAMPLES = 48
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Options of mallopt(3)."""


def main() -> None:
    """Parse the arguments, train, export."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for checkpoints and the finished model"
    )
    parser.add_argument("--tokens", type=float, default=125e6, help="how many tokens to train on")
    parser.add_argument("--minutes", type=float, help="train for this long instead")
    parser.add_argument("--start", type=Path, help="continue training this exported model")
    parser.add_argument(
        "--new-words", action="store_true", help="with --start: learn single tokens of goals and code again"
    )
    parser.add_argument("--rates", type=float, help="with --start: share of the usual learning rates")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="compile the network: faster, slower to start")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    keep_memory()
    run = Run(options)
    run.train()


def keep_memory() -> None:
    """Let glibc keep freed memory: giving it back and taking it again at each step costs a CPU a third."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(M_MMAP_MAX, 0)
            mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def learn_pieces(path: Path, seed: int) -> Pieces:
    """The tokenizer, learnt once: from twenty thousand samples, then the words of goals."""
    if not path.exists():
        sampler = Sampler(random.Random(seed))
        samples = [sampler.draw() for _ in range(20_000)]
        prose = [s.shown for s in samples if s.task == "goal"] + [
            s.answer for s in samples if s.task == "explain"
        ]
        structured = [t for s in samples for t in (s.answer, s.prompt) if s.task not in ("goal", "explain")]
        structured += [s.answer for s in samples if s.task == "goal"]
        learn_words(tokenizer.train(structured, prose, PIECES), seed).save(path)
    return Pieces.load(path)


def learn_words(pieces: Pieces, seed: int) -> Pieces:
    """`pieces`, and the usual words of goals behind them."""
    book = Phrasebook(random.Random(seed))
    goals = [f"text: {book.draw()[0].lower()}" for _ in range(GOALS_READ)]
    return tokenizer.extend(pieces, goals, WORDS, least=GOALS_READ // 1000)


def renew_words(model: Minnow, pieces: Pieces, seed: int) -> tuple[Minnow, Pieces]:
    """The model with the words of today's goals and the names of layers as pieces.

    A new piece begins as the mean of its parts, and a name with noise, to tell it from its like.
    """
    plain = [piece for piece in pieces.pieces if piece not in NAMES]
    words = learn_words(with_names(plain[: PIECES - 1]), seed)
    old: Tensor = model.state_dict()["embedding.weight"]
    rows = [old[i] for i in range(FIRST_PIECE)]
    for piece in words.pieces:
        known = piece in pieces.ids
        row = old[[pieces.ids[piece]] if known else pieces.encode(piece)].mean(0)
        rows.append(row if known or piece not in NAMES else row + old.std() * torch.randn_like(row))
    renewed = Minnow(replace(model.shape, vocabulary=len(words)))
    renewed.load_state_dict(model.state_dict() | {"embedding.weight": torch.stack(rows)})
    return renewed, words


@dataclass(frozen=True)
class Row:
    """Token ids of a dialogue, where its answer begins, and how much each of its tokens counts."""

    ids: list[int]
    start: int
    weight: float


def encode(pieces: Pieces, sample: Sample, rng: random.Random | None = None) -> Row:
    """The dialogue as Minnow's chat template renders it; with `rng`, some goals are in unusual pieces."""
    prompt = [USER, *_prompt(pieces, sample, rng), ASSISTANT]
    return Row([*prompt, *pieces.encode(sample.answer), END], len(prompt), WEIGHTS.get(sample.task, 1.0))


def _prompt(pieces: Pieces, sample: Sample, rng: random.Random | None) -> list[int]:
    if rng is None or sample.task != "goal" or rng.random() > LOOSE_GOALS:
        return pieces.encode(sample.shown)
    text, numbers = sample.shown.split("\nnumbers:")
    return [
        *pieces.encode_loosely(text, rng.uniform(0.0, LOOSEST), rng),
        *pieces.encode(f"\nnumbers:{numbers}"),
    ]


def collate(rows: list[Row]) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, targets and weights, padded to a common length; only answers are learnt."""
    width = -(-max(len(row.ids) - 1 for row in rows) // 64) * 64
    inputs = torch.full((len(rows), width), END)
    targets = torch.full((len(rows), width), -100)
    weights = torch.zeros(len(rows), width)
    for index, row in enumerate(rows):
        end = len(row.ids) - 1
        inputs[index, :end] = torch.tensor(row.ids[:-1])
        targets[index, row.start - 1 : end] = torch.tensor(row.ids[row.start :])
        weights[index, row.start - 1 : end] = row.weight
    return inputs, targets, weights


@dataclass
class Batches:
    """Batches of about STEP_TOKENS tokens of similar length."""

    pieces: Pieces
    sampler: Sampler
    rng: random.Random

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        while True:
            rows = [encode(self.pieces, self.sampler.draw(), self.rng) for _ in range(POOL)]
            rows = sorted((r for r in rows if len(r.ids) <= LONGEST), key=lambda r: len(r.ids))
            batches: list[list[Row]] = []
            current: list[Row] = []
            for row in rows:
                if current and (len(current) + 1) * len(row.ids) > STEP_TOKENS:
                    batches.append(current)
                    current = []
                current.append(row)
            batches.append(current)
            self.rng.shuffle(batches)
            yield from map(collate, batches)


class Run:
    """One training run: model, optimisers, progress, checkpoints."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(options.seed)
        self.checkpoint = options.out / "checkpoint.pt"
        self.model, self.pieces = self._begin()
        self.model.to(self.device)
        matrices = [p for n, p in self.model.named_parameters() if p.dim() == 2 and "embedding" not in n]
        rest = [p for n, p in self.model.named_parameters() if p.dim() != 2 or "embedding" in n]
        self.optimisers = [
            torch.optim.Muon(matrices, lr=MUON_RATE, momentum=0.95, weight_decay=0.01),
            torch.optim.AdamW(rest, lr=ADAM_RATE, betas=(0.9, 0.95), weight_decay=0.0),
        ]
        gentler = (options.rates or WARM_START) if options.start else 1.0
        self.rates = [gentler * group["lr"] for o in self.optimisers for group in o.param_groups]
        self.step, self.tokens, self.seconds = 0, 0, 0.0
        self.ended = False
        if self.checkpoint.exists():
            self._resume()

    def _begin(self) -> tuple[Minnow, Pieces]:
        place = self.options.out / "pieces.json"
        if self.options.start and not self.checkpoint.exists():
            model, pieces = restore(self.options.start)
            if self.options.new_words:
                model, pieces = renew_words(model, pieces, self.options.seed)
            pieces.save(place)
            return model, pieces
        pieces = learn_pieces(place, self.options.seed)
        return Minnow(Shape(len(pieces))), pieces

    def train(self) -> None:
        """Until the budget is spent, or SIGTERM comes; then a last checkpoint, and a last check."""
        sampler = Sampler(random.Random(self.options.seed * 1000 + self.step))
        batches = iter(Batches(self.pieces, sampler, random.Random(self.step)))
        loss_of = torch.compile(self.model.loss, dynamic=True) if self.options.compile else self.model.loss
        print(
            f"{sum(p.numel() for p in self.model.parameters()):,} parameters, {len(self.pieces)} pieces",
            flush=True,
        )
        running, since = 0.0, time.monotonic()
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "ended", True))
        while self.progress < 1 and not self.ended:
            grown = MOST_LAYERS if self.options.start else 2 + int(self.progress * 100)
            sampler.longest = min(MOST_LAYERS, grown)
            batch = next(batches)
            self._set_rates()
            with torch.autocast(self.device.type, dtype=torch.bfloat16):
                loss = loss_of(*(tensor.to(self.device) for tensor in batch))
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            for optimiser in self.optimisers:
                optimiser.step()
                optimiser.zero_grad()
            self.step += 1
            self.tokens += batch[0].numel()
            now = time.monotonic()
            self.seconds, since = self.seconds + now - since, now
            running = loss.item() if not running else 0.98 * running + 0.02 * loss.item()
            if self.step % 50 == 0:
                self._tell(running)
            if self.step % CHECK_EVERY == 0:
                self._save()
                self._check()
        self._save()
        self._check()

    def _tell(self, loss: float) -> None:
        tokens, minutes = self.tokens / 1e6, self.seconds / 60
        print(
            f"step {self.step} {self.progress:.1%} loss {loss:.4f} {tokens:.2f}M tokens "
            f"{self.tokens / self.seconds:.0f}/s {minutes:.1f} min",
            flush=True,
        )

    @property
    def progress(self) -> float:
        """How much of the budget is spent, 0 to 1."""
        options = self.options
        spent: float = (
            self.seconds / (60 * options.minutes) if options.minutes else self.tokens / options.tokens
        )
        return spent

    def _set_rates(self) -> None:
        warm = min(1.0, (self.step + 1) / WARMUP_STEPS)
        cool = min(1.0, max(0.01, (1 - self.progress) / (1 - DECAY_FROM)))
        groups = [group for o in self.optimisers for group in o.param_groups]
        for group, rate in zip(groups, self.rates, strict=True):
            group["lr"] = rate * warm * cool

    @torch.no_grad()
    def _check(self) -> None:
        """Rates of answers that greedy decoding gets right to the letter: every next token the likeliest."""
        sampler = Sampler(random.Random(self.step + 7_000_000))
        right: dict[str, list[bool]] = defaultdict(list)
        for task in SHARES:
            rows = [encode(self.pieces, sampler.draw_of(task)) for _ in range(CHECK_SAMPLES)]
            rows = sorted((row for row in rows if len(row.ids) <= LONGEST), key=lambda row: len(row.ids))
            for start in range(0, len(rows), 6):
                inputs, targets, _ = (t.to(self.device) for t in collate(rows[start : start + 6]))
                with torch.autocast(self.device.type, dtype=torch.bfloat16):
                    best = self.model(inputs).argmax(-1)
                right[task] += ((best == targets) | (targets == -100)).all(dim=1).tolist()
        print("check " + ", ".join(f"{t} {sum(r) / len(r):.0%}" for t, r in right.items()), flush=True)

    def _save(self) -> None:
        state = {
            "model": self.model.state_dict(), "optimisers": [o.state_dict() for o in self.optimisers],
            "step": self.step, "tokens": self.tokens, "seconds": self.seconds,
        }  # fmt: skip
        partial = self.checkpoint.with_suffix(".tmp")
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]
        print(f"resuming at step {self.step}", flush=True)


if __name__ == "__main__":
    main()
