"""Every action of the interface in one table: its key, its name in the footer, what it does.

Bindings, the command palette and the settings file's `keys` are all made from this table. The settings file
remaps an action by its id. The screen with a method `action_<name>` carries it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding

Scope = Literal[
    "app", "start", "recent", "run", "replay", "evaluation", "chart", "runs", "log", "browser", "models",
    "pick", "sentence", "edit", "approve", "text", "list",
]  # fmt: skip
"""The screen, panel or dialog that has the action."""


@dataclass(frozen=True)
class Key:
    """An action: `keys` is a comma-separated list, `footer` is empty for what the footer does not show.

    An action of the screen may belong to panels of it: the footer shows it while one of those has the focus.
    """

    scope: Scope
    action: str
    keys: str
    footer: str
    help: str
    priority: bool = False
    panel: str = ""

    @property
    def id(self) -> str:
        """Its name in the settings file: `run.pause`."""
        name = self.action.partition("(")[0].removeprefix("app.")
        argument = self.action.partition("(")[2].strip(")'\"")
        return ".".join(part for part in (self.scope, name, argument) if part)


TABLE: tuple[Key, ...] = (
    Key("app", "app.help", "question_mark,f1", "Help", "Show or hide the help of the focused panel"),
    Key("app", "app.command_palette", "ctrl+p", "Palette", "Search every action by its name", True),
    Key("app", "app.next_theme", "ctrl+t", "", "Change to the next theme"),
    Key("app", "app.suspend_process", "ctrl+z", "", "Suspend the interface; fg in the shell brings it back"),
    Key("app", "app.quit", "ctrl+q", "Quit", "Close the interface; a run in progress continues", True),
    # --- every list, table and text, in dialogs too
    Key("list", "app.move('down')", "j", "", "Down, in lists, tables and texts"),
    Key("list", "app.move('up')", "k", "", "Up, in lists, tables and texts"),
    # --- start
    Key("start", "start", "ctrl+r,f5", "Start", "Start the run"),
    Key("start", "pick_model('planner')", "f2", "Planner", "Pick the planner's model"),
    Key("start", "pick_model('coder')", "f3", "Coder", "Pick the coder's model"),
    Key("start", "examples", "f4,ctrl+g", "Examples", "Pick an example goal"),
    Key("start", "recent", "ctrl+o", "Recent", "Go to the recent projects, or back to the form"),
    Key("start", "open_folder", "f8", "", "Open a project folder"),
    Key("start", "filter", "slash", "", "Filter the recent projects"),
    Key("start", "leave", "escape", "", "Leave the field, close the help, or show the whole list again"),
    # --- the list of recent projects
    Key("recent", "select", "enter", "Open", "Open the highlighted project"),
    Key("recent", "resume", "r", "Resume", "Resume the last run of the highlighted project"),
    Key("recent", "again", "c", "Copy goal", "Use the highlighted project's goal for a new run"),
    Key(
        "recent",
        "forget",
        "delete,backspace",
        "Forget",
        "Remove the highlighted project from the list; asks first",
    ),
    # --- run: what changes its course
    Key("run", "pause", "p", "Pause", "Pause after this step, take that back, or continue"),
    Key("run", "steer", "s", "Steer", "Steer: add a sentence to the next prompts of the planner"),
    Key("run", "stop", "x", "Stop", "Stop after this step or at once, or take a stop back"),
    Key("run", "stop_now", "X", "", "Stop at once; asks first"),
    Key(
        "run", "edit", "e", "Edit", "Edit the network, the training settings or the code before they are used"
    ),
    Key("run", "holds", "h", "Holds", "Choose the steps before which the run always pauses"),
    Key("run", "approve", "a", "Answer", "Approve or refuse the command that waits for an answer"),
    Key(
        "run",
        "branch",
        "b",
        "Branch",
        "Branch: start the next iteration from the highlighted trial",
        panel="runs",
    ),
    Key(
        "run",
        "rerun",
        "n",
        "Rerun",
        "Rerun: train the highlighted trial again with another seed",
        panel="runs",
    ),
    Key("run", "take_up", "r", "Resume", "Resume a run that has stopped"),
    # --- run: what is shown
    Key("run", "jump('plan')", "1", "", "Go to the plan"),
    Key("run", "jump('code')", "2", "", "Go to the code"),
    Key("run", "jump('summary')", "3", "", "Go to the summary"),
    Key("run", "jump('evaluation')", "4", "", "Go to the quick evaluation"),
    Key("run", "jump('runs')", "5", "", "Go to the trials"),
    Key("run", "jump('log')", "6", "", "Go to the log"),
    Key("run", "maximise", "m", "Max", "Maximise the focused panel, or show all panels again"),
    Key("run", "copy_panel", "y", "Copy", "Copy all text of the focused panel"),
    Key(
        "run",
        "filter",
        "slash",
        "Filter",
        "Filter the trials or the log, whichever has the focus",
        panel="runs,log",
    ),
    Key("run", "fold_thinking", "t", "Thinking", "Hide or show the thinking of the models", panel="plan"),
    Key("run", "open_editor", "o", "Editor", "Open a copy of the code in $EDITOR", panel="code"),
    Key("run", "export", "w", "", "Export: copy the report, code and curves of the best trial to a folder"),
    Key("run", "leave", "escape", "Leave", "Return to the start screen; the run continues"),
    # --- replay
    Key("replay", "replay_pause", "space", "Pause", "Pause the replay, or continue"),
    Key("replay", "replay_faster", "plus,equals_sign", "Faster", "Play twice as fast"),
    Key("replay", "replay_slower", "minus", "Slower", "Play half as fast"),
    Key("replay", "replay_end", "end", "", "Go to the end of the recording"),
    # --- panels of the run screen
    Key("runs", "select_cursor", "enter", "Open", "Open the highlighted trial"),
    Key("runs", "sort_by(-1)", "less_than_sign", "", "Sort by the previous column"),
    Key("runs", "sort_by(1)", "greater_than_sign", "Sort", "Sort by the next column"),
    Key("runs", "scroll_top", "home", "", "Go to the first row"),
    Key("runs", "scroll_bottom", "end", "", "Go to the last row"),
    Key(
        "evaluation", "other_chart", "v", "Other chart", "Show the other chart, if there is room for one only"
    ),
    Key("chart", "zoom_in", "plus", "Zoom", "Zoom in"),
    Key("chart", "zoom_out", "minus", "", "Zoom out"),
    Key("chart", "zoom_x_in", "ctrl+right", "", "Zoom in on the epochs only"),
    Key("chart", "zoom_x_out", "ctrl+left", "", "Zoom out of the epochs only"),
    Key("chart", "zoom_y_in", "ctrl+up", "", "Zoom in on the values only"),
    Key("chart", "zoom_y_out", "ctrl+down", "", "Zoom out of the values only"),
    Key("chart", "pan_left", "left", "", "Move to the left"),
    Key("chart", "pan_right", "right", "", "Move to the right"),
    Key("chart", "pan_up", "up", "", "Move up"),
    Key("chart", "pan_down", "down", "", "Move down"),
    Key("chart", "reset_scales", "0", "Whole", "Show all of the curves again"),
    Key("log", "group", "f", "Kind", "Show the next kind of entries only"),
    Key("log", "open", "enter", "Open", "Open the chosen entry"),
    Key("log", "move(-1)", "up", "", "Choose the previous entry"),
    Key("log", "move(1)", "down", "", "Choose the next entry"),
    Key("log", "move_page(-1)", "pageup", "", "Go one page up"),
    Key("log", "move_page(1)", "pagedown", "", "Go one page down"),
    Key("log", "move_to('first')", "home", "", "Go to the first entry"),
    Key("log", "move_to('last')", "end", "", "Go to the last entry, and follow new ones"),
    # --- a run opened
    Key("browser", "jump('config')", "1", "", "Go to the configuration"),
    Key("browser", "jump('code')", "2", "", "Go to the code"),
    Key("browser", "jump('summary')", "3", "", "Go to the summary"),
    Key("browser", "jump('curves')", "4", "", "Go to the curves"),
    Key("browser", "jump('words')", "5", "", "Go to the prompts and answers"),
    Key("browser", "jump('diff')", "6", "", "Go to the differences"),
    Key("browser", "diff_with", "d", "Diff", "Diff: compare with another trial"),
    Key("browser", "neighbour(-1)", "left_square_bracket", "Earlier", "Open the previous trial"),
    Key("browser", "neighbour(1)", "right_square_bracket", "Later", "Open the next trial"),
    Key("browser", "copy_panel", "y", "Copy", "Copy all text of this tab"),
    Key("browser", "maximise", "m", "", "Maximise the focused part, or show all parts again"),
    Key("browser", "open_editor", "o", "Editor", "Open a copy of the file in $EDITOR"),
    Key("browser", "branch", "b", "", "Branch: start the next iteration from this trial"),
    Key("browser", "rerun", "n", "", "Rerun: train this trial again with another seed"),
    Key("browser", "filter", "slash", "Filter", "Filter the list of trials, or the prompts and answers"),
    Key("browser", "leave", "escape,q", "Back", "Return to the previous screen"),
    # --- the model picker
    Key("models", "bundled", "ctrl+b", "Bundled", "Choose the bundled model"),
    Key("models", "filter", "slash", "Filter", "Filter the models or the files"),
    Key("models", "leave", "escape", "Cancel", "Close without a choice"),
    # --- dialogs
    Key("pick", "filter", "slash", "Filter", "Filter the list"),
    Key("pick", "leave", "escape", "Cancel", "Close without a choice"),
    Key("sentence", "leave", "escape", "Cancel", "Close without sending"),
    Key("edit", "submit", "ctrl+s", "Confirm", "Check the text and use it", True),
    Key("edit", "leave", "escape", "Cancel", "Close without changes", True),
    Key("approve", "answer(True)", "y", "Allow", "Allow the command once"),
    Key("approve", "answer(False)", "n", "Refuse", "Refuse the command"),
    Key("approve", "leave", "escape", "Later", "Decide later; the run waits for an answer"),
    Key("text", "copy_text", "y", "Copy", "Copy the whole text"),
    Key("text", "leave", "escape,q,enter", "Close", "Return to the previous screen"),
)

BY_ID = {key.id: key for key in TABLE}

_SHOWN = {
    "question_mark": "?",
    "slash": "/",
    "escape": "esc",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
}


def bindings(*scopes: Scope) -> list[Binding]:
    """The bindings of a screen, in the order of the table."""
    return [_binding(key) for key in TABLE if key.scope in scopes]


def help_text(*scopes: Scope) -> str:
    """The actions of `scopes` as Markdown rows, for the help of a screen."""
    rows = [f"| {shown(key.keys)} | {key.help} |" for key in TABLE if key.scope in scopes]
    return "\n".join(["| key | action |", "|---|---|", *rows])


def problems(remapped: Mapping[str, str]) -> list[str]:
    """What is wrong with the `keys` of a settings file, in words."""
    found = [f"keys: there is no action {name}" for name in remapped if name not in BY_ID]
    taken: dict[tuple[str, str], str] = {}
    for key in TABLE:
        for stroke in remapped.get(key.id, key.keys).split(","):
            place = (key.scope, stroke.strip())
            if place in taken and (key.id in remapped or taken[place] in remapped):
                found.append(f"keys: {key.id} and {taken[place]} both use {stroke.strip()}")
            taken.setdefault(place, key.id)
    return found


def usable(remapped: Mapping[str, str]) -> dict[str, str]:
    """The part of a settings file's `keys` that names actions there are."""
    return {name: keys for name, keys in remapped.items() if name in BY_ID and keys.strip()}


def _binding(key: Key) -> Binding:
    return Binding(
        key.keys,
        key.action,
        key.footer or key.help,
        show=bool(key.footer),
        priority=key.priority,
        tooltip=key.help if key.footer else "",  # else the help panel would say it twice
        id=key.id,
    )


def shown(keys: str) -> str:
    """A list of keys as Markdown, by the names that are on them."""
    return " ".join(f"`{_SHOWN.get(key, key)}`" for key in keys.split(","))
