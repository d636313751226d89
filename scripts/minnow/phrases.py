"""Turns of phrase of goals: what people write for each thing a goal may say.

Each entry holds two disjoint stocks: templates for training, and phrases kept for the benchmark. In a template
`(a|b)` is one of the alternatives and `[a|b]` one of them or nothing; both may be nested. No training text
holds a phrase of the benchmark: `goals` draws again when one comes about.
"""

from __future__ import annotations

import random
import re

from mlagent_tui.schemas import DatasetName

Stock = tuple[tuple[str, ...], tuple[str, ...]]

_CHOICE = re.compile(r"([(\[])([^()\[\]]*)[)\]]")


def expand(template: str, rng: random.Random) -> str:
    """One of the phrases that `template` stands for."""
    while match := _CHOICE.search(template):
        options = match[2].split("|")
        taken = "" if match[1] == "[" and rng.random() < 0.5 else rng.choice(options)
        template = template[: match.start()] + taken + template[match.end() :]
    return " ".join(template.split())


DATASETS: dict[DatasetName, Stock] = {
    "digits": (
        (
            "(digits|Digits|8x8 digits|sklearn digits|scikit-learn digits|UCI digits|handwritten digits|hand-written digits|digit images|digit|digits 8x8)",
            "(digits|Digits|8x8 digits|sklearn digits|scikit-learn digits|UCI digits|handwritten digits|hand-written digits|digit images|digit|digits 8x8)",
            "the (digits|Digits|8x8 digits|sklearn digits|scikit-learn digits|UCI digits|handwritten digits|hand-written digits|digit images|digit|digits 8x8) (data set|dataset|data|images|pictures|samples)",
            "[the|our|my|this|that|these|those|some] [little|small|tiny|big|large|simple|plain|full|whole|complete|entire|classic|old|good|usual|well-known|famous|standard|original|common|nice|easy|hard] (digits|Digits|8x8 digits|sklearn digits|scikit-learn digits|UCI digits|handwritten digits|hand-written digits|digit images|digit|digits 8x8) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "(digits|Digits|8x8 digits|sklearn digits|scikit-learn digits|UCI digits|handwritten digits|hand-written digits|digit images|digit|digits 8x8) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "(images|pictures|photos|samples|data|examples|inputs) (of|from|in) [the] (digits|Digits|8x8 digits|sklearn digits|scikit-learn digits|UCI digits|handwritten digits|hand-written digits|digit images|digit|digits 8x8) [data set|dataset|set]",
            "(digits|Digits|8x8 digits|sklearn digits|scikit-learn digits|UCI digits|handwritten digits|hand-written digits|digit images|digit|digits 8x8)'s (images|pictures|samples|data|classes|set|labels)",
            "[the|our|my|this|that|these|those|some] (ten-class|10-class|labelled|image|bundled|local|downloaded|grayscale|colour|low-resolution) (digits|Digits|8x8 digits|sklearn digits|scikit-learn digits|UCI digits|handwritten digits|hand-written digits|digit images|digit|digits 8x8) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "the bundled digits",
            "digit (classification|recognition)",
            "[the] (tiny|small|little) (handwritten|8x8) digit (images|pictures|scans)",
            "sklearn's (built-in|little|own) digits",
            "scikit-learn's digits [data|images]",
            "(recognising|recognizing|reading|telling apart) [handwritten|the] digits",
            "load_digits",
            "optical digits",
            "numerals / digits",
        ),
        ("our digits images", "the little 8x8 digits", "the digits collection", "sklearn's digits set"),
    ),
    "mnist": (
        (
            "(MNIST|mnist|Mnist|28x28 MNIST|MNIST digits|mnist digits)",
            "(MNIST|mnist|Mnist|28x28 MNIST|MNIST digits|mnist digits)",
            "the (MNIST|mnist|Mnist|28x28 MNIST|MNIST digits|mnist digits) (data set|dataset|data|images|pictures|samples)",
            "[the|our|my|this|that|these|those|some] [little|small|tiny|big|large|simple|plain|full|whole|complete|entire|classic|old|good|usual|well-known|famous|standard|original|common|nice|easy|hard] (MNIST|mnist|Mnist|28x28 MNIST|MNIST digits|mnist digits) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "(MNIST|mnist|Mnist|28x28 MNIST|MNIST digits|mnist digits) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "(images|pictures|photos|samples|data|examples|inputs) (of|from|in) [the] (MNIST|mnist|Mnist|28x28 MNIST|MNIST digits|mnist digits) [data set|dataset|set]",
            "(MNIST|mnist|Mnist|28x28 MNIST|MNIST digits|mnist digits)'s (images|pictures|samples|data|classes|set|labels)",
            "[the|our|my|this|that|these|those|some] (ten-class|10-class|labelled|image|bundled|local|downloaded|grayscale|colour|low-resolution) (MNIST|mnist|Mnist|28x28 MNIST|MNIST digits|mnist digits) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "handwritten digits from MNIST",
            "the digits of MNIST",
            "[the] handwritten MNIST (digits|numbers|images)",
            "LeCun's MNIST",
            "[the] MNIST (handwriting|numbers)",
            "MNIST (classification|recognition)",
        ),
        ("good old MNIST", "MNIST's digits", "the full mnist set"),
    ),
    "fashion_mnist": (
        (
            "(Fashion-MNIST|fashion mnist|FashionMNIST|fashion_mnist|Fashion MNIST|fashion-mnist|Fashion Mnist|fashionmnist)",
            "(Fashion-MNIST|fashion mnist|FashionMNIST|fashion_mnist|Fashion MNIST|fashion-mnist|Fashion Mnist|fashionmnist)",
            "the (Fashion-MNIST|fashion mnist|FashionMNIST|fashion_mnist|Fashion MNIST|fashion-mnist|Fashion Mnist|fashionmnist) (data set|dataset|data|images|pictures|samples)",
            "[the|our|my|this|that|these|those|some] [little|small|tiny|big|large|simple|plain|full|whole|complete|entire|classic|old|good|usual|well-known|famous|standard|original|common|nice|easy|hard] (Fashion-MNIST|fashion mnist|FashionMNIST|fashion_mnist|Fashion MNIST|fashion-mnist|Fashion Mnist|fashionmnist) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "(Fashion-MNIST|fashion mnist|FashionMNIST|fashion_mnist|Fashion MNIST|fashion-mnist|Fashion Mnist|fashionmnist) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "(images|pictures|photos|samples|data|examples|inputs) (of|from|in) [the] (Fashion-MNIST|fashion mnist|FashionMNIST|fashion_mnist|Fashion MNIST|fashion-mnist|Fashion Mnist|fashionmnist) [data set|dataset|set]",
            "(Fashion-MNIST|fashion mnist|FashionMNIST|fashion_mnist|Fashion MNIST|fashion-mnist|Fashion Mnist|fashionmnist)'s (images|pictures|samples|data|classes|set|labels)",
            "[the|our|my|this|that|these|those|some] (ten-class|10-class|labelled|image|bundled|local|downloaded|grayscale|colour|low-resolution) (Fashion-MNIST|fashion mnist|FashionMNIST|fashion_mnist|Fashion MNIST|fashion-mnist|Fashion Mnist|fashionmnist) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "the fashion (set|data|images|data set)",
            "Zalando's (fashion MNIST|Fashion-MNIST|fashion images|fashion data)",
            "[the] (clothes|clothing|shirts and shoes|garments|items|shoes) (of|in) (fashion mnist|Fashion-MNIST|FashionMNIST)",
        ),
        ("clothes from Fashion-MNIST", "the fashionmnist images", "the fashion mnist collection"),
    ),
    "cifar10": (
        (
            "(CIFAR-10|cifar10|CIFAR10|cifar-10|cifar 10|CIFAR 10|Cifar-10|cifar_10|Cifar10)",
            "(CIFAR-10|cifar10|CIFAR10|cifar-10|cifar 10|CIFAR 10|Cifar-10|cifar_10|Cifar10)",
            "the (CIFAR-10|cifar10|CIFAR10|cifar-10|cifar 10|CIFAR 10|Cifar-10|cifar_10|Cifar10) (data set|dataset|data|images|pictures|samples)",
            "[the|our|my|this|that|these|those|some] [little|small|tiny|big|large|simple|plain|full|whole|complete|entire|classic|old|good|usual|well-known|famous|standard|original|common|nice|easy|hard] (CIFAR-10|cifar10|CIFAR10|cifar-10|cifar 10|CIFAR 10|Cifar-10|cifar_10|Cifar10) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "(CIFAR-10|cifar10|CIFAR10|cifar-10|cifar 10|CIFAR 10|Cifar-10|cifar_10|Cifar10) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "(images|pictures|photos|samples|data|examples|inputs) (of|from|in) [the] (CIFAR-10|cifar10|CIFAR10|cifar-10|cifar 10|CIFAR 10|Cifar-10|cifar_10|Cifar10) [data set|dataset|set]",
            "(CIFAR-10|cifar10|CIFAR10|cifar-10|cifar 10|CIFAR 10|Cifar-10|cifar_10|Cifar10)'s (images|pictures|samples|data|classes|set|labels)",
            "[the|our|my|this|that|these|those|some] (ten-class|10-class|labelled|image|bundled|local|downloaded|grayscale|colour|low-resolution) (CIFAR-10|cifar10|CIFAR10|cifar-10|cifar 10|CIFAR 10|Cifar-10|cifar_10|Cifar10) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "[the] (natural|colour|color|object|32x32) (images|photos|pictures) (of|in) (CIFAR-10|cifar10|CIFAR10)",
            "CIFAR-10 (classification|objects)",
        ),
        ("photos from CIFAR-10", "the ten-class CIFAR-10", "our cifar10 copy"),
    ),
    "cifar100": (
        (
            "(CIFAR-100|cifar100|CIFAR100|cifar-100|cifar 100|CIFAR 100|Cifar-100|cifar_100|Cifar100)",
            "(CIFAR-100|cifar100|CIFAR100|cifar-100|cifar 100|CIFAR 100|Cifar-100|cifar_100|Cifar100)",
            "the (CIFAR-100|cifar100|CIFAR100|cifar-100|cifar 100|CIFAR 100|Cifar-100|cifar_100|Cifar100) (data set|dataset|data|images|pictures|samples)",
            "[the|our|my|this|that|these|those|some] [little|small|tiny|big|large|simple|plain|full|whole|complete|entire|classic|old|good|usual|well-known|famous|standard|original|common|nice|easy|hard] (CIFAR-100|cifar100|CIFAR100|cifar-100|cifar 100|CIFAR 100|Cifar-100|cifar_100|Cifar100) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "(CIFAR-100|cifar100|CIFAR100|cifar-100|cifar 100|CIFAR 100|Cifar-100|cifar_100|Cifar100) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "(images|pictures|photos|samples|data|examples|inputs) (of|from|in) [the] (CIFAR-100|cifar100|CIFAR100|cifar-100|cifar 100|CIFAR 100|Cifar-100|cifar_100|Cifar100) [data set|dataset|set]",
            "(CIFAR-100|cifar100|CIFAR100|cifar-100|cifar 100|CIFAR 100|Cifar-100|cifar_100|Cifar100)'s (images|pictures|samples|data|classes|set|labels)",
            "[the|our|my|this|that|these|those|some] (ten-class|10-class|labelled|image|bundled|local|downloaded|grayscale|colour|low-resolution) (CIFAR-100|cifar100|CIFAR100|cifar-100|cifar 100|CIFAR 100|Cifar-100|cifar_100|Cifar100) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "[the] (hundred|100|many|coarse|fine) (classes|labels|categories) (of|in) (cifar100|CIFAR-100 data|CIFAR100)",
            "CIFAR-100 (classification|objects)",
        ),
        ("the fine labels of CIFAR-100", "photos from cifar100", "the whole CIFAR-100"),
    ),
    "dummy": (
        (
            "(dummy data|synthetic data|dummy|synthetic|toy data|synthetic images|dummy images|artificial data|fake data|random data|generated data|random synthetic data|fake images|artificial images)",
            "(dummy data|synthetic data|dummy|synthetic|toy data|synthetic images|dummy images|artificial data|fake data|random data|generated data|random synthetic data|fake images|artificial images)",
            "the (dummy data|synthetic data|dummy|synthetic|toy data|synthetic images|dummy images|artificial data|fake data|random data|generated data|random synthetic data|fake images|artificial images) (data set|dataset|data|images|pictures|samples)",
            "[the|our|my|this|that|these|those|some] [little|small|tiny|big|large|simple|plain|full|whole|complete|entire|classic|old|good|usual|well-known|famous|standard|original|common|nice|easy|hard] (dummy data|synthetic data|dummy|synthetic|toy data|synthetic images|dummy images|artificial data|fake data|random data|generated data|random synthetic data|fake images|artificial images) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "(dummy data|synthetic data|dummy|synthetic|toy data|synthetic images|dummy images|artificial data|fake data|random data|generated data|random synthetic data|fake images|artificial images) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "(images|pictures|photos|samples|data|examples|inputs) (of|from|in) [the] (dummy data|synthetic data|dummy|synthetic|toy data|synthetic images|dummy images|artificial data|fake data|random data|generated data|random synthetic data|fake images|artificial images) [data set|dataset|set]",
            "(dummy data|synthetic data|dummy|synthetic|toy data|synthetic images|dummy images|artificial data|fake data|random data|generated data|random synthetic data|fake images|artificial images)'s (images|pictures|samples|data|classes|set|labels)",
            "[the|our|my|this|that|these|those|some] (ten-class|10-class|labelled|image|bundled|local|downloaded|grayscale|colour|low-resolution) (dummy data|synthetic data|dummy|synthetic|toy data|synthetic images|dummy images|artificial data|fake data|random data|generated data|random synthetic data|fake images|artificial images) [data set|dataset|data|set|images|pictures|photos|samples|examples|collection|corpus|task|problem|benchmark|copy|classes|labels|scans]",
            "[a|the|our|some|my] [small|little|simple|large|random|made-up|invented|generated|artificial] (dummy|synthetic|toy|fake|artificial) (data set|dataset|set|data|images|samples|problem|task|pictures)",
            "(made-up|invented|generated|random|computer-made) (dummy|synthetic|toy|fake) (data|samples|pictures|inputs|things)",
            "(data|images|samples|pictures) that are (synthetic|artificial|fake|generated|random)",
            "[a|the] toy (set|problem|task|example)",
        ),
        ("made-up dummy images", "a synthetic toy set", "some dummy samples"),
    ),
}

OPENERS: Stock = (
    (
        "Design",
        "Build",
        "Create",
        "Find",
        "Make",
        "Train",
        "",
        "design",
        "build",
        "(design|build|create|make|find|develop|construct|propose|write|train|try|produce|prepare|assemble|sketch out|draft|devise|invent|search for|come up with|set up|put together|engineer|craft|compose|generate|suggest|explore|investigate|figure out|implement|deliver|get|give|show|test|evaluate|optimise|tune)",
        "(design|build|create|make|find|develop|construct|propose|write|train|try|produce|prepare|assemble|sketch out|draft|devise|invent|search for|come up with|set up|put together|engineer|craft|compose|generate|suggest|explore|investigate|figure out|implement|deliver|get|give|show|test|evaluate|optimise|tune) [me|us]",
        "[Please|please|pls|Kindly|Now|now|Hey|Hi|Hello|OK|So|Well] (design|build|create|make|find|develop|construct|propose|write|train|try|produce|prepare|assemble|sketch out|draft|devise|invent|search for|come up with|set up|put together|engineer|craft|compose|generate|suggest|explore|investigate|figure out|implement|deliver|get|give|show|test|evaluate|optimise|tune) [me|us]",
        "(Can|Could|Would|Will) you [please|kindly|maybe] (design|build|create|make|find|develop|construct|propose|write|train|try|produce|prepare|assemble|sketch out|draft|devise|invent|search for|come up with|set up|put together|engineer|craft|compose|generate|suggest|explore|investigate|figure out|implement|deliver|get|give|show|test|evaluate|optimise|tune) [me|us]",
        "(I|We|i|we) [really|just|would] (want|need|would like|wish for|require|am looking for|are looking for|hope for|seek|ask for|could use)",
        "(I'd|We'd) like [to have|to get|to see|you to build|to try]",
        "(Our|My|The|This) (team|group|company|class|course|student|project|boss|department|institute|robot|experiment|lab|department) (wants|needs|requires|asks for|could use|is after|is looking for)",
        "(Let's|Let us|let's) (design|build|create|make|find|develop|construct|propose|write|train|try|produce|prepare|assemble|sketch out|draft|devise|invent|search for|come up with|set up|put together|engineer|craft|compose|generate|suggest|explore|investigate|figure out|implement|deliver|get|give|show|test|evaluate|optimise|tune)",
        "(Help|help) (me|us) [to] (design|build|create|make|find|develop|construct|propose|write|train|try|produce|prepare|assemble|sketch out|draft|devise|invent|search for|come up with|set up|put together|engineer|craft|compose|generate|suggest|explore|investigate|figure out|implement|deliver|get|give|show|test|evaluate|optimise|tune)",
        "(I|We) (want|need|would like|have|plan|try|am trying|are trying) to (design|build|create|make|find|develop|construct|propose|write|train|try|produce|prepare|assemble|sketch out|draft|devise|invent|search for|come up with|set up|put together|engineer|craft|compose|generate|suggest|explore|investigate|figure out|implement|deliver|get|give|show|test|evaluate|optimise|tune)",
        "(Want|Need|Wanted|Needed|Looking for|Searching for|In search of|Required|Task|Goal|Request|TODO|todo|want|need)[:]",
        "(Your|The) (task|job|goal|mission) [is] to (design|build|create|make|find|develop|construct|propose|write|train|try|produce|prepare|assemble|sketch out|draft|devise|invent|search for|come up with|set up|put together|engineer|craft|compose|generate|suggest|explore|investigate|figure out|implement|deliver|get|give|show|test|evaluate|optimise|tune)",
        "Go and (design|build|create|make|find|develop|construct|propose|write|train|try|produce|prepare|assemble|sketch out|draft|devise|invent|search for|come up with|set up|put together|engineer|craft|compose|generate|suggest|explore|investigate|figure out|implement|deliver|get|give|show|test|evaluate|optimise|tune)",
        "(How about|What about|Time for)",
        "(design|build|create|make|find|develop|construct|propose|write|train|try|produce|prepare|assemble|sketch out|draft|devise|invent|search for|come up with|set up|put together|engineer|craft|compose|generate|suggest|explore|investigate|figure out|implement|deliver|get|give|show|test|evaluate|optimise|tune) and (train|test|evaluate)",
        "(Show|get|Get|Give|Hand|Bring|Send) (me|us)",
        "It would be (nice|great|good) to (have|get|see)",
        "There should be",
        "(Is there|is it possible to get)",
    ),
    ("Look for", "Kindly create", "Our lab needs", "Sketch", "Would you build", "Work out"),
)

NOUNS: Stock = (
    (
        "CNN",
        "network",
        "model",
        "convolutional network",
        "classifier",
        "cnn",
        "convnet",
        "neural network",
        "[image|vision|neural|deep learning|pytorch|PyTorch|torch|picture|AI|ML|machine learning|computer vision|convolutional|conv|convolution|feed-forward|custom|new|good|decent|nice|fast|efficient|robust|accurate|solid|clean|modern|sensible|standard|reasonable|working|trainable|suitable|quick] (model|network|net|classifier|architecture|CNN|cnn|convnet|ConvNet|neural network|neural net|recogniser|recognizer|predictor|solution|setup|nn|NN|design|system|one)",
        "(conv|convolutional|convolution) (net|network|neural network|neural net|model|architecture|nn|NN)",
        "(image|picture|vision|visual|photo) (classifier|recogniser|recognizer|network|architecture|net|recognition model|classification network|classification model)",
        "classifier network",
        "nn.Module",
        "PyTorch module",
        "baseline",
        "DNN",
        "ConvNet classifier",
    ),
    ("image model", "PyTorch network", "convolutional classifier", "neural classifier"),
)

MLPS: Stock = (
    (
        "MLP",
        "mlp",
        "multilayer perceptron",
        "multi-layer perceptron",
        "perceptron",
        "[simple|classic|basic|ordinary|pure|standard] (MLP|mlp|multilayer perceptron|perceptron)",
        "[purely] (fully connected|fully-connected|dense|densely connected|fc|FC) (network|neural network|model|neural net|architecture|stack)",
        "feed-forward network",
        "feedforward (net|network|neural network) [without convolutions]",
        "(model|network|net|classifier|architecture) (without|with no|w/o|free of|not using|that has no) [any] (convolutions|conv layers|convolutional layers|convs|convolution)",
        "(network|model|net|classifier) (with|made of|of|from|using) (only|nothing but|just|purely|solely) (linear|dense|fully connected|fc|fully-connected) layers",
        "non-convolutional (network|model|net|classifier)",
        "(linear|dense) layers only network",
        "MLP (classifier|network|model)",
    ),
    ("plain MLP", "dense net", "fully connected classifier"),
)

SIZES: dict[str, Stock] = {
    "tiny": (
        (
            "tiny",
            "very small",
            "minimal",
            "(very|extremely|really|super|ultra|exceptionally|incredibly|quite absurdly|seriously|unusually) (tiny|little|compact|light|miniature|small-scale|minimal|slender)",
            "as (small|tiny|light|compact|lean|slender) as (possible|you can|can be|feasible|it gets)",
            "ultra-small",
            "minuscule",
            "really small",
            "super small",
            "the (smallest|tiniest|lightest|leanest|most compact) (possible|feasible|imaginable|conceivable)",
            "(micro|nano|pico)",
            "(teensy|teensy-weensy|itty-bitty|wee|minute|microscopic|miniature|mini-sized|pocket-sized|puny|dinky|bitsy|bite-sized)",
            "microscopically small",
            "(incredibly|unusually|exceedingly|awfully|terribly|ridiculously|unbelievably|extra|exceptionally|remarkably|hugely|absurdly|super|really|very|truly) small",
            "smallest-possible",
            "tiniest",
            "ultra-compact",
            "ultra-light",
            "ultralight",
            "featherweight",
            "bare-bones",
            "bare minimum",
            "barely-there",
        ),
        ("teeny", "extremely small"),
    ),
    "small": (
        (
            "small",
            "compact",
            "lightweight",
            "simple",
            "little",
            "modest",
            "light",
            "lean",
            "basic",
            "smallish",
            "[fairly|pretty|quite|relatively|comparatively|reasonably|nicely|somewhat|kind of] (small|compact|lightweight|simple|modest|light|lean|basic|little|narrow|slender|thin|economical|frugal|thrifty)",
            "(small-sized|small-scale|not too big|not too large|not large|not big|low-capacity|slimmed-down|slim-line|slimmer|slimmish|slender|thin|narrow|svelte|trim|thrifty|economical|frugal|low-cost|cheap|petite|handy|stripped-down|pared-down|cut-down|reduced|parameter-efficient|efficient small|tidy|plain and small|short and small|small and simple|low-weight|easy|elementary|humble|restrained|minor|lite)",
            "smaller",
        ),
        ("slim", "rather small"),
    ),
    "medium": (
        (
            "medium",
            "medium-sized",
            "mid-sized",
            "moderate",
            "mid-size",
            "medium size",
            "middle-sized",
            "[fairly|rather|pretty|roughly] (medium-sized|mid-sized|moderate|average|intermediate|middling)",
            "(intermediate|mid-range|middle-of-the-road|middling|normal-sized|ordinary-sized|standard-sized|average|averagely large|average-size|moderate-size|moderately large|moderately big|moderately wide|midsize|midsized|neither small nor large|not too small and not too large|medium-scale|mid-scale|medium-capacity|medium-weight|middleweight|regular-sized|of medium size|of average size|of moderate size|of middling size)",
        ),
        ("average-sized", "moderately sized"),
    ),
    "large": (
        (
            "large",
            "big",
            "powerful",
            "wide",
            "high-capacity",
            "heavy",
            "huge",
            "strong",
            "[quite|rather|pretty|fairly|relatively|really|extremely|super|seriously|truly|especially] (big|large|wide|powerful|strong|heavy|hefty|broad|massive|considerable|substantial|sizable|bulky|rich)",
            "(large-scale|large-sized|big-sized|massive|enormous|giant|gigantic|substantial|sizable|good-sized|size-able|hefty|beefy|bulky|broad|considerable|extensive|ample|generous|mighty|heavyweight|heavy-duty|full-size|big and strong|larger|bigger|wider|oversized|overparameterised|expressive|capable|not small|not so small|parameter-rich|high-powered|muscular|brawny|colossal|vast|jumbo|XL|wide-bodied|deep-pocketed|grand|fat|thick|rich)",
        ),
        ("sizeable", "very large"),
    ),
}

DEPTHS: dict[str, Stock] = {
    "deep": (
        (
            "deep",
            "very deep",
            "deeper",
            "(really|rather|pretty|fairly|extremely|super|relatively|reasonably|somewhat|especially) deep",
            "(many-layered|many-layer|multi-layered|deep-layered|long and deep|deepish|as deep as possible|with great depth|not shallow|stacked deep|profoundly deep)",
        ),
        ("quite deep",),
    ),
    "shallow": (
        (
            "shallow",
            "not too deep",
            "not deep",
            "(very|really|quite|pretty|fairly|relatively|extremely|somewhat|super|reasonably) shallow",
            "(not very deep|not so deep|few-layered|few-layer|shallowish|low-depth|as shallow as possible|not particularly deep|less deep|undeep|with little depth|flat|shallower)",
        ),
        ("rather shallow",),
    ),
}

FOR: Stock = (
    (
        "for",
        "on",
        "to classify",
        "that classifies",
        "trained on",
        "for classifying",
        "over",
        "using",
        "with",
        "for",
        "on",
        "(designed|intended|suited|suitable|good|made|built|optimised|optimized|fit|tuned|specialised|specialized|ready|tailored|destined|thought) (for|to)",
        "(that|which) (recognises|recognizes|handles|sorts|labels|learns|solves|works on|works with|works for|deals with|classifies|categorises|is trained on|is for|is meant to learn|understands|tells apart|can classify|can handle|predicts|performs well on|does well on)",
        "to (learn|recognise|recognize|label|solve|sort|tackle|handle|predict|categorise|categorize|be trained on|train on|use on|run on|work on|apply to|fit|tell apart|distinguish)",
        "(classifying|recognising|recognizing|learning|targeting|solving|tackling|labelling|labeling|handling|sorting|covering|categorising|predicting|fitting|aiming at|working on|working with|trained with|trained using|evaluated on|applied to|based on|fitted to|fed with)",
        "for (learning|recognising|recognizing|labelling|training on|use on|use with|work on|sorting|the task of classifying|the purpose of classifying|handling)",
        "against",
        "dealing with",
        "aimed to classify",
        "meant to classify",
        "targeted at",
        "geared towards",
        "directed at",
        "given",
    ),
    ("aimed at", "meant for"),
)

AT_LEAST: Stock = (
    (
        "at least {n} accuracy",
        "{n} accuracy or more",
        "accuracy >= {n}",
        "{n} accuracy",
        "accuracy {n}",
        "at least {n}",
        "(at least|no less than|a minimum of|minimum|min|min.|not under|not below|no worse than|not worse than|at minimum|at the least|at the very least|never below|never less than) {n} (accuracy|acc|validation accuracy|val accuracy|val acc|accuracy on the validation set|accuracy on validation|classification accuracy|top-1 accuracy)",
        "{n} (accuracy|acc|validation accuracy|val accuracy|val acc|accuracy on the validation set|accuracy on validation|classification accuracy|top-1 accuracy) (or more|or better|or higher|or above|and up|and above|at least|minimum|at minimum|at the least|upwards|plus)",
        "[an] (accuracy|acc|validation accuracy|val accuracy|val acc|accuracy on the validation set|accuracy on validation|classification accuracy|top-1 accuracy) (>=|=>|≥|of|of at least|at least|not below|no less than|not less than|of no less than|of not less than|not under|never under|never below|of minimum|from|min|minimum|minimum of|at or above|equal to or above|greater than or equal to|no worse than|has to be at least|must be at least|should be at least|is at least|at the least) {n}",
        "[an] (accuracy|accuracy|accuracy|acc|val accuracy|validation accuracy) of {n} or (better|more|higher|above|up|greater)",
        "[(that|which) (can|should|must|shall|will|could|has to|needs to|is able to|ought to)|to|must|should|it should|it must|needs to|has to|I want it to|we want it to|please|let it|make it|able to] (reach|get|hit|achieve|attain|score|deliver|obtain|gain|yield|give|show|manage|make|have|gets|reach up to|come to|arrive at|produce|secure|land at|touch) [at least|a minimum of|no less than|an accuracy of|an accuracy of at least|some|about|full|the] {n} [(accuracy|accuracy|accuracy|acc|val accuracy|validation accuracy)]",
        "(that|which) (reaches|gets|hits|achieves|scores|delivers|obtains|gains|yields|gives|shows|manages|makes|has|comes to|arrives at|produces|secures|touches|gets to|goes to|climbs to) [at least|a minimum of|no less than|an accuracy of|an accuracy of at least] {n} [(accuracy|accuracy|accuracy|acc|val accuracy|validation accuracy)|on the validation set|in validation|on validation|validation accuracy]",
        "(reaching|getting|hitting|achieving|attaining|delivering|obtaining|gaining|yielding|giving|showing|managing|having|producing|securing|touching|getting to|arriving at) [at least|a minimum of|no less than|an accuracy of|an accuracy of at least|some] {n} [(accuracy|accuracy|accuracy|acc|val accuracy|validation accuracy)|or higher|or more|or better]",
        "(aiming|going|shooting|striving|heading|looking) (for|at) [at least|a minimum of] {n} [(accuracy|accuracy|accuracy|acc|val accuracy|validation accuracy)]",
        "(target|targeted|desired|wanted|required|needed|goal|aim|requirement|criterion|success)[:| is| =| being| of]  [(accuracy|accuracy|accuracy|acc|val accuracy|validation accuracy)] [of] [at least] {n} [(accuracy|accuracy|accuracy|acc|val accuracy|validation accuracy)]",
        "to [at least] {n} (accuracy|accuracy|accuracy|acc|val accuracy|validation accuracy)",
        "with [an|at least|a minimum] [(accuracy|acc|validation accuracy|val accuracy|val acc|accuracy on the validation set|accuracy on validation|classification accuracy|top-1 accuracy) of] {n} (accuracy|accuracy|accuracy|acc|val accuracy|validation accuracy)",
        "(it|which|that) (should|must|has to|needs to|is to|ought to) (get|label|classify|recognise|predict|put|name) [at least|no less than|a minimum of] {n} (right|correctly|correct|of the images correctly|of them right|of the images right)",
        "(correct|right|accurate|reliable) (on|for|in) [at least|no less than|a minimum of] {n} of the (images|cases|samples|examples|pictures|time|inputs|validation images)",
        "(correct|right|accurate) [at least|no less than] {n} of the time",
        "accurate to [at least] {n}",
        "(minimum|min|min.|lowest|required|wanted|needed|desired|acceptable) (accuracy|acc|validation accuracy|val accuracy|val acc|accuracy on the validation set|accuracy on validation|classification accuracy|top-1 accuracy) [of|is|:|=] {n}",
        "I (want|need|expect|hope for|ask for|wish for|require|would like|aim for) [at least|a minimum of] {n} [accuracy|acc]",
        "(where|so that|such that|provided that|given that) [the] accuracy (is|reaches|comes to|gets to) [at least] {n}",
        "[a] hit rate of [at least] {n}",
        "[the] accuracy (should|must|has to|needs to|shall) (be|reach|come to|get to|hit) [at least] {n}",
        "accuracy (≥|>=|=>){n}",
        "(acc|val_acc|val acc|accuracy)(>=|=>){n}",
        ">= {n} [accuracy|acc]",
        "(a|the) (goal|target|aim) of [at least] {n} [accuracy]",
        "{n} (correct|right) [at least|or more]",
        "{n} or better accuracy",
    ),
    (
        "it must be right at least {n} of the time",
        "not less than {n} accuracy",
        "accuracy no lower than {n}",
        "scoring at least {n} accuracy",
        "that attains {n} accuracy",
        "validation accuracy >= {n}",
    ),
)

MORE_THAN: Stock = (
    (
        "more than {n} accuracy",
        "over {n} accuracy",
        "above {n} accuracy",
        "accuracy > {n}",
        "> {n} accuracy",
        ">{n} accuracy",
        "[with|at|reaching|getting|achieving|to get|to reach|to achieve|aiming for|aiming at|needs|wants|scoring|has to have|hitting] (more than|over|above|greater than|higher than|better than|beyond|past|upwards of|in excess of|strictly above|strictly over|strictly greater than|exceeding|beating|surpassing|topping out above|well above|clearly above|clearly over|just over|just above) {n} (accuracy|acc|validation accuracy|val accuracy|val acc|accuracy on the validation set|accuracy on validation|classification accuracy|top-1 accuracy)",
        "(exceeding|surpassing|beating|outdoing|passing|topping|overtaking|bettering|breaking|crossing|going beyond|going above|going over) [the] {n} [(accuracy|accuracy|accuracy|acc|val accuracy|validation accuracy)|mark|validation accuracy|accuracy mark]",
        "(that|which) (beats|exceeds|surpasses|tops|outdoes|passes|goes beyond|goes over|goes above|gets over|gets above|is above|is over|is better than|breaks|crosses|overtakes|betters|outperforms|reaches more than|gets more than|achieves more than|scores more than|scores over|scores above|comes out above|ends above|has more than) {n} [(accuracy|accuracy|accuracy|acc|val accuracy|validation accuracy)]",
        "[that|which|it] (must|should|has to|needs to|can|shall|will|is to|to) (beat|exceed|surpass|top|outdo|pass|go beyond|go over|get over|get above|be above|be over|be better than|break|cross|reach more than|get more than|score above|score over|lie above|rise above) {n} [(accuracy|accuracy|accuracy|acc|val accuracy|validation accuracy)]",
        "[an] (accuracy|acc|validation accuracy|val accuracy|val acc|accuracy on the validation set|accuracy on validation|classification accuracy|top-1 accuracy) (>|above|over|beyond|greater than|higher than|exceeding|of more than|of over|larger than|more than|past|beating|strictly above|strictly over|strictly greater than|has to be above|must be above|should exceed|must exceed|must be over|should be above|should be over|should be more than|in excess of|surpassing) {n}",
        "(acc|val_acc|val acc|accuracy)(>| > ){n}",
        "(aiming|going|shooting|striving) for (>|more than |over |above |> ){n} [accuracy]",
        "(with|getting|for|having) (over|more than|above) {n} (correct|right|of the images right|of the images correct|of the images classified correctly)",
        "(correct|right) on (over|more than|above) {n} of the (images|cases|samples|time)",
        "right more than {n} of the time",
        "I (want|need|expect|require) (more than|over|above) {n} [accuracy]",
        "(target|goal|aim|requirement)[:] (over|above|more than|>) {n} [accuracy]",
        "[the] accuracy (should|must|has to|needs to|shall) (exceed|be above|be over|be more than|be higher than|be greater than|beat|top|surpass) {n}",
        "> {n} [acc|val accuracy|validation accuracy]",
    ),
    (
        "strictly more than {n} accuracy",
        "accuracy better than {n}",
        "topping {n} accuracy",
        "with > {n} accuracy",
    ),
)

LOSS_BELOW: Stock = (
    (
        "validation loss below {n}",
        "val loss under {n}",
        "val_loss < {n}",
        "loss < {n}",
        "[a|the] (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss) (below|under|less than|lower than|smaller than|<|beneath|strictly below|strictly less than|strictly under|that is below|that is under|has to be below|must be below|should be under|should be below|must stay under|must fall below|should drop below|going below|down below|inferior to|of less than|of under|better than) {n}",
        "(with|at|reaching|getting|achieving|to get|that reaches|that gets|which has|aiming for|aiming at|needs|having|giving|to reach) [a] (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss) (below|under|less than|lower than|smaller than|<|of less than|of under) {n}",
        "(getting|bringing|pushing|driving|taking|keeping|lowering|reducing|squeezing|get|bring|push|keep) [the|its] (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss) (below|under|to less than|to under|down below|beneath) {n}",
        "(less|lower|smaller) than {n} (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss)",
        "(below|under) {n} (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss)",
        "< {n} (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss)",
        "(val_loss|loss|val loss)<{n}",
    ),
    ("a val loss less than {n}", "validation loss < {n}"),
)

LOSS_MOST: Stock = (
    (
        "validation loss of at most {n}",
        "val_loss <= {n}",
        "loss at most {n}",
        "loss <= {n}",
        "[a|the] (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss) (of at most|at most|<=|=<|≤|no higher than|not above|not over|not higher than|no greater than|no larger than|not larger than|not more than|of no more than|of not more than|up to|of max|max|maximum|of maximum|that is at most|must be at most|should be at most|should not exceed|must not exceed|not exceeding|of up to|no worse than|not worse than|at or below|less than or equal to|capped at|limited to|never above|never over|of|at) {n}",
        "[a|the] (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss) of {n} or (less|lower|below|better|smaller|under)",
        "(maximum|max|max.|largest allowed|highest allowed|allowed|permitted) (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss) [of|is|:|=] {n}",
        "(with|at|reaching|getting|achieving|that reaches|that gets|aiming for|having) [a] (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss) (of at most|not above|no higher than|of no more than|<=|of up to) {n}",
        "at most {n} (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss)",
        "no more than {n} (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss)",
        "(reach|get|getting|reaching|achieve|achieving) [a] (validation loss|val loss|val_loss|loss|validation loss|loss on the validation set|cross-entropy|cross entropy loss|val. loss) of {n}",
        "(val_loss|loss|val loss)<={n}",
        "<= {n} (validation loss|val loss|loss)",
    ),
    ("a validation loss no more than {n}", "validation loss <= {n}"),
)

PARAMETERS: Stock = (
    (
        "under {n} parameters",
        "at most {n} parameters",
        "fewer than {n} parameters",
        "below {n} weights",
        "< {n} params",
        "[with|using|having|and|of|needing|in|for|spending|that has|which has|it has|and has|must have|should have|and uses|that uses|needs|may have|can have|keep it|keep it to|stay|stays|staying|keeping|keeps|it must stay|it should stay|remain|remaining] (under|below|at most|fewer than|less than|max|max.|maximum|no more than|not more than|up to|within|<=|<|≤|at the most|not over|never more than|not above|no greater than|a maximum of|at maximum|limited to|restricted to|capped to|bounded by|smaller than|beneath|no larger than|not larger than|not bigger than) {n} (parameters|params|parameters|weights|trainable parameters|learnable parameters|trainable weights|parameters in total|parameters overall|params in total|total parameters|model parameters)",
        "(parameters|params|parameters|weights|trainable parameters|learnable parameters|trainable weights|parameters in total|parameters overall|params in total|total parameters|model parameters) (<=|<|≤|under|below|at most|not over|no more than|max|maximum|limited to|limit|up to|not above|must be under|must be below|should be under|must stay below|must stay under|should not exceed|must not exceed|may not exceed|less than|fewer than|within|:|=) {n}",
        "[with] [a|the] (budget|limit|cap|ceiling|maximum|max|upper limit|upper bound|bound|allowance) of {n} (parameters|params|weights)",
        "[with] [a|the] (parameter|param|weight|size) (budget|limit|cap|ceiling|maximum|count limit|allowance|bound) [of|is|:|=|being|at] {n}",
        "(it|which|that|the model|the network) (may|can|should|must|is allowed to|shall|could) [only] have [only] {n} (parameters|params|weights) (at most|or fewer|or less|maximum|max|at the most|tops)",
        "with {n} (parameters|params|weights) (or fewer|or less|at most|maximum|max|at the most|tops|as a limit|as the limit|as a maximum|as the upper bound)",
        "{n} (parameters|params|weights) (at most|max|maximum|or fewer|or less|tops|at the most|limit|are the limit|is the limit|is the maximum|budget)",
        "(must|should|may|shall|can|do|does|cannot) not (exceed|have more than|use more than|go over|go above|go beyond|need more than|pass) {n} (parameters|params|weights)",
        "(never|without) (exceeding|going over|going above|using more than|having more than|needing more than) {n} (parameters|params|weights)",
        "(don't|do not) (exceed|use more than|go over|go above|spend more than) {n} (parameters|params|weights)",
        "(cap|limit|restrict|bound|keep) (it|the parameters|the size|the network|the model|the weights|the params) (at|to) {n} (parameters|params|weights)",
        "(fits|fit|fitting) (in|into|within) {n} (parameters|params|weights)",
        "#params <= {n}",
        "n_params (<|<=) {n}",
        "(parameter|param) count (<=|<|under|below|at most|not above|of at most|max|limited to|up to|less than) {n}",
        "no bigger than {n} (parameters|params|weights)",
    ),
    ("staying below {n} parameters", "not exceeding {n} params", "parameters capped at {n}"),
)

SECONDS: Stock = (
    (
        "in under {n}",
        "training within {n}",
        "in less than {n}",
        "within {n}",
        "time limit {n}",
        "training time under {n}",
        "[that|which|it should|it must|must|should|to be|to] (trains|train|finishes|finish|is trained|be trained|completes|complete|ends|end|runs|run|converges|is done|be done|get done) [training] (in under|in less than|in at most|within|in no more than|under|below|in|in max|in maximum|in up to|before|in not more than|in fewer than) {n}",
        "(no longer than|not longer than|no more than|not more than|at most|less than|under|below|max|maximum|up to|within|a maximum of) {n} (of training|of training time|training|training time|per run|per training|per trial|to train|for training|for each run|each|per experiment|of compute|for a run)",
        "(training|train|the training|each training|a training|every run|each run|one run|a run|a trial|training time|train time|runtime|run time|time per run|the training run) (takes|taking|should take|must take|lasts|lasting|has to take|may take|needs|needing|should last|must last|limited to|under|below|within|in under|in less than|of at most|at most|max|no longer than|not over|<=|<|less than|up to) [at most|no more than|less than|under|max] {n}",
        "[with|and] [a] (time limit|time budget|training budget|time cap|training time limit|deadline|limit on the time) [of|is|:|=] {n} [per run|for training|of training|per training]",
        "(taking|needing|using|lasting|requiring) (at most|less than|no more than|under|up to|no longer than|not more than) {n} [to train|of training|for training|per run]",
        "trained (in|within|for at most|in under|in less than|in at most|for no more than) {n}",
        "(max|maximum|max.|at most) {n} [of] (training|training time|train time|per run)",
        "in {n} or (less|faster|quicker|under)",
        "(quick|fast|short) (training|to train)[:|,] (at most|under|max|below|less than|within) {n}",
        "each (run|trial|training) (below|under|within|at most|shorter than|limited to|less than) {n}",
        "in at most {n} [per run|of training]",
        "(do not|don't|never) (train|run) (longer than|for more than|over|for longer than) {n}",
        "training (must|should|may|can) not (take|last|exceed|run|need) [longer than|more than|over] {n}",
        "(stop|finish|end|be done) (within|in|after at most|in under) {n}",
        "(with|having) {n} of training at most",
        "i (have|only have|can spare) {n} (per run|for training|for each run)",
    ),
    ("finishing training within {n}", "with training below {n}", "which trains in less than {n}"),
)

CONVS: Stock = (
    (
        "{n} conv layers",
        "{n} convolutional layers",
        "{n} convolutions",
        "{n} conv layer",
        "{n} convs",
        "[with|using|use|having|has|including|it should have|it must have|should have|must have|please use|containing|of|made of|built from|i want|give it|take|put in|featuring|employing|contains|it has|let it have|consisting of|comprising|based on|preferably|about|exactly|just|only] {n} (conv|convolutional|convolution|Conv|Conv2d|conv2d|CONV|2d conv|2D convolutional) (layers|layer|blocks|levels|stages|units|modules|operations)",
        "[with|using|use|having|has|including|it should have|it must have|should have|must have|please use|containing|of|made of|built from|i want|give it|take|put in|featuring|employing|contains|it has|let it have|consisting of|comprising|based on|preferably|about|exactly|just|only] {n} (convolutions|convs|Conv2ds|conv2ds|Conv2d)",
        "[with|using|use|having|has|including|it should have|it must have|should have|must have|please use|containing|of|made of|built from|i want|give it|take|put in|featuring|employing|contains|it has|let it have|consisting of|comprising|based on|preferably|about|exactly|just|only] {n} (layers|blocks|stages|levels) (of|with) (convolution|convolutions|conv|convs|Conv2d|conv2d)",
        "(number of|#|count of) (conv layers|convolutions|convolutional layers|convs)[:| =| is] {n}",
        "(conv|convolutional|convolution) (layers|blocks|stages)[:| =] {n}",
        "a stack of {n} (convolutions|conv layers|convolutional layers|convs|conv blocks)",
        "{n} (conv|convolutional) (layers|blocks|layer) (first|at the start|in a row|in front|in total|before the head|in the body)",
        "a {n}-layer (conv|convolutional) (body|stack|trunk|part|feature extractor)",
    ),
    ("{n} conv stages", "{n} convolution blocks"),
)

LINEARS: Stock = (
    (
        "{n} linear layers",
        "{n} fully connected layers",
        "{n} dense layers",
        "{n} fc layers",
        "{n} linear layer",
        "{n} FC layers",
        "[with|using|use|having|has|including|it should have|it must have|should have|must have|please use|containing|of|made of|built from|i want|give it|take|put in|featuring|employing|contains|it has|let it have|consisting of|comprising|based on|preferably|about|exactly|just|only] {n} (linear|fully connected|dense|fc|FC|fully-connected|Linear|densely connected|nn.Linear|Dense|fullyconnected) (layers|layer)",
        "{n} (linear|dense|fully connected|fc|FC|fully-connected) (layers|layer) (at the end|at the very end|at the end of it|on top|after the convolutions|as the head|as head|as classifier|behind|to finish|in the head|in total|at the top|afterwards|after the flatten|last|for the head|as a head|at its end|to end with|after that too|in the end|for classification|later)",
        "(a|the) (head|classifier|classifier head|top|ending|end|tail) (of|with|made of|having|consisting of) {n} (linear|dense|fully connected|fc) (layers|layer)",
        "(number of|#) (linear|dense|fully connected|fc) layers[:| =| is] {n}",
        "(followed by|then|and then|ending in|ending with|finishing with|topped by|plus|and finally) {n} (linear|dense|fully connected|fc|FC) (layers|layer)",
        "(linear|dense|fc) layers[:| =] {n}",
    ),
    ("{n} linear layers after that", "{n} dense layers at the end"),
)

CHANNELS: Stock = (
    (
        "{n} channels",
        "starting with {n} channels",
        "{n} filters",
        "{n} base channels",
        "width {n}",
        "{n} feature maps",
        "a width of {n}",
        "[with|using|use|having|has|including|it should have|it must have|should have|must have|please use|containing|of|made of|built from|i want|give it|take|put in|featuring|employing|contains|it has|let it have|consisting of|comprising|based on|preferably|about|exactly|just|only] {n} (channels|filters|feature maps|base channels|base filters|starting channels|initial channels|feature channels|output channels) [first|at the start|in the first layer|in the first conv|to start with|to begin with|initially|at the beginning|in the beginning|as a base|in the first block]",
        "(starting|start|beginning|begin|starts|begins) (with|from|at) {n} (filters|feature maps|base channels|maps|features|initial channels)",
        "start (with|at|from) {n} channels",
        "(base|first|initial|starting) (width|channels|filters|channel count|number of channels|number of filters|layer width)[:| of| =| is] {n}",
        "width(=|: | of ){n}",
        "(channels|filters)(=|: | = ){n}",
        "the first (conv|layer|convolution|block) (has|having|with|should have|gets|uses) {n} (channels|filters|feature maps|outputs)",
        "from {n} channels [up|on|upwards]",
        "{n} channels wide",
    ),
    ("beginning at {n} channels", "{n} filters at first"),
)

KERNELS: dict[int, Stock] = {
    3: (
        (
            "3x3 kernels",
            "3x3 convolutions",
            "kernel size 3",
            "[use|with|using|and|having|of|employing] 3x3 (kernels|filters|convolutions|conv layers|windows|conv kernels|convolution kernels|kernel|receptive fields)",
            "[use|with|using|a|the] (kernel|kernels|kernel size|kernel sizes) [of|=|:|is|should be] 3x3",
            "[with|use|using] (kernel size|kernel_size|kernel sizes|filter size|filter sizes|kernel width|conv kernel size|ksize)[:| =| is] 3",
            "kernel_size=3",
            "kernels (of|with) (size|width) 3",
            "(filters|kernels) of 3x3",
            "3 x 3 (kernels|filters|convolutions)",
            "[convs|convolutions|conv layers] (with|of|using) 3 by 3 (kernels|filters)",
            "3-by-3 (kernels|filters|convolutions)",
        ),
        ("a kernel size of 3", "3x3 convs"),
    ),
    5: (
        (
            "5x5 kernels",
            "5x5 convolutions",
            "kernel size 5",
            "[use|with|using|and|having|of|employing] 5x5 (kernels|filters|convolutions|conv layers|windows|conv kernels|convolution kernels|kernel|receptive fields)",
            "[use|with|using|a|the] (kernel|kernels|kernel size|kernel sizes) [of|=|:|is|should be] 5x5",
            "[with|use|using] (kernel size|kernel_size|kernel sizes|filter size|filter sizes|kernel width|conv kernel size|ksize)[:| =| is] 5",
            "kernel_size=5",
            "kernels (of|with) (size|width) 5",
            "(filters|kernels) of 5x5",
            "5 x 5 (kernels|filters|convolutions)",
            "[convs|convolutions|conv layers] (with|of|using) 5 by 5 (kernels|filters)",
            "5-by-5 (kernels|filters|convolutions)",
        ),
        ("a kernel size of 5", "5x5 convs"),
    ),
    7: (
        (
            "7x7 kernels",
            "7x7 convolutions",
            "kernel size 7",
            "[use|with|using|and|having|of|employing] 7x7 (kernels|filters|convolutions|conv layers|windows|conv kernels|convolution kernels|kernel|receptive fields)",
            "[use|with|using|a|the] (kernel|kernels|kernel size|kernel sizes) [of|=|:|is|should be] 7x7",
            "[with|use|using] (kernel size|kernel_size|kernel sizes|filter size|filter sizes|kernel width|conv kernel size|ksize)[:| =| is] 7",
            "kernel_size=7",
            "kernels (of|with) (size|width) 7",
            "(filters|kernels) of 7x7",
            "7 x 7 (kernels|filters|convolutions)",
            "[convs|convolutions|conv layers] (with|of|using) 7 by 7 (kernels|filters)",
            "7-by-7 (kernels|filters|convolutions)",
        ),
        ("a kernel size of 7", "7x7 convs"),
    ),
}

ACTIVATION_NAMES: dict[str, tuple[str, ...]] = {
    "relu": (
        "ReLU",
        "ReLU",
        "relu",
        "RELU",
        "Relu",
        "ReLu",
        "rectified linear units",
        "rectified linear unit",
        "rectifier",
        "nn.ReLU",
        "plain ReLU",
    ),
    "gelu": ("GELU", "GELU", "gelu", "Gelu", "GeLU", "nn.GELU", "gaussian error linear units"),
    "silu": ("SiLU", "silu", "swish", "Swish", "SILU", "nn.SiLU", "SWISH", "Silu"),
    "leaky_relu": (
        "leaky ReLU",
        "LeakyReLU",
        "leaky relu",
        "leaky_relu",
        "Leaky ReLU",
        "LeakyRelu",
        "leaky-relu",
        "leaky ReLu",
        "nn.LeakyReLU",
        "leakyrelu",
        "LReLU",
    ),
    "elu": ("ELU", "elu", "Elu", "nn.ELU", "exponential linear units"),
    "tanh": ("tanh", "Tanh", "hyperbolic tangent", "TanH", "nn.Tanh", "tanh"),
    "sigmoid": ("sigmoid", "Sigmoid", "sigmoids", "logistic sigmoid", "nn.Sigmoid", "sigmoidal"),
}

ACTIVATION: Stock = (
    (
        "{a} activations",
        "{a}",
        "using {a}",
        "{a} activation",
        "with {a} as activation",
        "activation {a}",
        "use {a}",
        "instead of relu use {a}",
        "[with|use|using|and|please use|having|employing|apply|featuring|it should use|i want|take|choose|put in|via|through] {a} (activations|activation|nonlinearities|nonlinearity|non-linearities|activation functions|activation function|everywhere|throughout|layers|after each layer|after every layer|after each conv|as activation|as the activation|as activation function|as the activation function|as nonlinearity|for activation|for activation functions|for nonlinearity|inside|between layers|between the layers|in between)",
        "(activation|activations|activation function|nonlinearity|act|the activation|the activations|its activation)[:| =| is| are| should be| must be| being| function] {a}",
        "activated (by|with|through) {a}",
        "{a} (instead of|rather than|not|in place of) (the usual one|the default|the standard one|anything else|others)",
        "(i prefer|we prefer|i like|we like|preferably|favour|choose|go for|go with|stick to|stick with|try) {a}",
        "{a} please",
        "(with|use) the {a} (function|activation)",
    ),
    ("{a} units", "{a} for the activations", "prefer {a}"),
)

NORMS: dict[str, Stock] = {
    "batch norm": (
        (
            "batch norm",
            "batch normalisation",
            "BatchNorm",
            "batchnorm",
            "batch normalization",
            "[with|use|using|and|please use|having|add|include|including|employ|featuring|it should use|put in|apply|i want|plus] (batch norm|batch normalisation|batchnorm|BatchNorm|batch normalization|batch-norm|Batch norm|batch_norm|BatchNorm2d|BN) [layers|after each conv|after every layer|throughout|in between|after each layer|after the convs|inside|please|for stability|normalising layers]",
        ),
        ("batch-norm layers", "batch norm everywhere"),
    ),
    "group norm": (
        (
            "group norm",
            "group normalisation",
            "GroupNorm",
            "groupnorm",
            "group normalization",
            "[with|use|using|and|please use|having|add|include|including|employ|featuring|it should use|put in|apply|i want|plus] (group norm|group normalisation|groupnorm|GroupNorm|group normalization|group-norm|Group norm|group_norm|GN) [layers|after each conv|after every layer|throughout|in between|after each layer|after the convs|inside|please|for stability|normalising layers]",
        ),
        ("group-norm layers",),
    ),
    "layer norm": (
        (
            "layer norm",
            "layer normalisation",
            "LayerNorm",
            "layernorm",
            "layer normalization",
            "[with|use|using|and|please use|having|add|include|including|employ|featuring|it should use|put in|apply|i want|plus] (layer norm|layer normalisation|layernorm|LayerNorm|layer normalization|layer-norm|Layer norm|layer_norm|LN) [layers|after each conv|after every layer|throughout|in between|after each layer|after the convs|inside|please|for stability|normalising layers]",
        ),
        ("layer-norm layers",),
    ),
    "no normalisation": (
        (
            "no batch norm",
            "without batch norm",
            "no normalisation",
            "without normalization",
            "no batchnorm",
            "don't use batch norm",
            "no norm layers",
            "(skip|avoid|leave out|leaving out|omit|drop|exclude|no need for|please skip|please avoid|please leave out|skipping|avoiding|we skip|but skip|and skip|but avoid|to avoid) [the|any|all] (normalisation|normalization|norm layers|batch normalisation|batchnorm|normalisation layers|any batch norm|all batch norm|BatchNorm|norms)",
            "(no|without|w/o|without any|with no|don't use|do not use|dont use|not using|never use|omit|omitting|drop|exclude|excluding|skip|skipping|leave out|leaving out|avoid|avoiding|free of|forget about|remove|minus|ditch|refrain from|please no|please don't use|not any|there should be no|it should have no|must not use|must not have|should not use|should not have|it must not contain|keep out|zero|lose the|stay away from|and no|but no|but without|and without) [the|any] (batch norm|batchnorm|batch normalisation|batch normalization|normalisation|normalization|norm layers|norms|normalisation layers|BatchNorm|BN|normalising layers|batch-norm)",
            "(norm-free|normalisation-free|unnormalised|batchnorm-free|normalization free|norm free)",
            "(skip|avoid|leave out|forgo|bypass|do without|we do without|steer clear of|leave aside) [the|any|all] (normalisation|normalization|norm layers|batchnorm|norms|BN|normalisation layers)",
            "(skip|skipping|avoid|leave out) (normalisation|batchnorm|norms|BN), please",
            "(batch norm|batchnorm|normalisation|normalization) (off|is not wanted|not allowed|unwanted|forbidden|is forbidden|disabled)",
        ),
        ("skip the batch norm", "leave out batch norm"),
    ),
}

RESIDUAL: dict[bool, Stock] = {
    True: (
        (
            "residual connections",
            "residual blocks",
            "residual",
            "skip connections",
            "resnet style",
            "a resnet",
            "like a ResNet",
            "[with|use|using|and|please use|having|add|include|including|employ|featuring|it should use|it should have|put in|i want|plus|made of|built from|containing|based on] (residual connections|residual blocks|skip connections|residual layers|shortcut connections|residual units|residual links|skips|identity shortcuts|shortcuts|residual skips|identity skip connections|a residual design|a residual structure|resnet blocks|ResNet blocks|residual paths|residual modules) [please|inside|throughout|in between|between layers|around the convs|where possible]",
            "(ResNet|resnet|Resnet)[-| ](style|like|type|inspired|based) [blocks|network|design|architecture|structure|net]",
            "(like|as in|similar to|in the style of|inspired by|following|modelled on|modeled after) [a|the] (ResNet|resnet|residual network|resnets|ResNets)",
            "blocks with (residual|shortcut|identity) connections",
            "(make it residual|residual please|a residual network|residual architecture|residually connected|residual style)",
            "connections that skip (layers|blocks)",
        ),
        ("residual shortcuts", "blocks with skip connections"),
    ),
    False: (
        (
            "no residual connections",
            "without residual blocks",
            "no skip connections",
            "without skip connections",
            "no residuals",
            "don't use residual blocks",
            "no residual",
            "(skip|avoid|leave out|leaving out|omit|drop|exclude|no need for|please skip|please avoid|please leave out|skipping|avoiding|we skip|but skip|and skip|but avoid|to avoid) [the|any|all] (residual blocks|residuals|residual layers|shortcut connections|shortcuts|skips|residual links|the residual connections|any residual connections|the skip connections|all skip connections)",
            "(no|without|w/o|without any|with no|don't use|do not use|dont use|not using|never use|omit|omitting|drop|exclude|excluding|skip|skipping|leave out|leaving out|avoid|avoiding|free of|forget about|remove|minus|ditch|refrain from|please no|please don't use|not any|there should be no|it should have no|must not use|must not have|should not use|should not have|it must not contain|keep out|zero|lose the|stay away from|and no|but no|but without|and without) [the|any] (residual connections|residual blocks|skip connections|residuals|residual layers|shortcut connections|shortcuts|skips|residual links|residual parts|resnet blocks|residual paths)",
            "(non-residual|not residual|residual-free|no resnet|not a resnet|purely sequential|plain, not residual|skip-free|without shortcuts)",
            "(skip|avoid|leave out|forgo|bypass|do without|we do without|steer clear of|leave aside) [the|any|all] (residuals|residual blocks|shortcuts|shortcut connections|skips|residual layers)",
            "(skip|skipping|avoid|leave out) (residuals|shortcuts|residual blocks), please",
            "(residual connections|residual blocks|skip connections|residuals|shortcuts) (off|are not wanted|not allowed|unwanted|forbidden|are forbidden|are not needed)",
        ),
        ("avoid residual connections", "leave out skip connections"),
    ),
}

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
        "(skip|avoid|leave out|leaving out|omit|drop|exclude|no need for|please skip|please avoid|please leave out|skipping|avoiding|we skip|but skip|and skip|but avoid|to avoid) [the|any|all] (drop-out|dropout layers|drop out|Dropout layers|dropouts|the dropout|any dropout|all dropout)",
        "(no|without|w/o|without any|with no|don't use|do not use|dont use|not using|never use|omit|omitting|drop|exclude|excluding|skip|skipping|leave out|leaving out|avoid|avoiding|free of|forget about|remove|minus|ditch|refrain from|please no|please don't use|not any|there should be no|it should have no|must not use|must not have|should not use|should not have|it must not contain|keep out|zero|lose the|stay away from|and no|but no|but without|and without) [any|the] (dropout|drop-out|dropout layers|drop out|Dropout|dropouts|dropout at all|dropout please)",
        "(dropout-free|undropped)",
        "(skip|avoid|leave out|forgo|bypass|do without|we do without|steer clear of|leave aside) [the|any|all] (drop-out|dropout layers|dropouts|drop out)",
        "(skip|skipping|avoid|leave out) (drop-out|dropouts|the dropout layers), please",
        "(dropout|drop-out|Dropout) (off|is not wanted|not allowed|unwanted|forbidden|is forbidden|disabled|is not needed|zero|=0|of zero|set to zero|must be off)",
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
        "[with|use|using|and|please use|having|add|include|including|apply|employ|it should use|put in|i want|plus|some] [a] (dropout|drop-out|Dropout|dropout layers|dropout regularisation|dropout layer) [rate|ratio|of|with|p=|p =|:|=|with p=|with rate|with a rate of|with probability|set to|equal to|rate of|rate =|ratio of|layers with] {n}",
        "(a dropout|dropout|the dropout|drop) (rate|ratio|fraction|chance|strength|value|parameter)[:| of| =| is] {n}",
        "{n} (dropout|of dropout|drop-out|as dropout|as dropout rate|for dropout|for the dropout|dropout rate)",
        "(drop|dropping|drops) {n} of the (units|activations|neurons|features)",
        "(dropout|Dropout)(=|: | = |:){n}",
        "(regularise|regularised|regularize|regularized) (with|by) dropout [of] {n}",
    ),
    ("dropout at {n}", "dropout probability {n}"),
)

POOLING: dict[str, Stock] = {
    "average pooling": (
        (
            "average pooling",
            "avg pooling",
            "average pools",
            "use average pooling",
            "avgpool",
            "mean pooling",
            "[with|use|using|and|please use|having|it should use|employ|i want|do] (average pooling|avg pooling|avgpool|AvgPool|average pools|mean pooling|average-pooling|avg-pooling|AvgPool2d|mean pools|averaging pools|avg pool) [layers between|in between|throughout|everywhere|instead of max|between the convs|after each conv|after the convs|to shrink|for downsampling]",
            "(pooling|pooled|pool) (by|with) (averages|averaging|the mean|the average|mean)",
        ),
        ("average-pooling layers",),
    ),
    "max pooling": (
        (
            "max pooling",
            "maxpool",
            "use max pooling",
            "max-pooling",
            "max pools",
            "[with|use|using|and|please use|having|it should use|employ|i want|do] (max pooling|maxpool|MaxPool|max pools|max-pooling|maxpooling|maximum pooling|MaxPool2d|max pool|max-pools) [layers between|in between|throughout|everywhere|between the convs|after each conv|after the convs|to shrink|for downsampling]",
            "(pooling|pooled|pool) (by|with) (maxima|the maximum|maximum)",
        ),
        ("max-pooling layers",),
    ),
    "global average pooling": (
        (
            "global average pooling",
            "global pooling",
            "GAP at the end",
            "global avg pooling",
            "a global average pool",
            "[with|use|using|and|please use|having|it should use|employ|i want|ending in|ending with|finish with|finishing with|then] [a] (global average pooling|global pooling|global avg pooling|global average pool|GAP|global avgpool|global mean pooling|global avg pool|global-average-pooling) [at the end|before the head|instead of flatten|as the last step|at last|before the linear layer|in the end|before flattening|on top|head|layer]",
            "(pool|pooling|average|averaging) (globally|over the whole image|over all positions) [at the end|before the head|in the end]",
        ),
        ("global pooling before the classifier",),
    ),
}

EPOCHS: Stock = (
    (
        "{n} epochs",
        "train for {n} epochs",
        "{n} training epochs",
        "trained for {n} epochs",
        "with {n} epochs",
        "for {n} epochs",
        "use {n} epochs",
        "[train|trained|training|run|training it|evaluate it|quick evaluation|it should train|please train] [it] (for|with|using|during|in|taking) [about|exactly|just|only] {n} epochs",
        "{n} (epochs|training epochs|epochs of training|epoch|passes over the data|epochs each|epochs per run|epochs in each run|epochs at a time|epochs every time)",
        "(epochs|number of epochs|epoch count|training epochs)[:| =| is] {n}",
        "epochs={n}",
        "each run (trains|has|takes|lasts|uses) {n} epochs",
        "{n} rounds through the data",
        "(using|do|take|spend|give it) {n} epochs",
    ),
    ("over {n} epochs", "running {n} epochs"),
)

OPTIMIZERS: dict[str, Stock] = {
    "sgd": (
        (
            "SGD",
            "sgd",
            "use SGD",
            "optimizer sgd",
            "stochastic gradient descent",
            "[with|use|using|and|train with|trained with|training with|trained by|please use|optimise with|optimised by|via|by] [the|plain] (SGD|sgd|stochastic gradient descent|SGD with momentum|Sgd|torch SGD) [optimizer|optimiser|as the optimizer|as the optimiser|for training|for optimisation|training]",
            "(optimizer|optimiser|the optimizer|opt|solver)[:| =| is| should be| must be] (SGD|sgd|stochastic gradient descent)",
        ),
        ("SGD as optimizer",),
    ),
    "adamw": (
        (
            "AdamW",
            "adamw",
            "Adam",
            "use AdamW",
            "optimizer adamw",
            "adam",
            "[with|use|using|and|train with|trained with|training with|trained by|please use|optimise with|optimised by|via|by] [the] (AdamW|adamw|Adam|adam|ADAM|Adamw|ADAMW) [optimizer|optimiser|as the optimizer|as the optimiser|for training|for optimisation|training]",
            "(optimizer|optimiser|the optimizer|opt|solver)[:| =| is| should be| must be] (AdamW|adamw|Adam|adam)",
        ),
        ("AdamW as optimizer",),
    ),
}

RATES: Stock = (
    (
        "learning rate {n}",
        "lr {n}",
        "a learning rate of {n}",
        "lr={n}",
        "lr of {n}",
        "[with|use|using|at|and|please use|train with|trained with|starting with|having|set] [a|the|an] (learning rate|lr|LR|step size|initial learning rate|peak learning rate|max lr|learn rate|Learning Rate|learning_rate) [of|=|:|is|to|set to|equal to|around] {n}",
        "(learning rate|lr|LR|learning_rate)(: | = |=){n}",
        "{n} (as learning rate|learning rate|as the learning rate|lr|as lr|for the learning rate)",
    ),
    ("learning-rate {n}",),
)

AUGMENTATION: dict[bool, Stock] = {
    True: (
        (
            "data augmentation",
            "with augmentation",
            "augment the data",
            "use augmentation",
            "augmentation",
            "augmented data",
            "[with|use|using|and|please use|having|add|include|including|apply|it should use|i want|plus|some|do|employ|turn on|enable] (data augmentation|augmentation|image augmentation|augmentations|data augmentations|augmented images|augmented data|augmented samples|augmented pictures|training augmentation) [please|in training|during training|while training|on the training data|for training|where possible|for robustness]",
            "(augment|augmenting) [the|our|its|all] (data|pictures|training data|training set|training images|dataset|samples|inputs|photos|training pictures|input images)",
            "(with|using) (flips|flips and shifts|flips and crops|crops and flips|flipped images)",
            "augmentation (on|enabled|please|is welcome|should be on)",
            "(data|images|pictures) (should be|must be|are to be|get|being) augmented",
            "(data-augmented|augmented) training",
        ),
        ("augment the images",),
    ),
    False: (
        (
            "no augmentation",
            "without data augmentation",
            "don't augment",
            "no data augmentation",
            "(skip|avoid|leave out|leaving out|omit|drop|exclude|no need for|please skip|please avoid|please leave out|skipping|avoiding|we skip|but skip|and skip|but avoid|to avoid) [any|the|all|all the] (data augmentation|image augmentation|augmentations|augmenting|augmented data|the augmentation|any augmentation|all augmentation)",
            "(no|without|w/o|without any|with no|don't use|do not use|dont use|not using|never use|omit|omitting|drop|exclude|excluding|skip|skipping|leave out|leaving out|avoid|avoiding|free of|forget about|remove|minus|ditch|refrain from|please no|please don't use|not any|there should be no|it should have no|must not use|must not have|should not use|should not have|it must not contain|keep out|zero|lose the|stay away from|and no|but no|but without|and without) [any|the] (augmentation|data augmentation|image augmentation|augmentations|augmenting|augmented data|augmented images|data augmentations)",
            "(don't|do not|never|please don't|dont) augment [the] [data|images|pictures|training data|dataset|anything|samples]",
            "(unaugmented|augmentation-free|raw, unaugmented|non-augmented) [data|images|training|inputs]",
            "(skip|avoid|leave out|forgo|bypass|do without|we do without|steer clear of|leave aside) [the|any|all] (data augmentation|image augmentation|augmentations|augmenting|augmented images|flips and crops)",
            "(skip|skipping|avoid|leave out) (data augmentation|augmenting|image augmentation|flips), please",
            "augmentation (off|is not wanted|not allowed|unwanted|forbidden|disabled|is not needed)",
            "(data|images|pictures) (should|must|may) not be augmented",
        ),
        ("skip augmentation",),
    ),
}

OF_A_KIND: Stock = (
    (
        "{a}",
        "(make|keep|have|leave) (it|the network|the model|the net|things) {a}",
        "(it|the network|the model|the net) (should|must|has to|can|may|shall) be {a}",
        "(a|an|one that is|something|preferably|just|ideally|make that|only) {a} (one|network|net|model|please)",
        "something {a} [please|will do|is enough|would do]",
        "{a} (please|is fine|will do|one|architecture|design|if possible)",
        "(which|that|it) is {a}",
        "(i|we) (want|like|prefer|need) it {a}",
    ),
    (),
)

AN_MLP: Stock = (
    (
        "mlp",
        "MLP",
        "an MLP",
        "[use|take|with|only|purely|as] [a|an|the] (MLP|mlp|multilayer perceptron|fully connected network|dense network|perceptron)",
        "[with] (no|without|w/o|zero|not any|without any|do not use|don't use|never use) (convolutions|convolution|conv layers|convs|conv|convolutional layers)",
        "(only|just|nothing but|use only) (dense|linear|fully connected|fc) layers",
        "(fully connected|fully-connected|dense) (only|layers only|please|network|net only)",
        "it should be (fully connected|an MLP|a multilayer perceptron|a dense network)",
    ),
    (),
)

GREETINGS: Stock = (
    (
        "(Hi|Hello|Hey|hi|hello|hey|Good morning|Good evening|Dear team|Dear all|Dear assistant|Greetings|Yo|Hallo|Heya|Hiya|Hi there|hello again|hey you)(!|,|.|! )",
        "(Hi|Hello|hello|hey)[,] (I am|I'm|this is|it is) (Anna|Tom|a student|a biologist|new here|Wei|Priya|from the lab|a teacher|your colleague|back|me again)[.|!|,]",
    ),
    (),
)

CHATTER: Stock = (
    (
        "(I|We|My boss|My friend|My colleague|My supervisor|Our team|The professor|A friend of mine|The lab next door|Our students|My sister|The company|Somebody|The reviewer|Everyone here|They|he|she) (said|told us|asked|hopes|thinks|believes|knows|wants to see|needs to know|would like to learn|is curious|wonders|is not sure|forgot|remembered|decided|agreed|heard|read in a paper|learned last week|found out|complained|promised|tried before and failed|never trained anything|works on it|teaches it|has been playing with it|got stuck|sat down|is waiting|is happy|is tired|went home|came back|studies ecology|sorts cells|builds sensors|sells cameras|plays chess|bakes bread) [last week|today|yesterday|this morning|in the meeting|on the train|at the office|for a while|as usual|again|for fun|by lunch|before the holidays|after work|with a smile|in the summer|at the museum|for the exhibit|for my niece|at school|in class|to be honest|and so on|more or less]",
        "(I|We|My boss|My friend|My colleague|My supervisor|Our team|The professor|A friend of mine|The lab next door|Our students|My sister|The company|Somebody|The reviewer|Everyone here|They|he|she) (said|told us|asked|hopes|thinks|believes|knows|wants to see|needs to know|would like to learn|is curious|wonders|is not sure|forgot|remembered|decided|agreed|heard|read in a paper|learned last week|found out|complained|promised|tried before and failed|never trained anything|works on it|teaches it|has been playing with it|got stuck|sat down|is waiting|is happy|is tired|went home|came back|studies ecology|sorts cells|builds sensors|sells cameras|plays chess|bakes bread) [last week|today|yesterday|this morning|in the meeting|on the train|at the office|for a while|as usual|again|for fun|by lunch|before the holidays|after work|with a smile|in the summer|at the museum|for the exhibit|for my niece|at school|in class|to be honest|and so on|more or less] and (I|We|My boss|My friend|My colleague|My supervisor|Our team|The professor|A friend of mine|The lab next door|Our students|My sister|The company|Somebody|The reviewer|Everyone here|They|he|she) (said|told us|asked|hopes|thinks|believes|knows|wants to see|needs to know|would like to learn|is curious|wonders|is not sure|forgot|remembered|decided|agreed|heard|read in a paper|learned last week|found out|complained|promised|tried before and failed|never trained anything|works on it|teaches it|has been playing with it|got stuck|sat down|is waiting|is happy|is tired|went home|came back|studies ecology|sorts cells|builds sensors|sells cameras|plays chess|bakes bread)",
        "(it|this|that) (is|was|will be) (a|the|our|my) (nice|good|hard|simple|first|last|quick|funny|strange|old|serious|little|big|small|deep|shallow|tiny|large) (question|story|idea|problem|plan|start|step|evening|project|experiment|bet|dream|trip|talk|night) [last week|today|yesterday|this morning|in the meeting|on the train|at the office|for a while|as usual|again|for fun|by lunch|before the holidays|after work|with a smile|in the summer|at the museum|for the exhibit|for my niece|at school|in class|to be honest|and so on|more or less]",
        "(the rest|everything else|anything else|how it looks|the style|the name|the layout) (is up to you|is your decision|does not matter|is free|is not important)",
        "(can you do that|is that possible|what do you think|any ideas|help me win|please help|surprise us|that would save me|would be lovely|would make my day|i count on you|thanks a bunch|thanks in advance|take your time|answer whenever you can|good luck|see you)[!|?|.]",
        "(my|our) (laptop|computer|phone|chip|budget|time|memory|patience|robot|camera|dog|desk|office) (is|was|gets|seems) (old|slow|hot|small|tiny|large|big|noisy|limited|weak|broken|fine|cold|far away)",
        "(i am|i'm|we are) (a|an|the) (student|biologist|beginner|engineer|teacher|physicist|tutor|gardener|doctor|second year student|museum guide|retired nurse|data analyst) [in a hurry|on holiday|and a bit lost|so forgive me|with little time|from the lab next door]",
        "(time|memory|speed|money|GPU time|the budget|size) is (no problem|not an issue|limited|tight|unlimited|short|not important)",
        "(for|because of) (my|the|our|a) (deep learning|machine learning|evening|biology|statistics|small business|high school|big data) (course|class|club|exam|homework|seminar paper|project|tutorial|contest)",
        "(i|we) (want|try|would like) to (understand|learn|see|know|show|explain) (how hard it is|what happens|why it works|how far one gets|the basics|the idea|the limits)",
    ),
    (),
)

NOISE: Stock = (
    (
        "please",
        "for a demo",
        "thanks",
        "for my thesis",
        "it should run on a laptop",
        "nothing fancy",
        "on CPU",
        "we have no GPU",
        "for the lab",
        "as a baseline",
        "quick evaluation is fine",
        "on quick evaluation",
        "it's for a course",
        "asap",
        "as a first try",
        "if possible",
        "for an embedded device",
        "I'm in a hurry",
        "keep it readable",
        "thank you",
        "to start with",
        "(for|as part of|because of|during|in) (my|our|the|a|this|her|his|their) [upcoming|next|little|final|first|new|weekly|current] (thesis|demo|course|lab|paper|talk|class|homework|project|lecture|workshop|study|exam|assignment|report|poster|tutorial|lesson|hackathon|internship|product|robot|experiment|meeting|students|colleagues|boss|supervisor|book|blog)",
        "(on|for|running on|using|with) (my|our|the|a|this|that|an|her) [slow|new|cheap|ageing|little|noisy|dusty|spare|single] (laptop|computer|machine|CPU|desktop|notebook|workstation|server|mac|phone|edge device|microcontroller|raspberry pi|PC|cluster|netbook|tablet|chip)",
        "(thanks|thank you|many thanks|cheers|thx|please|pretty please|if you can|if possible|if that works|when you have time|as soon as possible|asap|quickly|right now|today|ok?|okay|you know|i think|i guess|hopefully|of course|obviously|ideally|basically|in short|for now|at first|first of all|by the way|to begin|for once|in any case|so to say|whatever it takes|no rush|take your time)",
        "(as|just|only|simply) (a|an|my|our) [first|quick|little|simple|rough] (baseline|test|try|experiment|start|example|reference|exercise|trial|comparison|starting point|proof of concept|smoke test|benchmark|warm-up|exploration)",
        "(keep|make) (it|the code|everything) (readable|clear|understandable|clean|tidy|reproducible|easy to read|well documented|maintainable|elegant|sane)",
        "(nothing|not anything) (fancy|special|exotic|too clever|complicated)",
        "(i am|i'm|we are|we're) (in a hurry|new to this|a beginner|beginners|offline|curious|students|on a train|a biologist|physicists|in an air-gapped lab|just testing)",
        "(we have|i have|there is) (no GPU|only a CPU|no internet|little memory|an old GPU|not much time|one GPU|an NVIDIA card|a mac)",
        "(explain|report|log|show|document|plot) (it|everything|the results|what you do|your choices|the curves|each step)",
        "(the|this) (data|images|samples) (is|are) (noisy|clean|balanced|tricky|easy|in the data folder|already here|private|confidential)",
        "(surprise|impress|convince) (me|us)",
        "(and|then) (tell|show|report to) (me|us) (what happened|the results|how it went|the best one)",
        "(must|should) (work|run) (offline|locally|without internet|on battery)",
        "(deterministic|reproducible) if possible",
        "quick eval (only|is enough|suffices)",
    ),
    ("for our seminar", "on my old laptop", "as a sanity check"),
)

_STOCKS = (
    *DATASETS.values(), OPENERS, NOUNS, MLPS, *SIZES.values(), *DEPTHS.values(), FOR, AT_LEAST, MORE_THAN, LOSS_BELOW,
    LOSS_MOST, PARAMETERS, SECONDS, CONVS, LINEARS, CHANNELS, *KERNELS.values(), ACTIVATION, *NORMS.values(),
    *RESIDUAL.values(), NO_DROPOUT, DROPOUT, *POOLING.values(), EPOCHS, *OPTIMIZERS.values(), RATES,
    *AUGMENTATION.values(), NOISE, OF_A_KIND, AN_MLP, GREETINGS, CHATTER,
)  # fmt: skip


def weighted(templates: tuple[str, ...]) -> tuple[str, ...]:
    """Templates with choices more often than plain phrases, which stand for themselves only."""
    return tuple(t for t in templates for _ in range(6 if _CHOICE.search(t) else 1))


def _kept() -> re.Pattern[str]:
    """Every phrase of the benchmark, with any number or activation in its place."""
    phrases = sorted({phrase for _, held_out in _STOCKS for phrase in held_out}, key=len, reverse=True)
    names = "|".join(re.escape(name) for names in ACTIVATION_NAMES.values() for name in names)
    blanks = {r"\{n\}": r"\S+(?: \S+)?", r"\{a\}": f"(?:{names})"}
    bodies = [re.escape(phrase) for phrase in phrases]
    for blank, content in blanks.items():
        bodies = [body.replace(blank, content) for body in bodies]
    return re.compile(rf"(?<!\w)(?:{'|'.join(bodies)})(?!\w)", re.IGNORECASE)


KEPT = _kept()
"""Finds a phrase of the benchmark in a text."""
