"""Dialogs that pick a file or folder: a language model among those found, or from the disk; a project."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DirectoryTree, Input, OptionList, Static, TabbedContent, TabPane
from textual.widgets.directory_tree import DirEntry
from textual.widgets.tree import TreeNode

from mlagent_tui import paths
from mlagent_tui.tui import form, found, keys
from mlagent_tui.tui.fields import MUTED, entry, problem_text
from mlagent_tui.tui.filters import Listed, Row, Sifted
from mlagent_tui.tui.footer import KeyLine
from mlagent_tui.tui.recents import home_short
from mlagent_tui.tui.screens.over import Over
from mlagent_tui.tui.text import line, plain

BUNDLED = found.BUNDLED
LOOKING = "looking"
NARROW = 60
"""Columns that there are in every terminal."""
LEAST = 14
"""Columns below which a path is not begun."""

SERVER_HINT = """\
The URL of an OpenAI-compatible server, and the model's name behind #:

  Ollama         http://localhost:11434/v1#qwen3:8b
  LM Studio      http://localhost:1234/v1#NAME
  llama-server   http://localhost:8080/v1
  vLLM           http://10.0.0.7:8000/v1#NAME

Without a name, the only model of the server is used. Put an API key into MLAGENT_API_KEY.
Nothing is sent before the run starts."""


class Tree(DirectoryTree, Sifted):
    """Folders and, among the files, language models only. `files` False: no files at all.

    Folders that are themselves a model say so.
    """

    def __init__(self, path: Path, *, files: bool, id: str) -> None:
        self.files = files
        self._weights: dict[Path, bool] = {}
        self._words = ""
        super().__init__(path, id=id)

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        label = super().render_label(node, base_style, style)
        path = node.data.path if node.data else None
        if self.files and path is not None:
            if path not in self._weights:
                self._weights[path] = found.is_weights(path)
            if self._weights[path]:
                label.append("  a model: press enter to choose it", base_style + Style(italic=True))
        return label

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Neither what is hidden nor what cannot be picked; of the folder itself, what has the words."""
        return [
            path
            for path in paths
            if not path.name.startswith(".")
            and (self._words in path.name.lower() or path.parent != Path(self.path))
            and self._wanted(path)
        ]

    def sift(self, words: str) -> None:
        self._words = words
        self.reload()

    def _wanted(self, path: Path) -> bool:
        try:
            return path.is_dir() or (self.files and path.suffix.lower() == ".gguf")
        except OSError:
            return False


class _Browser(Over[str | None]):
    """What both dialogs share: a path that is typed moves the tree, and a click beside closes."""

    def _go(self, text: str) -> Path | None:
        """Show the folder that was typed; the path itself when it is none, or None when there is nothing."""
        path = paths.user_path(text.strip()).absolute()
        if path.is_dir():
            tree = self.query_one(Tree)
            tree.path = path
            tree.focus()
            return path
        if not path.exists():
            self.app.notify(f"There is no {line(str(path))}.", severity="error", markup=False)
            return None
        return path

    def usual_list(self) -> Sifted:
        return self.query_one(Tree)

    def leave(self) -> None:
        """Pick nothing."""
        self.dismiss(None)

    def on_click(self, event: object) -> None:
        if getattr(event, "widget", None) is self:
            self.dismiss(None)


class ModelPicker(_Browser):
    """Returns `bundled`, a path or a URL; or None."""

    HELP = f"""# Pick a language model

`bundled` is Minnow, which comes with the program and only knows the layers in docs/tools.md. A larger model
understands more: a .gguf file, a folder of Hugging Face weights (config.json beside .safetensors), or a
model on a server in your network. The list is the same as that of `mlagent models`.

{keys.help_text("models")}
"""
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("models")]

    def __init__(self, role: str, current: str) -> None:
        super().__init__()
        self.role = role
        self.current = current.strip() or BUNDLED

    def compose(self) -> ComposeResult:
        url = self.current if "://" in self.current else ""
        with Vertical(classes="dialog -tall") as dialog:
            dialog.border_title = f"The {self.role}'s model"
            dialog.border_subtitle = "enter: choose · tab: next · esc: cancel"
            yield Static(plain(f"now: {self.current}", MUTED), classes="dialog-words")
            with TabbedContent(initial="server" if url else "found"):
                with TabPane("Found on this machine", id="found"):
                    yield Listed([Row(_bundled(), BUNDLED)], id="list")
                with TabPane("Browse", id="browse"):
                    yield entry("path", str(self._folder()), "a folder or a file")
                    yield Tree(self._folder(), files=True, id="tree")
                with TabPane("Server", id="server"):
                    yield entry("url", url, "http://localhost:11434/v1#qwen3:8b")
                    yield Static(plain(SERVER_HINT, MUTED), id="url-words")
        yield KeyLine()

    def on_mount(self) -> None:
        listed = self.query_one("#list", Listed)
        listed.highlighted = 0
        if "://" in self.current:
            self.query_one("#url").focus()
        else:
            listed.focus()
        listed.add(Row(plain("looking for other models…", MUTED), LOOKING, disabled=True))
        self._look()

    @work(exit_on_error=False)
    async def _look(self) -> None:
        """Add what is found below the bundled model, which can be taken at once."""
        listing = await found.models()
        listed = self.query_one("#list", Listed)
        others = [model for model in listing.models if model.spec != BUNDLED]
        columns = (listed.scrollable_content_region.width or NARROW) - 2
        at = self.current if listed.here == BUNDLED else listed.here
        rows = [Row(_words(model, columns), model.spec, disabled=bool(model.problem)) for model in others]
        own = next((model.checked for model in listing.models if model.spec == BUNDLED), "")
        if not others:
            none = listing.problem or "No other models were found in the usual folders."
            told = f"{none} Choose a file under Browse, or enter the URL of a server."
            rows = [Row(plain(told, MUTED), None, disabled=True)]
        listed.fill([Row(_bundled(own), BUNDLED), *rows], at)

    def _folder(self) -> Path:
        named = paths.user_path(self.current)
        if self.current == BUNDLED or "://" in self.current or not named.parent.is_dir():
            return paths.home()
        return named.parent.absolute()

    @on(OptionList.OptionSelected)
    def _listed(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    @on(DirectoryTree.FileSelected)
    def _picked(self, event: DirectoryTree.FileSelected) -> None:
        self._take(event.path)

    @on(DirectoryTree.DirectorySelected)
    def _folder_picked(self, event: DirectoryTree.DirectorySelected) -> None:
        if found.is_weights(event.path):
            self.dismiss(str(event.path))

    @on(Input.Submitted, "#path")
    def _typed(self, event: Input.Submitted) -> None:
        if "://" in event.value:
            self._take_url(event.value.strip())
            return
        path = self._go(event.value)
        if path is not None and (path.is_file() or found.is_weights(path)):
            self._take(path)

    @on(Input.Submitted, "#url")
    def _url_typed(self, event: Input.Submitted) -> None:
        self._take_url(event.value.strip())

    def _take_url(self, url: str) -> None:
        problem = form.url_problem("url", url)
        if problem is None:
            self.dismiss(url)
            return
        self.query_one(TabbedContent).active = "server"
        self.query_one("#url-words", Static).update(
            Content("\n\n").join([problem_text(problem), plain(SERVER_HINT, MUTED)])
        )

    def _take(self, path: Path) -> None:
        if found.is_gguf(path) or found.is_weights(path):
            self.dismiss(str(path))
        else:
            words = f"{line(path.name)} is not a GGUF file."
            self.app.notify(words, severity="error", markup=False)

    def usual_list(self) -> Sifted:
        tab = self.query_one(TabbedContent)
        if tab.active == "server":
            tab.active = "found"
        return self.query_one("#list", Listed) if tab.active == "found" else self.query_one(Tree)

    def action_bundled(self) -> None:
        """Take the bundled model."""
        self.dismiss(BUNDLED)


class FolderPicker(_Browser):
    """Returns the folder of a project, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [b for b in keys.bindings("models") if b.action != "bundled"]
    FIELD_IS_ALL = True

    def __init__(self, start: Path) -> None:
        super().__init__()
        self.start_folder = start

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -tall") as dialog:
            dialog.border_title = "Open a project"
            dialog.border_subtitle = "enter: open · esc: cancel"
            yield entry("path", str(self.start_folder), "the folder of a project")
            yield Tree(self.start_folder, files=False, id="tree")
        yield KeyLine()

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(DirectoryTree.DirectorySelected)
    def _picked(self, event: DirectoryTree.DirectorySelected) -> None:
        self._take(event.path)

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        path = self._go(event.value)
        if path is not None and not self._take(path):
            self.app.notify(f"{line(str(path))} is not an mlagent project.", severity="error", markup=False)

    def _take(self, path: Path) -> bool:
        if not paths.Layout(path.absolute()).is_project():
            return False
        self.dismiss(str(path.absolute()))
        return True


def _bundled(checked: str = "") -> Content:
    return Content.assemble(
        ("bundled", "bold"), ("  Minnow, the model that comes with mlagent\n", MUTED),
        ("small and fast; only knows the layers in docs/tools.md", MUTED),
        _checked(checked),
    )  # fmt: skip


def _checked(words: str) -> tuple[str, str]:
    """What was found of a model that was checked, on a line of its own."""
    return (f"\n{line(words)}" if words else "", MUTED)


def _words(model: found.Model, columns: int) -> Content:
    """A model of the list: its name and size, what it is, and where it lies."""
    if model.problem:
        return Content.assemble((line(model.name), MUTED), ("\n  cannot be used: ", "$text-warning"),
                                (line(model.problem), MUTED))  # fmt: skip
    facts = line(" · ".join(model.facts))
    return Content.assemble(
        (line(model.name), "bold"), (f"  {found.size_text(model.size)}", "$text-accent"),
        (f"  {model.fits}" if model.fits else "", "$text-warning"),
        "\n", (facts + _where(model, columns - cell_len(facts)), MUTED), _checked(model.checked),
    )  # fmt: skip


def _where(model: found.Model, room: int) -> str:
    """The end of its path that fits; nothing for a blob, whose name says nothing."""
    path = Path(model.spec)
    told = f" · {line(home_short(path))}"
    if path.name.startswith("sha256-") or room < LEAST:
        return ""
    return told if cell_len(told) <= room else f" · …{told[4 - room :]}"
