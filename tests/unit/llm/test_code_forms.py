"""In which forms a model is asked for code: the first guess, and what the settings say."""

from __future__ import annotations

import pytest

from mlagent_tui.llm import RoleOptions, code_forms
from mlagent_tui.llm.profile import forms_for
from mlagent_tui.llm.roles import _manner
from mlagent_tui.prompts import Profile


@pytest.mark.parametrize(("profile", "parameters", "forms"), [
    ("minnow", 5_000_000, ("whole",)),
    ("completion", 7_000_000_000, ("lines",)),
    ("chat", 135_000_000, ("lines",)),
    ("chat", 7_000_000_000, ("whole", "lines")),
    ("chat", 0, ("whole", "lines")),
])  # fmt: skip
def test_whole_files_are_for_minnow_and_large_chat_models(
    profile: Profile, parameters: int, forms: tuple[str, ...]
) -> None:
    assert forms_for(profile, parameters) == forms


class Other:
    """A model of which nothing is known but its profile."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile


def test_a_model_that_does_not_say_is_asked_by_its_profile() -> None:
    assert code_forms(Other("completion")) == ("lines",)  # type: ignore[arg-type]
    assert code_forms(Other("chat")) == ("whole",)  # type: ignore[arg-type]


def test_the_setting_of_a_role_decides() -> None:
    assert _manner(RoleOptions(code="lines")).code == "lines"
    assert _manner(RoleOptions()).code is None
