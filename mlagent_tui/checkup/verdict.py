"""What a check's numbers mean: which role the model suits, how long it takes, what to type.

The bundled model is right more often than what is asked for here (a test of the check holds it to that), so
that a model below it does worse.
"""

from __future__ import annotations

import shlex

from mlagent_tui.check_results import STEPS, Result, Role

PLANS_WANTED, CODE_WANTED = 0.75, 0.5
"""Shares of right answers, after repairs, from which a model suits a role. A misread goal spoils a run."""
EACH_WANTED = 0.5
"""And so many of each step of a planner."""
LONG = 300.0
"""Seconds for each network from which on the verdict speaks of it."""

BUNDLED = "bundled"


def conclude(found: Result) -> None:
    """Fill in what follows from the numbers of `found`."""
    found.planner_seconds = _seconds(found, "planner")
    found.coder_seconds = _seconds(found, "coder")
    found.at_least = any(count.late for count in found.steps.values())
    found.suits_planner = _suits_planner(found)
    found.suits_coder = _suits_coder(found)
    found.verdict = _sentence(found)
    found.command = _command(found)


def tally(found: Result, role: Role) -> str:
    """`11 of 13`: right after repairs, of what a role was asked. Explanations decide nothing."""
    counts = [found.count(step) for step in STEPS[role] if step != "explain"]
    return f"{sum(count.right for count in counts)} of {sum(count.asked for count in counts)}"


def _seconds(found: Result, role: Role) -> float:
    """Of the model for one network: each step as measured, with repairs. A goal is read only once."""
    counts = [found.count(step) for step in STEPS[role] if step != "goal"]
    return sum(count.seconds / count.asked for count in counts if count.asked)


def _suits_planner(found: Result) -> bool | None:
    counts = [found.count(step) for step in STEPS["planner"]]
    asked = [count for count in counts if count.asked]
    if any(count.right < EACH_WANTED * count.asked for count in asked):
        return False
    if len(asked) < len(counts):
        return None
    return sum(count.right for count in asked) >= PLANS_WANTED * sum(count.asked for count in asked)


def _suits_coder(found: Result) -> bool | None:
    code = found.count("code")
    return code.right >= CODE_WANTED * code.asked if code.asked else None


def _sentence(found: Result) -> str:
    plans, codes = tally(found, "planner"), tally(found, "coder")
    match found.suits_planner, found.suits_coder:
        case True, True:
            said = f"suits both roles: planning {plans} right, code {codes}."
        case True, False:
            said = f"can plan ({plans} right), cannot write code ({codes}): leave --coder to Minnow."
        case False, True:
            said = f"can write code ({codes} right), cannot plan ({plans}): leave --planner to Minnow."
        case False, False if found.spec == BUNDLED:
            said = f"suits neither role (planning {plans} right, code {codes}): use a larger model."
        case False, False:
            said = f"suits neither role (planning {plans} right, code {codes}): Minnow alone does better."
        case planner, coder:
            said = f"{_known(planner, 'plan', plans)}, {_known(coder, 'write code', codes)}."
    return f"{found.name} {said}{_slowness(found)}"


def _known(suits: bool | None, what: str, right: str) -> str:
    if suits is None:
        return f"not tried enough to tell whether it can {what} ({right} right)"
    return f"{'can' if suits else 'cannot'} {what} ({right} right)"


def _slowness(found: Result) -> str:
    each = found.planner_seconds + found.coder_seconds
    if each < LONG:
        return ""
    at_least = "at least" if found.at_least else "about"
    return f" It is slow here: {at_least} {each:,.0f} s of answers for each network."


def _command(found: Result) -> str:
    """What to type to use it for what it suits."""
    spec = shlex.quote(found.spec)
    match found.suits_planner, found.suits_coder:
        case _ if found.spec == BUNDLED:
            return "mlagent run GOAL"
        case True, True:
            return f"mlagent run GOAL --model {spec}"
        case True, _:
            return f"mlagent run GOAL --planner {spec} --coder {BUNDLED}"
        case _, True:
            return f"mlagent run GOAL --planner {BUNDLED} --coder {spec}"
        case _:
            return f"mlagent run GOAL --model {BUNDLED}"
