"""Trial workers for the loop: one process for all steps of an iteration, as starting one takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mlagent_tui.errors import Interrupted, TrialError
from mlagent_tui.sandbox import Policy
from mlagent_tui.training import TrialWorker, WorkerPool


class IterationPool(WorkerPool):
    """A pool that hands out the same worker until `renew`, or until that worker has ended.

    All code that one worker runs belongs to one network; the next iteration gets a process of its own. Used
    by one step at a time.
    """

    def __init__(
        self, root: Path, *, sandbox: Policy, data_dir: Path | None, memory_limit_mb: int | None
    ) -> None:
        self._held = ExitStack()
        self._current: TrialWorker | None = None
        super().__init__(root, sandbox=sandbox, data_dir=data_dir, memory_limit_mb=memory_limit_mb)

    @contextmanager
    def worker(self) -> Iterator[TrialWorker]:
        """The iteration's worker, which the end of the block does not close."""
        if self._current is None:
            self._current = self._held.enter_context(super().worker())
        try:
            yield self._current
        except (TrialError, Interrupted):
            self.renew()
            raise

    def renew(self) -> None:
        """Throw the worker away; the next one is there already."""
        self._current = None
        self._held.close()
