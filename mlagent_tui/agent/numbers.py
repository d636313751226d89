"""Numbers as people write them in a goal, in six languages: `70%`, `0,7`, `200.000`, `2×10^5`, `two minutes`, `20万`.

Used twice: the planner's prompt lists what was found, and `reading` settles what each number is for, so that
no threshold or limit is ever one that the user did not write, and none that the user wrote is lost.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from mlagent_tui.agent.number_words import CJK, FRACTIONS, LARGE, SMALL, cjk_value

_SCALE = {
    "k": 1e3, "tsd": 1e3, "m": 1e6, "mio": 1e6, "mil": 1e6, "billion": 1e9, "billions": 1e9,
    "万": 1e4, "萬": 1e4, "千": 1e3, "百": 1e2, "百万": 1e6, "亿": 1e8, "億": 1e8,
} | {word: float(value) for word, value in LARGE.items() if value >= 1000}  # fmt: skip
_TIME = {
    **dict.fromkeys(["s", "sec", "secs", "second", "seconds", "sekunde", "sekunden", "sek", "segundo", "segundos", "seconde", "secondes", "秒", "秒钟", "秒間"], 1),
    **dict.fromkeys(["m", "min", "mins", "minute", "minutes", "minuten", "minuto", "minutos", "分", "分钟", "分鐘", "分間"], 60),
    **dict.fromkeys(["h", "hr", "hrs", "hour", "hours", "stunde", "stunden", "std", "hora", "horas", "heure", "heures", "小时", "小時", "時間"], 3600),
    **dict.fromkeys(["day", "days", "tag", "tage", "tagen", "día", "días", "dia", "dias", "jour", "jours", "天"], 86_400),
}  # fmt: skip
_SUPER = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
_HALF_OF = r"half\ an?|halbe[nrs]?|medi[oa]|(?:une?\ )?demi[-e]?|半"
_PARAMETER = r"(?:param|weight|gewicht|par[aá]m|peso|poids)"
_THOUSAND_IS_NEAR = re.compile(r"\s*(?:de\s+)?(?:par[aá]metros|pesos)", re.IGNORECASE)

_NAMES = re.compile(
    r"""(?<![a-z])cifar[\s_-]*100?(?!\d) | (?<![\d.,])\d+\s?[x×]\s?\d+(?:\s?[x×]\s?\d+)*(?![\d^]|\s?\^|\s?\*\*|[⁰¹²³⁴⁵-⁹])
      | (?<![a-z])top[\s-]?(?:\d+|one|three|five|ten)(?![a-z\d])
      | (?<![a-z])(?:f[\s-]?1|r\^?2)(?![a-z\d]) | r² | \b\d+[\s-]?bits?\b
      | \bpi\s\d\b | \b(?:ticket|issue|task|question|homework|reviewer|version|room|chapter|exercise)\s\#?\d+\b""",
    re.IGNORECASE | re.VERBOSE,
)
_WORD = "|".join(sorted({*SMALL, *LARGE}, key=len, reverse=True))
_SPOKEN = rf"(?:{_WORD})(?:(?:[\s-]|\ and\ |\ y\ |)(?:{_WORD}))*(?:\ (?:point|komma|coma|virgule)(?:\ (?:{_WORD}))+)?"
_TIMES = "|".join(sorted((re.escape(w) for w in _TIME if len(w) > 1 and w.isascii()), key=len, reverse=True))
_NUMBER = re.compile(
    rf"""(?<![^\W\u2e80-\u9fff\uff00-\uffef])(?<!\d\.) (?:
        (?P<power>(?:\d+(?:[.,]\d+)?\s?[x×·*]\s?)?10\s?(?:(?:\^|\*\*)\s?[-−]?\d{{1,2}}(?!\d)|[⁻]?[⁰¹²³⁴-⁹]{{1,2}}))
      | (?P<value> \d+(?:[.,]\d+)?e[+-]?\d{{1,2}}(?![\w.])
           | \d{{1,3}}(?:(?P<group>[,.\ \u00a0\u202f'’])\d{{3}})(?:(?P=group)\d{{3}})*(?!\d|(?P=group)\d)(?:[.,]\d+)?
           | \d*[½¼¾⅓⅔] | \d+(?:[.,]\d+)? | (?<!\.)[.]\d+
           | \b(?:{_HALF_OF}|a\ quarter|three\ quarters)(?=[\s-]?(?:of\ an?\ )?(?:{_TIMES}|mill|thous)|\b\ ?$)
           | (?<![a-zäöüéè])(?:anderthalb|eineinhalb) | (?:an?\ )?\b(?:{_SPOKEN})\b | half\ an?\b | a\ quarter\b
           | \b(?:an?|one|eine[rn]?|una?|une)(?=\s(?:{_TIMES}|mill)) | 半(?=小时|小時|分钟|时间|時間)
           | {CJK}
         ) )
        (?P<more>\s(?:and\ a\ half|et\ demie?|y\ medi[oa]|und\ eine\ halbe))?
        (?: \s?(?P<percent>%|‰|per\s?cent\b|pct\b|prozent\b|por\s?cien(?:to)?\b|pour[\s-]?cents?\b|パーセント)
          | [\s-]?(?:an?\s|of\ an?\s|of\s)?(?P<scale>thousands?|millions?|billions?|mio|tsd|tausend|millionen|millón|millones|mille|mil)\b\.?
          | \s?(?P<east>百万|万|萬|亿|億|千(?!分))
          | \s?(?P<short>(?-i:[kKM])|m(?=\s+(?:de\ )?{_PARAMETER}))(?![^\W\u2e80-\u9fff])
          | [\s-]?(?:of\ an?\s)?(?P<time>{_TIMES})\b
          | \s?(?P<clock>秒[钟間]?|分[钟鐘間]|分(?![之类類析辨布别別割割で])|小[时時]|時間|天)
          | (?P<tenths>[成割](?P<hundredths>[0-9]分)?)
          | \s?(?P<brief>(?-i:[smh]))(?![^\W\u2e80-\u9fff]) )?
        (?P<half>半(?!数)|\s(?:and\ a\ half|et\ demie?|y\ medi[oa]|und\ eine\ halbe))?
    """,
    re.IGNORECASE | re.VERBOSE,
)  # fmt: skip
_SHARE = re.compile(
    r"\s*(?:out of(?: every)?|of every|in(?: every)?|von|sur|de cada|auf|/)\s*", re.IGNORECASE
)
_OF = re.compile(r"\s*of\s*", re.IGNORECASE)
_THINGS = re.compile(
    r"\s*(?:\w+\s+)?(?:images?|pictures?|photos?|digits?|samples?|examples?|cases?|right|correct)",
    re.IGNORECASE,
)
"""What follows a bare "19 of 20" that is a share, and no part of a network."""
_SHARE_REVERSED = re.compile(r"[回枚個件]?中の?")
_OF_HUNDRED = re.compile(r"百分之(?=[\d一二两三四五六七八九十])")


@dataclass(frozen=True)
class Found:
    """A number of the text: as written, and as a value (fractions for percentages, seconds for times).

    `start` and `end` are its place in the text; `scaled` is true where it is written as an amount (`20k`).
    """

    text: str
    value: float
    unit: Literal["", "%", "s"]
    start: int = 0
    end: int = 0
    scaled: bool = False


def levelled(text: str) -> str:
    """The text with full-width characters as plain ones; every character stays at its place."""
    return "".join(
        chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else " " if c in "\u00a0\u202f\u2009\u3000" else c
        for c in text
    )


def masked(text: str) -> str:
    """As `levelled`, with `#` in place of the names and sizes that hold digits (CIFAR-10, 3x3, F1)."""
    return _NAMES.sub(lambda m: "#" * len(m.group()), levelled(text))


def find_numbers(text: str) -> list[Found]:
    """Every number in `text`, in order. Sizes such as 3x3 and names such as CIFAR-10 are not numbers."""
    plain_text = masked(text)
    found: list[Found] = []
    for match in _NUMBER.finditer(plain_text):
        one = _found(match, plain_text)
        if one and math.isfinite(one.value):
            _join(found, one, plain_text)
    return found


def _found(match: re.Match[str], text: str) -> Found | None:
    ahead = text[match.end() :]
    value = _power(match["power"]) if match["power"] else _value(match, ahead)
    if value is None:
        return None
    start, unit, scaled = match.start(), "", False
    value += 0.5 if match["more"] else 0
    time = match["time"] or match["brief"] or match["clock"]
    if _OF_HUNDRED.search(text[max(0, start - 3) : start + 1]) or match["percent"]:
        value, unit = value / (1000 if match["percent"] == "‰" else 100), "%"
    elif match["tenths"]:
        value, unit = value / 10 + float((match["hundredths"] or "0")[0]) / 100, "%"
    elif scale := match["short"] or match["scale"] or match["east"]:
        factor = 1e3 if scale.lower() == "mil" and _THOUSAND_IS_NEAR.match(ahead) else _SCALE[scale.lower()]
        value, scaled = (value + (0.5 if match["half"] else 0)) * factor, True
    elif time:
        value, unit = (value + (0.5 if match["half"] else 0)) * _TIME[time.lower()], "s"
    before = text[max(0, start - 2) : start]
    if before.endswith(("-", "−")) and (len(before) == 1 or before[0] in " <>=:"):
        value = -value
    written = " ".join(match.group().split())
    return Found(written, round(value, 9), unit, start, match.end(), scaled)  # type: ignore[arg-type]


def _join(found: list[Found], new: Found, text: str) -> None:
    """Add `new`; "nine out of ten" and "1 min 30 s" are one number each."""
    last = found[-1] if found else None
    between = text[last.end : new.start] if last else ""
    if last and last.unit == new.unit == "s" and re.fullmatch(r"\s*(?:and|und|et|y|,)?\s*", between):
        value = last.value + new.value
        if new.value < last.value:
            found[-1] = Found(text[last.start : new.end], value, "s", last.start, new.end)
            return
    if last and last.unit == new.unit == "" and not (last.scaled or new.scaled):
        low, high = (last.value, new.value) if _SHARE.fullmatch(between) else (new.value, last.value)
        is_share = bool(_SHARE.fullmatch(between) or _SHARE_REVERSED.fullmatch(between))
        if not is_share and _OF.fullmatch(between) and _THINGS.match(text, new.end):
            is_share, (low, high) = True, (last.value, new.value)
        if is_share and 0 < low <= high and high >= 2 and low == int(low):
            written = " ".join(text[last.start : new.end].split())
            found[-1] = Found(written, round(low / high, 9), "%", last.start, new.end)
            return
    found.append(new)


def _power(text: str) -> float:
    head, _, exponent = re.sub(r"\s", "", text).rpartition("10")
    factor = float(head.rstrip("x×·*X").replace(",", ".")) if head else 1.0
    return factor * 10.0 ** int(exponent.translate(_SUPER).lstrip("^*"))


def _value(match: re.Match[str], ahead: str) -> float | None:
    text = match["value"].lower()
    if text[-1:] in FRACTIONS:
        return float(text[:-1] or 0) + FRACTIONS[text[-1]]
    if re.match(r"[.\d]", text):
        return _digits(match, text, ahead)
    if text.startswith(("half", "halb", "medi", "demi", "une demi", "un demi", "半")):
        return 0.5
    if text in ("anderthalb", "eineinhalb"):
        return 1.5
    if "quarter" in text:
        return 0.75 if text.startswith("three") else 0.25
    if text in ("a", "an", "one", "un", "una", "une") or text.startswith("eine"):
        return 1.0
    east = cjk_value(text)
    return _words(text) if east is None else east


def _digits(match: re.Match[str], text: str, ahead: str) -> float:
    """Digits with separators. A lone group of three is thousands, but `0,125`, `0.125`, `1.250` are not.

    `20.000` is twenty thousand where parameters or weights follow, or two groups do.
    """
    group = match["group"]
    if "e" in text:
        return float(text.replace(",", "."))
    if group is None:
        return float(text.replace(",", "."))
    whole, tail = re.fullmatch(r"(\d+(?:\D\d{3})+)((?:[.,]\d+)?)", text).groups()  # type: ignore[union-attr]
    lone = len(re.findall(r"\D", whole)) == 1
    decimal = group in ",." and lone and not tail
    if decimal and (text[0] == "0" or match["percent"] or match["scale"] or match["short"]):
        return float(text.replace(",", "."))
    amount = re.match(rf"\s*\w*\s*(?:de\s+)?{_PARAMETER}", ahead, re.IGNORECASE)
    if decimal and group == "." and not (amount or whole.endswith("000")):
        return float(text)
    return float(re.sub(r"\D", "", whole) + tail.replace(",", "."))


def _words(text: str) -> float | None:
    whole, *tail = re.split(r" (?:point|komma|coma|virgule) ", text, maxsplit=1)
    total, current, spoken = 0.0, 0.0, re.findall(_WORD, re.sub(r"\b(?:and|an?|y)\b", " ", whole))
    for word in spoken:
        if word in SMALL:
            current += SMALL[word]
        elif LARGE[word] == 100:
            current = max(current, 1) * 100
        else:
            total, current = total + max(current, 1) * LARGE[word], 0
    if not spoken:
        return None
    decimals = "".join(str(SMALL.get(word, 0)) for word in re.findall(_WORD, tail[0])) if tail else "0"
    return total + current + float(f"0.{decimals}")


def listing(found: list[Found]) -> str:
    """`95% = 0.95; 200k = 200000; 2 minutes = 120 s`, or `none`."""
    parts = [f"{f.text} = {plain(f.value)}{' s' if f.unit == 's' else ''}" for f in found]
    return "; ".join(parts) or "none"


def occurs(value: float, found: list[Found]) -> bool:
    """Whether `value` is one of the numbers; a bare 95 may stand for 0.95 and the other way round."""
    candidates = [c for f in found for c in (f.value, f.value / 100 if f.value > 1 else f.value)]
    return any(abs(value - c) <= 1e-6 * max(1.0, abs(c)) for c in candidates)


def plain(value: float) -> str:
    """Shortest form without an exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
