"""When language models give way to a trial."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui import events
from mlagent_tui.agent.clock import Clock
from mlagent_tui.agent.sharing import Estimate, Lending, why_unload
from mlagent_tui.llm import Held
from tests.scripted import Scripted

GB = 1_000_000_000
ON_GPU, ON_CPU, SPLIT = Held(0, 14 * GB), Held(14 * GB, 0), Held(6 * GB, 8 * GB)
FITS, SHORT = Estimate("cuda", 2 * GB, 8 * GB), Estimate("cuda", 3 * GB, GB)


@given(st.sampled_from([ON_GPU, ON_CPU, SPLIT, Held()]), st.sampled_from([FITS, SHORT, None]))
def test_keep_always_keeps_and_offload_never(held: Held, estimate: Estimate | None) -> None:
    assert why_unload("keep", held, estimate) == ""
    assert why_unload("offload", held, estimate)


def test_auto_unloads_only_what_lies_where_the_trial_lacks_room() -> None:
    assert why_unload("auto", ON_GPU, SHORT) == "the trial may need 3.0 GB on cuda, and 1.0 GB are free"
    assert why_unload("auto", SPLIT, SHORT)
    assert why_unload("auto", ON_CPU, SHORT) == ""
    assert why_unload("auto", ON_GPU, FITS) == ""
    assert why_unload("auto", ON_GPU, None) == ""


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_on_the_machines_own_memory_only_models_there_are_in_the_way(device: str) -> None:
    short = replace(SHORT, device=device)
    assert why_unload("auto", ON_CPU, short)
    assert why_unload("auto", SPLIT, short)
    assert why_unload("auto", ON_GPU, short) == ""


def test_a_trial_that_ran_out_of_memory_teaches_auto_more_than_the_estimate() -> None:
    assert "ran out of memory" in why_unload("auto", ON_GPU, replace(FITS, ran_out=True))
    assert why_unload("keep", ON_GPU, replace(FITS, ran_out=True)) == ""
    assert why_unload("auto", ON_CPU, replace(FITS, ran_out=True)) == ""


def test_a_model_that_is_no_process_of_ours_is_left_alone_and_nothing_is_estimated_for_it() -> None:
    told: list[events.Event] = []

    def estimate() -> Estimate:
        raise AssertionError("nobody needs it")

    for policy in ("offload", "auto"):
        elsewhere = Scripted()
        lending = Lending(
            policy, {"planner": elsewhere, "coder": elsewhere}, Clock(), told.append, threading.Event()
        )
        lending.make_room(estimate)
        lending.bring_back(elsewhere)
    assert told == []
