"""The values that cross a boundary: what models answer, what tools take and return, what a project stores.

Every type is frozen, rejects unknown fields and bounds every string, list and number, so that its JSON
Schema can constrain a language model's decoding without letting it run on. Nothing here computes shapes
(`shapes` does) or touches torch.
"""

from __future__ import annotations

import builtins
import keyword
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from mlagent_tui import yaml_text
from mlagent_tui.field_errors import NUMBER, Truth, from_yaml

DatasetName = Literal["digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "dummy"]
Metric = Literal["accuracy", "val_loss"]
Comparison = Literal[">=", ">", "<=", "<"]
SandboxPolicy = Literal["auto", "required", "none", "bubblewrap", "landlock", "seatbelt"]
"""How generated code is confined: the best level there is, that or nothing runs, not at all, or one level."""


class Value(BaseModel):
    """Base of all schema types: frozen, strict about field names, finite numbers only."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=(), populate_by_name=True
    )


# --- the goal -------------------------------------------------------------------------------------------


WishAbout = Literal[
    "convolutional", "fully connected", "residual", "depthwise", "recurrent", "attention",
    "squeeze-and-excitation", "convolutions", "linear layers", "hidden layers", "layers", "residual blocks",
    "channels", "kernel", "activation", "norm", "dropout", "pooling", "epochs", "batch size", "learning rate",
    "optimizer", "augmentation", "weight decay", "label smoothing",
]  # fmt: skip
"""What a wish is about; `research.wishes` has what each means."""


class Wish(Value):
    """One thing that a goal asks of the network or its training, and that can be checked.

    `value` is a word (`gelu`, `batch`, `max`, `sgd`), `number` an amount; `refused`: it must not be there.
    """

    about: WishAbout
    value: Annotated[str, Field(max_length=20)] = ""
    number: Annotated[float, Field(ge=0, le=1e9), NUMBER] | None = None
    comparison: Literal["=", ">=", "<="] = "="
    refused: Truth = False


class Goal(Value):
    """A research goal in typed form: reach `metric comparison threshold` on `dataset` within the limits."""

    dataset: DatasetName | None = Field(description="the data set to train on, null when the text names none")
    metric: Metric = Field(description="accuracy (a fraction, 0 to 1) or val_loss (cross-entropy, nats)")
    comparison: Comparison
    threshold: Annotated[float, Field(ge=0, le=100), NUMBER] | None = Field(
        description="the number to reach, accuracy as a fraction; null when the text gives none"
    )
    max_parameters: Annotated[int, Field(ge=1, le=10_000_000_000), NUMBER] | None = None
    max_seconds: Annotated[float, Field(gt=0, le=1_000_000), NUMBER] | None = Field(
        default=None, description="limit on the training time of one evaluation, seconds"
    )
    wishes: Annotated[str, Field(max_length=400)] = Field(
        default="", description="everything else asked of the network, as short phrases separated by commas"
    )
    asked: SkipJsonSchema[Annotated[list[Wish], Field(max_length=40)]] = Field(
        default_factory=list, description="the wishes that can be checked; read by rules, no model's to say"
    )


# --- model_config ---------------------------------------------------------------------------------------

Size = Annotated[int, Field(ge=1, le=65_536), NUMBER]
Kernel = Annotated[int, Field(ge=1, le=31), NUMBER]
Probability = Annotated[float, Field(ge=0, lt=1), NUMBER]


class Conv2d(Value):
    """2-D convolution; square kernel; input channels are inferred."""

    type: Literal["conv2d"]
    out_channels: Size
    kernel_size: Kernel
    stride: Annotated[int, Field(ge=1, le=16), NUMBER] = 1
    padding: Annotated[int, Field(ge=0, le=16), NUMBER] = 0
    dilation: Annotated[int, Field(ge=1, le=16), NUMBER] = 1
    groups: Size = 1
    bias: Truth = True


class BatchNorm2d(Value):
    """Batch normalisation over channels of an image."""

    type: Literal["batchnorm2d"]


class GroupNorm(Value):
    """Group normalisation; `num_groups` must divide the channels."""

    type: Literal["groupnorm"]
    num_groups: Size


class LayerNorm(Value):
    """Layer normalisation over all dimensions but the batch."""

    type: Literal["layernorm"]


class ReLU(Value):
    """max(0, x)."""

    type: Literal["relu"]


class GELU(Value):
    """x Phi(x), exact form."""

    type: Literal["gelu"]


class SiLU(Value):
    """x sigmoid(x)."""

    type: Literal["silu"]


class LeakyReLU(Value):
    """x for x >= 0, negative_slope x below."""

    type: Literal["leaky_relu"]
    negative_slope: Annotated[float, Field(ge=0, le=1), NUMBER] = 0.01


class ELU(Value):
    """x for x > 0, alpha (exp(x) - 1) below."""

    type: Literal["elu"]
    alpha: Annotated[float, Field(gt=0, le=10), NUMBER] = 1.0


class Tanh(Value):
    """Hyperbolic tangent."""

    type: Literal["tanh"]


class Sigmoid(Value):
    """Logistic function."""

    type: Literal["sigmoid"]


class MaxPool2d(Value):
    """Max pooling; `stride` defaults to the kernel size."""

    type: Literal["max_pool2d"]
    kernel_size: Kernel
    stride: Annotated[int, Field(ge=1, le=16), NUMBER] | None = None
    padding: Annotated[int, Field(ge=0, le=15), NUMBER] = 0


class AvgPool2d(Value):
    """Average pooling; `stride` defaults to the kernel size."""

    type: Literal["avg_pool2d"]
    kernel_size: Kernel
    stride: Annotated[int, Field(ge=1, le=16), NUMBER] | None = None
    padding: Annotated[int, Field(ge=0, le=15), NUMBER] = 0


class AdaptiveAvgPool2d(Value):
    """Average pooling to a fixed square output."""

    type: Literal["adaptive_avg_pool2d"]
    output_size: Annotated[int, Field(ge=1, le=64), NUMBER]


class Dropout(Value):
    """Drops single activations with probability p while training."""

    type: Literal["dropout"]
    p: Probability


class Dropout2d(Value):
    """Drops whole channels with probability p while training."""

    type: Literal["dropout2d"]
    p: Probability


class Flatten(Value):
    """(C, H, W) to a vector."""

    type: Literal["flatten"]


class Linear(Value):
    """Fully connected layer; input features are inferred."""

    type: Literal["linear"]
    out_features: Size
    bias: Truth = True


SimpleLayer = Annotated[
    Conv2d
    | BatchNorm2d
    | GroupNorm
    | LayerNorm
    | ReLU
    | GELU
    | SiLU
    | LeakyReLU
    | ELU
    | Tanh
    | Sigmoid
    | MaxPool2d
    | AvgPool2d
    | AdaptiveAvgPool2d
    | Dropout
    | Dropout2d
    | Flatten
    | Linear,
    Field(discriminator="type"),
]


class Residual(Value):
    """x + inner(x); the shortcut is a 1x1 convolution (or a linear layer) where the shapes differ."""

    type: Literal["residual"]
    layers: Annotated[list[SimpleLayer], Field(min_length=1, max_length=16)]


class Repeat(Value):
    """The inner layers, `times` over, each time with parameters of its own."""

    type: Literal["repeat"]
    times: Annotated[int, Field(ge=1, le=16), NUMBER]
    layers: Annotated[
        list[Annotated[SimpleLayer | Residual, Field(discriminator="type")]],
        Field(min_length=1, max_length=16),
    ]


Layer = Annotated[SimpleLayer | Residual | Repeat, Field(discriminator="type")]


DEFAULT_CLASS = "CurrentModel"
"""The name of a network's class where none is wanted, and the one that the coder always writes."""
_TAKEN = frozenset({"F", "Module", "Tensor", *keyword.kwlist, *dir(builtins)})


_CLASS_NAME = r"^[A-Z][A-Za-z0-9_]{0,40}$"


def _class_name(name: Any) -> Any:
    if not isinstance(name, str):
        return name
    if name in _TAKEN:
        raise ValueError(
            f"{name} already has a meaning in Python or PyTorch; choose another name, such as MyNetwork"
        )
    if not re.fullmatch(_CLASS_NAME, name):
        raise ValueError(
            f"{name[:60]!r} is not a class name: begin with a capital letter, then use letters, "
            "digits and _; 41 characters at most"
        )
    return name


ClassName = Annotated[str, BeforeValidator(_class_name), Field(pattern=_CLASS_NAME)]
"""A class name that hides nothing which the code of a network uses."""


class ModelConfig(Value):
    """A network as a sequence of layers. Sizes that follow from the input are never written."""

    model_name: ClassName = DEFAULT_CLASS
    input_shape: tuple[Size, Size, Size] = Field(description="(channels, height, width)")
    num_classes: Size
    layers: Annotated[list[Layer], Field(min_length=1, max_length=64)]

    def to_json(self) -> str:
        """One line, no spaces, defaults left out: the form models read and write."""
        return self.model_dump_json(exclude_defaults=True)

    def to_yaml(self) -> str:
        """The form people read; `from_yaml` gives the same value back."""
        fields = {"model_name": self.model_name} | self.model_dump(mode="json", exclude_defaults=True)
        return yaml_text.dump(fields)

    @classmethod
    def from_yaml(cls, text: str) -> ModelConfig:
        """Raises `yaml_text.YamlError` naming the line."""
        return from_yaml(cls, text)


class DataCard(Value):
    """What a data set is, known without loading its images."""

    dataset: DatasetName
    input_shape: tuple[Size, Size, Size] = Field(description="(channels, height, width)")
    num_classes: Size
    train_size: int
    val_size: int
    test_size: int = Field(description="images held back for the final report")


# --- evaluation -----------------------------------------------------------------------------------------


class EvalConfig(Value):
    """How one quick evaluation trains and measures. All fields but `dataset` have defaults."""

    dataset: DatasetName
    num_classes: Size | None = Field(default=None, description="null: what the data set has")
    input_shape: tuple[Size, Size, Size] | None = Field(
        default=None, description="(C, H, W), for the dummy data set; null: what the data set has"
    )
    epochs: Annotated[int, Field(ge=1, le=1000), NUMBER] = 5
    batch_size: Annotated[int, Field(ge=1, le=65_536), NUMBER] = 64
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(ge=1e-6, le=10), NUMBER] = 0.003
    weight_decay: Annotated[float, Field(ge=0, le=1), NUMBER] = 0.01
    schedule: Literal["onecycle", "cosine", "constant"] = "onecycle"
    label_smoothing: Annotated[float, Field(ge=0, le=0.9), NUMBER] = 0.0
    augmentation: Literal["none", "shift", "flip"] = Field(
        default="none", description="shift: random translation; flip: that and random horizontal mirroring"
    )
    train_size: Annotated[int, Field(ge=1, le=10_000_000), NUMBER] | None = Field(
        default=None, description="images to train on, null: all"
    )
    val_size: Annotated[int, Field(ge=1, le=10_000_000), NUMBER] | None = Field(
        default=None, description="images to validate on, null: all of the validation split"
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1), NUMBER] = 0
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    precision: Literal["float32", "bfloat16"] = "float32"
    time_limit: Annotated[float, Field(gt=0, le=1_000_000), NUMBER] | None = Field(
        default=None, description="seconds of training; the trial stops there and reports what it has"
    )
    keep_best: SkipJsonSchema[Metric] = Field(
        default="accuracy", description="the metric whose best epoch is kept; the run's to say, no model's"
    )


class LayerRow(Value):
    """One row of the measured layer table."""

    name: str
    type: str
    output_shape: tuple[int, ...] = Field(
        description="of the first call's first tensor, without the batch dimension; of a parameter, its own"
    )
    output: str = Field(default="", description="all shapes, where a layer gives more than one tensor")
    parameters: int = Field(description="those that are in no row above")
    calls: int = Field(default=1, description="how often the layer was called in the forward pass")
    ran: bool = Field(default=True, description="whether it, or a parameter of it, was used in that pass")
    note: str = Field(default="", description="'weight shared with NAME', 'SpectralNorm'")


class Summary(Value):
    """Facts measured on the built module, and apart from them the model's explanation in words."""

    class_name: str
    input_shape: tuple[int, ...] = Field(description="with the batch dimension")
    inputs: int = Field(default=1, description="how many tensors of that shape the network was given")
    input_type: str = Field(default="float32", description="int64 for a network that takes integers")
    output_shape: tuple[int, ...] = Field(description="of the first tensor, with the batch dimension")
    output: str = Field(default="", description="all shapes, where the network gives anything but one tensor")
    total_parameters: int = Field(description="tied parameters count once")
    trainable_parameters: int
    size_mb: float = Field(description="parameters and buffers, 10^6 bytes")
    multiply_adds: int = Field(
        description="of one forward pass of the given input: convolutions and products of matrices"
    )
    not_counted: list[str] = Field(
        default_factory=list, description="operations of torch that multiply and are not in multiply_adds"
    )
    layers: list[LayerRow]
    explanation: str = Field(default="", description="in words; see explanation_source")
    explanation_source: Literal["coder", "measurement"] = Field(
        default="coder",
        description="the internal LLM's own sentences that the measurement bears out, or composed from it",
    )
    explanation_dropped: list[str] = Field(
        default_factory=list,
        description="sentences of the internal LLM that were left out, each with the reason",
    )


TrialStatus = Literal["completed", "time_limit", "diverged", "failed"]


class EpochMetrics(Value):
    """One point of the learning curves, in `metrics.jsonl`."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    accuracy: float
    seconds: float = Field(description="since training began")


class EvalResult(Value):
    """What a quick evaluation measured. Metrics are null when the trial ended before the first validation."""

    run_id: str
    status: TrialStatus
    reason: str = Field(default="", description="why it did not complete")
    dataset: DatasetName
    accuracy: float | None = Field(default=None, description="on the validation split, 0 to 1")
    accuracy_noise: float | None = Field(
        default=None, description="binomial standard error of the accuracy, sqrt(p(1-p)/n)"
    )
    val_loss: float | None = None
    train_loss: float | None = None
    train_accuracy: float | None = None
    epochs: int = Field(default=0, description="epochs completed")
    best_epoch: int | None = Field(
        default=None, description="the epoch that the metrics and the stored weights are of; null: the last"
    )
    seconds: float = 0.0
    images_per_second: float = 0.0
    parameters: int = 0
    device: str = ""
    precision: str = "float32"
    sandbox: str = ""
    seed: int = 0
    train_size: int = 0
    val_size: int = 0
    test_size: int = Field(default=0, description="images held back for the final report")
    curves: list[EpochMetrics] = Field(default_factory=list)
    weights_missing: str = Field(default="", description="why the weights are not stored, if they are not")


class Preprocessing(Value):
    """All that is needed to feed images to stored weights: (image / scale - mean) / std, per channel."""

    dataset: DatasetName
    input_shape: tuple[Size, Size, Size] = Field(description="(channels, height, width)")
    num_classes: Size
    labels: list[str] = Field(description="the name of each class, in the order of the outputs")
    order: str = "divide by scale, subtract mean, divide by std"
    scale: float = 255.0
    mean: list[float] = Field(description="of each channel of the training images, after division by scale")
    std: list[float] = Field(description="of each channel of the training images, after division by scale")


# --- decisions ------------------------------------------------------------------------------------------

Verdict = Literal["iterate", "goal_achieved", "stop"]
Phrase = Annotated[str, Field(min_length=1, max_length=160)]


class Decision(Value):
    """The planner's advice after a run. `changes` are the concrete modifications to try next."""

    decision: Verdict
    assessment: Annotated[str, Field(max_length=600)]
    changes: Annotated[list[Phrase], Field(max_length=4)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _iterating_needs_changes(self) -> Decision:
        if self.decision == "iterate" and not self.changes:
            raise ValueError("a decision to iterate names at least one change")
        return self


# --- plans ----------------------------------------------------------------------------------------------

FilePath = Annotated[str, Field(min_length=1, max_length=200)]
ConfigReference = Literal["$model_config"]


class ReadFile(Value):
    """Arguments of `read_file`."""

    file_path: FilePath


class WriteFile(Value):
    """Arguments of `write_file`; the content `$model_config` stands for the configuration as YAML."""

    file_path: FilePath
    content: Annotated[str, Field(max_length=4000)]


class BashRun(Value):
    """Arguments of `bash_run`."""

    command: Annotated[str, Field(min_length=1, max_length=500)]


class PythonRun(Value):
    """Arguments of `python_run`."""

    script_path: FilePath
    args: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=8)] = Field(
        default_factory=list
    )


class ListDirectory(Value):
    """Arguments of `list_directory`."""

    path: FilePath = "."
    recursive: Truth = False


class Assemble(Value):
    """Arguments of `pytorch_model_assembler`; the configuration is written in the next step."""

    config: ConfigReference = Field(alias="model_config")
    output_script_path: FilePath


class Summarise(Value):
    """Arguments of `pytorch_model_summary`."""

    model_script_path: FilePath
    model_class_name: ClassName
    input_size: tuple[Size, Size, Size, Size] = Field(description="(N, C, H, W)")


class Evaluate(Value):
    """Arguments of `pytorch_quick_evaluator`."""

    model_script_path: FilePath
    model_class_name: ClassName
    eval_config: EvalConfig


class ReadFileCall(Value):
    """Read a file of the project."""

    tool: Literal["read_file"]
    arguments: ReadFile


class WriteFileCall(Value):
    """Write a file of the project."""

    tool: Literal["write_file"]
    arguments: WriteFile


class BashRunCall(Value):
    """Run a shell command."""

    tool: Literal["bash_run"]
    arguments: BashRun


class PythonRunCall(Value):
    """Run a Python script."""

    tool: Literal["python_run"]
    arguments: PythonRun


class ListDirectoryCall(Value):
    """List a folder of the project."""

    tool: Literal["list_directory"]
    arguments: ListDirectory


class AssembleCall(Value):
    """Have the coder write the module."""

    tool: Literal["pytorch_model_assembler"]
    arguments: Assemble


class SummariseCall(Value):
    """Measure and explain the module."""

    tool: Literal["pytorch_model_summary"]
    arguments: Summarise


class EvaluateCall(Value):
    """Train and measure the module."""

    tool: Literal["pytorch_quick_evaluator"]
    arguments: Evaluate


ToolCall = Annotated[
    ReadFileCall
    | WriteFileCall
    | BashRunCall
    | PythonRunCall
    | ListDirectoryCall
    | AssembleCall
    | SummariseCall
    | EvaluateCall,
    Field(discriminator="tool"),
]

CORE_TOOLS = ("pytorch_model_assembler", "pytorch_model_summary", "pytorch_quick_evaluator")


class Plan(Value):
    """The tool calls of one iteration, in order. The three core tools occur once each, in their order."""

    calls: Annotated[list[ToolCall], Field(min_length=3, max_length=10)]

    @model_validator(mode="after")
    def _core_tools_once_in_order(self) -> Plan:
        core = tuple(call.tool for call in self.calls if call.tool in CORE_TOOLS)
        if core != CORE_TOOLS:
            raise ValueError(f"a plan calls {', '.join(CORE_TOOLS)} once each, in this order")
        return self

    @property
    def evaluation(self) -> EvalConfig:
        """The eval_config of the plan's `pytorch_quick_evaluator` call."""
        return next(c.arguments.eval_config for c in self.calls if isinstance(c, EvaluateCall))


# --- what a project remembers ---------------------------------------------------------------------------


class RegistryEntry(BaseModel):
    """One entry of `experiments/registry.json`: the specification's fields, and what history needs besides.

    Unknown fields are kept, so that a registry written by a later version survives being rewritten.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=(), allow_inf_nan=False)

    run_id: str
    timestamp: str = Field(description="ISO 8601, UTC")
    model_name: str
    dataset: str
    metrics_summary: dict[str, float]
    experiment_dir: str
    decision: str = ""
    iteration: int = 0
    status: str = "completed"
    reason: str = ""
    change: list[str] = Field(default_factory=list, description="what was changed to get here")
    next_change: list[str] = Field(default_factory=list, description="what the decision asked to change next")
    parameters: int | None = None
    seconds: float | None = None
    train_loss: float | None = None
    train_accuracy: float | None = None
    accuracy_noise: float | None = None
    seed: int = 0
    sandbox: str = ""
    goal: dict[str, Any] = Field(default_factory=dict, description="the typed goal it was tried for")
    unmet: list[str] = Field(
        default_factory=list, description="the goal's wishes that the network does not meet, with what it has"
    )
    planner: str = Field(default="", description="the language model that proposed the network, if one did")
    coder: str = Field(default="", description="the language model that wrote the code, if one did")


JsonObject = dict[str, Any]
