"""Measures a language model on the questions of a run: what it can do, how fast, and what to expect of it."""

from mlagent_tui.checkup.measuring import SECONDS, Progress, check
from mlagent_tui.checkup.questions import QUESTIONS, Question

__all__ = ["QUESTIONS", "SECONDS", "Progress", "Question", "check"]
