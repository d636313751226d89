"""Goals as people write them, and the typed goal each means. Two disjoint stocks of phrases: training, held out."""

from __future__ import annotations

import random
from dataclasses import dataclass

from minnow.architect import Wishes
from mlagent_tui.schemas import DatasetName, Goal

# Each entry: phrases for training, phrases kept for the benchmark.
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
    ("{n} Linear layers", "{n} dense layers at the end"),
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

_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_TENS = {
    20: "twenty",
    30: "thirty",
    40: "forty",
    50: "fifty",
    60: "sixty",
    70: "seventy",
    80: "eighty",
    90: "ninety",
}


@dataclass
class Phrasebook:
    """Draws goals. With `held_out`, phrases come from the benchmark's stock about half of the time."""

    rng: random.Random
    held_out: bool = False
    novel: int = 0

    def pick(self, stock: Stock) -> str:
        if self.held_out and self.rng.random() < 0.5:
            self.novel += 1
            return self.rng.choice(stock[1])
        return self.rng.choice(stock[0])

    def draw(self) -> tuple[str, Goal, Wishes]:
        """A goal's text, its typed form, and the wishes behind `Goal.wishes`."""
        while True:
            self.novel = 0
            text, goal, wishes = self._draw()
            if not self.held_out or self.novel:
                return text, goal, wishes

    def _draw(self) -> tuple[str, Goal, Wishes]:
        rng = self.rng
        wishes = draw_wishes(rng)
        dataset = None if rng.random() < 0.04 else rng.choice(list(DATASETS))
        clauses = [c for c in self._wish_clauses(wishes) if c]
        goal = self._criterion(dataset, clauses)
        subject = self._subject(wishes, dataset)
        if rng.random() < 0.2:
            clauses.append(self.pick(NOISE))
        rng.shuffle(clauses)
        if rng.random() < 0.5:  # the criterion first, as most people put it
            clauses.sort(key=lambda c: c != self._first)
        text = self._join(subject, clauses)
        return self._typos(text), goal.model_copy(update={"wishes": wishes.text()}), wishes

    def _subject(self, wishes: Wishes, dataset: DatasetName | None) -> str:
        rng = self.rng
        adjectives = [self.pick(SIZES[wishes.size])] if wishes.size else []
        if wishes.depth:
            adjectives.append(self.pick(DEPTHS[wishes.depth]))
        rng.shuffle(adjectives)
        noun = self.pick(MLPS if wishes.mlp else NOUNS)
        opener = self.pick(OPENERS)
        article = "" if rng.random() < 0.15 else "an" if (adjectives or [noun])[0][0] in "aeiou" else "a"
        words = [opener, article, ", ".join(adjectives) if rng.random() < 0.3 else " ".join(adjectives), noun]
        if dataset:
            name = self.pick(DATASETS[dataset])
            place = rng.random()
            if place < 0.12:
                return f"{name}: " + " ".join(w for w in words if w)
            if place < 0.2:
                return " ".join(w for w in (*words[:3], name, noun) if w)
            words += [self.pick(FOR), name]
        return " ".join(w for w in words if w)

    def _criterion(self, dataset: DatasetName | None, clauses: list[str]) -> Goal:
        rng = self.rng
        fields: dict[str, object] = {
            "dataset": dataset,
            "metric": "accuracy",
            "comparison": ">=",
            "threshold": None,
        }
        self._first = ""
        kind = rng.random()
        if kind < 0.86:
            strict = rng.random() < 0.35
            value, written = self._fraction()
            self._first = self.pick(MORE_THAN if strict else AT_LEAST).format(n=written)
            fields |= {"comparison": ">" if strict else ">=", "threshold": value}
        elif kind < 0.95:
            strict = rng.random() < 0.6
            value = round(
                rng.choice((rng.uniform(0.02, 0.6), rng.uniform(0.05, 2.5))), rng.choice((1, 2, 2, 2, 3))
            )
            value = value or 0.1
            self._first = self.pick(LOSS_BELOW if strict else LOSS_MOST).format(n=f"{value:g}")
            fields |= {"metric": "val_loss", "comparison": "<" if strict else "<=", "threshold": value}
        if self._first:
            clauses.append(self._first)
        if rng.random() < 0.35:
            limit, written = self._count()
            fields["max_parameters"] = limit
            clauses.append(self.pick(PARAMETERS).format(n=written))
        if rng.random() < 0.18:
            seconds, written = self._time()
            fields["max_seconds"] = seconds
            clauses.append(self.pick(SECONDS).format(n=written))
        return Goal.model_validate(fields)

    def _wish_clauses(self, wishes: Wishes) -> list[str]:
        w = wishes
        out = [
            self.pick(CONVS).format(n=self._small(w.convs)) if w.convs else "",
            self.pick(LINEARS).format(n=self._small(w.linears)) if w.linears else "",
            self.pick(CHANNELS).format(n=w.channels) if w.channels else "",
            self.pick(KERNELS[w.kernel]) if w.kernel else "",
            self.pick(ACTIVATION).format(a=self.rng.choice(ACTIVATION_NAMES[w.activation]))
            if w.activation
            else "",
            self.pick(NORMS[w.norm]) if w.norm else "",
            self.pick(RESIDUAL[w.residual]) if w.residual is not None else "",
            self.pick(NO_DROPOUT) if w.dropout == 0 else "",
            self.pick(DROPOUT).format(n=self._probability(w.dropout)) if w.dropout else "",
            self.pick(POOLING[w.pooling]) if w.pooling else "",
            self.pick(EPOCHS).format(n=self._small(w.epochs)) if w.epochs else "",
            self.pick(OPTIMIZERS[w.optimizer]) if w.optimizer else "",
            self.pick(RATES).format(n=f"{w.learning_rate:g}") if w.learning_rate else "",
            self.pick(AUGMENTATION[w.augmentation]) if w.augmentation is not None else "",
        ]
        if w.activation == "relu":  # "instead of relu" would contradict itself
            out = [c.replace("instead of relu use ", "use ") for c in out]
        return out

    def _join(self, subject: str, clauses: list[str]) -> str:
        rng = self.rng
        text = subject
        for index, clause in enumerate(clauses):
            glue = rng.choice(
                (", ", ", ", " with ", ", with ", " and ", ", and ", ". ", "; ", " - ", " ", ", ")
            )
            if clause.startswith(
                (
                    "with",
                    "that",
                    "which",
                    "in ",
                    "to ",
                    "without",
                    "within",
                    "under",
                    "at ",
                    "reach",
                    "aiming",
                )
            ):
                glue = rng.choice((", ", " ", " ", ", ", ", and "))
            if clause == self._first and index and rng.random() < 0.2:
                glue = ". Goal: "
            text += glue + clause
        style = rng.random()
        if style < 0.2:
            text = text.lower()
        elif style < 0.24:
            text = text.upper()
        return text.strip() + rng.choice(("", "", "", ".", "!", "."))

    def _typos(self, text: str) -> str:
        """Now and then a slip of the finger, in plain words of five letters or more, never in a number."""
        rng = self.rng
        if rng.random() > 0.3:
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
        percent = rng.choice(
            (
                rng.randint(30, 99),
                rng.randint(80, 99),
                rng.choice((50, 60, 70, 75, 80, 85, 90, 95, 97, 98, 99)),
            )
        )
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
        base = rng.choice(
            (
                1,
                2,
                3,
                5,
                10,
                20,
                25,
                50,
                100,
                150,
                200,
                250,
                500,
                1000,
                rng.randint(1, 999),
                rng.randint(10, 99),
            )
        )
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
    if n <= 12:
        return _UNITS[n]
    if n < 20:
        return ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"][n - 13]
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
        "norm": maybe(0.12, "layer norm") if mlp else maybe(0.14, "batch norm", "group norm", "layer norm", "no normalisation"),
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
