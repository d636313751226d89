"""The same weights through llama.cpp, through transformers, and through a server: the same answers and runs.

The server is llama-cpp-python's own OpenAI-compatible one, on the loopback.
"""

from __future__ import annotations

import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from minnow.samples import Sampler
from mlagent_tui import events, paths, workspace
from mlagent_tui.agent import RunOptions, research
from mlagent_tui.errors import ModelError
from mlagent_tui.experiments import Project, registry
from mlagent_tui.llm import (
    Enough,
    LanguageModel,
    Message,
    PromptTooLong,
    Request,
    RoleOptions,
    ServedModel,
    check_spec,
    open_model,
    open_models,
    structured,
)
from mlagent_tui.llm.client import Manner
from mlagent_tui.llm.prefixes import CHUNK
from mlagent_tui.llm.remote import RemoteModel
from mlagent_tui.llm.terms import with_schema
from mlagent_tui.schemas import Decision, Goal, ModelConfig, Plan, Value
from tests.hugging_face import convert
from tests.waiting import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not paths.bundled_model().is_file(), reason="needs the bundled model"),
]

TYPES: dict[str, type[Value]] = {"goal": Goal, "plan": Plan, "config": ModelConfig, "decision": Decision}
TASKS = (*TYPES, "code", "explain")
START_SECONDS = 600.0
SERVER = Path(__file__).parents[1] / "openai_server.py"


def prompts() -> dict[str, str]:
    """A prompt of each task, as Minnow's training generator writes them."""
    sampler = Sampler(random.Random(11))
    found: dict[str, str] = {}
    while len(found) < len(TASKS):
        sample = sampler.draw()
        task = sample.prompt.partition("\n")[0].removeprefix("Task: ")
        if task in TASKS and len(sample.prompt) < 1500:
            found.setdefault(task, sample.prompt)
    return found


def request(task: str, prompt: str) -> Request:
    schema = TYPES[task].model_json_schema() if task in TYPES else None
    return Request((Message("system", f"You do: {task}."), Message("user", prompt)), schema, max_tokens=500)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(paths.bundled_model(), tmp_path_factory.mktemp("hugging-face") / "minnow")


@pytest.fixture(scope="module")
def expected() -> Iterator[dict[str, tuple[Request, str]]]:
    """What llama.cpp answers to each task."""
    model = open_model("bundled")
    asked = {task: request(task, prompt) for task, prompt in prompts().items()}
    yield {task: (one, model.generate(one).text) for task, one in asked.items()}
    model.close()


@pytest.fixture(scope="module")
def in_transformers(folder: Path) -> Iterator[ServedModel]:
    model = open_model(str(folder))
    assert isinstance(model, ServedModel)
    yield model
    model.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [
        *(sys.executable, str(SERVER), "--model", str(paths.bundled_model())),
        *("--host", "127.0.0.1", "--port", str(port), "--n_ctx", "2048", "--model_alias", "minnow"),
        *("--n_threads", "1", "--n_threads_batch", "1"),
    ]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as server:
        try:
            url = f"http://127.0.0.1:{port}/v1"
            _wait(server, url, log)
            yield url
        finally:
            server.kill()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    def answers() -> bool:
        assert server.poll() is None, log.read_text()[-2000:]
        model = RemoteModel(url, "", Manner(), 0, 2048)
        try:
            return bool(model.context_length)
        except ModelError:
            return False
        finally:
            model.close()

    eventually(answers, START_SECONDS, lambda: log.read_text()[-2000:])


@pytest.fixture(scope="module")
def on_a_server(url: str) -> Iterator[LanguageModel]:
    model = open_model(f"{url}#minnow", context=2048)
    yield model
    model.close()


@pytest.mark.parametrize("task", TASKS)
def test_transformers_answers_as_llama_cpp_does(
    task: str, expected: dict[str, tuple[Request, str]], in_transformers: ServedModel
) -> None:
    asked, text = expected[task]
    assert in_transformers.generate(asked).text == text
    assert text.strip()


@pytest.mark.parametrize("task", TASKS)
def test_a_server_answers_as_llama_cpp_does(
    task: str, expected: dict[str, tuple[Request, str]], on_a_server: LanguageModel
) -> None:
    asked, text = expected[task]
    answer = on_a_server.generate(asked)
    assert (answer.text, answer.finish) == (text, "stop")


# --- the whole loop -------------------------------------------------------------------------------------

GOALS = (
    "Design a small CNN for the digits data set that reaches at least 95% accuracy",
    "An MLP for digits, at least 90% accuracy",
)
"""Every answer is greedy here: a second attempt is drawn at random, which a server does in its own way."""


SECONDS = re.compile(r"\d+\.\d s\b")
"""How long a training took, which a prompt tells: no two are alike."""


def worked_on(goal: str, root: Path, model: str, **options: int) -> list[Any]:
    """What a run on the model was asked and answered, and what came of it: all that must not differ."""
    how = RoleOptions(prompts="minnow", **options)
    asked = RunOptions(
        goal_text=goal, planner=model, coder=model, planner_options=how, coder_options=how, iterations=3
    )
    workspace.prepare(root)
    with Project(root) as project:
        told = list(research(project, asked))
    said: list[Any] = []
    for event in told:
        match event:
            case events.ModelAsked():
                said.append([event.role, event.task, SECONDS.sub("? s", event.prompt), ""])
            case events.TokensStreamed():
                said[-1][-1] += event.text
            case events.DecisionMade():
                said.append(event.decision)
            case events.RunFinished():
                said.append((event.outcome, event.exit_status))
            case _:
                pass
    for entry in registry.load(root):
        files = [
            (root / entry.experiment_dir / name).read_text() for name in (paths.RUN_CONFIG, paths.RUN_CODE)
        ]
        said.append((*files, entry.metrics_summary, entry.decision))
    return said


@pytest.fixture(scope="module")
def through_llama_cpp(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    folder = tmp_path_factory.mktemp("loops")
    return {goal: worked_on(goal, folder / str(i), "bundled") for i, goal in enumerate(GOALS)}


@pytest.mark.parametrize("goal", GOALS)
def test_the_loop_achieves_its_goal_through_llama_cpp(
    goal: str, through_llama_cpp: dict[str, list[Any]]
) -> None:
    assert ("achieved", 0) in through_llama_cpp[goal]


@pytest.mark.parametrize("goal", GOALS)
def test_the_loop_is_the_same_through_transformers(
    goal: str, through_llama_cpp: dict[str, list[Any]], folder: Path, tmp_path: Path
) -> None:
    assert worked_on(goal, tmp_path / "p", str(folder)) == through_llama_cpp[goal]


@pytest.mark.parametrize("goal", GOALS)
def test_the_loop_is_the_same_through_a_server(
    goal: str, through_llama_cpp: dict[str, list[Any]], url: str, tmp_path: Path
) -> None:
    assert worked_on(goal, tmp_path / "p", f"{url}#minnow", context=2048) == through_llama_cpp[goal]


# --- what else holds of each ----------------------------------------------------------------------------


def test_transformers_streams_cancels_and_goes_on(in_transformers: ServedModel) -> None:
    pieces: list[str] = []
    cancel = threading.Event()

    def hear(piece: str, thinking: bool) -> None:
        pieces.append(piece)
        cancel.set()

    asked = Request((Message("user", prompts()["code"]),), max_tokens=1500, temperature=1.5)
    answer = in_transformers.generate(asked, hear, cancel)
    assert answer.finish == "cancelled"
    assert answer.text == "".join(pieces)
    again = in_transformers.generate(Request(asked.messages, max_tokens=3))
    assert again.tokens == 3


def test_transformers_gives_the_same_answer_from_a_reused_beginning(in_transformers: ServedModel) -> None:
    long = "Another beginning. " + prompts()["code"] * 2
    asked = Request((Message("user", long),), max_tokens=20)
    first = in_transformers.generate(asked)
    again = in_transformers.generate(asked)
    assert again.reused_tokens >= CHUNK > first.reused_tokens
    assert again.text == first.text


def test_a_prompt_that_is_too_long_is_told_by_every_backend(
    in_transformers: ServedModel, on_a_server: LanguageModel
) -> None:
    long = Request((Message("user", "x y z " * 2000),), max_tokens=10)
    for model in (in_transformers, on_a_server):
        with pytest.raises(PromptTooLong):
            model.generate(long)


def test_a_folder_that_both_roles_name_is_loaded_once(folder: Path) -> None:
    planner, coder = open_models(str(folder), f"{folder}/", None, RoleOptions(temperature=0.7, context=1024))
    assert isinstance(planner, ServedModel)
    assert isinstance(coder, ServedModel)
    assert planner.pid == coder.pid
    assert planner.context_length == 2048
    planner.close()


def test_code_that_came_with_a_model_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "it ran"
    auto_map = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    bad = convert(paths.bundled_model(), tmp_path / "bad", model_type="unheard_of", auto_map=auto_map)
    (bad / "evil.py").write_text(f"open({str(marker)!r}, 'w')\nclass Config: pass\nclass Model: pass\n")
    with pytest.raises(ModelError, match="cannot load"):
        open_model(str(bad))
    assert not marker.exists()


def test_weights_that_are_no_safetensors_are_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    bad = convert(paths.bundled_model(), tmp_path / "bad")
    (bad / "model.safetensors").rename(bad / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        check_spec(str(bad))


def test_a_structured_answer_comes_from_a_server(on_a_server: LanguageModel) -> None:
    goal = structured(on_a_server, request("goal", prompts()["goal"]), Goal)
    assert goal.metric


def test_an_answer_of_a_server_is_cancelled_within_a_second(on_a_server: LanguageModel) -> None:
    cancel = threading.Event()
    heard = threading.Event()
    ended: list[float] = []

    def ask() -> None:
        asked = Request((Message("user", prompts()["code"]),), max_tokens=1500, temperature=2.0)
        assert on_a_server.generate(asked, lambda *_: heard.set(), cancel).finish == "cancelled"
        ended.append(time.monotonic())

    thread = threading.Thread(target=ask)
    thread.start()
    assert heard.wait(300)
    began = time.monotonic()
    cancel.set()
    thread.join(60)
    assert ended[0] - began < 1


def test_a_server_that_is_not_there_is_an_error_with_a_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        open_model(f"http://127.0.0.1:{port}/v1#any")
    assert "Start the server" in caught.value.remedy


def test_the_schema_is_told_in_the_prompt_once() -> None:
    schema = Goal.model_json_schema()
    told = with_schema((Message("system", "Be brief."), Message("user", "go")), schema)
    assert told[0].content.startswith("Be brief.")
    assert '"threshold"' in told[0].content
    assert with_schema(told, schema) == told


def test_a_begun_answer_and_its_stops_are_the_same_through_transformers(
    expected: dict[str, tuple[Request, str]], in_transformers: ServedModel
) -> None:
    asked, text = expected["code"]
    line = text.index("self.", len(text) // 2)
    begun = replace(asked, begin=text[:line], stops=("\n",))
    answer = in_transformers.generate(begun)
    assert (answer.text, answer.finish) == (text[line:].partition("\n")[0], "stop")


def test_who_listens_ends_an_answer_of_transformers(in_transformers: ServedModel) -> None:
    heard: list[str] = []

    def listen(piece: str, thinking: bool) -> None:
        heard.append(piece)
        raise Enough

    answer = in_transformers.generate(request("code", prompts()["code"]), listen)
    assert (answer.text, answer.finish, len(heard)) == (heard[0], "enough", 1)
