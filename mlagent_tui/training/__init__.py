"""Trials: checking, measuring and training generated networks in confined processes. No torch here."""

from mlagent_tui.training.catalog import DATASETS, data_card, preprocessing
from mlagent_tui.training.client import TrialWorker
from mlagent_tui.training.footprint import expected_memory
from mlagent_tui.training.pool import WorkerPool
from mlagent_tui.training.replies import ConfigFacts, Room, TestResult

__all__ = [
    "DATASETS",
    "ConfigFacts",
    "Room",
    "TestResult",
    "TrialWorker",
    "WorkerPool",
    "data_card",
    "expected_memory",
    "preprocessing",
]
