"""The teacher's hand for networks: wishes and limits to a first config, a change applied to an earlier one.

Only training texts are made with this; nothing in the package imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlagent_tui.errors import ConfigError
from mlagent_tui.schemas import DataCard, ModelConfig
from mlagent_tui.shapes import infer

LayerDict = dict[str, Any]

ACTIVATIONS = ("relu", "gelu", "silu", "leaky_relu", "elu", "tanh", "sigmoid")
WIDTHS = {"tiny": 8, "small": 16, "medium": 32, "large": 64}
CONVS = {"tiny": 2, "small": 2, "medium": 3, "large": 4}
MAX_WIDTH = 256


@dataclass(frozen=True)
class Wishes:
    """What a goal asks of a network and its training; None where it is silent."""

    size: str | None = None
    depth: str | None = None
    mlp: bool = False
    convs: int | None = None
    linears: int | None = None
    activation: str | None = None
    norm: str | None = None
    residual: bool | None = None
    dropout: float | None = None
    pooling: str | None = None
    kernel: int | None = None
    channels: int | None = None
    epochs: int | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    augmentation: bool | None = None

    def text(self) -> str:
        """The normal form: short phrases in a fixed order."""
        parts: list[str] = [p for p in (self.size, self.depth) if p]
        if self.mlp:
            parts.append("mlp")
        if self.convs:
            parts.append(f"{self.convs} conv layers")
        if self.linears:
            parts.append(f"{self.linears} linear layers")
        if self.channels:
            parts.append(f"{self.channels} channels")
        if self.kernel:
            parts.append(f"kernel {self.kernel}")
        if self.activation:
            parts.append(self.activation)
        if self.norm:
            parts.append(self.norm)
        if self.residual is not None:
            parts.append("residual" if self.residual else "no residual")
        if self.dropout is not None:
            parts.append("no dropout" if self.dropout == 0 else f"dropout {self.dropout:g}")
        if self.pooling:
            parts.append(self.pooling)
        if self.epochs:
            parts.append(f"{self.epochs} epochs")
        if self.optimizer:
            parts.append(self.optimizer)
        if self.learning_rate:
            parts.append(f"learning rate {self.learning_rate:g}")
        if self.augmentation is not None:
            parts.append("augmentation" if self.augmentation else "no augmentation")
        return ", ".join(parts)


def pools_for(height: int) -> int:
    """How often an image is halved: down to about 4 pixels."""
    return sum(height >= s for s in (8, 16, 32)) if height >= 8 else 0


def width_under(limit: int | None, width: int) -> tuple[int, bool]:
    """First width, and whether to pool globally, by the order of the parameter limit."""
    if limit is None:
        return width, False
    for bound, cap, pooled in ((2_000, 4, True), (5_000, 8, True), (20_000, 8, False), (50_000, 12, False),
                               (200_000, 16, False), (1_000_000, 32, False)):  # fmt: skip
        if limit < bound:
            return min(width, cap), pooled
    return width, False


def norm_layer(norm: str, channels: int) -> list[LayerDict]:
    """The normalisation after a convolution."""
    if norm == "group norm":
        return [{"type": "groupnorm", "num_groups": next(g for g in (4, 2, 1) if channels % g == 0)}]
    return {"layer norm": [{"type": "layernorm"}], "no normalisation": []}.get(
        norm, [{"type": "batchnorm2d"}]
    )


def first_config(wishes: Wishes, card: DataCard, limit: int | None) -> ModelConfig:
    """The network a goal starts from."""
    activation = {"type": wishes.activation or "relu"}
    if wishes.mlp:
        return _mlp(wishes, card, limit, activation)
    width, pooled = width_under(limit, wishes.channels or WIDTHS[wishes.size or "small"])
    if wishes.channels:
        width = wishes.channels
    convs = wishes.convs or CONVS[wishes.size or "small"] + {"deep": 2, "shallow": -1, None: 0}[wishes.depth]
    norm = wishes.norm or "batch norm"
    pools = min(convs, pools_for(card.input_shape[1]))
    layers: list[LayerDict] = []
    channels = width
    for index in range(convs):
        if index and index <= pools:
            channels = min(channels * 2, max(MAX_WIDTH, width))
        layers += _stage(channels, wishes, norm, activation, residual=bool(wishes.residual and index))
        if index < pools:
            kind = "avg_pool2d" if wishes.pooling == "average pooling" else "max_pool2d"
            layers.append({"type": kind, "kernel_size": 2})
    if pooled or wishes.pooling == "global average pooling":
        layers.append({"type": "adaptive_avg_pool2d", "output_size": 1})
    layers.append({"type": "flatten"})
    for _ in range((wishes.linears or 1) - 1):
        layers += [{"type": "linear", "out_features": min(4 * width, MAX_WIDTH)}, activation]
    return _finish(layers, wishes, card)


def _stage(
    channels: int, wishes: Wishes, norm: str, activation: LayerDict, residual: bool
) -> list[LayerDict]:
    kernel = wishes.kernel or 3
    conv = {"type": "conv2d", "out_channels": channels, "kernel_size": kernel}
    if kernel > 1:
        conv["padding"] = kernel // 2
    after = norm_layer(norm, channels)
    if residual:
        return [{"type": "residual", "layers": [conv, *after, activation, conv, *after]}, activation]
    return [conv, *after, activation]


def _mlp(wishes: Wishes, card: DataCard, limit: int | None, activation: LayerDict) -> ModelConfig:
    width = wishes.channels or 4 * width_under(limit, WIDTHS[wishes.size or "small"])[0]
    hidden = (wishes.linears or 3 + {"deep": 2, "shallow": -1, None: 0}[wishes.depth]) - 1
    layers: list[LayerDict] = [{"type": "flatten"}]
    for _ in range(hidden):
        layers.append({"type": "linear", "out_features": width})
        if wishes.norm == "layer norm":
            layers.append({"type": "layernorm"})
        layers.append(activation)
    return _finish(layers, wishes, card)


def _finish(layers: list[LayerDict], wishes: Wishes, card: DataCard) -> ModelConfig:
    if wishes.dropout:
        layers.append({"type": "dropout", "p": wishes.dropout})
    layers.append({"type": "linear", "out_features": card.num_classes})
    return make(card.input_shape, card.num_classes, layers)


def make(input_shape: tuple[int, int, int], classes: int, layers: list[LayerDict]) -> ModelConfig:
    """A config that builds. Raises `ConfigError` or `ValidationError` otherwise."""
    config = ModelConfig.model_validate(
        {"input_shape": input_shape, "num_classes": classes, "layers": layers}
    )
    infer(config)
    return config


# --- changes --------------------------------------------------------------------------------------------


def apply(change: str, config: ModelConfig) -> ModelConfig:
    """The network after one change. Raises `ConfigError` when the change does not apply to it."""
    layers = config.model_dump(mode="json", exclude_defaults=True)["layers"]
    for verb, edit in _EDITS.items():
        if change.startswith(verb):
            edited = edit(layers, change.removeprefix(verb).strip())
            break
    else:
        edited = layers  # a change of training only
    return make(config.input_shape, config.num_classes, edited)


def changes_network(change: str) -> bool:
    """Whether a change is about the network rather than its training."""
    return any(change.startswith(verb) for verb in _EDITS)


def _scale(layers: list[LayerDict], factor: float, last: bool = True) -> list[LayerDict]:
    scaled = []
    for index, layer in enumerate(layers):
        final = last and index == len(layers) - 1
        layer = dict(layer)
        if "layers" in layer:
            layer["layers"] = _scale(layer["layers"], factor, last=False)
        for name in ("out_channels", "out_features"):
            if name in layer and not final:
                layer[name] = max(1, min(512, int(layer[name] * factor)))
        scaled.append(layer)
    return scaled


def _last(layers: list[LayerDict], *kinds: str) -> int:
    found = [i for i, layer in enumerate(layers) if layer["type"] in kinds]
    if not found:
        raise ConfigError(f"no {' or '.join(kinds)} in the network")
    return found[-1]


def _block_end(layers: list[LayerDict], start: int) -> int:
    """One past the normalisation, activation and dropout that follow the convolution at `start`."""
    end = start + 1
    while layers[end]["type"] in (*ACTIVATIONS, "batchnorm2d", "groupnorm", "layernorm", "dropout2d"):
        end += 1
    return end


def _add_conv(layers: list[LayerDict], _: str) -> list[LayerDict]:
    start = _last(layers, "conv2d")
    end = _block_end(layers, start)
    conv = {k: v for k, v in layers[start].items() if k not in ("stride", "groups", "dilation")}
    conv |= {"padding": conv["kernel_size"] // 2} if conv["kernel_size"] > 1 else {}
    return [*layers[:end], conv, *layers[start + 1 : end], *layers[end:]]


def _add_residual(layers: list[LayerDict], _: str) -> list[LayerDict]:
    start = _last(layers, "conv2d")
    end = _block_end(layers, start)
    after = layers[start + 1 : end]
    norm = [x for x in after if "norm" in x["type"]]
    activation = next((x for x in after if x["type"] in ACTIVATIONS), {"type": "relu"})
    conv = {"type": "conv2d", "out_channels": layers[start]["out_channels"], "kernel_size": 3, "padding": 1}
    block = {"type": "residual", "layers": [conv, *norm, activation, conv, *norm]}
    return [*layers[:end], block, activation, *layers[end:]]


def _remove_conv(layers: list[LayerDict], _: str) -> list[LayerDict]:
    convs = [i for i, layer in enumerate(layers) if layer["type"] == "conv2d"]
    if len(convs) < 2:
        raise ConfigError("only one convolution")
    return [*layers[: convs[-1]], *layers[_block_end(layers, convs[-1]) :]]


def _use(layers: list[LayerDict], activation: str) -> list[LayerDict]:
    def swapped(layer: LayerDict) -> LayerDict:
        if "layers" in layer:
            return {**layer, "layers": _use(layer["layers"], activation)}
        return {"type": activation} if layer["type"] in ACTIVATIONS else layer

    return [swapped(layer) for layer in layers]


def _add_batch_norm(layers: list[LayerDict], _: str) -> list[LayerDict]:
    def spread(items: list[LayerDict]) -> list[LayerDict]:
        out: list[LayerDict] = []
        for x in items:
            out.append({**x, "layers": spread(x["layers"])} if "layers" in x else x)
            if x["type"] == "conv2d":
                out.append({"type": "batchnorm2d"})
        return out

    if any("norm" in x["type"] for x in layers):
        raise ConfigError("normalised already")
    return spread(layers)


def _dropout(layers: list[LayerDict], p: str) -> list[LayerDict]:
    kept = [x for x in layers if x["type"] != "dropout"]
    return [*kept[:-1], {"type": "dropout", "p": float(p)}, kept[-1]]


def _remove_dropout(layers: list[LayerDict], _: str) -> list[LayerDict]:
    return [x for x in layers if x["type"] not in ("dropout", "dropout2d")]


def _add_linear(layers: list[LayerDict], features: str) -> list[LayerDict]:
    activation = next((x for x in reversed(layers) if x["type"] in ACTIVATIONS), {"type": "relu"})
    at = len(layers) - (2 if len(layers) > 1 and layers[-2]["type"] == "dropout" else 1)
    return [*layers[:at], {"type": "linear", "out_features": int(features)}, activation, *layers[at:]]


def _global_pool(layers: list[LayerDict], _: str) -> list[LayerDict]:
    at = _last(layers, "flatten")
    if at == 0 or layers[at - 1]["type"] == "adaptive_avg_pool2d":
        raise ConfigError("pooled already")
    return [*layers[:at], {"type": "adaptive_avg_pool2d", "output_size": 1}, *layers[at:]]


_EDITS = {
    "double the channels": lambda layers, _: _scale(layers, 2),
    "halve the channels": lambda layers, _: _scale(layers, 0.5),
    "add a conv layer": _add_conv,
    "remove a conv layer": _remove_conv,
    "add a residual block": _add_residual,
    "use activation": _use,
    "add batch norm": _add_batch_norm,
    "use dropout": _dropout,
    "remove dropout": _remove_dropout,
    "add a linear layer": _add_linear,
    "pool globally": _global_pool,
}
