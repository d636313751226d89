"""Kinds of layers: how people call them, and how torch does. One table; nothing here knows a network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of layer: how people call it, its classes in torch, and the functions that do the same.

    All three are regular expressions; classes and functions are matched whole, functions in lower case.
    """

    name: str
    words: str
    classes: str
    functions: str = r"(?!)"
    counted: bool = False


_NORM = r"norm(?:s|ali[sz]ation|ali[sz]ed|ali[sz]es|ali[sz]ing)?(?:[123]d)?"
_ATTENTION = r"MultiheadAttention|Transformer\w*|\w*Attention\w*"

KINDS = (
    Kind(
        "convolution",
        r"conv(?:olution(?:al|s)?|s)?|convolve[sd]?|conv(?:transpose)?[123]d|convnets?|cnns?",
        r"(Lazy)?Conv(Transpose)?[123]d", r"conv(_transpose)?[123]d", counted=True,
    ),
    Kind(
        "transposed convolution", r"transposed? conv\w*|deconv\w*|conv_?transpose\w*",
        r"(Lazy)?ConvTranspose[123]d", r"conv_transpose[123]d",
    ),
    Kind(
        "linear",
        r"(?<!non-)(?<!non )linear(?! (?:unit|activation|attention|map of))|dense(?! net)|fully[- ]connected",
        r"(Lazy|NonDynamicallyQuantizable)?Linear|Bilinear", r"linear|bilinear", counted=True,
    ),
    Kind("batch norm", rf"batch[- ]?{_NORM}", r"(Sync|Lazy)?BatchNorm([123]d)?", r"batch_norm"),
    Kind("group norm", rf"group[- ]?{_NORM}", r"GroupNorm", r"group_norm"),
    Kind("layer norm", rf"layer[- ]?{_NORM}", r"LayerNorm(2d)?", r"layer_norm"),
    Kind("instance norm", rf"instance[- ]?{_NORM}", r"(Lazy)?InstanceNorm[123]d", r"instance_norm"),
    Kind("RMS norm", rf"rms[- ]?{_NORM}", r"RMSNorm", r"rms_norm"),
    Kind(
        "ReLU", r"(?<!leaky )(?<!leaky-)(?<!parametric )relus?|rectified linear units?", r"ReLU", r"relu_?"
    ),
    Kind("ReLU6", r"relu6", r"ReLU6", r"relu6"),
    Kind("leaky ReLU", r"leaky[- ]?relus?", r"LeakyReLU", r"leaky_relu_?"),
    Kind("PReLU", r"prelus?|parametric relus?", r"PReLU", r"prelu"),
    Kind("GELU", r"gelus?", r"GELU", r"gelu"),
    Kind("SiLU", r"silus?|swish", r"SiLU", r"silu"),
    Kind("ELU", r"elus?", r"ELU", r"elu_?"),
    Kind("SELU", r"selus?", r"SELU", r"selu_?"),
    Kind("Mish", r"mish", r"Mish", r"mish"),
    Kind("hard swish", r"hard[- ]?swish", r"Hardswish", r"hardswish"),
    Kind("tanh", r"tanh|hyperbolic tangents?", r"Tanh", r"tanh_?"),
    Kind("sigmoid", r"sigmoids?", r"Sigmoid", r"sigmoid_?"),
    Kind("softmax", r"softmax", r"(Log)?Softmax", r"(log_)?softmax"),
    Kind(
        "max pooling", r"max[- ]?pool(?:ing|s|ed)?(?:[123]d)?", r"(Adaptive|Fractional)?MaxPool[123]d",
        r"(adaptive_)?max_pool[123]d|amax",
    ),
    Kind(
        "average pooling", r"(?:average|avg|mean)[- ]?pool(?:ing|s|ed)?(?:[123]d)?",
        r"(Adaptive)?AvgPool[123]d", r"(adaptive_)?avg_pool[123]d|mean",
    ),
    Kind(
        "adaptive pooling", r"adaptive(?: (?:average|avg|max))?[- ]?pool\w*", r"Adaptive(Avg|Max)Pool[123]d",
        r"adaptive_(avg|max)_pool[123]d",
    ),
    Kind(
        "dropout", r"drop[- ]?outs?(?:[123]d)?", r"(Feature|Alpha|FeatureAlpha)?Dropout([123]d)?",
        r"(alpha_|feature_alpha_)?dropout([123]d)?",
    ),
    Kind(
        "embedding", r"(?<!patch )(?<!position )(?<!positional )embeddings?|embeds?", r"Embedding(Bag)?",
        r"embedding(_bag)?", counted=True,
    ),
    Kind("LSTM", r"b?i?-?lstms?|long short-term memory", r"LSTM(Cell)?", r"lstm", counted=True),
    Kind("GRU", r"b?i?-?grus?|gated recurrent units?", r"GRU(Cell)?", r"gru", counted=True),
    Kind("RNN", r"(?:elman |vanilla )rnns?", r"RNN(Cell)?", r"rnn_tanh|rnn_relu", counted=True),
    Kind(
        "recurrent", r"recurrent(?! units?)|rnns?", r"(RNN|LSTM|GRU)(Cell)?", r"lstm|gru|rnn_tanh|rnn_relu"
    ),
    Kind(
        "attention", r"(?:self-|multi-?head |cross-)*attention|attends?", _ATTENTION,
        r"scaled_dot_product_attention|multi_head_attention_forward", counted=True,
    ),
    Kind("transformer", r"transformers?", _ATTENTION, r"scaled_dot_product_attention"),
    Kind("concatenation", r"concat\w*", r"(?!)", r"cat|concat|concatenate|hstack|stack"),
    Kind(
        "upsampling", r"up-?sampl\w+", r"Upsampl(e|ing\w+)|ConvTranspose[123]d",
        r"interpolate|upsample|conv_transpose[123]d",
    ),
)  # fmt: skip
"""Every kind that sentences are searched for; `counted` ones have their number named in a description."""

CLASSES = {
    "conv2d": "Conv2d", "batchnorm2d": "BatchNorm2d", "groupnorm": "GroupNorm", "layernorm": "LayerNorm",
    "relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "leaky_relu": "LeakyReLU", "elu": "ELU", "tanh": "Tanh",
    "sigmoid": "Sigmoid", "max_pool2d": "MaxPool2d", "avg_pool2d": "AvgPool2d",
    "adaptive_avg_pool2d": "AdaptiveAvgPool2d", "dropout": "Dropout", "dropout2d": "Dropout2d",
    "flatten": "Flatten", "linear": "Linear",
}  # fmt: skip
"""The class in torch of each layer of a configuration."""

BY_NAME = {kind.name: kind for kind in KINDS}
FAMILIES = ("convolution", "recurrent", "attention")
"""The kinds that give a network its name; one without them is fully connected."""
