"""Training texts, drawn once for all tests of this folder."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from minnow.samples import Sample, Sampler


@pytest.fixture(scope="session")
def drawn() -> dict[str, list[Sample]]:
    """What training sees, by task."""
    sampler = Sampler(random.Random(11))
    samples: dict[str, list[Sample]] = defaultdict(list)
    for _ in range(700):
        sample = sampler.draw()
        samples[sample.task].append(sample)
    return samples
