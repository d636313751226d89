"""The actions of the run screen that change a run: each sends a command to the engine and shows the reply.

The engine carries the command out; the journal says when that is done.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual import work
from textual.content import Content

from mlagent_tui import paths, temporary
from mlagent_tui.errors import MlagentError
from mlagent_tui.tui.export import export
from mlagent_tui.tui.panels import CodePanel, RunsPanel
from mlagent_tui.tui.screens.dialogs import ApproveDialog, EditDialog, SentenceDialog
from mlagent_tui.tui.screens.leaving import Leaving
from mlagent_tui.tui.screens.pick import Pick
from mlagent_tui.tui.state import RunState
from mlagent_tui.tui.text import visible

if TYPE_CHECKING:
    from mlagent_tui.commands import Command, Reply
    from mlagent_tui.tui.app import MlagentApp

STOPS = (
    ("step", Content("Stop after this step; the run can be resumed later")),
    ("now", Content("Stop now; the current step is lost")),
    ("leave", Content("Leave it running in the background")),
)
NEED_AN_ENGINE = {"pause", "steer", "stop", "stop_now", "edit", "approve", "branch", "rerun"}
NOT_IN_A_REPLAY = NEED_AN_ENGINE | {"take_up"}


class RunActions(Leaving[None]):
    """The actions of a run screen that reach the engine."""

    root: Path
    state: RunState
    live: bool
    gone: bool
    """Whether no engine is at work on the project."""

    _edit_when_held = False
    _held_to_edit = False
    _objected_to = ""
    """The configuration that the engine takes only when it is sent once more."""

    @property
    def host(self) -> MlagentApp:
        """The application, as what it is."""
        return cast("MlagentApp", self.app)

    async def tell(self, command: Command) -> Reply:
        """Send a command and say what came of it."""
        reply = await self.host.engine.send(command)
        words = visible(" ".join(part for part in (reply.message, reply.remedy) if part))
        if words:
            self.notify(words, severity="information" if reply.ok else "error", timeout=6, markup=False)
        return reply

    def can_reach(self) -> bool:
        """Whether an engine is there to be told something; says so when there is none."""
        if self.gone:
            self.notify("The run is not active. Resume it first.", severity="warning", markup=False)
        return not self.gone

    # --- going on and standing still ---

    @work
    async def action_pause(self) -> None:
        """Pause before the next step, or go on."""
        from mlagent_tui import commands

        if self.can_reach():
            await self.tell(commands.Resume() if self.state.paused else commands.Pause())

    @work
    async def action_stop(self) -> None:
        """Ask how to stop."""
        from mlagent_tui import commands

        if not self.can_reach():
            return
        chosen = await self.app.push_screen_wait(Pick("Stop the run", STOPS))
        if chosen in ("step", "now"):
            await self.tell(commands.Stop(when="now" if chosen == "now" else "step"))
        elif chosen == "leave":
            self.leave()

    @work
    async def action_stop_now(self) -> None:
        """Stop as Ctrl-C would."""
        from mlagent_tui import commands

        if self.can_reach():
            await self.tell(commands.Stop(when="now"))

    def leave(self) -> None:
        """Back to where the user came from; the run goes on."""
        self.host.leave_project()

    @work
    async def action_take_up(self) -> None:
        """Go on with a run that has ended, or whose engine has died."""
        if not self.gone:
            self.notify("The run is already active.", markup=False)
            return
        finished = self.state.finished
        iterations = None
        if finished is not None and finished.outcome == "achieved":
            self.notify("The goal has been achieved. Start a new run from the start screen.", markup=False)
            return
        if finished is not None and finished.outcome == "stopped":
            iterations = await self._ask_iterations(finished.reason)
            if iterations is None:
                return
        try:
            self.host.engine.resume(iterations=iterations)
        except MlagentError as error:
            self.notify(visible(f"{error.what} {error.remedy}"), severity="error", markup=False)
            return
        self.gone = False
        self.refresh_bindings()
        self.notify("The run is being resumed.", markup=False)

    async def _ask_iterations(self, reason: str) -> int | None:
        asked = f"The run stopped: {reason}. How many trials may it run in total?"
        suggestion = str(max(self.state.iteration, int(self.state.options.get("iterations") or 0)) + 4)
        answer = await self.app.push_screen_wait(SentenceDialog("Resume", asked, suggestion))
        if answer is None:
            return None
        if not answer.isdecimal() or not 1 <= int(answer) <= 1000:
            self.notify("Enter a number of trials from 1 to 1000.", severity="error", markup=False)
            return None
        return int(answer)

    # --- saying and changing ---

    @work
    async def action_steer(self) -> None:
        """A sentence for the planner."""
        from mlagent_tui import commands

        if not self.can_reach():
            return
        explanation = "Added to the prompts of the planner in this iteration and the next."
        asked = SentenceDialog("Steer", explanation, placeholder="try a wider first layer")
        text = await self.app.push_screen_wait(asked)
        if text:
            await self.tell(commands.Steer(text=text))

    @work
    async def action_edit(self) -> None:
        """Edit what is waiting to be used; a run under way is first asked to stand still."""
        from mlagent_tui import commands

        if not self.can_reach():
            return
        if self.state.paused and self.state.editable:
            await self._edit()
        elif self.state.paused:
            self.notify("Nothing can be edited at this step. Continue to the next step first.", markup=False)
        else:
            self._edit_when_held = self._held_to_edit = True
            reply = await self.tell(commands.Pause())
            self._edit_when_held = reply.ok

    def held(self) -> None:
        """The run has come to stand still: open the editor if that is what it was asked for."""
        if not self._edit_when_held:
            return
        if self.state.editable:
            self._edit_when_held = False
            self._edit_now()
        else:  # not at a point where something waits to be used: one step further
            self.run_worker(self._one_step())

    async def _one_step(self) -> None:
        from mlagent_tui import commands

        await self.host.engine.send(commands.Resume())
        await self.host.engine.send(commands.Pause())

    @work
    async def _edit_now(self) -> None:
        await self._edit()

    async def _edit(self) -> None:
        from mlagent_tui import commands, yaml_text

        what = self.state.editable
        if what == "config":
            text = yaml_text.dump(without_defaults(self.state.config))
            dialog = EditDialog("Edit the configuration", text, None, self._hand_in_config)
        else:
            dialog = EditDialog("Edit the code", self.state.code, "python", self._hand_in_code)
        await self.app.push_screen_wait(dialog)
        if self._held_to_edit:
            self._held_to_edit = False
            await self.tell(commands.Resume())

    async def _hand_in_config(self, text: str) -> Reply:
        from mlagent_tui import commands, yaml_text

        try:
            config = yaml_text.load(text)
        except yaml_text.YamlError as error:
            return commands.Reply(ok=False, message=f"The configuration is not valid YAML: {error}.")
        if not isinstance(config, dict):
            return commands.Reply(ok=False, message="The configuration must be a list of names and values.")
        command = commands.EditConfig(config=config, confirmed=text == self._objected_to)
        reply = await self.host.engine.send(command, command.patience)
        self._objected_to = text if reply.confirm else ""
        return reply

    async def _hand_in_code(self, text: str) -> Reply:
        from mlagent_tui import commands

        if not text.strip():
            return commands.Reply(ok=False, message="The code is empty.")
        return await self.host.engine.send(commands.EditCode(code=text), commands.EditCode.patience)

    @work
    async def action_approve(self) -> None:
        """Look at the command that waits, and answer."""
        from mlagent_tui import commands

        approval = self.state.approval
        if approval is None:
            self.notify("No command waits for approval.", markup=False)
            return
        allowed = await self.app.push_screen_wait(ApproveDialog(approval, self.state.sandbox))
        if allowed is not None:
            await self.tell(commands.Approve(id=approval.id, allowed=allowed))

    @work
    async def action_branch(self) -> None:
        """The next iteration starts from the highlighted run."""
        from mlagent_tui import commands

        run_id = self.query_one(RunsPanel).highlighted
        if run_id and self.can_reach():
            await self.tell(commands.Branch(run_id=run_id))

    @work
    async def action_rerun(self) -> None:
        """The highlighted run again, with another seed."""
        from mlagent_tui import commands

        run_id = self.query_one(RunsPanel).highlighted
        if run_id and self.can_reach():
            await self.tell(commands.Rerun(run_id=run_id))

    # --- taking away ---

    def action_open_editor(self) -> None:
        """A copy of the code in $EDITOR."""
        code = self.query_one(CodePanel).copy_text()
        if not code:
            self.notify("There is no code yet.", severity="warning", markup=False)
            return
        with temporary.folder("edit") as folder:
            path = folder / "model_code.py"
            path.write_text(code, encoding="utf-8")
            self.host.edit_file(path)

    @work
    async def action_export(self) -> None:
        """Copy the report and the best run's files to a folder."""
        run_id = self.query_one(RunsPanel).highlighted or self.state.best_id
        if self.state.best_id:
            run_id = self.state.best_id
        if not run_id:
            self.notify("There is no trial to copy yet.", severity="warning", markup=False)
            return
        suggestion = str(Path.cwd() / f"{self.root.name}-{run_id}")
        asked = SentenceDialog(
            "Export", f"Copies the report and the files of {run_id} to this folder.", suggestion
        )
        folder = await self.app.push_screen_wait(asked)
        if not folder:
            return
        try:
            names = await asyncio.to_thread(export, self.root, run_id, paths.user_path(folder))
        except MlagentError as error:
            self.notify(visible(f"{error.what} {error.remedy}"), severity="error", markup=False)
        else:
            self.notify(visible(f"{len(names)} files copied to {folder}"), title="Exported", markup=False)


def without_defaults(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration as a person writes it: what the schema adds by itself is left out."""
    from mlagent_tui import yaml_text
    from mlagent_tui.schemas import ModelConfig

    try:
        told: dict[str, Any] = yaml_text.load(ModelConfig.model_validate(config).to_yaml())
    except ValueError:
        return config
    return told
