"""What a goal asks of the network besides its numbers, and whether a trial's network has it.

A wish is a `schemas.Wish`, read from the goal's own text. Whether it is met follows from the trial's
configuration and training settings, which the code was checked against; no model is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlagent_tui.research.change import ACTIVATIONS, layers_of
from mlagent_tui.research.ranking import number

if TYPE_CHECKING:
    from mlagent_tui.schemas import EvalConfig, ModelConfig, Wish

Layer = dict[str, Any]
NORMS = {"batchnorm2d": "batch", "groupnorm": "group", "layernorm": "layer"}


@dataclass(frozen=True)
class Answer:
    """Whether a wish is met, and what the network has in its place."""

    wish: Wish
    met: bool
    has: str

    def __str__(self) -> str:
        return f"{words(self.wish)}: {'met' if self.met else f'not met, {self.has}'}"


@dataclass(frozen=True)
class Network:
    """A trial's network and training, as wishes look at them: all layers in order, blocks opened."""

    layers: tuple[Layer, ...]
    settings: EvalConfig | None

    @staticmethod
    def of(config: ModelConfig, settings: EvalConfig | None) -> Network:
        """From a trial's configuration; each convolution knows its input channels."""
        channels, flat = config.input_shape[0], []
        for layer in _flat(layers_of(config)):
            if layer["type"] == "conv2d":
                layer, channels = layer | {"in_channels": channels}, layer["out_channels"]
            flat.append(layer)
        return Network(tuple(flat), settings)

    def of_type(self, *types: str) -> list[Layer]:
        """The layers of these types."""
        return [layer for layer in self.layers if layer["type"] in types]


def _flat(layers: Iterable[Layer]) -> Iterator[Layer]:
    for layer in layers:
        if layer["type"] == "repeat":
            for _ in range(layer["times"]):
                yield from _flat(layer["layers"])
        else:
            yield layer
            yield from _flat(layer.get("layers", ()))


def check(asked: Sequence[Wish], config: ModelConfig | None, settings: EvalConfig | None) -> list[Answer]:
    """An answer to each wish; none where there is no network."""
    if config is None:
        return []
    network = Network.of(config, settings)
    found = []
    for wish in asked:
        there, has = _KINDS[wish.about].look(network, wish)
        found.append(Answer(wish, there != wish.refused, has))
    return found


def unmet(answers: Iterable[Answer]) -> list[str]:
    """Each wish that is not met, with what is there in its place, in words."""
    return [str(answer) for answer in answers if not answer.met]


def lost(before: Sequence[Answer], now: Sequence[Answer]) -> list[Answer]:
    """The wishes about the network that are not met now, and were not missed before either."""
    missed = [answer.wish for answer in before if not answer.met]
    return [
        answer
        for answer in now
        if not answer.met
        and answer.wish not in missed
        and not _KINDS[answer.wish.about].training
        and not impossible(answer.wish)
    ]


def impossible(wish: Wish) -> bool:
    """Whether no configuration can have what is asked for."""
    kind = _KINDS[wish.about]
    return not wish.refused and (kind.never or bool(kind.values and wish.value not in kind.values))


def words(wish: Wish) -> str:
    """A wish as people read it: `convolutional network`, `no dropout`, `at most 6 convolution layers`."""
    said = _KINDS[wish.about].words(wish)
    bound = {">=": "at least ", "<=": "at most ", "=": ""}[wish.comparison]
    return f"no {said}" if wish.refused else f"{bound}{said}"


def phrase(wish: Wish) -> str:
    """A wish as a planner reads it. The bundled planner knows these words; empty where they go without."""
    kind = _KINDS[wish.about]
    return kind.phrase(wish) if kind.phrase else words(wish)


def clash(one: Wish, other: Wish) -> bool:
    """Whether no network can have both: convolutions, and linear layers only."""
    about = {wish.about for wish in (one, other) if not wish.refused}
    without = {wish.about for wish in (one, other) if wish.refused}
    needs_convolutions = bool(about & {"convolutional", "convolutions", "depthwise", "kernel", "pooling"})
    return needs_convolutions and ("fully connected" in about or "convolutional" in without)


# --- what each is about ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kind:
    """How a wish is said, how a planner is told it, and how a network is looked at.

    `look` returns whether the thing is there, and what is. `training`: it is about the training settings;
    `never`: no configuration can have it; `values`: the only ones there are.
    """

    words: Callable[[Wish], str]
    look: Callable[[Network, Wish], tuple[bool, str]]
    phrase: Callable[[Wish], str] | None = None
    training: bool = False
    never: bool = False
    values: tuple[str, ...] = ()


def _named(text: str) -> Callable[[Wish], str]:
    return lambda wish: text


def _kind_of(network: Network) -> str:
    convolutions, linear = len(network.of_type("conv2d")), len(network.of_type("linear"))
    if convolutions:
        return f"the network has {_many(convolutions, 'convolution layer')}"
    return f"the network is an MLP with {_many(linear, 'linear layer')}"


def _is_convolutional(network: Network, wish: Wish) -> tuple[bool, str]:
    return bool(network.of_type("conv2d")), _kind_of(network)


def _is_mlp(network: Network, wish: Wish) -> tuple[bool, str]:
    return not network.of_type("conv2d") and bool(network.of_type("linear")), _kind_of(network)


def _has_residual(network: Network, wish: Wish) -> tuple[bool, str]:
    count = len(network.of_type("residual"))
    return count > 0, f"the network has {_many(count, 'residual block')}"


def _has_depthwise(network: Network, wish: Wish) -> tuple[bool, str]:
    count = sum(c["groups"] == c["in_channels"] > 1 for c in network.of_type("conv2d"))
    return count > 0, f"the network has {_many(count, 'depthwise convolution')}"


def _never(name: str) -> Callable[[Network, Wish], tuple[bool, str]]:
    """What no configuration can hold."""
    return lambda network, wish: (False, f"configurations have no {name}")


def _holds(there: float, wish: Wish) -> bool:
    """Whether a number is the wished one, or within the bound."""
    wanted = wish.number or 0
    return {"=": there == wanted, ">=": there >= wanted, "<=": there <= wanted}[wish.comparison]


def _counted(name: str, count: Callable[[Network], int]) -> Callable[[Network, Wish], tuple[bool, str]]:
    def look(network: Network, wish: Wish) -> tuple[bool, str]:
        there = count(network)
        return _holds(there, wish), f"the network has {_many(there, name)}"

    return look


def _weighted(network: Network) -> int:
    return len(network.of_type("conv2d", "linear"))


def _look_channels(network: Network, wish: Wish) -> tuple[bool, str]:
    first = next(iter(network.of_type("conv2d") or network.of_type("linear")), None)
    there = (first.get("out_channels") or first["out_features"]) if first else 0
    return _holds(there, wish), f"its first layer has {there}"


def _look_kernel(network: Network, wish: Wish) -> tuple[bool, str]:
    sizes = sorted({c["kernel_size"] for c in network.of_type("conv2d")} - {1})
    shown = " and ".join(f"{size}x{size}" for size in sizes) or "none"
    return sizes == [wish.number], f"its kernels are {shown}"


def _look_activation(network: Network, wish: Wish) -> tuple[bool, str]:
    counted = Counter(layer["type"] for layer in network.of_type(*ACTIVATIONS))
    there = counted[wish.value]
    met = there > 0 if wish.refused else 2 * there >= counted.total() > 0
    return met, f"its activations are {' and '.join(counted) or 'none'}"


def _look_norm(network: Network, wish: Wish) -> tuple[bool, str]:
    found = dict.fromkeys(NORMS[layer["type"]] for layer in network.of_type(*NORMS))
    has = f"the network has {' and '.join(f'{name} norm' for name in found) or 'no normalisation'}"
    return (wish.value in found) if wish.value else bool(found), has


def _look_dropout(network: Network, wish: Wish) -> tuple[bool, str]:
    shares = {layer["p"] for layer in network.of_type("dropout", "dropout2d")} - {0.0}
    has = f"the network has {' and '.join(f'dropout {number(p)}' for p in sorted(shares)) or 'no dropout'}"
    return (wish.number in shares) if wish.number is not None else bool(shares), has


def _look_pooling(network: Network, wish: Wish) -> tuple[bool, str]:
    everywhere = [x for x in network.of_type("adaptive_avg_pool2d") if x["output_size"] == 1]
    found = {
        "max": network.of_type("max_pool2d"),
        "average": network.of_type("avg_pool2d", "adaptive_avg_pool2d"),
        "global average": everywhere,
    }
    shown = " and ".join(f"{name} pooling" for name, layers in found.items() if layers)
    return bool(found[wish.value]), f"the network has {shown or 'no pooling'}"


def _setting(field: str, name: str) -> Callable[[Network, Wish], tuple[bool, str]]:
    def look(network: Network, wish: Wish) -> tuple[bool, str]:
        there = getattr(network.settings, field, None)
        if there is None:
            return False, "the training settings are not known"
        met = there == wish.value if wish.number is None else _holds(there, wish)
        shown = number(there) if isinstance(there, float) else there
        return met, f"it was trained with {name} {shown}"

    return look


def _look_augmentation(network: Network, wish: Wish) -> tuple[bool, str]:
    there = getattr(network.settings, "augmentation", "none")
    return there != "none", f"it was trained with {f'augmentation {there}' if there != 'none' else 'none'}"


def _amount(name: str) -> Callable[[Wish], str]:
    return lambda wish: f"{name} {number(wish.number or 0)}"


def _numbered(name: str) -> Callable[[Wish], str]:
    return lambda wish: _many(int(wish.number or 0), name)


def _many(count: int, name: str) -> str:
    return f"{count or 'no'} {name}{'' if count == 1 else 's'}"


_KINDS: dict[str, _Kind] = {
    "convolutional": _Kind(
        _named("convolutional network"), _is_convolutional, lambda w: "mlp" if w.refused else ""
    ),
    "fully connected": _Kind(
        _named("fully connected network"), _is_mlp, lambda w: "" if w.refused else "mlp"
    ),
    "residual": _Kind(
        _named("residual blocks"), _has_residual, lambda w: "no residual" if w.refused else "residual"
    ),
    "depthwise": _Kind(_named("depthwise convolutions"), _has_depthwise),
    "recurrent": _Kind(_named("recurrent layers"), _never("recurrent layers"), never=True),
    "attention": _Kind(_named("attention layers"), _never("attention layers"), never=True),
    "squeeze-and-excitation": _Kind(
        _named("squeeze-and-excitation"), _never("squeeze-and-excitation"), never=True
    ),
    "convolutions": _Kind(
        _numbered("convolution layer"), _counted("convolution layer", lambda n: len(n.of_type("conv2d"))),
        lambda w: f"{number(w.number or 0)} conv layers",
    ),
    "linear layers": _Kind(
        _numbered("linear layer"), _counted("linear layer", lambda n: len(n.of_type("linear"))),
        lambda w: f"{number(w.number or 0)} linear layers",
    ),
    "hidden layers": _Kind(
        _numbered("hidden layer"), _counted("hidden layer", lambda n: max(0, _weighted(n) - 1))
    ),
    "layers": _Kind(_numbered("layer"), _counted("convolution or linear layer", _weighted)),
    "residual blocks": _Kind(
        _numbered("residual block"), _counted("residual block", lambda n: len(n.of_type("residual"))),
        lambda w: "residual",
    ),
    "channels": _Kind(_numbered("channel"), _look_channels, lambda w: f"{number(w.number or 0)} channels"),
    "kernel": _Kind(
        lambda w: f"{number(w.number or 0)}x{number(w.number or 0)} kernels", _look_kernel,
        lambda w: f"kernel {number(w.number or 0)}",
    ),
    "activation": _Kind(
        lambda w: f"{w.value} activations", _look_activation,
        lambda w: w.value if not w.refused else "no relu" if w.value == "relu" else "relu",
    ),
    "norm": _Kind(
        lambda w: f"{w.value} norm" if w.value else "normalisation", _look_norm,
        lambda w: "no normalisation" if w.refused else f"{w.value or 'batch'} norm",
    ),
    "dropout": _Kind(
        lambda w: "dropout" if w.number is None else f"dropout {number(w.number)}", _look_dropout,
        lambda w: "no dropout" if w.refused else f"dropout {number(w.number or 0.2)}",
    ),
    "pooling": _Kind(
        lambda w: f"{w.value} pooling", _look_pooling,
        lambda w: f"{('average' if w.value == 'max' else 'max') if w.refused else w.value} pooling",
    ),
    "epochs": _Kind(
        _numbered("epoch"), _setting("epochs", "epochs"), lambda w: f"{number(w.number or 0)} epochs",
        training=True,
    ),
    "batch size": _Kind(_amount("batch size"), _setting("batch_size", "batch size"), training=True),
    "learning rate": _Kind(
        _amount("learning rate"), _setting("learning_rate", "learning rate"), training=True
    ),
    "optimizer": _Kind(
        lambda w: f"optimizer {w.value}", _setting("optimizer", "optimizer"), lambda w: w.value,
        training=True, values=("adamw", "sgd"),
    ),
    "augmentation": _Kind(_named("augmentation"), _look_augmentation, training=True),
    "weight decay": _Kind(_amount("weight decay"), _setting("weight_decay", "weight decay"), training=True),
    "label smoothing": _Kind(
        _amount("label smoothing"), _setting("label_smoothing", "label smoothing"), training=True
    ),
}  # fmt: skip
