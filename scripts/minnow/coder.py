"""The teacher's hand for code and its explanation. Only training texts are made with this."""

from __future__ import annotations

from collections.abc import Iterable

from mlagent_tui.schemas import LayerRow, ModelConfig, Summary
from mlagent_tui.shapes import Step, count_parameters, infer, show

CLASSES = {
    "conv2d": "Conv2d", "batchnorm2d": "BatchNorm2d", "groupnorm": "GroupNorm", "layernorm": "LayerNorm",
    "relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "leaky_relu": "LeakyReLU", "elu": "ELU", "tanh": "Tanh",
    "sigmoid": "Sigmoid", "max_pool2d": "MaxPool2d", "avg_pool2d": "AvgPool2d",
    "adaptive_avg_pool2d": "AdaptiveAvgPool2d", "dropout": "Dropout", "dropout2d": "Dropout2d",
    "flatten": "Flatten", "linear": "Linear",
}  # fmt: skip


def code(config: ModelConfig) -> str:
    """The module in the one style Minnow writes."""
    return module(infer(config), config.model_name)


def module(steps: Iterable[Step], name: str) -> str:
    """The module of unrolled steps."""
    build, run = [], []
    for step in steps:
        if step.role == "open":
            run.append(f"{step.name} = x")
        elif step.role == "close":
            changed = step.input_shape != step.output_shape
            short = step.name.removeprefix("res")
            run.append(f"x = x + self.shortcut{short}({step.name})" if changed else f"x = x + {step.name}")
        else:
            build.append(f"self.{step.name} = nn.{CLASSES[step.layer.type]}({_arguments(step)})")
            if step.role == "layer":
                run.append(f"x = self.{step.name}(x)")
    indent = "\n        "
    return (
        "from torch import nn\n\n\n"
        f"class {name}(nn.Module):\n"
        f"    def __init__(self):{indent}super().__init__(){indent}{indent.join(build)}\n\n"
        f"    def forward(self, x):{indent}{indent.join(run)}{indent}return x"
    )


def _arguments(step: Step) -> str:
    kind = step.layer.type
    named = step.layer.model_dump(exclude={"type"}, exclude_defaults=True)
    first: list[str] = []
    if kind == "conv2d":
        first = [str(step.input_shape[0]), str(named.pop("out_channels"))]
    elif kind == "linear":
        first = [str(step.input_shape[0]), str(named.pop("out_features"))]
    elif kind == "batchnorm2d":
        first = [str(step.input_shape[0])]
    elif kind == "groupnorm":
        first = [str(named.pop("num_groups")), str(step.input_shape[0])]
    elif kind == "layernorm":
        first = [f"[{', '.join(map(str, step.input_shape))}]"]
    return ", ".join([*first, *(f"{name}={value}" for name, value in named.items())])


def answer(config: ModelConfig) -> str:
    """The coder's whole answer: one fenced block."""
    return f"```python\n{code(config)}\n```"


def facts(config: ModelConfig, multiply_adds: int) -> Summary:
    """The summary a worker would measure; the multiply-adds are any number of the right size."""
    steps = [s for s in infer(config) if s.role in ("layer", "shortcut")]
    total = count_parameters(steps)
    return Summary(
        class_name=config.model_name,
        input_shape=(1, *config.input_shape),
        output_shape=(1, config.num_classes),
        total_parameters=total,
        trainable_parameters=total,
        size_mb=total * 4 / 1e6,
        multiply_adds=multiply_adds,
        layers=[_row(step) for step in steps],
    )


def _row(step: Step) -> LayerRow:
    return LayerRow(
        name=step.name,
        type=CLASSES[step.layer.type],
        output_shape=step.output_shape,
        parameters=step.parameters,
    )


def explanation(config: ModelConfig, summary: Summary) -> str:
    """A few sentences in which every number is one of the facts."""
    steps = infer(config)
    kinds = [s.layer.type for s in steps if s.role == "layer"]
    convs, linears = kinds.count("conv2d"), kinds.count("linear")
    what = "convolutional network" if convs else "fully connected network"
    maps = f"maps {show(config.input_shape)} to {config.num_classes} values"
    parts = [f"{config.model_name} is a {what} that {maps}."]
    counted = [
        f"{n} {name} layer{'s' if n > 1 else ''}"
        for n, name in ((convs, "convolution"), (linears, "linear"))
        if n
    ]
    parts.append(f"It has {' and '.join(counted)}.")
    used = list(dict.fromkeys(CLASSES[k] for k in kinds if k not in ("conv2d", "linear", "flatten")))
    if used:
        parts.append(f"Between them stand {', '.join(used)}.")
    residual = sum(s.role == "open" for s in steps)
    if residual:
        parts.append(
            f"{residual} residual block{'s' if residual > 1 else ''} add the input back to the output."
        )
    largest = max(summary.layers, key=lambda r: r.parameters)
    if largest.parameters:
        share = 100 * largest.parameters / max(summary.total_parameters, 1)
        most = "most" if share >= 50 else "the largest part"
        lie = f"{most} lie in {largest.name} ({largest.parameters})"
        parts.append(f"Of its {summary.total_parameters} parameters {lie}.")
    parts.append(f"One forward pass takes {summary.multiply_adds} multiply-adds.")
    return " ".join(parts)
