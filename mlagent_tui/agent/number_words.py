"""The words for numbers in English, German, Spanish and French, and the numerals of Chinese and Japanese."""

from __future__ import annotations

import re

_ENGLISH = [
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
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_ENGLISH_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_GERMAN = [
    "null",
    "eins",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
]
_GERMAN_TENS = ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]
_SPANISH = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "#",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
]  # `once` is left out: in English texts it is not a number
_SPANISH_TENS = ["veinte", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"]
_FRENCH = [
    "zéro",
    "#",
    "deux",
    "trois",
    "quatre",
    "cinq",
    "six",
    "sept",
    "huit",
    "neuf",
    "dix",
    "onze",
    "douze",
    "treize",
    "quatorze",
    "quinze",
    "seize",
    "dix-sept",
    "dix-huit",
    "dix-neuf",
]
_FRENCH_TENS = ("vingt", "trente", "quarante", "cinquante", "soixante")


def _small() -> dict[str, int]:
    small: dict[str, int] = {}
    for words, tens in ((_ENGLISH, _ENGLISH_TENS), (_GERMAN, _GERMAN_TENS), (_SPANISH, _SPANISH_TENS)):
        small |= {word: i for i, word in enumerate(words) if word != "#"}
        small |= {word: 20 + 10 * i for i, word in enumerate(tens)}
    small |= {word: i for i, word in enumerate(_FRENCH) if word != "#"}
    small |= {word: 20 + 10 * i for i, word in enumerate(_FRENCH_TENS)}
    for base, word in ((60, "soixante"), (80, "quatre-vingt")):
        small |= {f"{word}-{_FRENCH[i]}": base + i for i in range(2, 20) if i != 11}
    small |= {"soixante et onze": 71, "quatre-vingt-onze": 91, "quatre-vingts": 80, "quatre-vingt": 80}
    for i, ten in enumerate(_GERMAN_TENS):
        small |= {f"{('ein' if n == 1 else _GERMAN[n])}und{ten}": 20 + 10 * i + n for n in range(1, 10)}
    small |= {f"veinti{_SPANISH[n]}": 20 + n for n in range(1, 10)}
    return small


SMALL = _small()
"""Words below a hundred."""

LARGE = {
    "hundred": 100, "hundert": 100, "cien": 100, "ciento": 100, "cent": 100, "cents": 100,
    "thousand": 1000, "tausend": 1000, "mille": 1000, "million": 10**6, "millions": 10**6, "millionen": 10**6,
    "millón": 10**6, "millones": 10**6, "thousands": 1000,
}  # fmt: skip
FRACTIONS = {"½": 0.5, "¼": 0.25, "¾": 0.75, "⅓": 1 / 3, "⅔": 2 / 3}

CJK = (
    r"(?<=百分之)[一二两三四五六七八九十百]+(?:点[一二三四五六七八九]+)?"
    r"|(?!十分(?!钟|間|鐘))[一二两三四五六七八九十百]+(?=百万|万|萬|亿|億|秒|分(?!之)|小[时時]|時間|%|成|割)"
)
"""Numerals, where a unit shows that they are numbers: the signs occur in ordinary words too."""

_SIGNS = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}


def cjk_value(text: str) -> float | None:
    """The value of numerals such as 九十五 or 九十五点五; None for anything else."""
    whole, _, decimals = text.partition("点")
    if not re.fullmatch(f"[{''.join(_SIGNS)}十百]+", whole):
        return None
    total, current = 0, 0
    for sign in whole:
        if sign in _SIGNS:
            current = _SIGNS[sign]
        else:
            total, current = total + max(current, 1) * (10 if sign == "十" else 100), 0
    return total + current + float("0." + ("".join(str(_SIGNS[s]) for s in decimals) or "0"))
