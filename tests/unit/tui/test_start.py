"""The start screen, in the real application. A fake stands in for the engine's check: test_engine has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.style import Style
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList, Static, TextArea

from mlagent_tui.settings import RoleOptions, Settings
from mlagent_tui.tui import engine, form, found
from mlagent_tui.tui.app import MlagentApp
from mlagent_tui.tui.engine import Check, EngineLink, Problem, Request
from mlagent_tui.tui.fields import Choice, Field, Tick
from mlagent_tui.tui.memory import Memory
from mlagent_tui.tui.recents import RecentList
from mlagent_tui.tui.screens.models import FolderPicker, ModelPicker, Tree
from mlagent_tui.tui.screens.pick import Pick
from mlagent_tui.tui.screens.run import RunScreen
from mlagent_tui.tui.screens.start import StartScreen
from tests import small_project, tiny_gguf
from tests.recording import until

GOAL = form.EXAMPLES[0]
FINE = Check(sandbox="bubblewrap", datasets=dict.fromkeys(form.DATASETS, ""))

Answer = Callable[[Check], None]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Sets what the engine's check says; at first, that all is well."""
    said = [FINE]

    async def check(_: Request) -> Check:
        return said[-1]

    monkeypatch.setattr(engine, "check", check)
    monkeypatch.setattr("mlagent_tui.tui.screens.start.SETTLE_SECONDS", 0.01)
    return said.append


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """The requests that reached an engine. A fake one: it writes a project with its journal at once."""
    requests: list[Request] = []

    def start(link: EngineLink, request: Request) -> None:
        requests.append(request)
        made = small_project.make(request.project.parent)
        made.rename(request.project)

    monkeypatch.setattr(EngineLink, "start", start)
    return requests


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The notices so far: on a slow machine they would expire before a test looks at them."""
    said: list[str] = []
    monkeypatch.setattr(MlagentApp, "notify", lambda _, message, **__: said.append(message))
    return said


def screen_of(pilot: Pilot[int]) -> StartScreen:
    screen = pilot.app.screen
    assert isinstance(screen, StartScreen)
    return screen


def text(pilot: Pilot[int], selector: str) -> str:
    return str(pilot.app.screen.query_one(selector, Static).render())


def problem(pilot: Pilot[int], name: str) -> str:
    return text(pilot, f"#problem-{name}")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the interface is opened in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.asyncio
async def test_a_goal_is_typed_and_started_by_keyboard(
    answer: Answer, started: list[Request], here: Path
) -> None:
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        await pilot.press(*"digits 95%")
        await until(pilot, lambda: "can start" in text(pilot, "#state"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
    (request,) = started
    assert request.goal == "digits 95%"
    assert request.project == here / "digits-95-1"
    assert Memory().recent()[0].root == request.project


@pytest.mark.asyncio
async def test_everything_is_as_it_was_left(answer: Answer, here: Path) -> None:
    async with MlagentApp().run_test(size=(120, 40)) as pilot:
        screen = screen_of(pilot)
        screen.query_one("#goal", TextArea).text = GOAL
        screen.query_one("#iterations", Input).value = "5"
        screen.query_one("#device", Choice).value = "cpu"
        screen.query_one("#hold_evaluate", Tick).value = True
        screen.query_one("#project", Input).value = "elsewhere"
        await until(pilot, lambda: Memory().mapping("form").get("device") == "cpu")
    async with MlagentApp().run_test(size=(120, 40)) as pilot:
        values = screen_of(pilot).values()
        assert values == form.Form(goal=GOAL, iterations="5", device="cpu", hold_evaluate=True)
        await pilot.press("x")  # the goal is selected, so that typing begins another one
        assert screen_of(pilot).values().goal == "x"


@pytest.mark.asyncio
async def test_settings_are_the_defaults_of_the_first_time(answer: Answer, here: Path) -> None:
    usual = Settings(device="cpu", sandbox="required", iterations=4, fallback="none")
    app = MlagentApp(preferences=usual)
    async with app.run_test(size=(80, 24)) as pilot:
        values = screen_of(pilot).values()
        assert (values.device, values.sandbox, values.iterations) == ("cpu", "required", "")
        assert values.fallback == "none"
        assert "--fallback=none" in values.request(Path()).arguments()
        assert screen_of(pilot).query_one("#iterations", Input).placeholder == "4"


@pytest.mark.asyncio
async def test_without_a_goal_nothing_starts_and_the_goal_says_so_only_then(
    answer: Answer, started: list[Request], here: Path
) -> None:
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert problem(pilot, "goal") == ""
        await pilot.click("#start")
        await until(pilot, lambda: "Say what" in problem(pilot, "goal"))
        assert pilot.app.focused is screen_of(pilot).query_one("#goal")
    assert started == []


@pytest.mark.asyncio
async def test_what_the_form_can_tell_is_said_below_its_field(
    answer: Answer, started: list[Request], here: Path
) -> None:
    async with MlagentApp().run_test(size=(120, 40)) as pilot:
        screen = screen_of(pilot)
        screen.query_one("#goal", TextArea).text = GOAL
        screen.query_one("#planner", Input).value = "/no/such.gguf"
        screen.query_one("#max_parameters", Input).value = "few"
        await until(pilot, lambda: "50k" in problem(pilot, "max_parameters"))
        assert "F2" in problem(pilot, "planner")
        assert "2 fields" in text(pilot, "#state")
        await pilot.press("ctrl+r")
        assert pilot.app.focused is screen.query_one("#planner")
    assert started == []


@pytest.mark.asyncio
async def test_what_the_engine_finds_is_said_below_its_field_and_keeps_the_run_from_starting(
    answer: Answer, started: list[Request], here: Path
) -> None:
    missing = {**FINE.datasets, "mnist": "no files"}
    answer(Check((Problem("dataset", "MNIST is not there", "Put it into /data."),), "landlock", missing))
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        await pilot.press(*"mnist 97%")
        await until(pilot, lambda: "Put it into /data." in problem(pilot, "dataset"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: screen_of(pilot).query_one("#field-dataset", Field).has_class("-wrong"))
        assert [str(words) for words, value in screen_of(pilot)._datasets() if value == "mnist"] == [
            "mnist — files cannot be used"
        ]
        answer(FINE)
        await pilot.press("f4", "enter")  # an example that can be run
        await until(pilot, lambda: problem(pilot, "dataset") == "" and "can start" in text(pilot, "#state"))
    assert started == []


@pytest.mark.asyncio
async def test_a_problem_of_no_field_is_said_beside_the_start_button(answer: Answer, here: Path) -> None:
    answer(Check((Problem("settings", "settings.yaml: no such key", "Correct it."),)))
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Correct it." in text(pilot, "#state"))


@pytest.mark.asyncio
async def test_an_unconfined_run_is_said_loudly(answer: Answer, here: Path) -> None:
    answer(Check((), "none"))
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        await pilot.press(*"digits 95%")
        await until(pilot, lambda: "unconfined" in text(pilot, "#state"))


@pytest.mark.asyncio
async def test_a_project_with_an_unfinished_run_is_resumed_or_gets_another(
    answer: Answer, started: list[Request], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = small_project.make(here, outcome="")
    resumed: list[Path] = []
    monkeypatch.setattr(EngineLink, "resume", lambda link: resumed.append(link.root))
    monkeypatch.setattr(EngineLink, "ready", lambda _: asyncio.sleep(0, True))
    answer(Check((Problem("project", "the last run has not ended", "Go on with it."),), "bubblewrap"))
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        await pilot.press(*"digits 95%")
        screen_of(pilot).query_one("#project", Input).value = str(root)
        await until(pilot, lambda: "not ended" in problem(pilot, "project"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Pick))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
    assert (resumed, started) == ([root], [])


@pytest.mark.asyncio
async def test_an_engine_that_will_not_start_says_why(
    answer: Answer, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        EngineLink, "start", lambda link, _: link._launch(["run", "--dataset=none", "--", "x"])
    )
    async with MlagentApp().run_test(size=(120, 40)) as pilot:
        await pilot.press(*"digits 95%", "ctrl+r")
        await until(pilot, lambda: "dataset" in text(pilot, "#state"))
        assert not screen_of(pilot).query_one("#start", Button).disabled


@pytest.mark.asyncio
async def test_what_a_check_found_of_a_model_is_said_below_it_and_a_problem_goes_first(
    answer: Answer, here: Path
) -> None:
    told = {"planner": "checked 2026-11-27: M can plan (12 of 13 right)"}
    answer(replace(FINE, models=told, slow="the language models need about 150 s for each network"))
    async with MlagentApp().run_test(size=(120, 40)) as pilot:
        await pilot.press(*"digits 95%")
        await until(pilot, lambda: problem(pilot, "planner") == told["planner"])
        assert "about 150 s for each network" in problem(pilot, "time_budget")
        assert problem(pilot, "coder") == "" and "can start" in text(pilot, "#state")
        assert not screen_of(pilot).query_one("#field-planner", Field).has_class("-wrong")
        screen_of(pilot).query_one("#planner", Input).value = "/no/such.gguf"
        await until(pilot, lambda: "F2" in problem(pilot, "planner"))


# --- dialogs --------------------------------------------------------------------------------------------


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Callable[[found.Listing], None]:
    """Sets what `mlagent models` lists; at first, the bundled model alone. A fake: test_engine asks it."""
    told = [found.Listing((found.Model("bundled", "Minnow"),))]

    async def models() -> found.Listing:
        return told[-1]

    monkeypatch.setattr(found, "models", models)
    return told.append


Listed = Callable[[found.Listing], None]


async def opened(pilot: Pilot[int], key: str = "f2") -> ModelPicker:
    """The picker, once it has its list."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, ModelPicker))
    picker = pilot.app.screen
    assert isinstance(picker, ModelPicker)
    options = picker.query_one("#list", OptionList)
    await until(pilot, lambda: all(option.id != "looking" for option in options.options))
    return picker


@pytest.mark.asyncio
async def test_a_model_is_picked_from_those_found(answer: Answer, listed: Listed, here: Path) -> None:
    model = tiny_gguf.make(here / "blob")
    facts = ("Ollama", "qwen3", "Q4_K_M", "40,960 tokens")
    listed(
        found.Listing((
            found.Model("bundled", "Minnow"),
            found.Model(
                str(model), "qwen3:8b", 5_200_000_000, facts, "does not fit into memory",
                checked="checked 2026-11-27: suits both roles",
            ),
            found.Model("/bad.gguf", "bad", problem="it is damaged"),
        ))
    )  # fmt: skip
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        options = (await opened(pilot)).query_one("#list", OptionList)
        shown = [str(option.prompt) for option in options.options]
        assert "qwen3:8b  5.2 GB  does not fit into memory" in shown[1]
        assert "Ollama · qwen3 · Q4_K_M · 40,960 tokens" in shown[1]
        assert shown[1].endswith("\nchecked 2026-11-27: suits both roles")
        assert "it is damaged" in shown[2] and options.options[2].disabled
        await pilot.press("down", "enter")
        await until(pilot, lambda: screen_of(pilot).values().planner == str(model))
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(pilot.app.screen, ModelPicker))
        await pilot.press("ctrl+b")
        await until(pilot, lambda: screen_of(pilot).values().planner == "bundled")


@pytest.mark.asyncio
async def test_why_there_is_no_list_is_said_in_its_place(answer: Answer, listed: Listed, here: Path) -> None:
    listed(found.Listing(problem="Settings: no such key"))
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        options = (await opened(pilot)).query_one("#list", OptionList)
        assert [option.id for option in options.options] == ["bundled", None]
        assert "no such key" in str(options.options[1].prompt)


@pytest.mark.asyncio
async def test_a_folder_of_weights_is_picked_from_the_disk(
    answer: Answer, listed: Listed, here: Path
) -> None:
    (here / "weights").mkdir()
    for name in ("config.json", "model.safetensors"):
        (here / "weights" / name).touch()
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        picker = await opened(pilot)
        picker.query_one("TabbedContent").active = "browse"  # type: ignore[attr-defined]
        field = picker.query_one("#path", Input)
        field.focus()
        field.value = str(here)
        await pilot.press("enter")
        tree = picker.query_one(Tree)
        await until(pilot, lambda: tree.path == here and len(tree.root.children) == 1)
        assert "press enter to choose it" in tree.render_label(tree.root.children[0], Style(), Style()).plain
        await pilot.press("down", "enter")
        await until(pilot, lambda: screen_of(pilot).values().planner == str(here / "weights"))


@pytest.mark.asyncio
async def test_a_server_is_named_by_its_url_and_a_wrong_one_is_told(
    answer: Answer, listed: Listed, here: Path
) -> None:
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        picker = await opened(pilot, "f3")
        picker.query_one("TabbedContent").active = "server"  # type: ignore[attr-defined]
        field = picker.query_one("#url", Input)
        field.focus()
        assert "Ollama" in text(pilot, "#url-words")
        field.value = "localhost:11434"
        await pilot.press("enter")
        await until(pilot, lambda: "does not name a server" in text(pilot, "#url-words"))
        field.value = "http://localhost:11434/v1#qwen3:8b"
        await pilot.press("enter")
        await until(pilot, lambda: screen_of(pilot).values().coder == "http://localhost:11434/v1#qwen3:8b")
        assert problem(pilot, "coder") == ""
        screen_of(pilot).query_one("#coder", Input).value = "ftp://localhost"
        await until(pilot, lambda: "http://HOST:PORT/v1#MODEL" in problem(pilot, "coder"))


@pytest.mark.asyncio
async def test_options_of_a_role_reach_the_request(
    answer: Answer, started: list[Request], here: Path
) -> None:
    usual = Settings(coder_options=RoleOptions(temperature=0.5))
    async with MlagentApp(preferences=usual).run_test(size=(80, 24)) as pilot:
        screen = screen_of(pilot)
        assert screen.query_one("#coder_options", Input).placeholder == "temperature=0.5"
        await pilot.press(*"digits 95%")
        screen.query_one("#planner_options", Input).value = "context=99"
        await until(pilot, lambda: "512" in problem(pilot, "planner_options"))
        screen.query_one("#planner_options", Input).value = "context=4096 thinking_budget=0"
        await until(pilot, lambda: "can start" in text(pilot, "#state"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
    assert started[0].planner_options == ("context=4096", "thinking_budget=0")


@pytest.mark.asyncio
async def test_a_model_is_picked_by_typing_its_path_and_a_wrong_file_is_refused(
    answer: Answer, listed: Listed, told: list[str], here: Path
) -> None:
    model = tiny_gguf.make(here / "other.gguf")
    (here / "no.gguf").write_text("no model")
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        await pilot.click("#pick-coder")
        await until(pilot, lambda: isinstance(pilot.app.screen, ModelPicker))
        picker = pilot.app.screen
        picker.query_one("TabbedContent").active = "browse"  # type: ignore[attr-defined]
        field = picker.query_one("#path", Input)
        field.focus()
        field.value = str(here / "no.gguf")
        await pilot.press("enter")
        await until(pilot, lambda: any("not a GGUF file" in words for words in told))
        field.value = str(model)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is not picker)
        assert screen_of(pilot).values().coder == str(model)


@pytest.mark.asyncio
async def test_a_project_is_opened_by_its_folder(answer: Answer, here: Path) -> None:
    root = small_project.make(here)
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        await pilot.press("f8")
        await until(pilot, lambda: isinstance(pilot.app.screen, FolderPicker))
        pilot.app.screen.query_one("#path", Input).value = str(root)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))


# --- recent projects ------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_recent_projects_say_how_they_stand_and_open(
    answer: Answer, told: list[str], here: Path, tmp_path: Path
) -> None:
    root = small_project.make(tmp_path)
    Memory().opened(tmp_path / "gone", "an \x1b[31mold\x1b[0m [b]goal[/b]")
    Memory().opened(root)
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        recent = screen_of(pilot).query_one("#recent", RecentList)
        await until(
            pilot, lambda: recent.glance(root) is not None and recent.glance(tmp_path / "gone") is not None
        )
        shown = [str(option.prompt) for option in recent.options]
        assert small_project.GOAL in shown[0]
        assert "best 97.0 %" in shown[0]
        assert "3 runs" in shown[0]
        assert "folder is gone" in shown[1]
        assert r"an \x1b[31mold\x1b[0m [b]goal[/b]" in shown[1]
        await pilot.press("ctrl+o", "down", "enter")
        await until(pilot, lambda: any("no longer there" in words for words in told))
        for answer_given in (("enter",), ("down", "enter")):  # keep it; remove it
            await pilot.press("delete")
            await until(pilot, lambda: isinstance(pilot.app.screen, Pick))
            assert recent.option_count == 2
            await pilot.press(*answer_given)
            await until(pilot, lambda: isinstance(pilot.app.screen, StartScreen))
        await until(pilot, lambda: recent.option_count == 1)
        await pilot.press("c")
        assert screen_of(pilot).values().goal == small_project.GOAL
        await pilot.press("ctrl+o", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, StartScreen))
    assert [entry.root for entry in Memory().recent()] == [root]


@pytest.mark.asyncio
async def test_the_project_that_was_left_is_the_one_under_the_cursor(answer: Answer, tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    Memory().opened(root)
    Memory().opened(tmp_path / "later")
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        recent = screen_of(pilot).query_one("#recent", RecentList)
        await pilot.press("ctrl+o", "down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, StartScreen))
        assert (recent.here, recent.highlighted) == (str(root), 0)


MISSING = Problem(
    "dataset",
    "mnist is not in /home/somebody/.local/share/mlagent/data: missing MNIST/raw/train-images-idx3-ubyte, "
    "MNIST/raw/train-labels-idx1-ubyte, MNIST/raw/t10k-images-idx3-ubyte, MNIST/raw/t10k-labels-idx1-ubyte",
    "Put these files there, or name the folder that has them with MLAGENT_DATA or `data_dir` in the "
    "settings. Nothing is ever downloaded.",
)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_long_message_is_read_whole_with_its_remedy_and_start_stays_in_sight(
    answer: Answer, here: Path, size: tuple[int, int]
) -> None:
    Memory().opened(here)
    answer(Check((MISSING,), "bubblewrap"))
    async with MlagentApp().run_test(size=size) as pilot:
        await pilot.press(*"mnist 97%")
        await until(pilot, lambda: "Nothing is ever" in problem(pilot, "dataset"))
        await pilot.pause()
        screen = screen_of(pilot)
        words = screen.query_one("#problem-dataset", Static)
        form_, start = screen.query_one("#form"), screen.query_one("#start")
        assert form_.content_region.contains_region(words.region)
        assert words.region.width > 0.8 * form_.content_region.width
        shown = " ".join(" ".join(words.render_line(y).text for y in range(words.size.height)).split())
        assert all(part in shown for part in (MISSING.message[-30:], MISSING.remedy))
        assert screen.region.contains_region(start.region) and start.region.area > 0
        assert not start.region.overlaps(words.region)
        await pilot.press("ctrl+o")
        recent = screen.query_one("#recent")
        await until(pilot, lambda: recent.region.height >= 2 and screen.region.contains_region(recent.region))


@pytest.mark.asyncio
async def test_a_question_about_the_goal_is_answered_in_the_field_it_is_about(
    answer: Answer, started: list[Request], here: Path
) -> None:
    remedy = "Set the limit with --max-parameters, or change the goal."
    answer(Check((Problem("max_parameters", "the goal has 2 numbers of parameters", remedy),), "landlock"))
    async with MlagentApp().run_test(size=(80, 24)) as pilot:
        screen_of(pilot).query_one("#goal", TextArea).text = "digits 95%, 5k or 9k parameters"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: pilot.app.focused is screen_of(pilot).query_one("#max_parameters"))
        assert "with the field Parameters" in problem(pilot, "max_parameters")
        answer(FINE)
        await pilot.press("9", "k")
        screen_of(pilot).query_one("#metric", Choice).value = "accuracy"
        screen_of(pilot).query_one("#threshold", Input).value = "95,5 %"
        screen_of(pilot).query_one("#max_seconds", Input).value = "2m"
        await until(pilot, lambda: "can start" in text(pilot, "#state"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
    said = started[0].arguments()
    for one in ("--metric=accuracy", "--threshold=0.955", "--max-parameters=9000", "--max-seconds=120.0"):
        assert one in said


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_everything_can_be_seen_at_every_size(
    answer: Answer, here: Path, size: tuple[int, int]
) -> None:
    Memory().opened(here)
    async with MlagentApp().run_test(size=size) as pilot:
        await pilot.pause()
        screen = screen_of(pilot)
        for widget in (
            *screen.query(Input),
            *screen.query(Choice),
            *screen.query(Tick),
            screen.query_one("#start"),
        ):
            assert widget.region.area > 0
            assert screen.region.contains_region(widget.region), widget
        assert screen.query_one("#projects").region.height >= 4
