"""Dialogs that pick a file or folder: a language model among those found, or from the disk; a project."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DirectoryTree, Footer, Input, OptionList, Static, TabbedContent, TabPane
from textual.widgets.option_list import Option

from mlagent_tui import paths
from mlagent_tui.tui import found, keys
from mlagent_tui.tui.fields import MUTED, entry
from mlagent_tui.tui.recents import home_short
from mlagent_tui.tui.screens.over import Over
from mlagent_tui.tui.text import line, plain

BUNDLED = "bundled"


class Tree(DirectoryTree):
    """Folders and, among the files, language models only. `files` False: no files at all."""

    def __init__(self, path: Path, *, files: bool, id: str) -> None:
        self.files = files
        super().__init__(path, id=id)

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Neither what is hidden nor what cannot be picked."""
        return [path for path in paths if not path.name.startswith(".") and self._wanted(path)]

    def _wanted(self, path: Path) -> bool:
        try:
            return path.is_dir() or (self.files and path.suffix.lower() == ".gguf")
        except OSError:
            return False


class _Browser(Over[str | None]):
    """What both dialogs share: a path that is typed moves the tree, and a click beside closes."""

    def _go(self, text: str) -> Path | None:
        """Show the folder that was typed; the path itself when it is none, or None when there is nothing."""
        path = Path(text.strip()).expanduser().absolute()
        if path.is_dir():
            tree = self.query_one(Tree)
            tree.path = path
            tree.focus()
            return path
        if not path.exists():
            self.app.notify(f"There is no {line(str(path))}.", severity="warning", markup=False)
            return None
        return path

    def action_leave(self) -> None:
        """Pick nothing."""
        self.dismiss(None)

    def on_click(self, event: object) -> None:
        if getattr(event, "widget", None) is self:
            self.dismiss(None)


class ModelPicker(_Browser):
    """Returns `bundled`, the path of a .gguf file, or None."""

    HELP = f"""# Pick a language model

`bundled` is Minnow, which comes with the program and knows its vocabulary of layers. A larger model in the
GGUF format, on your disk, understands more. Folders can be typed into the line above the tree.

{keys.help_text("models")}
"""
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("models")]

    def __init__(self, role: str, current: str) -> None:
        super().__init__()
        self.role = role
        self.current = current.strip() or BUNDLED

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -tall") as dialog:
            dialog.border_title = f"The {self.role}'s model"
            dialog.border_subtitle = "enter: take it · tab: next · esc: cancel"
            yield Static(plain(f"now: {self.current}", MUTED), classes="dialog-words")
            with TabbedContent(initial="found"):
                with TabPane("Found on this machine", id="found"):
                    yield OptionList(Option(_bundled(), id=BUNDLED), id="list")
                with TabPane("Browse", id="browse"):
                    yield entry("path", str(self._folder()), "a folder or a file")
                    yield Tree(self._folder(), files=True, id="tree")
        yield Footer()

    def on_mount(self) -> None:
        listed = self.query_one("#list", OptionList)
        listed.highlighted = 0
        listed.loading = True
        self._look()

    @work(thread=True, exit_on_error=False)
    def _look(self) -> None:
        self.app.call_from_thread(self._list, found.models(Path.cwd()))

    def _list(self, files: list[found.ModelFile]) -> None:
        listed = self.query_one("#list", OptionList)
        listed.loading = False
        listed.add_options([Option(_words(file), id=str(file.path)) for file in files])
        if not files:
            none = "No other .gguf files were found in the usual places. `Browse` shows the whole disk."
            listed.add_option(Option(plain(none, MUTED), disabled=True))
        here = [BUNDLED, *(str(file.path) for file in files)]
        listed.highlighted = here.index(self.current) if self.current in here else 0
        listed.focus()

    def _folder(self) -> Path:
        named = Path(self.current).expanduser()
        return named.parent.absolute() if self.current != BUNDLED and named.parent.is_dir() else Path.home()

    @on(OptionList.OptionSelected)
    def _listed(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    @on(DirectoryTree.FileSelected)
    def _picked(self, event: DirectoryTree.FileSelected) -> None:
        self._take(event.path)

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        path = self._go(event.value)
        if path is not None and path.is_file():
            self._take(path)

    def _take(self, path: Path) -> None:
        if found.is_model(path):
            self.dismiss(str(path))
        else:
            words = f"{line(path.name)} is no GGUF file, or not the first part of one."
            self.app.notify(words, severity="error", markup=False)

    def action_bundled(self) -> None:
        """Take the bundled model."""
        self.dismiss(BUNDLED)


class FolderPicker(_Browser):
    """Returns the folder of a project, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [b for b in keys.bindings("models") if b.action == "leave"]

    def __init__(self, start: Path) -> None:
        super().__init__()
        self.start_folder = start

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -tall") as dialog:
            dialog.border_title = "Open a project"
            dialog.border_subtitle = "enter: open · esc: cancel"
            yield entry("path", str(self.start_folder), "the folder of a project")
            yield Tree(self.start_folder, files=False, id="tree")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(DirectoryTree.DirectorySelected)
    def _picked(self, event: DirectoryTree.DirectorySelected) -> None:
        self._take(event.path)

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        path = self._go(event.value)
        if path is not None and not self._take(path):
            self.app.notify(f"{line(str(path))} is no project of mlagent.", severity="warning", markup=False)

    def _take(self, path: Path) -> bool:
        if not paths.Layout(path.absolute()).is_project():
            return False
        self.dismiss(str(path.absolute()))
        return True


def _bundled() -> Content:
    return Content.assemble(
        ("bundled", "bold"), ("  Minnow, the model that comes with mlagent\n", MUTED),
        ("small and quick; knows the house's own vocabulary of layers", MUTED),
    )  # fmt: skip


def _words(file: found.ModelFile) -> Content:
    return Content.assemble(
        (line(file.path.name), "bold"), (f"  {found.size_text(file.size)}\n", "$text-accent"),
        (line(home_short(file.path.parent)), MUTED),
    )  # fmt: skip
