"""What words of a goal mean, in English, German, Spanish, French, Japanese and Chinese, as patterns."""

from __future__ import annotations

import re

from mlagent_tui.schemas import DatasetName


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


DATASETS: dict[DatasetName, re.Pattern[str]] = {
    "fashion_mnist": _words(r"fashion(?:[\s_-]*mnist)?"),
    "cifar100": _words(r"cifar[\s_-]*100(?!\d)"),
    "cifar10": _words(r"cifar(?:[\s_-]*10(?!\d))?"),
    "mnist": _words(r"mnist(?:[\s-]+digits?)?|digits?\s+(?:from|of|in)\s+(?:the\s+)?mnist|mnist"),
    "digits": _words(r"digit", r"ziffer", r"d[ií]gitos", r"手写数字|数字データ"),
    "dummy": _words(
        r"dummy",
        r"(?:synthetic|toy|random|fake|artificial|generated)(?:ly generated)?\s+(?:test\s+|training\s+)?"
        r"(?:data|set|images|pictures|noise|inputs|examples|samples|task|problem)",
    ),
}
"""In this order; what one has matched is not looked at by the next."""

PARAMETERS_AFTER = _words(
    r"^[\s-]*(?:(?:trainable|learnable|free|total|model|network|or\s+(?:fewer|less)|max|de|of|lernbare|trainierbare|d['’]?)n?r?\s+){0,3}"
    r"(?:param|weights?\b|gewicht|par[aá]m|pesos?\b|poids|参数|參數|パラメ|权重|個のパラメ|个参数|个权重)"
)
PARAMETERS = _words(
    r"param",
    r"weights?\b(?!\s+decay)",
    r"gewichte",
    r"par[aá]m",
    r"pesos\b",
    r"poids",
    r"参数|參數|パラメ|权重",
)
SIZES_AFTER = _words(
    r"^[\s-]*(?:(?:of|hidden|conv\w*|convolutional|linear|dense|fully[\s-]connected|residual|training|test|different|random|memory|"
    r"input|output|de|versteckte|capas|couches)\s+){0,3}(?:"
    r"epoch|epochen|[eé]pocas|[eé]poques|layers?|lagen|schicht|capas?|couches?|conv|channels?|kan[aä]le|canales|canaux|filters?|filter\b|"
    r"kernels?|blocks?|bl[oö]cke|bloques|blocs|heads?|units?|neuron|nodes?|hidden|linear|dense|residual|classes|klassen|clases|pictures?|"
    r"photos?|images?|bilder|im[aá]genes|samples?|examples?|windows?|species|labels?|leads?|wavelengths?|pixels?|px\b|kb\b|threads?|gb\b|gib\b|mb\b|mib\b|"
    r"tb\b|k?hz\b|mhz\b|ms\b|gpus?|cpus?|cores?|bits?|trials?|iterations?|networks?|models?|runs?|people|students|years?|weeks?|cycles|"
    r"(?:%\s+)?(?:of\s+(?:the\s+)?(?:data|training|memory))|dropout|weight\s+decay|层|層|类|類|クラス|枚|エポック|轮|チャン|通道|个卷积|度|mpa)"
)
SHARES_OF = _words(
    r"^\s*(?:of\s+(?:the\s+)?(?:data|training|memory|weights)|dropout|sparsity|label\s+smoothing)",
    r"^\s*for\s+(?:validation|testing)",
)
"""What shows that a percentage is not a criterion."""
SIZES = _words(
    r"batch(?:es)?(?!\w*[\s-]*norm)(?:[\s-]*size)?", r"batchgr\w+", r"lote", r"バッチ\w*", r"批(?:次|量)\w*", r"learning\s+rate|\blr\b|lernrate|tasa\s+de\s+aprendizaje|"
    r"taux\s+d['’]apprentissage|学習率|学习率", r"dropout(?!-)", r"weight\s+decay|momentum|label\s+smoothing|\bseed\b|stride|padding|patch(?:\s+size)?|"
    r"kernel\w*|epochs?|epochen|[eé]pocas|[eé]poques|エポック|轮", r"layers?|schichten|capas|couches|隐藏层|層|memory|temperature|width|depth|"
    r"channels?|heads?|sparsity|patience|iterations?|version|images?|inputs?|画像|图片",
)  # fmt: skip

LOSS = _words(
    r"val(?:idation)?[\s_-]*loss", r"\bloss\b", r"validierungsverlust|verlust", r"p[eé]rdida", r"\bpertes?\b", r"验证损失|損失|损失",
    r"cross[\s-]entropy",
)  # fmt: skip
ERROR = _words(
    r"\berrors?(?:[\s-]+rate)?\b(?!\s+message)", r"misclassif\w*", r"\b(?:wrong|incorrect)(?:ly)?\b", r"mistakes?", r"fehler\w*",
    r"tasa\s+de\s+error|\berror(?:es)?\b", r"taux\s+d['’]erreurs?|erreurs?", r"错误率|误差率|誤り率|誤差率|誤答率|エラー率|误分类率|falsch\w*",
)  # fmt: skip
ACCURACY = _words(
    r"\bac+u?r+a?c+y\b|\bacc\b(?!\w)|\baccuracy", r"\bacc(?=[<>=≥\s:])", r"correct(?:ly)?|\bright\b", r"genauigkeit|trefferquote|richtig\w*|korrekt",
    r"precisión|exactitud|acierto\w*|correct[ao]s?", r"précision|exactitude|justesse|bonnes?\s+réponses", r"正解率|精度|正確|准确率|準確率|正确率|识别率|認識率",
)  # fmt: skip
UNKNOWN = re.compile(
    r"(?P<F1>(?<![a-z])f[\s-]?1(?![a-z\d]))|(?P<AUC>(?<![a-z])(?:roc[\s-]*)?auc(?:roc)?(?![a-z])|area under the|(?<![a-z])roc(?![a-z]))"
    r"|(?P<RMSE>(?<![a-z])rmse(?![a-z])|root mean squared?|均方根|二乗平均平方根)|(?P<MAE>(?<![a-z])mae(?![a-z])|mean absolute|平均絶対誤差|平均绝对误差)"
    r"|(?P<MSE>(?<![a-z])mse(?![a-z])|mean squared?)|(?P<R2>r²|(?<![a-z])r\^?2(?![a-z\d]))"
    r"|(?P<top_k>(?<![a-z])top[\s-]?(?:[2-9]\d*|1\d+|two|three|five|ten)(?![a-z\d])|first (?:two|three|five) guess)"
    r"|(?P<balanced_accuracy>balanced acc\w*)|(?P<recall>\brecall\b|sensitivity|specificity|rappel\b)|(?P<precision>(?<!mixed )(?<!half )(?<!full )"
    r"(?<!float )(?<!float32 )\bprecision\b(?! training))|(?P<perplexity>perplexity)|(?P<IoU>\biou\b)|(?P<mAP>(?-i:\bmAP\b))|(?P<kappa>\bkappa\b)"
    r"|(?P<training_accuracy>train(?:ing)?[\s_-]+acc\w*)|(?P<training_loss>train(?:ing)?[\s_-]+loss)|(?P<BLEU>\bbleu\b)|(?P<MCC>\bmcc\b)",
    re.IGNORECASE,
)
"""Metrics that runs do not measure, by the name to show."""

NEGATED = r"(?:not?|can['’]?t|cannot|must\s+not|n['’]t|never|nicht|no|ne|pas|sin)"
VERBS = (
    r"(?:be|have|take|use|need|contain|cost|last|run|drop|fall|go|get|reach|sein|haben|brauchen|tener|avoir)"
)
"""What may stand between "not" and "more than"."""
COMPARISONS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("<=", _words(rf"{NEGATED}\s+(?:{VERBS}\s+)?(?:more|larger|higher|greater|bigger|longer|above|over|exceed\w*|m[aá]s|superior\w*|mehr|plus|dépass\w*)(?:\s+(?:than|als|de|que))?")),
    (">=", _words(rf"{NEGATED}\s+(?:{VERBS}\s+)?(?:less|lower|fewer|smaller|worse|below|under|menos|inferior\w*|weniger|schlechter|moins)(?:\s+(?:than|als|de|que|a))?")),
    (">=", _words(r"at\s+least", r">=|=>|≥|⩾", r"minimum(?:\s+of)?|\bmin\b", r"mindestens|wenigstens", r"al\s+menos|como\s+m[ií]nimo|m[ií]nimo", r"au\s+moins|au\s+minimum",
                  r"至少|不低于|不少于|不小于|達到|达到|最低|少なくとも")),
    ("<=", _words(r"at\s+most", r"<=|=<|≤|⩽", r"\bmax\w*(?:\s+of)?", r"no\s+worse", r"höchstens|maximal", r"como\s+(?:mucho|m[aá]ximo)|a\s+lo\s+sumo|m[aá]ximo", r"au\s+plus|au\s+maximum",
                  r"最多|不超过|不高于|不大于|至多|最大")),
    ("up", _words(r"up\s+to", r"bis\s+zu|\bbis\b", r"hasta", r"jusqu['’]?à", r"\bwithin\b")),
    ("better", _words(r"(?:better|besser|mejor|meilleure?)\s*(?:than|als|que)?", r"\bbeats?\b|\bbeat\b|\bpast\b|surpass\w*|outperform\w*|übertr\w+")),
    (">", _words(r"(?:more|greater|higher|larger|longer|bigger)\s+than|\babove\b|\bover\b|exceed\w*", r"(?<![<=-])>(?!=)|＞",
                 r"mehr\s+als|\büber\b|höher\s+als|größer\s+als|oberhalb", r"m[aá]s\s+del?|superior(?:es)?\s+al?|mayor(?:es)?\s+(?:que|a|de)|supere?|por\s+encima\s+del?",
                 r"plus\s+de|supérieure?s?\s+[àa]|au[\s-]dessus|dépass\w*", r"超过|超過|高于|大于|高過|多于")),
    ("<", _words(r"(?:less|fewer|lower|smaller|shorter)\s+than|\bbelow\b|\bunder\b", r"<(?![=-])|＜", r"\bunter\b|weniger\s+als|kleiner\s+als|niedriger\s+als|geringer\s+als|unterhalb",
                 r"menos\s+de|inferior(?:es)?\s+al?|menor(?:es)?\s+(?:que|a|de)|por\s+debajo\s+del?", r"moins\s+de|inférieure?s?\s+[àa]|en\s+dessous", r"低于|小于|少于|低於")),
)  # fmt: skip
"""Directions that stand before a number. `up` is a limit, or what an accuracy should rise to; `better` depends on the metric."""

AFTER: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("better", _words(r"^\s*(?:を|が)?(?:超|上回|越え|より(?:高|大|上))", r"^\s*(?:を)?(?:下回)", r"^\s*(?:未満|未满|より(?:低|小))")),
    ("or", _words(r"^\s*\+", r"^[\s,]*(?:or|oder|o|ou|and|und|y|et)\s+(?:more|better|higher|above|up|mehr|besser|höher|m[aá]s|mejor|plus|mieux|less|lower|below|fewer|weniger|niedriger|"
                 r"menos|menor|moins)\b(?!\s+(?:than|als|que|de)\b)", r"^\s*(?:以上|以下|まで|以内|を切らない)")),
    ("", _words(r"^\s*(?:at\s+(?:least|minimum)|minimum|mindestens)\b", r"^\s*\bor\s+over\b")),
)  # fmt: skip
"""Directions that stand behind a number: strict, or with equality. Which way is said by `DOWN_AFTER`."""
DOWN_AFTER = _words(
    r"less|lower|below|fewer|weniger|niedriger|menos|menor|moins|以下|まで|以内|下回|未満|未满|低|小"
)

NOT_TRAINING = _words(
    r"inference|latency|per\s+(?:image|picture|sample|batch|epoch|step|prediction)|each\s+(?:image|epoch|batch|prediction)|(?:an|every|pro|par|por)\s+(?:epoch|image|bild|época|époque)|"
    r"in\s+total|total|overall|whole\s+(?:run|search)|insgesamt|"
    r"(?<!\w)(?:old|ago|long|video|audio|clips?|recordings?|sampled)\b|推論|推理|レイテンシ|延迟"
)
"""A time that is not the training time of one trial."""

OPPOSITES: tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...] = (
    (
        "convolutions",
        _words(r"\b(?:no|without(?:\s+any)?|ohne|sin|sans)\s+(?:convolution\w*|conv\b|conv\s+layers|faltung\w*|convolucion\w*)"),
        _words(r"(?:fully|all)[\s-]convolutional", r"\b(?:make\s+it|use|with|a|an)\s+(?:a\s+)?(?:small\s+|deep\s+)?(?:convolution\w*|conv\w*|cnn)\b"),
    ),
    (
        "dropout",
        _words(r"\b(?:no|without(?:\s+any)?|ohne|sin|sans)\s+dropout", r"不要dropout"),
        _words(r"\bwith\s+(?:a\s+)?dropout", r"dropout\s+(?:of\s+|rate\s+)?[01]?[.,]\d"),
    ),
)  # fmt: skip
"""Wishes that exclude each other: a name, the pattern that refuses it, the pattern that asks for it."""


def direction_of(before: str) -> str:
    """The last direction that these words give."""
    last, where = "", (-1, 0)
    for sign, pattern in COMPARISONS:
        for match in pattern.finditer(before):
            inside = match.start() >= where[1] or match.end() - match.start() > where[1] - where[0]
            if inside and match.end() >= where[1]:
                last, where = sign, match.span()
    return last
