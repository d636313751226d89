"""What the network is: its layers with shapes and parameters, totals, and the model's explanation."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import DataTable

from mlagent_tui.research import multiply_adds
from mlagent_tui.tui import words
from mlagent_tui.tui.facts import Json, Network
from mlagent_tui.tui.markdown import prose
from mlagent_tui.tui.panels.base import Panel
from mlagent_tui.tui.panels.fitted import Fact, Fitted
from mlagent_tui.tui.panels.prose import Prose
from mlagent_tui.tui.state import RunState
from mlagent_tui.tui.text import line, plain

MAX_ROWS = 2_000
LIVE_CHARACTERS, MOST_CHARACTERS = 1_500, 6_000
"""What is shown of the explanation while it streams, and after: its end."""


def layer_cells(layer: Json) -> tuple[str, str, str, str]:
    """Name, type with what is special about it, output and parameters of a layer.

    `Linear ×2, weight shared with embed`; `Linear, not run` took no part in the forward pass.
    """
    count, calls = layer.get("parameters"), layer.get("calls")
    kind = str(layer.get("type") or "")
    told = [kind + (f" ×{calls}" if isinstance(calls, int) and calls > 1 else ""), layer.get("note")]
    if not layer.get("ran", True):
        told.append("not used" if kind == "Parameter" else "not run")
    return (
        line(str(layer.get("name") or "")),
        line(", ".join(str(part) for part in told if part)),
        line(str(layer.get("output") or "") or words.shape(layer.get("output_shape") or ())),
        words.count(count) if isinstance(count, int) and count else "·",
    )


class SummaryPanel(Panel):
    """The layer table and the words about it."""

    part = "summary"
    label = "Summary"
    number = 3
    pace = 0.2
    HELP: ClassVar[str] = """\
### Summary
The layers in order, with output shape and parameters: first from the configuration, then as measured on
the built module. There, ×2 marks a layer that is called twice; shared parameters count once. Below is an
explanation: the coder's sentences that the measurement bears out, or, where too few are left, sentences
composed from the measurement. The line below it says which.
"""

    def __init__(self) -> None:
        super().__init__()
        self._table: DataTable[Text] = DataTable(cursor_type="row", zebra_stripes=False, id="layers")
        self._totals = Fitted(id="totals")
        self._explained = Prose(id="explanation")
        self._explanation = ""
        self._shown: Network | None = None

    def compose(self) -> ComposeResult:
        yield self._table
        yield self._totals
        yield self._explained

    def on_mount(self) -> None:
        self._explained.display = self._totals.display = False
        self._table.add_columns("layer", "type", "output")
        self._table.add_column(Text("parameters", justify="right"))

    def show(self, state: RunState) -> None:
        network = state.network
        if network is not self._shown:
            self._shown = network
            self._fill(network)
        speech = state.speech
        live = speech.text if speech is not None and speech.task == "explain" else ""
        explanation = live or network.explanation
        if explanation != self._explanation:
            self._explanation = explanation
            self._explained.display = bool(explanation)
            kept = LIVE_CHARACTERS if live else MOST_CHARACTERS
            whose = [] if live or not network.whose else [plain(f"({network.whose})", "$text-muted")]
            self._explained.show([prose(explanation[-kept:]), *whose], follow=bool(live))
        told = "" if not network.layers else "measured" if network.measured else "as configured"
        self.note(state.reads("summary") or told)

    def _fill(self, network: Network) -> None:
        self._table.clear()
        style = "" if network.measured else "dim"
        for layer in network.layers[:MAX_ROWS]:
            name, kind, shape, count = layer_cells(layer)
            cells = (Text(name, style), Text(kind, style), Text(shape, style))
            self._table.add_row(*cells, Text(count, style, justify="right"))
        self._totals.display = bool(network.layers)
        self._totals.show(self._facts(network))

    @staticmethod
    def _facts(network: Network) -> list[Fact]:
        facts = [(0, f"{words.count(network.parameters)} parameters", "bold")]
        if network.input_shape:
            facts.append((3, f"{network.inputs} {words.shape(network.input_shape)}", ""))
        if network.multiply_adds is not None:
            taken = multiply_adds.told(words.short_count(network.multiply_adds), network.not_counted)
            facts.append((1, line(taken), ""))
        if network.size_mb is not None:
            facts.append((2, f"{network.size_mb:.3g} MB", ""))
        if network.output:
            facts.append((4, f"output {line(network.output)}", ""))
        return facts

    def focus_target(self) -> Widget:
        return self._table

    def copy_text(self) -> str:
        network = self._shown
        if network is None:
            return ""
        rows = ["\t".join(layer_cells(layer)) for layer in network.layers]
        totals = f"total\t\t\t{network.parameters}"
        return "\n".join(["layer\ttype\toutput\tparameters", *rows, totals, "", network.explanation]) + "\n"
