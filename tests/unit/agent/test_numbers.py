import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.agent.numbers import find_numbers, listing, occurs


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("at least 95%", 0.95, "%"),
        ("at least 95 %", 0.95, "%"),
        ("97.5pct", 0.975, "%"),
        ("ninety-five per cent", 0.95, "%"),
        ("Seventy percent", 0.7, "%"),
        ("accuracy of 0.7", 0.7, ""),
        ("acc >= .95", 0.95, ""),
        ("under 200k parameters", 200_000, ""),
        ("20K weights", 20_000, ""),
        ("50,000 parameters, please", 50_000, ""),
        ("1.5M", 1_500_000, ""),
        ("1.5 million", 1_500_000, ""),
        ("half a million parameters", 500_000, ""),
        ("one hundred and twenty thousand", 120_000, ""),
        ("twenty five k parameters", 25_000, ""),
        ("in 30s", 30, "s"),
        ("two minutes", 120, "s"),
        ("1 hour", 3600, "s"),
        ("three conv layers", 3, ""),
    ],
)
def test_a_number_is_found_however_it_is_written(text: str, value: float, unit: str) -> None:
    (found,) = find_numbers(text)
    assert (found.value, found.unit) == (pytest.approx(value), unit)


@pytest.mark.parametrize("text", ["a CNN for CIFAR-10", "cifar 100", "8x8 digits, 3x3 kernels", "no dropout"])
def test_names_and_sizes_are_no_numbers(text: str) -> None:
    assert find_numbers(text) == []


def test_the_listing_keeps_what_was_written_beside_its_value() -> None:
    found = find_numbers("at least 95%, under 200k parameters, in 2 minutes")
    assert listing(found) == "95% = 0.95; 200k = 200000; 2 minutes = 120 s"
    assert listing([]) == "none"


def test_a_bare_95_may_stand_for_a_fraction_but_not_for_another_number() -> None:
    found = find_numbers("95 accuracy")
    assert occurs(0.95, found)
    assert occurs(95, found)
    assert not occurs(0.9, found)


@given(st.text(max_size=200))
def test_any_text_can_be_searched(text: str) -> None:
    for found in find_numbers(text):
        assert occurs(found.value, [found])


@given(st.integers(1, 9_999_999))
def test_every_count_is_found_with_and_without_separators(count: int) -> None:
    for text in (f"at most {count} parameters", f"at most {count:,} parameters"):
        assert [f.value for f in find_numbers(text)] == [count]
