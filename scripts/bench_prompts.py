#!/usr/bin/env python3
"""Measure how models do with each way of asking them, on goals and networks that no prompt has as an example.

    scripts/bench_prompts.py [--model FILE]... [--only goals|configs|decisions|codes] [--prompts PROFILE]...
        [--count N] [--misses N]

Everything is asked through the product's own planner and coder. Prints one table: right at the first answer,
after repairs, not at all; tokens and seconds for one case. The prompts that the product would choose are
marked *.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from mlagent_tui import prompts
from mlagent_tui.llm import LanguageModel, open_model
from prompt_study.codes import codes
from prompt_study.configs import configs
from prompt_study.decisions import decisions
from prompt_study.goals import goals
from prompt_study.rows import HEAD, Row

Study = Callable[[LanguageModel, str, int, int], list[Row]]
STUDIES: dict[str, Study] = {"goals": goals, "configs": configs, "decisions": decisions, "codes": codes}


def main() -> int:
    """Ask every question in every way and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", action="append", default=[], help="a .gguf file; may be repeated")
    parser.add_argument("--only", choices=(*STUDIES,))
    parser.add_argument("--prompts", action="append", choices=prompts.PROFILES, default=[])
    parser.add_argument("--count", type=int, default=40, help="cases of each kind")
    parser.add_argument("--misses", type=int, default=0, help="number of misses to print of each kind")
    options = parser.parse_args()
    rows: list[Row] = []
    for spec in options.model or ["bundled"]:
        for name, study in STUDIES.items():
            if options.only in (None, name):
                for profile in options.prompts or prompts.PROFILES:
                    made = _asked(study, spec, profile, options.count, options.misses)
                    print(*(row.text() for row in made), sep="\n", file=sys.stderr, flush=True)
                    rows += made
    print(HEAD, *(row.text() for row in rows), sep="\n")
    return 0


def _asked(study: Study, spec: str, profile: str, count: int, misses: int) -> list[Row]:
    model = open_model(spec, prompts=profile, threads=1)
    try:
        own = open_model(spec, threads=1)
        mark = "*" if own.profile == profile else ""
        own.close()
        return study(model, f"{Path(spec).stem[:14]}, {profile}{mark}", count, misses)
    finally:
        model.close()


if __name__ == "__main__":
    sys.exit(main())
