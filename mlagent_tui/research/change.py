"""What differs between two trials, in words: computed from their configs and settings.

Where one fits, the words are those that the planner's prompts use ("double the channels", "train 40 epochs").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mlagent_tui.research.ranking import number

if TYPE_CHECKING:
    from mlagent_tui.schemas import EvalConfig, ModelConfig

Layer = dict[str, Any]
Pair = tuple[Layer | None, Layer | None]

ACTIVATIONS = ("relu", "gelu", "silu", "leaky_relu", "elu", "tanh", "sigmoid")
MOST = 4
"""How many differences are named one by one."""

MAX_SIZE = 512
_SIZES = ("out_channels", "out_features")
_SCALES = (("", 1.0), ("double the channels", 2.0), ("halve the channels", 0.5))
_NAMES = {
    "conv2d": "a conv layer", "residual": "a residual block", "repeat": "a repeated block",
    "linear": "a linear layer", "batchnorm2d": "batch norm", "groupnorm": "group norm",
    "layernorm": "layer norm", "max_pool2d": "max pooling", "avg_pool2d": "average pooling",
    "adaptive_avg_pool2d": "adaptive pooling", "dropout": "dropout", "dropout2d": "channel dropout",
    "flatten": "flatten",
}  # fmt: skip
_FOLLOWERS = ("batchnorm2d", "groupnorm", "layernorm", *ACTIVATIONS)
_SETTINGS = {
    "epochs": "train {} epochs", "learning_rate": "learning rate {}", "weight_decay": "weight decay {}",
    "label_smoothing": "label smoothing {}", "augmentation": "augment with {}", "optimizer": "optimizer {}",
    "schedule": "schedule {}", "batch_size": "batch size {}", "precision": "precision {}",
    "train_size": "train on {} images", "val_size": "validate on {} images",
}  # fmt: skip


def same(config: ModelConfig | None, settings: EvalConfig | None, other: ModelConfig, planned: EvalConfig,
         *, out_of_time: bool = False) -> bool:  # fmt: skip
    """Whether a trial of `other` as `planned` would only repeat one of `config` with `settings`.

    Another seed is another trial. `out_of_time`: the earlier trial was ended by its time limit; only then
    does another time limit make another trial.
    """
    if config is None or settings is None or layers_of(config) != layers_of(other):
        return False
    if not out_of_time:
        settings = settings.model_copy(update={"time_limit": planned.time_limit})
    return settings == planned


def differences(before: ModelConfig | None, after: ModelConfig | None, trained: EvalConfig | None,
                planned: EvalConfig | None) -> list[str]:  # fmt: skip
    """What changed from one (config, settings) pair to another, as short phrases; empty when nothing did."""
    found = list(_network(before, after)) if before and after else []
    if trained and planned:
        found += _training(trained, planned)
    if len(found) > MOST:
        found = [*found[: MOST - 1], f"{len(found) - MOST + 1} more changes"]
    return found


def layers_of(config: ModelConfig) -> list[Layer]:
    """The layers as plain values."""
    layers: list[Layer] = config.model_dump(mode="json")["layers"]
    return layers


def scaled(layers: Sequence[Layer], factor: float, *, keep_last: bool = True) -> list[Layer]:
    """The layers with every size times `factor`, from 1 to `MAX_SIZE`; the last keeps its size."""
    result = []
    for index, layer in enumerate(layers):
        layer = dict(layer)
        if "layers" in layer:
            layer["layers"] = scaled(layer["layers"], factor, keep_last=False)
        for name in _SIZES:
            if name in layer and not (keep_last and index == len(layers) - 1):
                layer[name] = max(1, min(MAX_SIZE, int(layer[name] * factor)))
        result.append(layer)
    return result


def _training(before: EvalConfig, after: EvalConfig) -> list[str]:
    found = []
    for name, phrase in _SETTINGS.items():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            shown = number(new) if isinstance(new, float) else "all" if new is None else str(new)
            found.append(
                "no augmentation" if (name, new) == ("augmentation", "none") else phrase.format(shown)
            )
    return found


def _network(before: ModelConfig, after: ModelConfig) -> Iterator[str]:
    old, new = layers_of(before), layers_of(after)
    options = [(phrase, align(scaled(old, factor), new)) for phrase, factor in _SCALES]
    phrase, (_, pairs) = min(options, key=lambda option: option[1][0])
    if phrase:
        yield phrase
    yield from _moved(pairs)
    yield from _altered([(a, b) for a, b in pairs if a is not None and b is not None])


def _moved(pairs: Sequence[Pair]) -> Iterator[str]:
    """Layers that were added or removed; a norm and an activation that come with a layer are not named."""
    added, removed = (
        [layer for layer in side if layer is not None]
        for side in ([b for a, b in pairs if a is None], [a for a, b in pairs if b is None])
    )
    if any(layer["type"] == "dropout" for layer in added):
        removed = [layer for layer in removed if layer["type"] != "dropout"]
    for verb, layers in (("add", added), ("remove", removed)):
        hosts = sum(layer["type"] in ("conv2d", "residual", "linear") for layer in layers)
        allowed = Counter({"norm": hosts, "act": hosts})
        counted: Counter[str] = Counter()
        for layer in layers:
            kind = "act" if layer["type"] in ACTIVATIONS else "norm"
            if layer["type"] in _FOLLOWERS and allowed[kind]:
                allowed[kind] -= 1
            else:
                counted[_named(verb, layer)] += 1
        for phrase, count in counted.items():
            yield phrase if count == 1 or "norm" in phrase else f"{phrase}, {count} times"


def _named(verb: str, layer: Layer) -> str:
    kind = layer["type"]
    if verb == "add":
        if kind == "dropout":
            return f"use dropout {number(layer['p'])}"
        if kind == "linear":
            return f"add a linear layer {layer['out_features']}"
        if kind == "adaptive_avg_pool2d" and layer["output_size"] == 1:
            return "pool globally"
    return f"{verb} {_NAMES.get(kind, kind)}"


def _altered(pairs: Sequence[tuple[Layer, Layer]]) -> Iterator[str]:
    """Fields of layers that stayed: activations, dropout, sizes, kernels."""
    activations: list[str] = []
    sizes: list[tuple[int, int]] = []
    others: Counter[str] = Counter()
    for old, new in _inner(pairs):
        if old["type"] != new["type"]:
            activations.append(new["type"])
            continue
        for name in new:
            if name in ("layers", "type") or old.get(name) == new[name]:
                continue
            if name in _SIZES:
                sizes.append((old[name], new[name]))
            elif new["type"] == "dropout":
                others[f"use dropout {number(new['p'])}"] += 1
            else:
                words = f"{new['type']} {name.replace('_', ' ')} {old.get(name)} to {new[name]}"
                others[words] += 1
    for kind in dict.fromkeys(activations):
        yield f"use activation {kind}"
    if sizes:
        before, after = (", ".join(str(pair[side]) for pair in sizes) for side in (0, 1))
        yield f"sizes {before} to {after}"
    yield from others


def _inner(pairs: Sequence[tuple[Layer, Layer]]) -> Iterator[tuple[Layer, Layer]]:
    for old, new in pairs:
        yield old, new
        if "layers" in old and "layers" in new:
            _, inside = align(old["layers"], new["layers"])
            yield from _inner([(a, b) for a, b in inside if a is not None and b is not None])


def align(old: Sequence[Layer], new: Sequence[Layer]) -> tuple[float, list[Pair]]:
    """The cheapest way to turn one sequence of layers into the other: its cost, and the layers in pairs."""
    best: list[list[tuple[float, list[Pair]]]] = [[(0.0, [])]]
    for j, layer in enumerate(new):
        cost, pairs = best[0][j]
        best[0].append((cost + 1, [*pairs, (None, layer)]))
    for i, gone in enumerate(old, 1):
        row = [(best[i - 1][0][0] + 1, [*best[i - 1][0][1], (gone, None)])]
        for j, come in enumerate(new, 1):
            ways: list[tuple[float, tuple[float, list[Pair]], Pair]] = [
                (best[i - 1][j - 1][0] + _distance(gone, come), best[i - 1][j - 1], (gone, come)),
                (row[j - 1][0] + 1, row[j - 1], (None, come)),
                (best[i - 1][j][0] + 1, best[i - 1][j], (gone, None)),
            ]
            cost, way, pair = min(ways, key=lambda one: one[0])
            row.append((cost, [*way[1], pair]))
        best.append(row)
    return best[-1][-1]


def _distance(old: Layer, new: Layer) -> float:
    """0 for equal layers, up to 1 for the same layer with other fields, too much for another kind."""
    if old == new:
        return 0.0
    if old["type"] != new["type"]:
        return 0.6 if old["type"] in ACTIVATIONS and new["type"] in ACTIVATIONS else 3.0
    if "layers" in new:
        cost, _ = align(old["layers"], new["layers"])
        return min(1.0, 0.3 + cost / 4)
    changed = [name for name, value in new.items() if old.get(name) != value]
    return min(0.9, 0.3 * len(changed))
