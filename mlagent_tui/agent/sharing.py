"""Memory that language models and trials share: when models give way to a trial, and that it is told.

A model that was unloaded is loaded again when it is next asked, not before. Models behind a URL take no
memory of ours and are left alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlagent_tui import events
from mlagent_tui.agent.clock import Clock
from mlagent_tui.agent.wrapped import Wrapped
from mlagent_tui.errors import Interrupted
from mlagent_tui.llm import (
    Answer,
    Held,
    LanguageModel,
    Message,
    OnProgress,
    OnText,
    Request,
    ServedModel,
    size,
)
from mlagent_tui.settings import Sharing


@dataclass(frozen=True)
class Estimate:
    """What a trial is expected to `need` on its device ("cuda", "mps", "cpu"), and what is `free` there.

    Both in bytes. `ran_out` says that the previous trial failed because memory ran out.
    """

    device: str
    need: int
    free: int
    ran_out: bool = False


def why_unload(policy: Sharing, held: Held, estimate: Estimate | None) -> str:
    """Why a model that holds so much memory gives way to a trial; empty when it stays.

    On a GPU with memory of its own, only what lies there is in a trial's way; on the CPU and on GPUs that
    share the machine's memory, all that lies in that.
    """
    if policy == "offload":
        return "sharing is set to offload"
    if policy == "keep" or estimate is None:
        return ""
    if not (held.gpu if estimate.device == "cuda" else held.host):
        return ""
    if estimate.ran_out:
        return "the trial before ran out of memory"
    if estimate.need > estimate.free:
        need, free = size(estimate.need), size(estimate.free)
        return f"the trial may need {need} on {estimate.device}, and {free} are free"
    return ""


@dataclass
class _Tenant:
    """One loaded model, with the roles that it plays."""

    model: ServedModel
    roles: list[events.Role]
    away: bool = False


class Lending:
    """The models of a run, and whether they are there. For use by one step at a time."""

    def __init__(
        self,
        policy: Sharing,
        models: dict[events.Role, LanguageModel],
        clock: Clock,
        tell: Callable[[events.Event], None],
        cancel: threading.Event,
    ) -> None:
        self._policy = policy
        self._clock, self._tell, self._cancel = clock, tell, cancel
        self._tenants: list[_Tenant] = []
        for role, model in models.items():
            self.admit(role, model)

    def admit(self, role: events.Role, model: LanguageModel) -> None:
        """One more loaded model, or a role that one plays besides."""
        same = self._tenant(model)
        if same and role not in same.roles:
            same.roles.append(role)
        elif not same and isinstance(model, ServedModel):
            self._tenants.append(_Tenant(model, [role]))

    def _tenant(self, model: LanguageModel) -> _Tenant | None:
        if not isinstance(model, ServedModel):
            return None
        return next((tenant for tenant in self._tenants if tenant.model.shares_with(model)), None)

    def make_room(self, estimate: Callable[[], Estimate | None]) -> None:
        """Unload what has to give way to a trial; `estimate` is asked only where it matters."""
        there = [tenant for tenant in self._tenants if not tenant.away]
        expected = estimate() if there and self._policy == "auto" else None
        for tenant in there:
            held = tenant.model.memory
            if reason := why_unload(self._policy, held, expected):
                tenant.model.unload()
                tenant.away = True
                megabytes = round((held.host + held.gpu) / 1e6, 1)
                self._tell(
                    events.ModelUnloaded(
                        model=tenant.model.name, roles=tenant.roles, memory_mb=megabytes, reason=reason
                    )
                )

    def bring_back(self, model: LanguageModel) -> None:
        """Load a model where it is away. Raises `ModelError`, and `Interrupted` on `cancel`."""
        tenant = self._tenant(model)
        if tenant is None or not tenant.away:
            return
        name, roles, began = tenant.model.name, tenant.roles, time.monotonic()
        self._tell(events.ModelLoading(model=name, roles=roles))
        with self._clock.spend("loading"):
            if not tenant.model.load(self._cancel):
                raise Interrupted(f"stopped while {name} was loaded")
        tenant.away = False
        seconds = round(time.monotonic() - began, 3)
        self._tell(events.ModelLoaded(model=name, roles=roles, seconds=seconds))


class Lent(Wrapped):
    """A language model which may be away: whoever asks it waits until it is back.

    `lent` is the model that may be away; `model` is what is asked, and may wrap it.
    """

    def __init__(self, model: LanguageModel, lent: LanguageModel, lending: Lending) -> None:
        super().__init__(model)
        self._lent = lent
        self._lending = lending

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        self._lending.bring_back(self._lent)
        return self._model.generate(request, on_text, cancel, on_progress)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        self._lending.bring_back(self._lent)
        return self._model.count_tokens(messages)
