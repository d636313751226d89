"""What each file of prompts is for, as the comment that a copy of it begins with."""

from __future__ import annotations

import re

from mlagent_tui.prompts import Prompt

TASKS = {
    "goal": "The planner reads the user's goal. Asked once, at the start of a run.",
    "plan": "The planner plans an iteration, and how its network is trained.",
    "config": "The planner designs the network of an iteration.",
    "decision": "The planner judges the last trial, and says what to change.",
    "code": "The coder writes the PyTorch module of a network.",
    "lines": "Worked lines, for code that is written line by line.",
    "explain": "The coder explains a network in a few sentences.",
}
"""By name. A file that is not here has the comment without this line."""

PROFILES = {
    "minnow": "Minnow was trained on exactly this text: with any other it is likely to fail.",
    "chat": "For models with a chat template.",
    "completion": "For models without a chat template, which continue a text.",
}
EXAMPLES = "Keep the lines `=== question` and `=== answer`: they separate the worked examples."
HEADINGS = "Keep every heading that begins with `## `: parts are found by it."


def comment(prompt: Prompt) -> str:
    """The comment for a copy of a shipped file; it ends with a line end, and is not told to a model."""
    placeholders = sorted(set(re.findall(r"\{[a-z_]+\}", prompt.text)))
    lines = [
        f"{prompt.profile}/{prompt.name}: a prompt of mlagent.",
        TASKS.get(prompt.name, ""),
        PROFILES[prompt.profile],
        "The question itself, such as the goal, the history or the layers, is added after this text.",
        f"mlagent replaces {', '.join(placeholders)}." if placeholders else "",
        EXAMPLES if re.search(r"^=== answer$", prompt.text, re.MULTILINE) else "",
        HEADINGS if re.search(r"^## ", prompt.text, re.MULTILINE) else "",
        "Comments like this one are not shown to the model. Each begins at the start of a line.",
        "A run uses the file as it is when the run starts. Delete it to use the shipped one again.",
    ]
    return "\n".join(["<!--", *filter(None, lines), "-->", ""])
