"""What follows a begun answer, when a server's model goes on from it and when it begins it again."""

from __future__ import annotations

import pytest

from mlagent_tui.llm.begun import Begun

BEGIN = "class Net:\n    def __init__(self):\n        self.fc1 = "
REST = "nn.Linear(4, 2)"


def heard(begin: str, written: str, size: int) -> str:
    """What is passed on of a text that arrives in pieces of `size` characters."""
    following = Begun(begin)
    pieces = [following(written[at : at + size]) for at in range(0, len(written), size)]
    return "".join(pieces) + following("", final=True)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "written",
    [
        REST,
        f" {REST}",
        f"self.fc1 = {REST}",
        f"        self.fc1 = {REST}",
        f"{BEGIN}{REST}",
        f"\n{BEGIN}{REST}",
        f"```python\n{BEGIN}{REST}",
        f"```\nself.fc1 = {REST}",
    ],
)
def test_only_what_follows_is_passed_on(written: str, size: int) -> None:
    assert heard(BEGIN, written, size) == REST


@pytest.mark.parametrize("size", [1, 1000])
def test_another_text_is_passed_on_as_it_is(size: int) -> None:
    for text in ("Sure, here it is:\nself.fc1 = nn.Linear(4, 2)", "```python\nx = 1", "sel", ""):
        assert heard(BEGIN, text, size) == text
        assert heard("", text, size) == text


def test_a_line_too_short_to_be_recognised_is_not_cut() -> None:
    assert heard("x = f(\n)", ") + 1", 1) == ") + 1"
