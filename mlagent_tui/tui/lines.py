"""A run's facts as lines of text: its heading, its place in a list, its differences from another run."""

from __future__ import annotations

from textual.content import Content

from mlagent_tui.research import ranking, wording
from mlagent_tui.schemas import RegistryEntry
from mlagent_tui.tui import diff, words
from mlagent_tui.tui.fields import MUTED
from mlagent_tui.tui.opened import Opened
from mlagent_tui.tui.text import line, plain
from mlagent_tui.tui.transcript import Exchange


def absent(run: Opened, what: str) -> str:
    """Why there is nothing to show, in words."""
    why = f": {run.entry.reason}" if run.entry.reason else ""
    return f"This trial has no {what}{line(why)}"


def marked(entry: RegistryEntry) -> str:
    """What must be said beside the run's numbers: over the limit, time limit, diverged, failed."""
    status = "" if entry.status == "completed" else entry.status
    return ranking.mark(ranking.aim(entry.goal), entry) or status


def heading(run: Opened) -> Content:
    """The run in two lines: what was measured, and what was changed to get there and after it."""
    entry = run.entry
    facts = dict(run.facts())
    parts = [facts.get("accuracy", "no accuracy"), f"loss {facts.get('validation loss', '-')}"]
    parts += [
        f"{facts.get('parameters', '?')} parameters",
        facts.get("training time", ""),
        f"seed {entry.seed}",
    ]
    makers = wording.made_by(entry.planner, entry.coder)
    parts += [f"by {line(makers)}" if makers else "", marked(entry), *map(line, entry.unmet)]
    first = Content.assemble(
        (f" {line(entry.run_id)} ", "bold $text-primary"),
        (f"{line(entry.dataset)} · iteration {entry.iteration} · ", MUTED),
        (line(" · ".join(part for part in parts if part)), "bold"),
    )
    changes = "; ".join(entry.change) or "the first network"
    after = f" → {line(entry.decision)}" if entry.decision else ""
    second = Content.assemble((f" {line(changes)}", "$text-accent"), (after, MUTED))
    return Content("\n").join([first, second])


def run_words(entry: RegistryEntry, is_best: bool, wide: bool = False) -> Content:
    """The run in a list of runs."""
    accuracy = words.percent(entry.metrics_summary.get("accuracy")) or entry.status
    mark = ("★ ", "$text-warning") if is_best else ("  ", "")
    run = entry.run_id if wide else entry.run_id.removeprefix("qe_")
    parts: list[str | tuple[str, str]] = [mark, (f"{line(run)} ", MUTED), (f"{accuracy:>8}", "bold")]
    if (said := marked(entry)) and said != accuracy:
        parts.append((f" {said}", "$text-warning"))
    if wide:
        change = line("; ".join(entry.change))
        parts += [f"  {words.count(entry.parameters):>9} params", (f"  {change}", MUTED)]
    return Content.assemble(*parts)


def exchange_words(exchange: Exchange) -> Content:
    """A question to a model in a list of them."""
    facts = [
        f"{exchange.tokens:,} tokens" if exchange.tokens else "",
        words.duration(exchange.seconds or None),
    ]
    under = " · ".join(fact for fact in facts if fact)
    whose = f"{exchange.role} · {exchange.model}" if exchange.model else exchange.role
    mark = ("✗ ", "$text-error") if exchange.problems else ("  ", "")
    return Content.assemble(
        mark, (f"{line(exchange.task)} ", "bold"), (line(whose), MUTED), (f"\n  {under}", MUTED)
    )


def differences(before: Opened, after: Opened) -> Content:
    """What was measured, the configuration and the code: from one run to another."""
    rows = [Content.assemble(
        (f" {line(before.entry.run_id)}", "bold $text-error"), ("  →  ", MUTED),
        (line(after.entry.run_id), "bold $text-success"),
    ), Content("")]  # fmt: skip
    old, new = dict(before.facts()), dict(after.facts())
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name, "-"), new.get(name, "-")
        style = MUTED if was == now else "bold"
        rows.append(
            Content.assemble((f" {name:<20}", MUTED), f"{was:>18}", ("  →  ", MUTED), (f"{now:>18}", style))
        )
    for title, one, other in (
        ("Configuration", before.config_text, after.config_text), ("Code", before.code_text, after.code_text),
    ):  # fmt: skip
        compared, added, removed = diff.compare(one, other)
        counts = Content.assemble((f"+{added}", "$text-success"), " ", (f"−{removed}", "$text-error"))
        rows += [Content(""), Content.assemble((f" {title}  ", "bold $text-primary"), counts)]
        rows.append(compared if added or removed else plain("      no difference", MUTED))
    return Content("\n").join(rows)
