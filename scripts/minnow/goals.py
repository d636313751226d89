"""Goals as people write them, and the typed goal each means."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import lru_cache

from minnow import phrases
from minnow.architect import Wishes
from minnow.phrases import Stock
from mlagent_tui.schemas import DatasetName, Goal

_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen",
    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = {
    20: "twenty", 30: "thirty", 40: "forty", 50: "fifty",
    60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety",
}  # fmt: skip
_GLUE = (
    ", ", ", ", ", ", ", ", " with ", ", with ", " and ", " and ", ", and ", ". ", ". ", "; ", " - ", " ",
    " ", " but ", ", also ", " plus ", ". Also ", ", please ", " & ", ": ", " -- ", "... ", ", then ",
)  # fmt: skip
_JOINED_LOOSELY = (
    "with", "that", "which", "in ", "to ", "without", "within", "under", "at ", "reach", "aiming",
)  # fmt: skip


_weighted = lru_cache(maxsize=None)(phrases.weighted)


@dataclass
class Phrasebook:
    """Draws goals. With `held_out`, phrases come from the benchmark's stock about half of the time."""

    rng: random.Random
    held_out: bool = False
    novel: int = field(default=0, init=False)
    _first: str = field(default="", init=False)

    def pick(self, stock: Stock) -> str:
        """A phrase of the stock; `novel` counts those that training never sees."""
        if self.held_out and self.rng.random() < 0.5:
            self.novel += 1
            return self.rng.choice(stock[1])
        return phrases.expand(self.rng.choice(_weighted(stock[0])), self.rng)

    def draw(self) -> tuple[str, Goal, Wishes]:
        """A goal's text, its typed form, and the wishes behind `Goal.wishes`."""
        while True:
            self.novel = 0
            text, goal, wishes = self._draw()
            if self.novel if self.held_out else not phrases.KEPT.search(text):
                return self._typos(text), goal, wishes

    def _draw(self) -> tuple[str, Goal, Wishes]:
        rng = self.rng
        wishes = draw_wishes(rng)
        dataset = None if rng.random() < 0.04 else rng.choice(list(phrases.DATASETS))
        clauses = [c for c in self._wish_clauses(wishes) if c]
        goal = self._criterion(dataset, clauses)
        subject = self._loose_subject(wishes, dataset, clauses) or self._subject(wishes, dataset)
        if rng.random() < 0.2:
            clauses.append(self.pick(phrases.NOISE))
        if self._loosely(0.16):
            clauses += [self.pick(phrases.CHATTER) for _ in range(rng.randint(1, 3))]
        rng.shuffle(clauses)
        if rng.random() < 0.5:  # the criterion first, as most people put it
            clauses.sort(key=lambda c: c != self._first)
        text = self._join(subject, clauses)
        return text, goal.model_copy(update={"wishes": wishes.text()}), wishes

    def _loosely(self, chance: float) -> bool:
        """Now and then, in training: forms that the benchmark, which stays as it is, does not have."""
        return not self.held_out and self.rng.random() < chance

    def _loose_subject(self, wishes: Wishes, dataset: DatasetName | None, clauses: list[str]) -> str:
        """Now and then a subject in note form, what it says of the network put in clauses; else nothing."""
        rng = self.rng
        if not self._loosely(0.3):
            return ""
        if wishes.size:
            words = self.pick(phrases.SIZES[wishes.size])
            clauses.append(self.pick(phrases.OF_A_KIND).format(a=words))
        if wishes.depth:
            words = self.pick(phrases.DEPTHS[wishes.depth])
            clauses.append(self.pick(phrases.OF_A_KIND).format(a=words))
        if wishes.mlp:
            clauses.append(self.pick(phrases.AN_MLP))
        noun = f"{self.pick(phrases.OPENERS)} {rng.choice(('a ', ''))}{self.pick(phrases.NOUNS)}"
        name = self.pick(phrases.DATASETS[dataset]) if dataset else ""
        if not name:
            return noun.strip()
        kind = rng.random()
        if kind < 0.4:
            return name
        if kind < 0.6:
            return self.pick(phrases.CHATTER) + rng.choice((". ", ", ", "; ", "! ", ": ")) + name
        return f"{noun} {self.pick(phrases.FOR)} {name}".strip()

    def _subject(self, wishes: Wishes, dataset: DatasetName | None) -> str:
        rng = self.rng
        adjectives = [self.pick(phrases.SIZES[wishes.size])] if wishes.size else []
        if wishes.depth:
            adjectives.append(self.pick(phrases.DEPTHS[wishes.depth]))
        rng.shuffle(adjectives)
        noun = self.pick(phrases.MLPS if wishes.mlp else phrases.NOUNS)
        opener = self.pick(phrases.OPENERS)
        article = "" if rng.random() < 0.15 else "an" if (adjectives or [noun])[0][0] in "aeiou" else "a"
        words = [opener, article, ", ".join(adjectives) if rng.random() < 0.3 else " ".join(adjectives), noun]
        if dataset:
            stock = phrases.DATASETS[dataset]
            place = rng.random()
            if place < 0.08:  # the bare name: what describes the data must not seem to describe the network
                name = self.pick((stock[0][:1], stock[1]))
                return " ".join(w for w in (*words[:3], name, noun) if w)
            name = self.pick(stock)
            if place < 0.2:
                return f"{name}: " + " ".join(w for w in words if w)
            words += [self.pick(phrases.FOR), name]
        return " ".join(w for w in words if w)

    def _criterion(self, dataset: DatasetName | None, clauses: list[str]) -> Goal:
        rng = self.rng
        fields: dict[str, object] = {
            "dataset": dataset, "metric": "accuracy", "comparison": ">=", "threshold": None,
        }  # fmt: skip
        self._first = ""
        kind = rng.random()
        if kind < 0.86:
            strict = rng.random() < 0.35
            value, written = self._fraction()
            self._first = self.pick(phrases.MORE_THAN if strict else phrases.AT_LEAST).format(n=written)
            fields |= {"comparison": ">" if strict else ">=", "threshold": value}
        elif kind < 0.95:
            strict = rng.random() < 0.6
            value = round(
                rng.choice((rng.uniform(0.02, 0.6), rng.uniform(0.05, 2.5))), rng.choice((1, 2, 2, 2, 3))
            )
            value = value or 0.1
            if self._loosely(0.08):
                value = float(rng.randint(1, 3))
            bound = self.pick(phrases.LOSS_BELOW if strict else phrases.LOSS_MOST)
            self._first = bound.format(n=f"{value:g}")
            fields |= {"metric": "val_loss", "comparison": "<" if strict else "<=", "threshold": value}
        if self._first:
            clauses.append(self._first)
        if rng.random() < 0.35:
            limit, written = self._count()
            fields["max_parameters"] = limit
            clauses.append(self.pick(phrases.PARAMETERS).format(n=written))
        if rng.random() < 0.18:
            seconds, written = self._time()
            fields["max_seconds"] = seconds
            clauses.append(self.pick(phrases.SECONDS).format(n=written))
        return Goal.model_validate(fields)

    def _wish_clauses(self, wishes: Wishes) -> list[str]:
        w = wishes
        out = [
            self.pick(phrases.CONVS).format(n=self._small(w.convs)) if w.convs else "",
            self.pick(phrases.LINEARS).format(n=self._small(w.linears)) if w.linears else "",
            self.pick(phrases.CHANNELS).format(n=w.channels) if w.channels else "",
            self.pick(phrases.KERNELS[w.kernel]) if w.kernel else "",
            self._activation(w.activation) if w.activation else "",
            self.pick(phrases.NORMS[w.norm]) if w.norm else "",
            self.pick(phrases.RESIDUAL[w.residual]) if w.residual is not None else "",
            self.pick(phrases.NO_DROPOUT) if w.dropout == 0 else "",
            self.pick(phrases.DROPOUT).format(n=self._probability(w.dropout)) if w.dropout else "",
            self.pick(phrases.POOLING[w.pooling]) if w.pooling else "",
            self.pick(phrases.EPOCHS).format(n=self._small(w.epochs)) if w.epochs else "",
            self.pick(phrases.OPTIMIZERS[w.optimizer]) if w.optimizer else "",
            self.pick(phrases.RATES).format(n=f"{w.learning_rate:g}") if w.learning_rate else "",
            self.pick(phrases.AUGMENTATION[w.augmentation]) if w.augmentation is not None else "",
        ]
        if w.activation == "relu":  # "instead of relu" would contradict itself
            out = [c.replace("instead of relu use ", "use ") for c in out]
        return out

    def _activation(self, name: str) -> str:
        return self.pick(phrases.ACTIVATION).format(a=self.rng.choice(phrases.ACTIVATION_NAMES[name]))

    def _join(self, subject: str, clauses: list[str]) -> str:
        rng = self.rng
        text = f"{self.pick(phrases.GREETINGS)} {subject}" if self._loosely(0.06) else subject
        same = rng.choice((", ", ", ", "; ", " / ", " - ", " + ", ". ", " ")) if self._loosely(0.3) else ""
        for index, clause in enumerate(clauses):
            glue = same or rng.choice(_GLUE)
            if clause.startswith(_JOINED_LOOSELY) and not same:
                glue = rng.choice((", ", " ", " ", ", ", ", and "))
            if clause == self._first and index and rng.random() < 0.2:
                glue = ". Goal: "
            text += f" ({clause})" if rng.random() < 0.04 else glue + clause
        style = rng.random()
        if style < 0.2:
            text = text.lower()
        elif style < 0.24:
            text = text.upper()
        return text.strip() + rng.choice(("", "", "", ".", "!", "."))

    def _typos(self, text: str) -> str:
        """Now and then a slip of the finger, in plain words of five letters or more, never in a number."""
        rng = self.rng
        if rng.random() > (0.3 if self.held_out else 0.45):
            return text
        words = text.split(" ")
        for index, word in enumerate(words):
            if len(word) >= 5 and word.isalpha() and rng.random() < 0.12:
                at = rng.randrange(1, len(word) - 2)
                words[index] = rng.choice((
                    word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                    word[:at] + word[at + 1 :],
                    word[:at] + word[at] + word[at:],
                ))  # fmt: skip
        return " ".join(words)

    def _fraction(self) -> tuple[float, str]:
        rng = self.rng
        round_ones = (50, 60, 70, 75, 80, 85, 90, 95, 97, 98, 99)
        percent = rng.choice((rng.randint(30, 99), rng.randint(80, 99), rng.choice(round_ones)))
        value: float = percent
        if rng.random() < 0.15:
            value = percent + rng.choice((0.5, 0.5, rng.randint(1, 9) / 10))
        fraction = round(value / 100, 4)
        style = rng.random()
        if style < 0.5:
            return fraction, f"{value:g}{rng.choice(('%', '%', ' %'))}"
        if style < 0.62:
            return fraction, f"{value:g} {rng.choice(('percent', 'per cent', 'pct'))}"
        if style < 0.8:
            return fraction, f"{fraction:g}" if rng.random() < 0.8 else f"{fraction:g}".lstrip("0")
        if style < 0.92 and value == percent:
            return fraction, f"{words(percent, rng)} percent"
        return fraction, f"{value:g}{rng.choice(('%', ''))}"

    def _count(self) -> tuple[int, str]:
        rng = self.rng
        base = rng.choice((
            1, 2, 3, 5, 10, 20, 25, 50, 100, 150, 200, 250, 500, 1000,
            rng.randint(1, 999), rng.randint(10, 99),
        ))  # fmt: skip
        n = base * 1000
        style = rng.random()
        if style < 0.45:
            return n, f"{base}{rng.choice(('k', 'K', 'k', ' k'))}"
        if style < 0.6:
            return n, f"{n:,}"
        if style < 0.72:
            return n, str(n)
        if style < 0.82:
            millions = rng.choice((0.1, 0.2, 0.5, 1, 1.5, 2, 3, 5, 10, rng.randint(1, 99) / 10))
            return round(millions * 1e6), f"{millions:g}{rng.choice(('M', 'M', ' million', ' M'))}"
        if style < 0.9:
            return n, f"{base} thousand"
        if base in (*range(1, 100),):
            return n, f"{words(base, rng)} thousand"
        if rng.random() < 0.3:
            return 500_000, "half a million"
        small = rng.randint(100, 999_999)
        return small, rng.choice((str(small), f"{small:,}"))

    def _time(self) -> tuple[float, str]:
        rng = self.rng
        if rng.random() < 0.6:
            n = rng.choice((5, 10, 15, 20, 30, 45, 60, 90, 120, rng.randint(2, 200)))
            if n <= 99 and rng.random() < 0.15:
                return n, f"{words(n, rng)} seconds"
            return n, f"{n}{rng.choice((' seconds', ' s', 's', ' sec', ' seconds', ' secs'))}"
        n = rng.choice((1, 2, 3, 5, 10, 15, 20, 30))
        if rng.random() < 0.2:
            return n * 60, f"{words(n, rng)} minute{'s' if n > 1 else ''}"
        if self._loosely(0.15):
            n, written = rng.choice((
                (30, "half an hour"), (60, "one hour"), (60, "1 h"), (60, "an hour"), (120, "2 hours"),
            ))  # fmt: skip
            return n * 60, written
        return (
            n * 60,
            f"{n}{rng.choice((' minutes', ' min', 'min', ' minutes', ' mins'))}" if n > 1 else f"{n} minute",
        )

    def _small(self, n: int) -> str:
        return words(n, self.rng) if n <= 12 and self.rng.random() < 0.35 else str(n)

    def _probability(self, p: float) -> str:
        return f"{p:g}" if self.rng.random() < 0.8 else f"{100 * p:g}%"


def words(n: int, rng: random.Random) -> str:
    """A number below 100 in words."""
    if n < 20:
        return _UNITS[n]
    tens, unit = n // 10 * 10, n % 10
    return _TENS[tens] + (rng.choice((" ", "-")) + _UNITS[unit] if unit else "")


def draw_wishes(rng: random.Random) -> Wishes:
    """Wishes as goals have them: mostly few, now and then many."""
    busy = rng.choice((0.3, 0.6, 1.0, 1.0, 2.0))

    def maybe(chance: float, *values: object) -> object:
        return rng.choice(values) if rng.random() < chance * busy else None

    mlp = rng.random() < 0.08
    fields: dict[str, object] = {
        "size": rng.choice(tuple(WIDE)) if rng.random() < 0.55 else None,
        "depth": maybe(0.1, "deep", "shallow"),
        "mlp": mlp,
        "linears": maybe(0.12, 1, 2, 3, 4) if not mlp else maybe(0.3, 2, 3, 4, 5),
        "activation": maybe(0.2, "relu", "gelu", "gelu", "silu", "leaky_relu", "elu", "tanh", "sigmoid"),
        "norm": maybe(0.12, "layer norm") if mlp else maybe(0.14, *phrases.NORMS),
        "dropout": maybe(0.15, 0.0, 0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5),
        "channels": maybe(0.08, 4, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128),
        "epochs": maybe(0.1, 1, 2, 3, 5, 8, 10, 15, 20, 30, 50),
        "optimizer": maybe(0.07, "sgd", "adamw"),
        "learning_rate": maybe(0.05, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.05, 0.002),
        "augmentation": maybe(0.08, True, False),
    }  # fmt: skip
    if not mlp:
        fields |= {
            "convs": maybe(0.22, 1, 2, 2, 3, 3, 4, 5, 6),
            "residual": maybe(0.13, True, True, False),
            "pooling": maybe(0.1, "average pooling", "max pooling", "global average pooling"),
            "kernel": maybe(0.08, 3, 5, 7),
        }
    return Wishes(**fields)  # type: ignore[arg-type]


WIDE = ("tiny", "small", "small", "medium", "large")
