"""The code that Minnow is taught, before the judge that its own code will meet."""

from __future__ import annotations

import random
from pathlib import Path

from minnow import coder
from minnow.fancy import Fancy
from mlagent_tui.shapes import count_parameters, infer
from mlagent_tui.training import WorkerPool

COUNT = 5
LARGEST = 200_000  # parameters; a larger network proves nothing more


def test_the_teachers_code_passes_the_check(tmp_path: Path) -> None:
    fancy = Fancy(random.Random(12))
    script = tmp_path / "model.py"
    checked = 0
    pool = WorkerPool(tmp_path)
    try:
        while checked < COUNT:
            config = fancy.draw()
            if count_parameters(infer(config)) > LARGEST:
                continue
            script.write_text(coder.code(config) + "\n", encoding="utf-8")
            with pool.worker() as worker:
                worker.check_code(script, config.model_name, config, config.input_shape)
            checked += 1
    finally:
        pool.close()
