"""The actions of the run screen that change a run: each sends a command to the engine and shows the reply.

The engine carries the command out; the journal says when that is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from textual import work
from textual.content import Content

from mlagent_tui import paths, temporary
from mlagent_tui.errors import MlagentError
from mlagent_tui.tui.export import export
from mlagent_tui.tui.panels import CodePanel, RunsPanel
from mlagent_tui.tui.screens import onward
from mlagent_tui.tui.screens.dialogs import ApproveDialog, EditDialog, SentenceDialog
from mlagent_tui.tui.screens.leaving import Leaving
from mlagent_tui.tui.screens.pick import Pick
from mlagent_tui.tui.state import RunState
from mlagent_tui.tui.text import sentences, visible

if TYPE_CHECKING:
    from mlagent_tui.commands import Command, Reply
    from mlagent_tui.tui.app import MlagentApp

STOPS = (
    ("step", Content("Stop after this step; the run can be resumed later")),
    ("now", Content("Stop now; the current step is lost")),
    ("leave", Content("Leave it running in the background")),
)
NEED_AN_ENGINE = {"pause", "steer", "stop", "stop_now", "edit", "holds", "approve"}
NOT_IN_A_REPLAY = NEED_AN_ENGINE | {"take_up", "branch", "rerun"}
HOLDS = {"assemble": "the code is written", "evaluate": "the training"}
EDITS = {
    "config": "The network (model_config)",
    "settings": "The settings of the training",
    "code": "The code",
}


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
        words = visible(sentences(reply.message, reply.remedy))
        if words:
            self.notify(words, severity="information" if reply.ok else "error", timeout=6, markup=False)
        return reply

    def can_reach(self) -> bool:
        """Whether an engine is there to be told something; says so when there is none."""
        if self.gone:
            more = " Resume it first." if self.state.resumable else ""
            self.notify(f"The run is not active.{more}", severity="warning", markup=False)
        return not self.gone

    def footer_words(self) -> dict[str, str]:
        """What some keys do at this moment."""
        state = self.state
        pause = "Continue" if state.paused else "Don't pause" if state.requested == "pause" else "Pause"
        return {
            "pause": pause,
            "stop": "Don't stop" if state.requested == "stop" else "Stop",
            "edit": "Don't edit" if self._edit_when_held else "Edit",
            "take_up": "Go on" if state.finished is not None else "Resume",
        }

    # --- going on and standing still ---

    @work
    async def action_pause(self) -> None:
        """Pause before the next step, take that back, or go on."""
        if self.can_reach():
            await self._pause(not (self.state.paused or self.state.requested == "pause"))

    async def _pause(self, wanted: bool) -> bool:
        """Ask for a pause, or take it back; whether that was accepted. The journal says so a moment later."""
        from mlagent_tui import commands

        reply = await self.tell(commands.Pause() if wanted else commands.Resume())
        if reply.ok:
            self._edit_when_held = self._held_to_edit = False
            self.state.requested = "pause" if wanted and not self.state.paused else ""
            self.refresh_bindings()
        return reply.ok

    @work
    async def action_stop(self) -> None:
        """Ask how to stop; a stop after this step can be taken back."""
        from mlagent_tui import commands

        if not self.can_reach():
            return
        stops = STOPS
        if self.state.requested == "stop":
            stops = (("on", Content("Do not stop: the run continues after this step")), *STOPS[1:])
        chosen = await self.app.push_screen_wait(Pick("Stop the run", stops))
        if chosen == "on":
            await self.tell(commands.Resume())
        if chosen in ("step", "now"):
            await self.tell(commands.Stop(when="now" if chosen == "now" else "step"))
        elif chosen == "leave":
            self.leave()

    @work
    async def action_stop_now(self) -> None:
        """Stop as Ctrl-C would, after a question: what the current step has done so far is lost."""
        from mlagent_tui import commands

        if not self.can_reach():
            return
        choices = [("no", Content("Continue the run")), ("now", STOPS[1][1])]
        if await self.app.push_screen_wait(Pick("Stop at once?", choices)) == "now":
            await self.tell(commands.Stop(when="now"))

    def leave(self) -> None:
        """Back to where the user came from; the run goes on."""
        self.host.leave_project()

    @work
    async def action_take_up(self) -> None:
        """Go on with a run that has ended, or whose engine has died."""
        if not self.gone or not self.state.resumable:
            return
        how = await onward.limits(self, self.state)
        if how is not None:
            self.gone = not await onward.resumed(
                self, self.host.engine, replace(how, hold=tuple(self.state.holds))
            )
            self.refresh_bindings()

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
        """Edit what is waiting to be used; a run under way is first asked to pause."""
        if not self.can_reach():
            return
        if self.state.paused and self.state.editable:
            await self._edit()
        elif self.state.paused:
            told = "Nothing can be edited at this step. Continue to the next step first."
            self.notify(told, severity="warning", markup=False)
        elif self._edit_when_held:
            await self._pause(False)
        else:
            self._edit_when_held = self._held_to_edit = await self._pause(True)
            self.refresh_bindings()

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

        parts = [(part, Content(EDITS[part])) for part in self.state.editable]
        what = await self.app.push_screen_wait(Pick("Edit", parts)) if len(parts) > 1 else parts[0][0]
        if what == "config":
            text = yaml_text.dump(without_defaults(self.state.config))
            await self.app.push_screen_wait(EditDialog("Edit the network", text, None, self._hand_in_config))
        elif what == "settings":
            text = yaml_text.dump(changeable(self.state.settings))
            await self.app.push_screen_wait(
                EditDialog("Edit the settings of the training", text, None, self._hand_in_settings)
            )
        elif what == "code":
            await self.app.push_screen_wait(
                EditDialog("Edit the code", self.state.code, "python", self._hand_in_code)
            )
        if self._held_to_edit:
            self._held_to_edit = False
            await self.tell(commands.Resume())

    async def _hand_in_config(self, text: str) -> Reply:
        from mlagent_tui import commands

        return await self._hand_in_fields(text, lambda fields, again: commands.EditConfig(
            config=fields, confirmed=again
        ))  # fmt: skip

    async def _hand_in_settings(self, text: str) -> Reply:
        from mlagent_tui import commands

        return await self._hand_in_fields(text, lambda fields, again: commands.EditSettings(
            settings=fields, confirmed=again
        ))  # fmt: skip

    async def _hand_in_fields(self, text: str, made: Callable[[dict[str, Any], bool], Command]) -> Reply:
        """Send what was written as YAML; when the engine has objected to just that, as confirmed."""
        from mlagent_tui import commands, yaml_text

        try:
            fields = yaml_text.load(text)
        except yaml_text.YamlError as error:
            return commands.Reply(ok=False, message=f"This is not valid YAML: {error}.")
        if not isinstance(fields, dict):
            return commands.Reply(ok=False, message="The text must be names with their values, one a line.")
        try:
            command = made(fields, text == self._objected_to)
        except ValueError as error:
            return commands.Reply(ok=False, message=f"This cannot be sent: {error}")
        reply = await self.host.engine.send(command, command.patience)
        self._objected_to = text if reply.confirm else ""
        return reply

    @work
    async def action_holds(self) -> None:
        """Choose where the run always pauses."""
        from mlagent_tui import commands

        if not self.can_reach():
            return
        rows: list[tuple[str, Content]] = []
        for name, shown in HOLDS.items():
            mark = "✓" if name in self.state.holds else " "
            rows.append((name, Content(f"{mark} before {shown} ({name})")))
        told = "In every iteration this run pauses (✓) or does not. Choose one to change that."
        step = await self.app.push_screen_wait(Pick("Holds", rows, told))
        if step is not None:
            before: Literal["assemble", "evaluate"] = "assemble" if step == "assemble" else "evaluate"
            await self.tell(commands.Hold(before=before, wait=step not in self.state.holds))

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
            self.notify("No command waits for approval.", severity="warning", markup=False)
            return
        allowed = await self.app.push_screen_wait(ApproveDialog(approval, self.state.sandbox))
        if allowed is not None:
            await self.tell(commands.Approve(id=approval.id, allowed=allowed))

    @work
    async def action_branch(self) -> None:
        """The next iteration starts from the highlighted run."""
        await self._start_from("branch")

    @work
    async def action_rerun(self) -> None:
        """The highlighted run again, with another seed."""
        await self._start_from("rerun")

    async def _start_from(self, kind: onward.Kind) -> None:
        """Tell the engine; where there is none, offer to start one for it."""
        from mlagent_tui import commands

        run_id = self.query_one(RunsPanel).highlighted
        if not run_id:
            self.notify("There is no trial to start from yet.", severity="warning", markup=False)
        elif not self.gone:
            branch = kind == "branch"
            await self.tell(commands.Branch(run_id=run_id) if branch else commands.Rerun(run_id=run_id))
        else:
            holds = tuple(self.state.holds)
            self.gone = not await onward.one_more(self, self.host.engine, kind, run_id, holds)
            self.refresh_bindings()

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
            self.notify(visible(sentences(error.what, error.remedy)), severity="error", markup=False)
        else:
            self.notify(visible(f"{len(names)} files copied to {folder}"), title="Exported", markup=False)


def changeable(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a training that a user may change: not those that are the run's own."""
    own = {"dataset", "num_classes", "input_shape", "seed", "device", "keep_best"}
    return {name: value for name, value in settings.items() if name not in own}


def without_defaults(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration as a person writes it: what the schema adds by itself is left out."""
    from mlagent_tui import yaml_text
    from mlagent_tui.schemas import ModelConfig

    try:
        told: dict[str, Any] = yaml_text.load(ModelConfig.model_validate(config).to_yaml())
    except ValueError:
        return config
    return told
