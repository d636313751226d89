"""Turns of phrase of goals: tables of what people write for each thing a goal may say.

Each entry holds two disjoint stocks: phrases for training, and phrases kept for the benchmark.
"""

from __future__ import annotations

from mlagent_tui.schemas import DatasetName

Stock = tuple[tuple[str, ...], tuple[str, ...]]

DATASETS: dict[DatasetName, Stock] = {
    "digits": (
        ("the digits data set", "digits", "the digits dataset", "handwritten digits (digits)", "the UCI digits", "sklearn digits",
         "8x8 digits", "the 8x8 digit images", "the small digits set", "the digits data", "Digits", "digit images",
         "the bundled digits", "scikit-learn's digits", "the handwritten digits", "digit classification"),
        ("our digits images", "the little 8x8 digits", "the digits collection", "sklearn's digits set"),
    ),
    "mnist": (
        ("MNIST", "mnist", "the MNIST data set", "Mnist", "the mnist dataset", "MNIST digits", "the MNIST images",
         "28x28 MNIST", "mnist data", "handwritten digits from MNIST", "the classic MNIST"),
        ("good old MNIST", "MNIST's digits", "the full mnist set"),
    ),
    "fashion_mnist": (
        ("Fashion-MNIST", "fashion mnist", "FashionMNIST", "fashion_mnist", "Fashion MNIST", "the fashion-mnist dataset",
         "the Fashion MNIST data set", "fashion-mnist images", "the fashion set", "Zalando's fashion MNIST"),
        ("clothes from Fashion-MNIST", "the fashionmnist images", "the fashion mnist collection"),
    ),
    "cifar10": (
        ("CIFAR-10", "cifar10", "CIFAR10", "cifar-10", "cifar 10", "the CIFAR-10 data set", "the cifar10 dataset",
         "Cifar-10 images", "CIFAR 10", "the CIFAR10 images", "cifar_10"),
        ("photos from CIFAR-10", "the ten-class CIFAR-10", "our cifar10 copy"),
    ),
    "cifar100": (
        ("CIFAR-100", "cifar100", "CIFAR100", "cifar-100", "cifar 100", "the CIFAR-100 data set", "the cifar100 dataset",
         "Cifar-100 images", "CIFAR 100", "the CIFAR100 images"),
        ("the fine labels of CIFAR-100", "photos from cifar100", "the whole CIFAR-100"),
    ),
    "dummy": (
        ("dummy data", "the dummy data set", "the dummy dataset", "synthetic data", "the synthetic dataset", "dummy",
         "a dummy dataset", "toy data", "the toy data set", "synthetic images", "dummy images", "the synthetic set",
         "random synthetic data", "artificial data", "generated dummy data", "fake data"),
        ("made-up dummy images", "a synthetic toy set", "some dummy samples"),
    ),
}  # fmt: skip

OPENERS: Stock = (
    ("Design", "Build", "Create", "Find", "Make", "I want", "I need", "Please design", "design", "build me", "Give me",
     "Train", "Develop", "Construct", "please build", "find me", "We need", "Let's try", "Propose", "Search for", "get me",
     "Could you design", "Help me build", "I'd like", "can you make", "Come up with", "Write", "Try", "want", "need", ""),
    ("Look for", "Kindly create", "Our lab needs", "Sketch", "Would you build", "Work out"),
)  # fmt: skip
NOUNS: Stock = (
    ("CNN", "convolutional network", "network", "model", "neural network", "classifier", "convnet", "cnn", "net",
     "conv net", "image classifier", "architecture", "ConvNet", "neural net", "convolutional neural network",
     "deep learning model", "pytorch model", "vision model"),
    ("image model", "PyTorch network", "convolutional classifier", "neural classifier"),
)  # fmt: skip
MLPS: Stock = (
    ("MLP", "mlp", "multilayer perceptron", "multi-layer perceptron", "fully connected network", "fully-connected net",
     "dense network", "feed-forward network", "model without convolutions", "network with only linear layers", "perceptron"),
    ("plain MLP", "dense net", "fully connected classifier"),
)  # fmt: skip
SIZES: dict[str, Stock] = {
    "tiny": (("tiny", "very small", "minimal", "as small as possible", "ultra-small", "minuscule", "really small"), ("teeny", "extremely small")),
    "small": (("small", "compact", "lightweight", "simple", "little", "modest", "light", "lean", "basic", "smallish"), ("slim", "rather small")),
    "medium": (("medium", "medium-sized", "mid-sized", "moderate", "mid-size", "medium size", "middle-sized"), ("average-sized", "moderately sized")),
    "large": (("large", "big", "powerful", "wide", "high-capacity", "heavy", "huge", "strong"), ("sizeable", "very large")),
}  # fmt: skip
DEPTHS: dict[str, Stock] = {
    "deep": (("deep", "very deep", "deeper"), ("quite deep",)),
    "shallow": (("shallow", "not too deep", "not deep"), ("rather shallow",)),
}
FOR: Stock = (
    ("for", "on", "to classify", "that classifies", "trained on", "for classifying", "over", "using", "with"),
    ("aimed at", "meant for"),
)

AT_LEAST: Stock = (
    ("at least {n} accuracy", "{n} accuracy or more", "accuracy >= {n}", "reaching {n} accuracy", "an accuracy of at least {n}",
     "that reaches at least {n} accuracy", "that gets {n} accuracy", "to {n} accuracy", "aiming for {n} accuracy", "acc >= {n}",
     "achieving {n}", "that hits {n} validation accuracy", "with {n} accuracy", "with accuracy of {n} or better",
     "target accuracy {n}", "aiming at {n}", "reach {n}", "no less than {n} accuracy", "not below {n} accuracy",
     "it should get at least {n} right", "minimum accuracy {n}", "{n} accuracy", "accuracy {n}", "at least {n}",
     "val accuracy at least {n}", "that scores {n}", "getting {n} or higher", "accuracy=>{n}", "I want {n} accuracy",
     "needs to reach {n} accuracy", "hitting {n}", "a minimum of {n} accuracy", "accuracy of {n}", "accurate to {n}",
     "correct on at least {n} of the images", "which achieves {n} on the validation set", "goal: {n} accuracy"),
    ("it must be right at least {n} of the time", "not less than {n} accuracy", "accuracy no lower than {n}",
     "scoring at least {n} accuracy", "that attains {n} accuracy", "validation accuracy >= {n}"),
)  # fmt: skip
MORE_THAN: Stock = (
    ("more than {n} accuracy", "over {n} accuracy", "above {n} accuracy", "accuracy > {n}", "exceeding {n} accuracy",
     "that beats {n} accuracy", "better than {n} accuracy", "> {n} accuracy", ">{n} accuracy", "accuracy above {n}", "accuracy over {n}",
     "aiming for >{n} accuracy", "greater than {n} accuracy", "that exceeds {n}", "acc > {n}", "higher than {n} accuracy",
     "accuracy greater than {n}", "surpassing {n} accuracy", "with over {n} accuracy", "with more than {n} correct"),
    ("strictly more than {n} accuracy", "accuracy better than {n}", "topping {n} accuracy", "with > {n} accuracy"),
)  # fmt: skip
LOSS_BELOW: Stock = (
    ("validation loss below {n}", "val loss under {n}", "val_loss < {n}", "a loss below {n}", "loss less than {n}", "loss < {n}",
     "a validation loss lower than {n}", "with val loss below {n}", "getting the validation loss under {n}", "loss smaller than {n}"),
    ("a val loss less than {n}", "validation loss < {n}"),
)  # fmt: skip
LOSS_MOST: Stock = (
    ("validation loss of at most {n}", "val_loss <= {n}", "val loss no higher than {n}", "loss at most {n}", "loss <= {n}",
     "a validation loss not above {n}", "a loss of {n} or less", "val loss of {n} or lower", "maximum validation loss {n}"),
    ("a validation loss no more than {n}", "validation loss <= {n}"),
)  # fmt: skip
PARAMETERS: Stock = (
    ("under {n} parameters", "at most {n} parameters", "fewer than {n} parameters", "less than {n} params", "max {n} params",
     "no more than {n} parameters", "<= {n} parameters", "with a budget of {n} parameters", "below {n} weights", "< {n} params",
     "limited to {n} parameters", "up to {n} parameters", "within {n} parameters", "parameter limit {n}", "not more than {n} weights",
     "using under {n} params", "maximum {n} parameters", "it may have {n} parameters at most", "with {n} parameters or fewer",
     "params <= {n}", "parameters < {n}", "parameter budget of {n}", "smaller than {n} parameters"),
    ("staying below {n} parameters", "not exceeding {n} params", "parameters capped at {n}"),
)  # fmt: skip
SECONDS: Stock = (
    ("in under {n}", "training within {n}", "that trains in at most {n}", "no longer than {n} of training", "in less than {n}",
     "training time under {n}", "taking at most {n}", "trained in {n}", "max {n} training time", "in {n} or less", "within {n}",
     "time limit {n}", "each run below {n}", "not longer than {n}", "in at most {n} per run", "training should take under {n}"),
    ("finishing training within {n}", "with training below {n}", "which trains in less than {n}"),
)  # fmt: skip
CONVS: Stock = (
    ("{n} conv layers", "{n} convolutional layers", "{n} convolutions", "{n} conv layer", "{n} conv blocks", "{n} convs",
     "{n} convolution layers", "{n} Conv2d layers", "{n} convolutional blocks", "{n} layers of convolution"),
    ("{n} conv stages", "{n} convolution blocks"),
)  # fmt: skip
LINEARS: Stock = (
    ("{n} linear layers", "{n} fully connected layers", "{n} dense layers", "{n} fc layers", "{n} linear layer", "{n} FC layers",
     "{n} fully-connected layers"),
    ("{n} linear layers after that", "{n} dense layers at the end"),
)  # fmt: skip
CHANNELS: Stock = (
    (
        "{n} channels",
        "starting with {n} channels",
        "{n} filters",
        "{n} base channels",
        "width {n}",
        "{n} feature maps",
        "a width of {n}",
    ),
    ("beginning at {n} channels", "{n} filters at first"),
)
KERNELS: dict[int, Stock] = {
    k: ((f"{k}x{k} kernels", f"{k}x{k} convolutions", f"kernel size {k}", f"{k}x{k} filters", f"kernels of {k}x{k}"), (f"a kernel size of {k}", f"{k}x{k} convs"))
    for k in (3, 5, 7)
}  # fmt: skip
ACTIVATION_NAMES: dict[str, tuple[str, ...]] = {
    "relu": ("ReLU", "relu", "RELU", "Relu", "rectified linear units"), "gelu": ("GELU", "gelu", "Gelu", "GeLU"),
    "silu": ("SiLU", "silu", "swish", "Swish", "SILU"), "leaky_relu": ("leaky ReLU", "LeakyReLU", "leaky relu", "leaky_relu", "Leaky ReLU"),
    "elu": ("ELU", "elu", "Elu"), "tanh": ("tanh", "Tanh", "hyperbolic tangent"), "sigmoid": ("sigmoid", "Sigmoid", "sigmoids"),
}  # fmt: skip
ACTIVATION: Stock = (
    ("{a} activations", "{a}", "using {a}", "{a} activation", "with {a} as activation", "{a} nonlinearities", "activation {a}", "use {a}",
     "{a} as the activation function", "activation function {a}", "with {a} between the layers", "instead of relu use {a}"),
    ("{a} units", "{a} for the activations", "prefer {a}"),
)  # fmt: skip
NORMS: dict[str, Stock] = {
    "batch norm": (("batch norm", "batch normalisation", "BatchNorm", "batchnorm", "batch normalization", "with batch norm", "use batchnorm", "BN"), ("batch-norm layers", "batch norm everywhere")),
    "group norm": (("group norm", "group normalisation", "GroupNorm", "groupnorm", "group normalization", "use group norm"), ("group-norm layers",)),
    "layer norm": (("layer norm", "layer normalisation", "LayerNorm", "layernorm", "layer normalization", "use layer norm"), ("layer-norm layers",)),
    "no normalisation": (("no batch norm", "without batch norm", "no normalisation", "without normalization", "no batchnorm", "don't use batch norm", "no norm layers", "without any normalisation"), ("skip the batch norm", "leave out batch norm")),
}  # fmt: skip
RESIDUAL: dict[bool, Stock] = {
    True: (("residual connections", "residual blocks", "residual", "skip connections", "with residual blocks", "ResNet-style blocks", "resnet style", "with skip connections", "use residual connections", "a resnet", "like a ResNet"), ("residual shortcuts", "blocks with skip connections")),
    False: (("no residual connections", "without residual blocks", "no skip connections", "without skip connections", "no residuals", "don't use residual blocks", "no residual"), ("avoid residual connections", "leave out skip connections")),
}  # fmt: skip
NO_DROPOUT: Stock = (
    (
        "no dropout",
        "without dropout",
        "don't use dropout",
        "no drop-out",
        "dropout free",
        "do not use dropout",
        "w/o dropout",
        "dropout off",
        "zero dropout",
    ),
    ("leave out dropout", "avoid dropout"),
)
DROPOUT: Stock = (
    (
        "dropout {n}",
        "dropout of {n}",
        "{n} dropout",
        "with dropout {n}",
        "dropout p={n}",
        "dropout rate {n}",
        "a dropout rate of {n}",
        "use dropout {n}",
    ),
    ("dropout at {n}", "dropout probability {n}"),
)
POOLING: dict[str, Stock] = {
    "average pooling": (("average pooling", "avg pooling", "average pools", "use average pooling", "avgpool", "mean pooling"), ("average-pooling layers",)),
    "max pooling": (("max pooling", "maxpool", "use max pooling", "max-pooling", "max pools"), ("max-pooling layers",)),
    "global average pooling": (("global average pooling", "global pooling", "GAP at the end", "global avg pooling", "a global average pool"), ("global pooling before the classifier",)),
}  # fmt: skip
EPOCHS: Stock = (
    (
        "{n} epochs",
        "train for {n} epochs",
        "{n} training epochs",
        "trained for {n} epochs",
        "with {n} epochs",
        "for {n} epochs",
        "use {n} epochs",
    ),
    ("over {n} epochs", "running {n} epochs"),
)
OPTIMIZERS: dict[str, Stock] = {
    "sgd": (("SGD", "sgd", "use SGD", "optimizer sgd", "stochastic gradient descent", "trained with SGD", "with the sgd optimizer"), ("SGD as optimizer",)),
    "adamw": (("AdamW", "adamw", "Adam", "use AdamW", "optimizer adamw", "trained with Adam", "adam"), ("AdamW as optimizer",)),
}  # fmt: skip
RATES: Stock = (
    ("learning rate {n}", "lr {n}", "a learning rate of {n}", "lr={n}", "lr of {n}"),
    ("learning-rate {n}",),
)
AUGMENTATION: dict[bool, Stock] = {
    True: (("data augmentation", "with augmentation", "augment the data", "use augmentation", "augmentation", "augmented data"), ("augment the images",)),
    False: (("no augmentation", "without data augmentation", "don't augment", "no data augmentation"), ("skip augmentation",)),
}  # fmt: skip
NOISE: Stock = (
    ("please", "for a demo", "thanks", "for my thesis", "it should run on a laptop", "nothing fancy", "on CPU", "we have no GPU",
     "for the lab", "as a baseline", "quick evaluation is fine", "on quick evaluation", "it's for a course", "asap", "as a first try",
     "if possible", "for an embedded device", "I'm in a hurry", "keep it readable", "thank you", "to start with"),
    ("for our seminar", "on my old laptop", "as a sanity check"),
)  # fmt: skip
