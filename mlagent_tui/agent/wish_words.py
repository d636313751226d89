"""How goals say their wishes in English, German, Spanish, French, Japanese and Chinese, as one table of patterns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mlagent_tui.schemas import WishAbout

_LETTER = "A-Za-zÀ-ÖØ-öø-ÿ"


def _pattern(latin: str, east: str = "") -> re.Pattern[str]:
    """Words of alphabets stand alone; Japanese and Chinese have no spaces between words."""
    whole = rf"(?<![{_LETTER}])(?:{latin})(?![{_LETTER}])"
    return re.compile(f"{whole}|{east}" if east else whole, re.IGNORECASE)


@dataclass(frozen=True)
class Form:
    """A way to say a wish: what it is about, the word it fixes, and where its number stands, if it has one.

    `optional`: it is a wish without a number too, then about `plain` where that is given.
    """

    about: WishAbout
    pattern: re.Pattern[str]
    value: str = ""
    number: Literal["", "beside", "after"] = ""
    optional: bool = False
    plain: WishAbout | None = None


_NET = r"(?:neural\s+)?(?:net(?:work)?s?|models?|classifiers?|architectures?|nn)"
_CONV_LAYERS = (
    r"conv(?:olution(?:al)?)?s?[\s-](?:layers?|blocks?|stages?)|convs|convolutions|conv2ds|conv2d\s+\w+|"
    r"(?:layers|levels|blocks|stages)\s+(?:with|of)\s+conv\w*|faltungs(?:schicht|lage|ebene)\w*|faltungen|"
    r"(?:capas?|bloques?)\s+(?:convolucional(?:es)?|de\s+convoluci[oó]n)|convoluciones|"
    r"(?:couches?|blocs?)\s+(?:convoluti\w+|de\s+convolutions?)"
)
FORMS: tuple[Form, ...] = (
    Form("kernel", _pattern(
        r"(?P<n>\d+)(?:\s?[x×]\s?|-by-|\s+by\s+)(?P=n)[\s-](?:convs?|convolutions?|conv(?:olution(?:al)?)?\s+\w+|kernels?|filters?|"
        r"windows|receptive\s+fields|faltung\w*|filtern?|n[uú]cleos?|noyaux|filtros?|filtres?|convoluciones)|"
        r"(?:kernels?|(?:conv\s+)?(?:kernel|filter)[\s_-](?:sizes?|width)|kernelgröße|ksize|filters?\s+(?:of|with|size)|faltungskerne?|"
        r"n[uú]cleos?|noyaux)\s*(?:(?:of|with|width|size|is|de|von|should\s+be|a)\s+|[=:]\s*)*(?P<m>\d+)(?:\s?(?:[x×]|by)\s?(?P=m))?(?![\d.%])",
        r"(?P<o>\d+)\s?[x×]\s?(?P=o)の?(?:カーネル|畳み込み|卷积核?|フィルタ)|(?:カーネル(?:サイズ)?|卷积核)(?:は|为|是|大小)?(?P<q>\d+)",
    ), number="after"),
    Form("depthwise", _pattern(
        r"depth[\s-]?wise(?:[\s-]separable)?(?:\s+conv\w*)?|separable\s+conv\w*|mobile-?nets?(?:-?v\d)?|tiefenweise\w*|"
        r"tiefen-?separierbar\w*|separables?\s+(?:en|por)\s+profundidad|séparables?\s+en\s+profondeur",
        r"深度可分离(?:卷积)?|逐通道卷积|深さ方向(?:分離|の)?畳み込み|デプスワイズ",
    )),
    Form("residual blocks", _pattern(r"residual\s+blocks?|residualbl[oö]cke?|bloques?\s+residual(?:es)?|blocs?\s+résiduels?",
                                     r"残差ブロック|残差块"), number="beside", optional=True, plain="residual"),
    Form("residual", _pattern(
        r"res-?nets?(?:-?\d+)?|residuals?|residual\w*|(?:skip|identity)[\s-]connections?|shortcut(?:[\s-]connection)?s?|connections?\s+that\s+skip\s+\w+|restverbindung\w*|"
        r"residual(?:es)?|conexiones\s+(?:residuales|de\s+salto)|résiduel\w*|connexions?\s+résiduelles?",
        r"残差(?:接続|结构|连接|网络|ネット)?|スキップ接続|跳跃连接",
    )),
    Form("recurrent", _pattern(r"lstms?|grus?|rnns?|recurrent(?!\s+(?:patterns?|themes?|events?|problems?))\w*|rekurrent\w*|récurrent\w*", r"循环神经网络|再帰型|リカレント")),
    Form("attention", _pattern(
        r"(?:self|multi[\s-]?head)[\s-]?attention|attention[\s-](?:layers?|blocks?|heads?|mechanisms?|modules?)|use\s+attention|"
        r"(?:vision[\s-])?transformers?|vits?|(?:self-)?aufmerksamkeits\w*|(?:mecanismos?|capas?)\s+de\s+atenci[oó]n|"
        r"mécanismes?\s+d['’]attention",
        r"注意力(?:机制)?|アテンション|注意機構|トランスフォーマー",
    )),
    Form("squeeze-and-excitation", _pattern(r"squeeze[\s-](?:and|&)[\s-]excit\w+|se[\s-]blocks?")),
    Form("convolutions", _pattern(_CONV_LAYERS, r"畳み込み層|層の畳み込み|卷积层|[层個个]卷积"), number="beside"),
    Form("fully connected", _pattern(
        r"mlps?|multi[\s-]?layer(?:ed)?\s+perceptrons?|(?:mehrschichtige\w*\s+)?per[cz]eptr[oó]n(?:s|es|e)?(?:\s+multi(?:capa|couche)s?)?|"
        rf"(?:fully[\s-]connected|dense(?:ly[\s-]connected)?|feed[\s-]?forward|fc)\s+{_NET}|"
        r"(?:only|nothing\s+but|just|purely|solely)\s+(?:linear|dense|fully[\s-]connected|fc)\s+layers|"
        r"(?:voll\w*|dicht)[\s-]?(?:verbunden\w*|vernetzt\w*|verknüpft\w*)\s+(?:neuronal\w+\s+)?netz\w*|"
        r"red(?:es)?\s+(?:neuronal(?:es)?\s+)?(?:densas?|(?:total|completa)mente\s+conectadas?)|"
        r"réseaux?\s+(?:de\s+neurones\s+)?(?:denses?|(?:entièrement|complètement|pleinement|totalement)\s+connectés?)",
        r"多層パーセプトロン|全結合(?=ネット|ニューラル|型|のみ|だけ|モデル)|多层感知[机器]|全连接(?=网络|神经|模型)",
    )),
    Form("convolutional", _pattern(
        rf"cnns?|conv[\s-]?nets?|(?:fully\s+)?convolution(?:al)?(?:\s+{_NET})?|(?:{_CONV_LAYERS})|lenet(?:-?5)?|vgg(?:-?\d+)?|"
        r"faltungs\w*|faltend\w*|konvolution\w*|convolucional(?:es)?|convoluci[oó]n|convoluti(?:fs?|ves?|onnels?|onnelles?)",
        r"畳み込み(?:ニューラル(?:ネットワーク)?|ネットワーク|ネット)?|卷积(?:神经)?(?:网络)?|コンボリューション\w*|捲積",
    )),
    Form("linear layers", _pattern(
        r"(?:linear|dense|fully[\s-]connected|fc)\s+layers?|(?:lineare?\w*|vollverbunden\w*|dichte\w*)\s+(?:schicht|lage)\w*|"
        r"capas?\s+(?:lineal(?:es)?|densas?|(?:total|completa)mente\s+conectadas?)|"
        r"couches?\s+(?:linéaires?|denses?|(?:entièrement|complètement|pleinement)\s+connectées?)",
        r"全結合層|線形層|全连接层|线性层",
    ), number="beside"),
    Form("hidden layers", _pattern(
        r"hidden\s+layers?|(?:versteckte?\w*|verborgene?\w*)\s+(?:schicht|lage)\w*|capas?\s+ocultas?|couches?\s+cachées?",
        r"隠れ層|中間層|隐藏层|隱藏層",
    ), number="beside"),
    Form("layers", _pattern(r"layers|schichten|capas|couches", r"層のネット\w*|层网络"), number="beside"),
    Form("channels", _pattern(
        r"(?:base\s+|initial\s+)?(?:channels|filters|feature\s+maps|kan[aä]len?|canales|canaux|filtros|filtres)", r"チャン?ネル|通道"
    ), number="beside"),
    Form("activation", _pattern(r"leaky[\s_-]?relus?|lrelus?"), "leaky_relu"),
    Form("activation", _pattern(r"(?:re|Re)lus?|rectified\s+linear\s+units?"), "relu"),
    Form("activation", _pattern(r"gelus?|gaussian\s+error\s+linear\s+units?"), "gelu"),
    Form("activation", _pattern(r"silus?|swish"), "silu"),
    Form("activation", _pattern(r"elus?|exponential\s+linear\s+units?"), "elu"),
    Form("activation", _pattern(r"tanh|hyperbolic\s+tangent", r"双曲线正切|双曲正切"), "tanh"),
    Form("activation", _pattern(r"(?:logistic\s+)?sigmoid\w*|sigmoide", r"シグモイド"), "sigmoid"),
    Form("norm", _pattern(
        r"batch[\s_-]?norm\w*|batch-?normalisierung|normalizaci[oó]n\s+por\s+lotes|normalisation\s+par\s+lots?",
        r"バッチ(?:正規化|ノーマライゼーション|ノルム)|批(?:量)?(?:归一化|标准化|正規化)",
    ), "batch"),
    Form("norm", _pattern(r"group[\s_-]?norm\w*|gruppennormalisierung", r"グループ正規化|组归一化"), "group"),
    Form("norm", _pattern(r"layer[\s_-]?norm\w*|schichtnormalisierung|normalizaci[oó]n\s+por\s+capas?|normalisation\s+par\s+couches?",
                          r"レイヤー正規化|层归一化"), "layer"),
    Form("norm", _pattern(r"norm(?:ali[sz]ation)?\s+layers?|(?<!batch\s)(?<!layer\s)(?<!group\s)(?<!input\s)(?<!inputs\s)(?<!image\s)(?<!data\s)(?<!pixel\s)normali[sz]ation(?!\s+(?:of|to))|normalisierung",
                          r"正規化層|归一化层")),
    Form("dropout", _pattern(r"drop[\s-]?outs?(?:[\s-](?:layers?|rate|probability|ratio))?", r"ドロップアウト(?:率)?|随机失活"),
         number="beside", optional=True),
    Form("pooling", _pattern(
        r"global(?:e[rsn]?)?[\s-]+(?:(?:average|avg|mean)[\s-]?)?pool\w*|(?-i:GAP)(?=\s+at|\s+layer|,|\.|$)|pool\w*\s+globally|"
        r"agrupaci[oó]n\s+(?:global|promedio\s+global)",
        r"グローバル(?:平均|アベレージ)?プーリング|大域平均プーリング|全局(?:平均)?池化",
    ), "global average"),
    Form("pooling", _pattern(r"(?:average|avg|mean)[\s-]?pool\w*|mittelwert-?pooling|durchschnitts-?pooling", r"平均プーリング|平均池化"), "average"),
    Form("pooling", _pattern(r"max(?:imum)?[\s-]?pool\w*", r"最大プーリング|マックスプーリング|最大池化"), "max"),
    Form("epochs", _pattern(r"(?:training\s+)?epochs?|epochen?|[eé]pocas?|[eé]poques?", r"エポック|[轮輪]"), number="beside"),
    Form("batch size", _pattern(r"batch[\s_-]?sizes?|batches\s+of|batchgr[öo](?:ß|ss)e|tamaño\s+de\s+lote|taille\s+de\s+(?:lot|batch)",
                                r"バッチサイズ|批(?:次|量)?大小"), number="after"),
    Form("learning rate", _pattern(r"learning[\s_-]?rates?|lr|lernrate|tasa\s+de\s+aprendizaje|taux\s+d['’]apprentissage", r"学習率|学习率"),
         number="beside"),
    Form("weight decay", _pattern(r"weight[\s_-]?decay", r"重み減衰|权重衰减"), number="beside"),
    Form("label smoothing", _pattern(r"label[\s_-]?smoothing", r"ラベル平滑化|标签平滑"), number="beside"),
    Form("optimizer", _pattern(r"sgd|stochastic\s+gradient\s+descent", r"確率的勾配降下法|随机梯度下降"), "sgd"),
    Form("optimizer", _pattern(r"adamw?"), "adamw"),
    Form("optimizer", _pattern(r"rms-?prop"), "rmsprop"),
    Form("optimizer", _pattern(r"adagrad"), "adagrad"),
    Form("augmentation", _pattern(
        r"(?:(?:data|image)[\s-])?augment(?:ation|ations|ed|ing)?|(?:daten)?augmentier\w*|datenaugmentation|aumento\s+de\s+datos|"
        r"aumentaci[oó]n\s+de\s+datos|augmentation\s+de\s+données",
        r"データ拡張|数据增强|オーグメンテーション",
    )),
)  # fmt: skip
"""In this order; what one has matched is not looked at by the next."""

CLAUSE = re.compile(
    r"[.,;:!?](?=\s|$)|[()\n，。、；！？]|\s(?:-{1,3}|[+/&=])\s|"
    r"(?<![a-zà-ÿ])(?:but|and|plus|then|also|with|mit|und|aber|sondern|con|y|pero|avec|et|mais)(?![a-zà-ÿ])",
    re.IGNORECASE,
)
"""What ends the reach of a refusal or of "at least"."""
NOT_BEFORE = re.compile(
    r"(?:(?<![a-zà-ÿ])(?:no(?:\s+need\s+(?:for|of))?|not|non|without|w/o|don['’]?t|never|neither|nor|avoid\w*|skip(?:ping|s)?|omit\w*|exclud\w+|"
    r"le(?:ave|aving)\s+(?:out|aside)|drop(?:ping)?|free\s+of|zero|bypass\w*|forgo|forget\w*(?:\s+about)?|steer\s+clear\s+of|"
    r"refrain\w*\s+from|stay\s+away\s+from|ditch\w*|do(?:ing)?\s+without|"
    r"ohne|kein\w*|nicht|verzicht\w*(?:\s+auf)?|sin|nada\s+de|ning[uú]n\w*|evit\w+|sans|pas\s+d['’e]|pas|aucun\w*|ni)(?![a-zà-ÿ])"
    r"|不(?:要|用|使用|带|采用|含|准)?|没有|無|无|别用|禁止|避免)"
    r"(?:[\s-]*(?:(?:an?|any|the|all|use|using|used|be|have|need|want|of|d[e'’]|el|la|los|las|le|les|l['’]|usar|utiliser|"
    r"das|den|der|die|ein\w*|kind|type|使用|用|任何)(?![a-zà-ÿ])|(?:[\w#-]+\s+){1,3}(?:or|nor|oder|noch|o|ni|ou)(?![a-zà-ÿ])|[#-]+\s*(?:或|、|和)))*[\s-]*$",
    re.IGNORECASE,
)
"""Words before a wish that refuse it, in the same clause."""
NOT_AFTER = re.compile(
    r"\s*(?:(?:or|nor|oder|ou|o)\s+\w+\s*)?(?:layers?|units?|activations?|connections?|blocks?)?\s*(?:-?free(?![a-z])|"
    r"(?:is|are)?\s*(?:not\s+(?:allowed|wanted|needed|permitted)|forbidden|unwanted|disabled|off(?![a-z])))|"
    r"[^,;.。、，\w]{0,2}(?:は|を|が|も)?(?:なし|無し|使わ|使用しない|使用せず|不要|禁止|避け|抜き)",
    re.IGNORECASE,
)
ELSEWHERE_BEFORE = re.compile(
    r"(?<![a-zà-ÿ])(?:than|beat\w*|outperform\w*|versus|vs\.?|prefer\w*\s+[\w\s#-]{3,30}\s+over|compar(?:ed|able)\s+(?:to|with)|as\s+(?:good|accurate|fast|small)\s+as|replac\w+|instead\s+of|rather\s+than|"
    r"in\s+place\s+of|als|statt|anstelle|anstatt|que|en\s+lugar\s+de|en\s+vez\s+de|au\s+lieu\s+d[e'’])(?![a-zà-ÿ])\s*"
    r"(?:(?:an?|the|our|my|your|this|that|ein\w*|der|die|das|una?|el|la|une?|le|les)\s+)?(?:[\w-]+\s+)?$|(?:而不是|代替|比)$",
    re.IGNORECASE,
)
"""Words before what is only compared with, or stands for what is not wanted."""
ELSEWHERE_AFTER = re.compile(
    r"\s*(?:head|kopf|cabeza|tête)(?![a-zà-ÿ])|(?:より|の代わりに|ヘッド)", re.IGNORECASE
)
STATED = re.compile(
    r"currently|typically|usually|normally|so\s+far|bisher|derzeit|normalerweise|actualmente|actuellement|現在|今の|目前|通常",
    re.IGNORECASE,
)
"""A sentence that tells how things are, and asks for nothing."""

OR = re.compile(
    r"\s*,?\s*(?:or|oder|o|ou|または|或者?)\s*(?:(?:an?|the|use|ein\w*|una?|une)\s+)?", re.IGNORECASE
)
"""Between two wishes of which either may be met."""
INPUT = re.compile(
    r"(?<![a-zà-ÿ])(?:images?|inputs?|pictures?|photos?|pixels?|rgb|colou?rs?|bild\w*|eingab\w*|im[aá]gen\w*|entradas?|"
    r"entrées?)(?![a-zà-ÿ])|画像|入力|图像|图片|输入",
    re.IGNORECASE,
)
"""What has channels of its own, up to four."""

BETWEEN = re.compile(
    r"\s?-?\s?(?:(?!(?:layers?|params?|parameters?|percent|of|and|with|but)\s)[A-Za-zÀ-ÿ][\w-]*\s+){0,2}|"
    r"\s*(?:as|for|of|is)(?:\s+(?:the|a|an))?\s+|(?:つの?|個の?|个|層の?|层的?|の)",
    re.IGNORECASE,
)
"""What may stand between a number and the noun that it counts."""
CONNECTION = re.compile(
    r"\s*(?:(?:rate|regulari[sz]ation|probability|ratio|parameter|value|fraction|layers?|number|count|size|equal\s+to|of|is|at|to|p|set|by|von|de|à|ist|en|"
    r"数|は|が|を|为|是|率|max\w*|at\s+most|at\s+least|最多|至少)\s*|[:=(≤≥<>]\s*){0,4}",
    re.IGNORECASE,
)
"""What may stand between a noun and the number after it."""
CJK_COUNT = re.compile(r"[一二两兩三四五六七八九十]")
"""Small numbers as Chinese and Japanese count layers."""
OR_MORE = re.compile(r"\s*(?:or\s+more|oder\s+mehr|o\s+m[aá]s|ou\s+plus|以上)", re.IGNORECASE)
OR_FEWER = re.compile(
    r"\s*(?:or\s+(?:fewer|less)|oder\s+weniger|o\s+menos|ou\s+moins|以下|以内)", re.IGNORECASE
)
EAST = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
"""Letters of Japanese and Chinese."""
