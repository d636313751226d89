"""One sentence about a network, held against what was measured of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from mlagent_tui.research import denial
from mlagent_tui.research.layer_kinds import BY_NAME, KINDS, Kind
from mlagent_tui.research.network_facts import Facts, Layer, Shape
from mlagent_tui.research.quantities import NUMBER, NUMBER_WORDS, SHAPE, is_rough, small
from mlagent_tui.research.quantities import value as number_value

TOLERANCE = 0.05
"""How far a number after "about" may be off."""

_NAME = re.compile(r"\b[A-Za-z_]\w*(?:\.\w+)*\b")
_HARMLESS_NAME = re.compile(
    r"[12345]d|\d+d|int\d+|float\d+|bfloat16|fp\d+|conv\w*[123]d?|\w+-\d+|e\.g|i\.e", re.IGNORECASE
)
_ARGUMENTS = {
    "in_channels", "out_channels", "kernel_size", "in_features", "out_features", "num_features", "batch_size",
    "hidden_size", "input_size", "output_size", "num_classes", "batch_first", "num_layers", "num_heads",
}  # fmt: skip
"""Names of arguments in torch, which sentences use whether or not the code spells them out."""
_UNMEASURED = re.compile(
    r"\baccura\w+|\b(?:pre-?)?trained\b|state[- ]of[- ]the[- ]art|outperform\w*|\bbenchmark\w*|error rate|"
    r"\b(?:mnist|cifar|imagenet|svhn|coco)\b|overfit\w*|underfit\w*|generali[sz]\w+",
    re.IGNORECASE,
)
_ARCHITECTURE = re.compile(
    r"\b(resnet|res-net|densenet|mobilenet|efficientnet|alexnet|lenet|vgg|inception|googlenet|u-?net|squeezenet|"
    r"shufflenet|convnext|vit|bert|gpt|autoencoder|auto-encoder|gan|diffusion|mixer|swin)(?:-?v?\d+)*\b",
    re.IGNORECASE,
)
_LOSS = re.compile(r"\bloss\b|\bbefore (?:the |a |any )?softmax", re.IGNORECASE)
_KIND_OF_NETWORK = re.compile(
    r"\b(?P<named>(?:[\w-]+\s+){0,4})(?P<noun>networks?|nets?|nn|model|classifier|cnn|convnet|mlp|rnn|perceptron|transformer)\b",
    re.IGNORECASE,
)
_IS_A = re.compile(
    r"\b(?:is|are|was|as|defines|implements|describes|represents|builds|called)\s+(?:a|an|the)\b",
    re.IGNORECASE,
)
_MLP = re.compile(
    r"\bmlps?\b|multi-?\s?layer perceptrons?|\bfeed-?forward (?:neural )?(?:network|net)\b", re.IGNORECASE
)
_COUNT = re.compile(
    rf"(?:^|[^\w.×x])(?P<n>\d+|{'|'.join(NUMBER_WORDS)}|single|several|multiple)\s+"
    r"(?:(?!layers?\b|and\b|of\b|with\b)[\w×-]+\s+){0,2}$",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"^[\w\s-]{0,24}?\b(?:heads?|channels?|filters?|kernels?|units?|features?|maps?|classes|neurons?)\b",
    re.IGNORECASE,
)
_LAYERS_AFTER = re.compile(
    r"^(?:[\w()/-]*\s+){0,2}?(?:layers?|blocks?|modules?|operations?|stages?)\b", re.IGNORECASE
)
_EACH = re.compile(r"\b(?:each|every|per|both)\b", re.IGNORECASE)
_PART = re.compile(r"\b(?:blocks?|stages?|branch(?:es)?|paths?|stem|encoder|decoder)\b", re.IGNORECASE)
"""What has layers of its own: a number of layers beside it need not be that of the network."""
_SOME = re.compile(r"\b(?:first|last|next|other|remaining|following|these|of the|of its)\s+$", re.IGNORECASE)
_ABOUT_A_PART = re.compile(r"\b(?:layer|head|block|stage|stem|part)\b", re.IGNORECASE)
_ABOUT_IT = re.compile(r"\b(?:it|network|net|model|module)\b", re.IGNORECASE)
_MOST = re.compile(r"\b(most|majority|bulk|largest|biggest|dominat\w+|heaviest)\b", re.IGNORECASE)
_ENDS = re.compile(
    r"\b(?P<last>last|final|ends? (?:in|with)|ending (?:in|with))\b|\b(?:first|starts? with|begins? with)\b",
    re.IGNORECASE,
)
_RESIDUAL = re.compile(
    r"\bresidual\w*|\bskip[- ]connections?|\bshortcuts?\b|\bidentity connections?", re.IGNORECASE
)
_DEPTHWISE = re.compile(r"\bdepth-?wise\b|\bgrouped conv\w*|\bseparable\b", re.IGNORECASE)
_GROUPS = (
    ("max pooling", "average pooling"),
    ("batch norm", "group norm", "layer norm", "instance norm", "RMS norm"),
    ("ReLU", "ReLU6", "leaky ReLU", "PReLU", "GELU", "SiLU", "ELU", "SELU", "Mish", "tanh", "sigmoid"),
)  # fmt: skip
"""Kinds of which one takes another's place: the first and last of them can be compared."""

_WORDS = {kind.name: re.compile(rf"\b(?:{kind.words})\b", re.IGNORECASE) for kind in KINDS}


@dataclass
class Sentence:
    """One sentence held against the facts."""

    facts: Facts
    text: str
    confirmed: int = 0

    def problem(self) -> str:
        """The first contradiction; empty where there is none."""
        checks: tuple[Callable[[], str], ...] = (
            self._unmeasured, self._network, self._kinds, self._counts, self._residual, self._largest,
            self._order, self._shapes, self._numbers, self._names,
        )  # fmt: skip
        return next((why for check in checks if (why := check())), "")

    def misdescribes(self) -> str:
        """The first contradiction about what the network is made of, whatever its numbers are."""
        checks = (self._network, self._kinds, self._counts, self._residual)
        return next((why for check in checks if (why := check())), "")

    def _mentions(self, kind: Kind) -> Iterator[tuple[re.Match[str], bool]]:
        """Where the sentence says that a kind is there, or (true) that it is not."""
        for match in _WORDS[kind.name].finditer(self.text):
            denied = self._denied(match)
            if denied is not None and not (kind.name == "softmax" and _LOSS.search(self.text)):
                yield match, denied

    def _denied(self, match: re.Match[str]) -> bool | None:
        return denial.denied(self.text, match.span())

    def _unmeasured(self) -> str:
        if match := _UNMEASURED.search(self.text):
            return f"{match[0]!r} was not measured"
        for match in _ARCHITECTURE.finditer(self.text):
            wanted = re.sub(r"\W|\d|v$", "", match[1].lower())
            known = {*self.facts.code.names, self.facts.name.lower()}
            if not any(wanted in re.sub(r"\W|_", "", name) for name in known):
                return f"nothing in the code is called {match[0]}"
        return ""

    def _network(self) -> str:
        """`is a convolutional network`: the kinds named are those that the network is of."""
        families = self.facts.families
        linear = len(self.facts.of_kind(BY_NAME["linear"]))
        for match in _MLP.finditer(self.text):
            denied = self._denied(match)
            if denied is None:
                continue
            if (families == {"linear"} and linear > 1) == denied:
                return "it is a fully connected network" if denied else "it is not a multi-layer perceptron"
            self.confirmed += 1
        for match in _KIND_OF_NETWORK.finditer(self.text):
            is_a = _IS_A.search(self.text, 0, match.start("noun"))
            if not is_a or self._denied(match) is not False or self._about_a_part(self.text[: is_a.start()]):
                continue
            named = self._families_in(f"{match['named']} {match['noun']}")
            # a convolution before attention or recurrent layers goes without saying; they do not
            silent = families - self._families_in(self.text)
            silent -= {"convolution"} if named - {"convolution"} else set()
            if named and (silent or named - families):
                return f"it is not of the kind {' and '.join(sorted(named))}"
            self.confirmed += bool(named)
        return ""

    def _about_a_part(self, subject: str) -> bool:
        """`the final layer`, `fc1`: a sentence with this subject is not about the whole network."""
        part = _ABOUT_A_PART.search(subject) or self._layers_in(subject)
        return bool(part) and not _ABOUT_IT.search(subject)

    def _layers_in(self, text: str) -> list[Layer]:
        return [x for x in self.facts.own if re.search(rf"(?<![\w.]){re.escape(x.name)}(?!\w|\.\w)", text)]

    @staticmethod
    def _families_in(words: str) -> frozenset[str]:
        names = ("convolution", "recurrent", "attention", "linear")
        found = {name for name in names if _WORDS[name].search(words)}
        found |= {"recurrent"} if _WORDS["LSTM"].search(words) or _WORDS["GRU"].search(words) else set()
        found |= {"attention"} if _WORDS["transformer"].search(words) else set()
        return frozenset(found)

    def _kinds(self) -> str:
        """Layers that are named are there, and those that are denied are not."""
        for kind in KINDS:
            for _, denied in self._mentions(kind):
                if self.facts.has(kind) == denied:
                    return f"it has {kind.name}" if denied else f"it has no {kind.name}"
                self.confirmed += 1
        if re.search(r"global(?:ly)?\s+(?:average|avg|max)?[\s-]*pool", self.text, re.IGNORECASE):
            pooled = [layer for layer in self.facts.own if "Adaptive" in layer.type]
            if any(prod(layer.shape[1:]) != 1 for layer in pooled) or not (
                pooled or self.facts.has(BY_NAME["average pooling"])
            ):
                return "it does not pool globally"
        if _DEPTHWISE.search(self.text) and not self.facts.code.grouped:
            return "it has no depthwise convolution"
        return ""

    def _counts(self) -> str:
        """`two linear layers`: as many as there are."""
        for kind in KINDS:
            for match, denied in self._mentions(kind):
                number = _COUNT.search(self.text[: match.start()])
                rest = self.text[match.end() :]
                if not number or denied or _UNIT.search(rest) or not self._may_count(kind, match, rest):
                    continue
                said = small(number["n"])
                if said is None:
                    continue
                known = self.facts.counts(kind)
                if not kind.name.startswith(("conv", "linear")):
                    known |= {int(n) for n in self.facts.code.numbers if kind.counted and n == int(n)}
                before, counted = self.text[: number.start()], match[0] + rest[:12]
                part = _EACH.search(self.text) or _PART.search(before) or _PART.search(counted)
                wrong = said > max(known) if part else said not in known
                if wrong and self.facts.of_kind(kind):
                    return f"it does not have {said} {kind.name} layers"
        for match in re.finditer(r"\b(\w+)\s+layers?\b", self.text):
            said = small(match[1]) if match[1].lower() not in ("single", "several", "multiple") else None
            whole, own = self.facts.layers, self.facts.own
            weighted = [layer for layer in own if layer.parameters]
            main = [x for name in ("convolution", "linear") for x in self.facts.of_kind(BY_NAME[name])]
            known = {len(whole), len(own), len(weighted), len(main)}
            some = _SOME.search(self.text[: match.start()])
            if said is not None and said not in known and not some and self._denied(match) is False:
                return f"it does not have {said} layers"
        return ""

    @staticmethod
    def _may_count(kind: Kind, match: re.Match[str], rest: str) -> bool:
        plural = match[0].lower().endswith("s") and match[0].lower() not in ("mish", "loss")
        return plural or bool(_LAYERS_AFTER.search(rest.lstrip()))

    def _residual(self) -> str:
        for match in _RESIDUAL.finditer(self.text):
            denied = self._denied(match)
            if denied is None:
                continue
            if self.facts.is_residual == denied:
                return "it adds something back" if denied else "nothing is added back in it"
            self.confirmed += 1
            number = _COUNT.search(self.text[: match.start()])
            said = small(number["n"]) if number else None
            if said is not None and self._miscounts_blocks(said):
                return f"it does not have {said} residual blocks"
        return ""

    def _miscounts_blocks(self, said: int) -> bool:
        """Code that is used several times shows one addition; the names of layers show how many blocks."""
        if not self.facts.code.repeated:
            return said != self.facts.code.additions
        return bool(self.facts.alike) and said > max(self.facts.alike)

    def _largest(self) -> str:
        """`most lie in fc1`: that layer, or that kind of layer, has the most."""
        most = _MOST.search(self.text)
        if not most or not re.search(r"param|weights|layer", self.text, re.IGNORECASE):
            return ""
        total = max(self.facts.parameters, 1)
        after = self.text[most.end() :]
        named = self._layers_in(self.text)
        share = most[1].lower() in ("most", "majority", "bulk")
        if named:
            if not set(named) & set(self.facts.largest):
                return f"{named[0].name} is not the largest layer"
            if share and sum(x.parameters for x in named) < total / 2:
                return f"{named[0].name} does not have most of the parameters"
            self.confirmed += 1
            return ""
        kinds = [
            kind for kind in KINDS if _WORDS[kind.name].search(after) or _WORDS[kind.name].search(self.text)
        ]
        sums = {kind.name: sum(x.parameters for x in self.facts.of_kind(kind)) for kind in kinds}
        if sums and max(sums.values()) < total / 2:
            return f"{' and '.join(sums)} layers do not have most of the parameters"
        return ""

    def _order(self) -> str:
        """`the last pooling is average pooling`: the first or last of its group is of that kind."""
        for end in _ENDS.finditer(self.text):
            at = -1 if end["last"] else 0
            for group in _GROUPS:
                ran = [
                    kind
                    for layer in self.facts.layers
                    if layer.runs
                    for kind in self._group_of(group, layer.type)
                ]
                for kind in map(BY_NAME.__getitem__, group):
                    match = _WORDS[kind.name].search(self.text, end.end())
                    between = self.text[end.end() : match.start()] if match else ""
                    near = match and len(between) < 40 and not any(w.search(between) for w in _WORDS.values())
                    functional = any(
                        re.fullmatch(BY_NAME[name].functions, called)
                        for name in group
                        for called in self.facts.code.called
                    )
                    if near and ran and not functional and ran[at] != kind.name:
                        return f"the {'last' if at else 'first'} of them is {ran[at]}"
        return ""

    @staticmethod
    def _group_of(group: Sequence[str], layer_type: str) -> list[str]:
        return [name for name in group if re.fullmatch(BY_NAME[name].classes, layer_type)][:1]

    def _shapes(self) -> str:
        known = {s for shape in self._all_shapes() for s in _said_shapes(shape)}
        sizes = self.facts.code.numbers | {1.0}
        for match in SHAPE.finditer(self.text):
            shape = tuple(int(part) for part in re.findall(r"\d+", match[0]))
            kernel = len(shape) in (2, 3) and len(set(shape)) == 1 and float(shape[0]) in sizes
            if shape not in known and not kernel:
                return f"the shape {match[0]} does not occur"
            self.confirmed += shape in known
        return ""

    def _all_shapes(self) -> list[Shape]:
        return [self.facts.input_shape, self.facts.output_shape, *(layer.shape for layer in self.facts.own)]

    def _numbers(self) -> str:
        """Every number is one that was measured or stands in the code, in its own role."""
        text = SHAPE.sub(lambda match: " " * len(match[0]), self.text)
        for match in NUMBER.finditer(text):
            value, step = number_value(match)
            rest, before = text[match.end() :].lstrip(), text[: match.start()]
            known = self._known(rest, before, percent=bool(match["percent"]))
            about = is_rough(before)
            slack = max(step / 2, TOLERANCE * value if about else 0) + 1e-9 * value
            exact = not (match["scale"] or match["part"] or match["percent"] or about)
            if not any(abs(value - fact) <= (1e-9 * max(1.0, fact) if exact else slack) for fact in known):
                return f"the number {match[0].strip()} was not measured"
            self.confirmed += 1
        return ""

    def _known(self, rest: str, before: str, *, percent: bool) -> set[float]:
        facts = self.facts
        own = [layer.parameters for layer in facts.own]
        sums = [sum(x.parameters for x in facts.of_kind(kind)) for kind in KINDS]
        total = {float(n) for n in (facts.parameters, facts.trainable) if n is not None}
        whole_cost = None if facts.not_counted else facts.multiply_adds
        operations = {f * n for n in (whole_cost,) if n is not None for f in (1.0, 2.0)}
        if percent:
            whole = max(facts.parameters, 1)
            shares = {100 * n / whole for n in (*own, *sums, *total)}
            return shares | {100 * n for n in facts.code.numbers if 0 <= n <= 1}
        if re.match(r"(?:trainable |learnable |total |model )*(?:param|weights)", rest, re.IGNORECASE):
            if re.search(r"\b(?:its|total of|has)\s*$", before, re.IGNORECASE):
                layers = self._layers_in(before)
                if layers and not _ABOUT_IT.search(before):
                    return {float(layer.parameters) for layer in layers}
                if _ABOUT_IT.search(before) or not any(word.search(before) for word in _WORDS.values()):
                    return total
            return total | {float(n) for n in (*own, *sums)}
        if re.match(r"(?:multiply|mac|mult|flop|operation|multiplication)", rest, re.IGNORECASE):
            return operations
        if re.match(r"(?:mb|megabyte|mib|kb|kilobyte)", rest, re.IGNORECASE):
            size = facts.size_mb or 0.0
            return {size, size * 1000, size / 1.048576}
        shapes = {float(n) for shape in self._all_shapes() for n in (*shape, prod(shape))}
        counts = {float(n) for kind in KINDS for n in facts.counts(kind)} | {
            float(len(facts.own)),
            float(len(facts.layers)),
        }
        parameters = total | {float(n) for n in (*own, *sums)}
        stored = {facts.size_mb} if facts.size_mb is not None else set[float]()
        return (
            {1.0, float(facts.code.additions), *map(float, facts.alike)}
            | shapes
            | counts
            | parameters
            | operations
            | facts.code.numbers
            | stored
        )

    def _names(self) -> str:
        """What is written like a name of the code is one: `fc3`, `nn.Conv2d`, `MyBlock`, `x.mean`."""
        facts = self.facts
        known = {
            part.lower() for layer in facts.own for part in (layer.name, layer.type, *layer.name.split("."))
        }
        known |= (
            facts.code.names | _ARGUMENTS | {facts.name.lower(), "nn", "torch", "pytorch", "nn.module", "f"}
        )
        for match in _NAME.finditer(self.text):
            name = match[0]
            inner_capital = re.search(r"[a-z][A-Z]", name) and not re.fullmatch(r"PyTorch|TensorFlow", name)
            looks = "_" in name or "." in name or inner_capital or re.search(r"[A-Za-z]\d", name)
            harmless = re.fullmatch(_HARMLESS_NAME, name) and name.lower() not in _CLASSES
            if not looks or harmless:
                continue
            parts = [
                part
                for part in name.lower().split(".")
                if part not in ("nn", "torch", "self", "f", "functional")
            ]
            if name.lower() in known or all(part in known for part in parts):
                self.confirmed += any(layer.name.lower() == name.lower() for layer in facts.own)
            elif not self._is_word_of_a_kind(name):
                return f"nothing is called {name}"
        return ""

    def _is_word_of_a_kind(self, name: str) -> bool:
        """`GeLU` or `MaxPool` for a kind that is there: how people write it, not a name of the code."""
        full = [kind for kind in KINDS if _WORDS[kind.name].fullmatch(name)]
        classes = re.fullmatch(r"(?:Adaptive)?[A-Z]\w+[123]d", name) is not None
        return bool(full) and not classes


_CLASSES = frozenset(f"conv{n}d" for n in "123")


def _said_shapes(shape: Shape) -> Iterator[Shape]:
    """The ways to say a shape: with the batch, without the channels, channels last."""
    yield from (shape, (1, *shape), shape[1:], (*shape[1:], shape[0]) if len(shape) == 3 else shape)
