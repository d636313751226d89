"""What is known of a network without asking a model: its layers as measured, and what its code calls.

`describe` says it in sentences; `claims` holds the sentences of a model against it.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from mlagent_tui.research import multiply_adds
from mlagent_tui.research.layer_kinds import BY_NAME, CLASSES, FAMILIES, KINDS, Kind

if TYPE_CHECKING:
    from mlagent_tui.schemas import LayerRow, Summary

Shape = tuple[int, ...]


_SHORTCUT = re.compile(r"shortcut|downsample|skip|proj", re.IGNORECASE)


@dataclass(frozen=True)
class Layer:
    """A layer, and how often it ran; its shape is without the batch dimension."""

    name: str
    type: str
    shape: Shape
    parameters: int
    runs: int = 1


@dataclass(frozen=True)
class Code:
    """What the text of a module shows: what its functions call, and all names and numbers in it.

    `additions` are the places where something is added; `repeated`: one of them may be used several times.
    """

    called: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    numbers: frozenset[float] = frozenset()
    additions: int = 0
    grouped: bool = False
    repeated: bool = False

    @staticmethod
    def of(source: str) -> Code:
        """What `source` shows; nothing where it is not Python."""
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return Code()
        nodes = list(ast.walk(tree))
        running = [
            part
            for node in nodes
            if isinstance(node, ast.FunctionDef) and node.name != "__init__"
            for part in ast.walk(node)
        ]
        return Code(
            called=frozenset(
                name.lower()
                for found in (map(_calls, running), map(_texts, nodes))
                for names in found
                for name in names
            ),
            names=frozenset(name.lower() for node in nodes for name in _names(node)),
            numbers=frozenset(number for node in nodes for number in _number(node)),
            additions=sum(_adds(node) for node in running),
            grouped=any(_grouped(node) for node in nodes),
            repeated=any(_adds(part) for node in _used_again(tree) for part in ast.walk(node)),
        )


@dataclass(frozen=True)
class Facts:
    """A network as it was measured. Shapes are without the batch; None is what was not measured."""

    name: str
    input_shape: Shape
    output_shape: Shape
    parameters: int
    layers: tuple[Layer, ...]
    trainable: int | None = None
    multiply_adds: int | None = None
    size_mb: float | None = None
    code: Code = field(default_factory=Code)
    not_counted: tuple[str, ...] = ()
    output: str = ""

    @cached_property
    def own(self) -> tuple[Layer, ...]:
        """Every layer once, however often it ran."""
        return tuple({layer.name: layer for layer in self.layers}.values())

    def of_kind(self, kind: Kind) -> list[Layer]:
        """The layers of one kind that ran."""
        return [layer for layer in self.own if layer.runs and re.fullmatch(kind.classes, layer.type)]

    def has(self, kind: Kind) -> bool:
        """Whether layers of the kind ran, or `forward` calls what does the same."""
        if self.of_kind(kind) or any(re.fullmatch(kind.functions, name) for name in self.code.called):
            return True
        if kind.name not in ("attention", "transformer"):
            return False
        # torch runs attention as one fused operation, in which no layer of its own is seen
        named = any(re.fullmatch(kind.classes.lower(), name) for name in self.code.names)
        return named or any("attn" in layer.name.lower() for layer in self.own)

    def counts(self, kind: Kind) -> set[int]:
        """Every number of such layers that may be said: with and without shortcuts, with repeated runs."""
        found = self.of_kind(kind)
        plain = [layer for layer in found if not _SHORTCUT.search(layer.name)]
        runs = sum(layer.runs for layer in self.layers if re.fullmatch(kind.classes, layer.type))
        named = [layer for layer in found if layer.type != "NonDynamicallyQuantizableLinear"]
        return {len(found), len(plain), runs, len(named)}

    @cached_property
    def alike(self) -> frozenset[int]:
        """How many parts there are of each make: parts whose layers have the same names, shortcuts aside."""
        inside: defaultdict[str, list[str]] = defaultdict(list)
        for layer in self.own:
            part, _, name = layer.name.rpartition(".")
            if part and not _SHORTCUT.search(layer.name):
                inside[part].append(name)
        return frozenset(Counter(map(tuple, inside.values())).values())

    @property
    def families(self) -> frozenset[str]:
        """The kinds that name the network; `linear` where it is none of the others."""
        found = frozenset(name for name in FAMILIES if self.has(BY_NAME[name]))
        return found or frozenset({"linear"} if self.has(BY_NAME["linear"]) else ())

    @property
    def largest(self) -> list[Layer]:
        """The layer with most parameters; several where they are equal, none where nothing has any."""
        most = max((layer.parameters for layer in self.own), default=0)
        return [layer for layer in self.own if layer.parameters == most] if most else []

    @property
    def is_residual(self) -> bool:
        """Whether something is added back, as the code or the names of layers show."""
        return self.code.additions > 0 or any(_SHORTCUT.search(layer.name) for layer in self.own)


def facts_of(summary: Summary, source: str = "") -> Facts:
    """What was measured, and what the code shows besides."""
    return Facts(
        name=summary.class_name,
        input_shape=tuple(summary.input_shape[1:]),
        output_shape=tuple(summary.output_shape[1:]),
        parameters=summary.total_parameters,
        layers=tuple(
            Layer(row.name, row.type, tuple(row.output_shape), row.parameters, _runs(row))
            for row in summary.layers
        ),
        trainable=summary.trainable_parameters,
        multiply_adds=summary.multiply_adds,
        not_counted=tuple(summary.not_counted),
        output=summary.output,
        size_mb=summary.size_mb,
        code=Code.of(source),
    )


def configured(
    name: str, shapes: tuple[Shape, Shape], layers: Iterable[tuple[str, str, Shape, int]], blocks: int
) -> Facts:
    """A network as its configuration has it: shapes of input and output, layers by their types there.

    Each layer is (name, type, output shape, parameters); `blocks` is the number of residual blocks.
    """
    made = tuple(Layer(layer, CLASSES[kind], shape, count) for layer, kind, shape, count in layers)
    total = sum(layer.parameters for layer in made)
    return Facts(name, *shapes, total, made, code=Code(additions=blocks))


def _runs(row: LayerRow) -> int:
    return 0 if row.type == "Parameter" or not row.ran else max(1, row.calls)


def describe(facts: Facts) -> str:
    """The network in a few sentences, each from what was measured."""
    shapes = f"maps {show(facts.input_shape)} to {facts.output or show(facts.output_shape)}"
    said = [f"{facts.name} is {kind_of(facts)} that {shapes}."]
    counted = [
        f"{len(found)} {kind.name} layer{'s' if len(found) > 1 else ''}"
        for kind in KINDS
        if kind.counted and (found := facts.of_kind(kind))
    ]
    if counted:
        said.append(f"It has {_listed(counted)}.")
    known = [kind.classes for kind in KINDS if kind.counted]
    others = Counter(
        layer.type
        for layer in facts.own
        if layer.runs
        and layer.type not in ("Flatten", "Identity")
        and not any(re.fullmatch(c, layer.type) for c in known)
    )
    if others:
        said.append(f"Its other layers are {_listed(list(others))}.")
    if facts.largest:
        layer, share = facts.largest[0], 100 * facts.largest[0].parameters / max(facts.parameters, 1)
        most = "all" if layer.parameters == facts.parameters else "most" if share > 50 else "the largest part"
        verb = "lies" if most.startswith("the") else "lie"
        size = f" ({layer.parameters:,})" if most != "all" else ""
        said.append(f"Of its {facts.parameters:,} parameters, {most} {verb} in {layer.name}{size}.")
    else:
        said.append(
            "It has no parameters." if not facts.parameters else f"It has {facts.parameters:,} parameters."
        )
    if facts.is_residual:
        said.append("Residual connections add inputs back to outputs.")
    if facts.code.grouped:
        said.append("Some of its convolutions are grouped.")
    if multiply_adds.EVERYTHING not in facts.not_counted and (facts.multiply_adds or facts.not_counted):
        cost = multiply_adds.told(f"{facts.multiply_adds or 0:,}", facts.not_counted)
        said.append(f"One forward pass takes {cost}.")
    return " ".join(said)


def show(shape: Shape) -> str:
    """`1x8x8`; a vector as `10 values`."""
    return f"{shape[0]} values" if len(shape) == 1 else "x".join(map(str, shape)) or "one value"


def kind_of(facts: Facts) -> str:
    """`a convolutional network`: what its layers make it."""
    linear = facts.of_kind(BY_NAME["linear"])
    match sorted(facts.families):
        case ["convolution"]:
            return "a convolutional network"
        case ["recurrent"]:
            return "a recurrent network"
        case ["attention"]:
            return "a network with attention"
        case ["linear"] if len(linear) == 1 and linear[0].parameters == facts.parameters:
            return "a single linear layer"
        case ["linear"] if not facts.has(BY_NAME["embedding"]):
            return "a fully connected network"
        case [] | ["linear"]:
            return "a network"
        case several:
            return f"a network with {_listed(several)}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _calls(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        match node.func:
            case ast.Attribute(attr=name) | ast.Name(id=name):
                yield name


def _texts(node: ast.AST) -> Iterator[str]:
    """Functions that are chosen by their name, as in `activation="gelu"`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.keyword(arg=str(name)) | ast.Constant(value=str(name)):
            yield name
        case _:
            return


def _number(node: ast.AST) -> Iterator[float]:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        with suppress(OverflowError):
            yield float(node.value)


def _adds(node: ast.AST) -> bool:
    """Whether two activations are added: neither a number nor something that belongs to the module."""
    match node:
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return not any(isinstance(side, ast.Constant | ast.Attribute) for side in (left, right))
        case ast.AugAssign(op=ast.Add(), value=value):
            return not isinstance(value, ast.Constant | ast.Attribute)
        case _:
            return False


def _used_again(tree: ast.Module) -> Iterator[ast.AST]:
    """Loops, and the classes and functions that others call."""
    nodes = list(ast.walk(tree))
    called = {name for node in nodes for name in _calls(node)}
    for node in nodes:
        called_again = isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in called
        if called_again or isinstance(node, ast.For | ast.While):
            yield node


def _grouped(node: ast.AST) -> bool:
    match node:
        case ast.keyword(arg="groups", value=ast.Constant(value=1)):
            return False
        case ast.keyword(arg="groups"):
            return True
        case _:
            return False
