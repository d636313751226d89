"""Pictures of a terminal, as SVG files that are small enough to be kept."""

from __future__ import annotations

import re
from collections import Counter

MARK = '<svg class="compact"'
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_RECT = re.compile(r"<rect ([^>]*)/>")
_TEXT = re.compile(r'<text class="(\w+)" x="([^"]*)" y="([^"]*)">([^<]*)</text>')


def compact(svg: str) -> str:
    """The same picture in a third of the bytes; what is compact already stays as it is.

    What goes: fonts from the network, the number that Rich gives each picture, clipping (a line's text never
    leaves it), neighbouring pieces of one background, and the background that most of the picture has.
    """
    if svg.startswith(MARK):
        return svg
    svg = re.sub(r"\s*@font-face\s*\{[^}]*\}", "", svg)
    svg = re.sub(r"<clipPath.*?</clipPath>\s*|<defs>\s*</defs>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:clip-path|textLength|shape-rendering)="[^"]*"', "", svg).replace("&#160;", "\u00a0")
    svg = re.sub(r"\bterminal-(?:\d+-)?(r\d+|matrix|title)", r"\1", svg)
    svg = re.sub(r'="(\d+\.\d)\d+"', r'="\1"', svg)
    before, opening, rest = svg.partition('<g transform="translate(9, 41)"')
    body, closing, after = rest.partition("</svg>")
    body = _TEXT.sub(_piece, _backgrounds(body))
    whole = f"{before}{opening}{body}{closing}{after}"
    whole = re.sub(r"\s*<text[^>]*>\s*</text>|<!--.*?-->", "", whole).replace(
        '<svg class="rich-terminal"', MARK
    )
    return "\n".join(line.strip() for line in whole.splitlines() if line.strip()) + "\n"


def _piece(found: re.Match[str]) -> str:
    kind, x, y, text = found.groups()
    return f'\n<text class="{kind}" x="{x}" y="{y}">{text}</text>' if text.strip("\n") else ""


def _backgrounds(body: str) -> str:
    """One rectangle for each stretch of a line that has a colour of its own, one for all the rest."""
    rects = [dict(_ATTRIBUTE.findall(found)) for found in _RECT.findall(body)]
    areas: Counter[str] = Counter()
    for rect in rects:
        areas[rect["fill"]] += int(float(rect["width"]))
    if not areas:
        return body
    common = areas.most_common(1)[0][0]
    rows: list[str] = [f'\n<rect fill="{common}" width="100%" height="100%"/>']
    start, end, key = 0.0, 0.0, ("", "", "")
    for rect in [*rects, {"fill": "", "y": "", "x": "0", "width": "0", "height": ""}]:
        x, width = float(rect["x"]), float(rect["width"])
        this = (rect["fill"], rect["y"], rect["height"])
        if this == key and abs(x - end) < 0.2:
            end = x + width
            continue
        if key[0] not in ("", common):
            fill, y, height = key
            rows.append(
                f'\n<rect fill="{fill}" x="{start:g}" y="{y}" width="{end - start:.5g}" height="{height}"/>'
            )
        start, end, key = x, x + width, this
    first = body.find("<rect")
    return body[:first] + "".join(rows) + _RECT.sub("", body[first:])
