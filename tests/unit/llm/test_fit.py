"""What fits and what does not, and what is proposed then."""

from __future__ import annotations

import pytest

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.fit import Model, check, gpu_layers

GB = 1_000_000_000
EIGHT = Model("eight", 5 * GB, 32, lambda context: context * 131_072)
"""Like 8 billion weights of 5 bits, 128 KiB of context a token: 2.1 GB for 16,384."""


def test_a_model_that_fits_is_no_matter() -> None:
    check(EIGHT, 16384, 8 * GB)


def test_a_shorter_context_is_proposed_where_that_helps() -> None:
    with pytest.raises(
        ModelError, match=r"eight does not fit: it needs about 7\.5 GB .*and 6\.5 GB are free"
    ) as caught:
        check(EIGHT, 16384, int(6.5 * GB))
    longest = int(caught.value.remedy.split()[3].replace(",", ""))
    assert 2048 <= longest < 16384
    check(EIGHT, longest, int(6.5 * GB))


def test_a_smaller_model_is_proposed_where_nothing_else_helps() -> None:
    with pytest.raises(ModelError, match="does not fit") as caught:
        check(EIGHT, 16384, 3 * GB)
    assert "smaller model" in caught.value.remedy


def test_all_layers_go_to_a_gpu_that_has_room_and_otherwise_as_many_as_fit() -> None:
    assert gpu_layers(EIGHT, 16384, -1, 24 * GB) == -1
    some = gpu_layers(EIGHT, 16384, -1, 4 * GB)
    assert 0 < some < 32
    assert gpu_layers(EIGHT, 16384, -1, 0) == 0


def test_more_layers_than_fit_are_refused_with_the_number_that_does() -> None:
    fitting = gpu_layers(EIGHT, 16384, -1, 4 * GB)
    with pytest.raises(ModelError, match="32 layers of eight do not fit") as caught:
        gpu_layers(EIGHT, 16384, 32, 4 * GB)
    assert f"at most {fitting} GPU layers" in caught.value.remedy
    assert gpu_layers(EIGHT, 16384, fitting, 4 * GB) == fitting
