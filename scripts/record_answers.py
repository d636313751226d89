#!/usr/bin/env python3
"""Record what real models answer to the product's own prompts, as fixtures for tests.

    scripts/record_answers.py FOLDER [--model NAME] [--task TASK] [--seconds 240]
    scripts/record_answers.py --check

FOLDER has the models that `python -m tests.real_models FOLDER` fetches. The prompts are those of planner and
coder; an answer is stored as it came, with the digest of its prompt, in `tests/answers`. A question is left
out, which is said, when it takes longer than `--seconds` or its answers have more characters than `--most`.
`--check` asks no model: it prints how many answers were given to prompts that have changed since.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from mlagent_tui.errors import Interrupted
from mlagent_tui.llm import (
    Answer,
    LanguageModel,
    Message,
    OnProgress,
    OnText,
    Request,
    code_forms,
    open_model,
)
from mlagent_tui.prompts import CodeForm
from tests import real_models, recorded


class Recorder:
    """A language model whose answers are kept. For the task `free` it is not held to a grammar."""

    def __init__(self, model: LanguageModel, task: str) -> None:
        self._model = model
        self._free = task == "free"
        self.name = model.name
        self.context_length = model.context_length
        self.profile = model.profile
        self.code_forms: tuple[CodeForm, ...] = ("whole",) if task == "file" else code_forms(model)
        self.said: list[recorded.Said] = []

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        asked = dataclasses.replace(request, schema=None) if self._free else request
        answer = self._model.generate(asked, on_text, cancel, on_progress)
        self.said.append(
            recorded.Said(
                recorded.digest(request),
                answer.text,
                answer.finish,
                answer.thinking,
                answer.prompt_tokens,
                answer.tokens,
            )
        )
        return answer

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return self._model.count_tokens(messages)

    def close(self) -> None:
        self._model.close()


def main() -> int:
    """Record, or check what is recorded."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", help="the folder with the models")
    parser.add_argument("--model", choices=sorted(NAMES), action="append", help="only this one")
    parser.add_argument("--task", choices=sorted(recorded.QUESTIONS), action="append", help="only this one")
    parser.add_argument("--seconds", type=float, default=240, help="for one question")
    parser.add_argument("--most", type=int, default=9000, help="characters of all answers to one question")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="ask nothing, compare prompts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, recorded.place(Path(temporary)) as place:
        if options.check:
            return check(place)
        if not options.folder:
            parser.error("name the folder with the models")
        for name in options.model or sorted(NAMES):
            path = NAMES[name].path(options.folder)
            if path is None:
                parser.error(f"there is no {NAMES[name].file} in {options.folder}")
            model = open_model(str(path), threads=options.threads)
            try:
                for task in options.task or recorded.QUESTIONS:
                    found = list(record(model, task, place, options))
                    recorded.store(recorded.FOLDER / f"{name}-{task}.json", found)
            finally:
                model.close()
    size = sum(file.stat().st_size for file in recorded.FOLDER.glob("*.json"))
    print(f"{sum(len(one.answers) for one in recorded.load())} answers, {size / 1000:.0f} kB")
    return 0


NAMES = {"smollm2": real_models.SMOLLM2, "gemma3": real_models.GEMMA3}


def record(
    model: LanguageModel, task: str, place: recorded.Place, options: argparse.Namespace
) -> Iterator[recorded.Recording]:
    """The recordings of one task, each said when it is done."""
    for question in recorded.QUESTIONS[task]:
        recorder, cancel = Recorder(model, task), threading.Event()
        clock = threading.Timer(options.seconds, cancel.set)
        began = time.monotonic()
        clock.start()
        try:
            outcome = recorded.ask(task, question, recorder, place, cancel)
        except Interrupted:
            outcome = {}
        clock.cancel()
        length = sum(len(said.text) + len(said.thinking) for said in recorder.said)
        kept = bool(outcome and recorder.said) and length <= options.most
        verdict = outcome.get("error") or ("understood" if outcome else f"took over {options.seconds:.0f} s")
        print(
            f"{'' if kept else 'LEFT OUT '}{model.name}, {task}, {question[:40]}: "
            f"{len(recorder.said)} answers, {length} characters, {time.monotonic() - began:.0f} s: "
            f"{verdict[:160]}",
            flush=True,
        )
        if kept:
            yield recorded.Recording(
                model.name,
                model.profile,
                recorder.code_forms,
                model.context_length,
                task,
                question,
                tuple(recorder.said),
                outcome,
            )


def check(place: recorded.Place) -> int:
    """Replay everything; 1 when prompts have changed since."""
    others = answers = 0
    for one in recorded.load():
        replayed = recorded.Replayed(one)
        recorded.ask(one.task, one.question, replayed, place, threading.Event())
        others += replayed.others
        answers += replayed.given
    print(f"{others} of {answers} answers were given to a prompt that is another one today")
    return int(bool(others))


if __name__ == "__main__":
    sys.exit(main())
