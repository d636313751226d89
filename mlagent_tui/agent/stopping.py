"""Numbers decide whether the search goes on. Which trial is better is `research.ranking`'s to say.

The planner's `Decision` is advice; `settle` turns it into what happens. Everything here is pure arithmetic on
values that were measured, with no effects and no language model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mlagent_tui.agent import assessment
from mlagent_tui.agent.context import Brief
from mlagent_tui.research import fit, ranking
from mlagent_tui.schemas import Decision, EvalResult, Goal, RegistryEntry, Verdict

_TITLES: dict[Verdict, str] = {"iterate": "Iterate", "goal_achieved": "Goal Achieved", "stop": "Stop"}


@dataclass(frozen=True)
class Settled:
    """What happens next. `overruled_because` is empty where the planner's advice was followed."""

    decision: Decision
    reason: str
    overruled_because: str = ""

    @property
    def text(self) -> str:
        """The registry's `decision`, such as `Iterate: add a convolution`."""
        return f"{_TITLES[self.decision.decision]}: {self.reason}"


@dataclass(frozen=True)
class Progress:
    """The best run so far, and how many iterations have passed since one improved beyond noise."""

    best: RegistryEntry | None
    stale: int


# --- the search so far ----------------------------------------------------------------------------------


def progress(goal: Goal, entries: Iterable[RegistryEntry]) -> Progress:
    """Walk the runs in order. Many small gains count once their sum is beyond noise."""
    reference: RegistryEntry | None = None
    stale = 0
    seen = []
    for entry in entries:
        seen.append(entry)
        if ranking.improves(goal, entry, reference):
            reference, stale = entry, 0
        else:
            stale += 1
    return Progress(ranking.best(goal, seen), stale)


# --- what happens next ----------------------------------------------------------------------------------


def settle(
    decision: Decision | None, brief: Brief, *, out_of_time: bool = False, result: EvalResult | None = None
) -> Settled:
    """Turn the planner's advice (None: it gave none) into what happens, from the numbers of the last run.

    The goal is achieved exactly when `ranking.achieved` says so. Otherwise the search stops at the iteration
    limit, at the end of the time budget and when patience is used up, and goes on in every other case.
    """
    decision, denied_words = _held_to_numbers(decision, brief, result)
    settled = _settled(decision, brief, out_of_time)
    because = "; ".join(part for part in (settled.overruled_because, denied_words) if part)
    return replace(settled, overruled_because=because)


def _held_to_numbers(
    advice: Decision | None, brief: Brief, result: EvalResult | None
) -> tuple[Decision | None, str]:
    """The advice without what the trial's numbers do not bear out, and what that was.

    A change whose only reason was such a claim is dropped, unless the user has asked for something.
    """
    if advice is None:
        return None, ""
    found, text = fit.fit(brief.goal, result), advice.assessment
    claims = fit.unfounded(found, text) if found else []
    others = [sentence for sentence in assessment.unfounded(brief, text) if sentence not in claims]
    if not claims and not others:
        return advice, ""
    changes = list(advice.changes)
    if fit.claims_overfitting(claims) and not brief.steering:
        changes = [change for change in changes if not change.startswith(fit.REGULARISING)]
        changes = changes or _instead(brief) or list(advice.changes)
    text = assessment.without(text, others, _measured(brief)) if others else text
    text = (fit.corrected(found, text) if found and claims else text)[:600]
    said = " ".join([*claims, *others])
    return (
        advice.model_copy(update={"assessment": text, "changes": changes}),
        f'the numbers do not support "{said}"',
    )


def _measured(brief: Brief) -> str:
    """The last trial's metric in a sentence, in place of one that is not borne out."""
    goal, entry = brief.goal, brief.history[-1].entry
    reached = ranking.measured(goal, entry)
    if reached is None:
        return f"The trial gave no result: {entry.status}."
    met = "meets" if ranking.holds(reached, goal.comparison, goal.threshold or 0) else "misses"
    return f"{goal.metric} {reached:.4f} {met} the goal."


def _instead(brief: Brief) -> list[str]:
    """More training or a larger network, where a change against overfitting has no reason."""
    last = brief.last_eval_config
    tried = {change for attempt in brief.history for change in attempt.entry.change}
    wanted = [f"train {2 * last.epochs} epochs"] if last and not brief.goal.max_seconds else []
    entry, limit = brief.history[-1].entry, brief.goal.max_parameters
    if limit is None or 4 * (entry.parameters or limit) <= limit:
        wanted.append("double the channels")
    return [change for change in wanted if change not in tried][:1]


def _settled(decision: Decision | None, brief: Brief, out_of_time: bool) -> Settled:
    goal, entry = brief.goal, brief.history[-1].entry
    unmet = ranking.unmet(goal, entry)
    if not unmet:
        reached = achievement(goal, entry)
        return _decide("goal_achieved", reached, decision, reached)
    end = must_stop(brief, out_of_time)
    if end:
        denied = unmet if decision and decision.decision == "goal_achieved" else []
        return _decide("stop", end, decision, "; ".join([*denied, end]))
    changes = list(decision.changes) if decision and decision.changes else [fallback_change(brief)]
    return _decide("iterate", "; ".join(changes), decision, _why_not_over(decision, unmet, brief), changes)


def exhausted(reason: str) -> Settled:
    """The search stops because nothing is left to try."""
    return Settled(Decision(decision="stop", assessment=""), reason, reason)


def must_stop(brief: Brief, out_of_time: bool = False) -> str:
    """Why the search cannot go on after this iteration; empty when it can."""
    if brief.iteration >= brief.iterations:
        return f"iteration limit of {brief.iterations} reached"
    if out_of_time:
        return "time budget used up"
    if brief.stale >= brief.patience:
        return f"no improvement beyond noise for {brief.stale} iterations"
    return ""


def achievement(goal: Goal, entry: RegistryEntry) -> str:
    """What was achieved: `accuracy 0.9610 >= 0.95, parameters 4810 within 20000`, and the wishes not met."""
    value = ranking.measured(goal, entry)
    facts = [
        f"{goal.metric} {ranking.exact(value or 0)} {goal.comparison} {ranking.number(goal.threshold or 0)}"
    ]
    facts += [
        f"{name} {ranking.number(spent or 0)} within {ranking.number(limit)}"
        for name, spent, limit in ranking.limits(goal, entry)
    ]
    return "; ".join([", ".join(facts), *(f"asked for {wish}" for wish in entry.unmet)])


def fallback_change(brief: Brief) -> str:
    """What to try when nobody said: smaller after a failure or over a limit, else larger."""
    entry = brief.history[-1].entry
    if brief.last_config is None and ranking.measured(brief.goal, entry) is None:
        return "start smaller"
    if ranking.measured(brief.goal, entry) is None or ranking.excess(brief.goal, entry) > 0:
        return "halve the channels"
    return "double the channels"


def _decide(
    verdict: Verdict, reason: str, advice: Decision | None, because: str, changes: list[str] | None = None
) -> Settled:
    assessment = advice.assessment if advice else ""
    followed = advice is not None and advice.decision == verdict
    decision = Decision(decision=verdict, assessment=assessment, changes=changes or [])
    return Settled(decision, reason, "" if followed else because)


def _why_not_over(advice: Decision | None, unmet: list[str], brief: Brief) -> str:
    if advice is None:
        return "the planner gave no decision"
    if advice.decision == "goal_achieved":
        return "; ".join(unmet)
    return f"{brief.stale} of {brief.patience} iterations without improvement, more may be tried"
