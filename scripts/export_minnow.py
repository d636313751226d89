#!/usr/bin/env python3
"""Export a checkpoint of `train_minnow.py` to GGUF and check it against PyTorch.

scripts/export_minnow.py CHECKPOINT_DIR models/minnow.gguf
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from minnow.export import export, verify
from minnow.network import Minnow, Shape
from minnow.samples import Sampler
from minnow.tokenizer import Pieces

TOLERANCE = 0.2  # nats; half precision, in the weights and in the cache


def main() -> int:
    """Export, compare, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path, help="folder with checkpoint.pt and pieces.json")
    parser.add_argument("output", type=Path)
    parser.add_argument("--version", default="1")
    options = parser.parse_args()
    pieces = Pieces.load(options.checkpoint / "pieces.json")
    state = torch.load(options.checkpoint / "checkpoint.pt", weights_only=True, map_location="cpu")
    model = Minnow(Shape(len(pieces)))
    model.load_state_dict(state["model"])
    export(model, pieces, options.output, options.version)
    sampler = Sampler(random.Random(99))
    dialogues = [(sample.shown, sample.answer) for sample in (sampler.draw() for _ in range(40))]
    worst = verify(model, pieces, options.output, dialogues)
    size = options.output.stat().st_size / 1e6
    print(f"{options.output}: {size:.1f} MB, step {state['step']}")
    print(f"largest difference of log-probabilities in answers: {worst:.3f}")
    return 0 if worst < TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
