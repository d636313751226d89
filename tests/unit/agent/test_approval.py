"""A question about a command is answered once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from mlagent_tui import events
from mlagent_tui.agent.approval import Approvals


def test_the_first_answer_counts_and_a_second_one_is_refused() -> None:
    asked = threading.Event()
    told: list[events.Event] = []

    def tell(event: events.Event) -> None:
        told.append(event)
        asked.set()

    approvals = Approvals(tell, threading.Event(), None)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(approvals.ask, "bash_run", "ls", "/p")
        assert asked.wait(60)
        (question,) = [event for event in told if isinstance(event, events.ApprovalAsked)]
        with approvals._changed:  # the asking thread cannot take the first answer yet
            assert approvals.answer(question.id, False)
            assert not approvals.answer(question.id, True)
        assert waiting.result(60) is False
    assert not approvals.answer(question.id, True)
