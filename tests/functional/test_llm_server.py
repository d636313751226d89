"""The real model server with a real, tiny GGUF of random weights: what it writes is noise."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

import pytest

from mlagent_tui import events, paths
from mlagent_tui.agent import listening
from mlagent_tui.errors import ModelError
from mlagent_tui.llm import (
    Answer,
    Enough,
    Message,
    Options,
    PromptTooLong,
    Request,
    RoleOptions,
    ServedModel,
    check_spec,
    client,
    open_models,
    structured,
    wait_for_models,
)
from mlagent_tui.llm.prefixes import CHUNK
from mlagent_tui.schemas import Decision, Goal, ModelConfig, Plan, Value
from tests.tiny_gguf import make

ASK = (Message("system", "Be brief."), Message("user", "Design a network for the digits. " * 12))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("model") / "tiny.gguf")


@pytest.fixture(scope="module")
def model(path: Path) -> Iterator[ServedModel]:
    served, _ = open_models(str(path), str(path))
    assert isinstance(served, ServedModel)
    yield served
    served.close()


class Kill:
    """Kills or stops the server at the first piece of text, `times` times."""

    def __init__(self, model: ServedModel, times: int, number: int = signal.SIGKILL) -> None:
        self.number = number
        self.model, self.times, self.heard, self.pids = model, times, "", set[int]()

    def __call__(self, piece: str, thinking: bool) -> None:
        self.heard += piece
        pid = self.model.pid
        if pid and pid not in self.pids and len(self.pids) < self.times:
            self.pids.add(pid)
            os.kill(pid, self.number)


def test_the_same_file_is_loaded_once_and_two_files_are_two_processes(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.gguf"
    link.symlink_to(path)
    other = make(tmp_path / "other.gguf", context=256)
    planner, coder = open_models(str(path), str(link))
    assert planner is coder
    planner.close()
    planner, coder = open_models(str(path), str(other))
    assert isinstance(planner, ServedModel)
    assert isinstance(coder, ServedModel)
    assert planner.pid != coder.pid
    assert (planner.context_length, coder.context_length) == (4096, 256)
    planner.close()
    coder.close()
    coder.close()


def test_the_context_is_capped_by_its_option(path: Path) -> None:
    model = ServedModel(path, Options(context_limit=512))
    assert model.context_length == 512
    model.close()


def test_text_arrives_while_it_is_written(model: ServedModel) -> None:
    pieces: list[str] = []
    answer = model.generate(
        Request(ASK, max_tokens=2000, temperature=1.0), lambda piece, _: pieces.append(piece)
    )
    assert "".join(pieces) == answer.text
    assert len(pieces) > 1
    assert answer.tokens > len(pieces)
    assert answer.prompt_tokens == model.count_tokens(ASK)


def test_the_same_seed_gives_the_same_answer_whatever_was_asked_before(
    model: ServedModel, path: Path
) -> None:
    def ask(seed: int, of: ServedModel = model) -> Answer:
        return of.generate(Request(ASK, max_tokens=300, temperature=1.0, seed=seed))

    first = ask(1).text
    assert first == ask(1).text != ask(2).text
    shared = Message("user", ASK[1].content[: 2 * CHUNK] + "and now something else")
    model.generate(Request((shared,), max_tokens=50))
    assert ask(1).text == first
    fresh = ServedModel(path)
    assert ask(1, fresh).text == first
    fresh.close()


@pytest.mark.parametrize("type_", [Goal, Plan, ModelConfig, Decision])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_under_a_schema_is_a_valid_value_or_a_clear_error(
    model: ServedModel, type_: type[Value], seed: int
) -> None:
    request = Request(ASK, max_tokens=1500, temperature=0.0 if seed == 0 else 1.0, seed=seed)
    answers: list[Answer] = []
    try:
        assert isinstance(structured(model, request, type_, on_answer=answers.append), type_)
    except ModelError as error:
        assert f"no valid {type_.__name__} in 3 attempts" in error.what
        assert error.remedy
    for answer in answers:
        if answer.finish == "stop":
            json.loads(answer.text)


def test_a_goal_is_always_valid_whatever_the_weights(tmp_path: Path) -> None:
    for seed in range(3):
        model = ServedModel(make(tmp_path / f"{seed}.gguf", seed=seed, words=[]))
        with closing(model):
            goal = structured(model, Request(ASK, temperature=1.5, seed=seed), Goal, attempts=1)
        assert Goal.model_validate_json(goal.model_dump_json()) == goal


def test_cancelling_ends_an_answer_and_leaves_the_server_usable(model: ServedModel) -> None:
    cancel = threading.Event()
    pid = model.pid
    answer = model.generate(Request(ASK, max_tokens=10**6), lambda *_: cancel.set(), cancel)
    assert answer.finish == "cancelled"
    assert answer.tokens < 3000
    again = model.generate(Request(ASK, max_tokens=5))
    assert (again.tokens, model.pid) == (5, pid)


class EnoughAfter:
    """Has enough once it has heard so many characters."""

    def __init__(self, size: int) -> None:
        self.size, self.heard = size, ""

    def __call__(self, piece: str, thinking: bool) -> None:
        self.heard += piece
        if len(self.heard) >= self.size:
            raise Enough


def test_who_listens_can_end_an_answer_and_gets_what_was_heard(model: ServedModel) -> None:
    listener, pid = EnoughAfter(100), model.pid
    long = Request((Message("user", "Many words. " * 100),), max_tokens=10**6, temperature=1.0)
    answer = model.generate(long, listener)
    assert (answer.text, answer.finish) == (listener.heard, "enough")
    assert answer.tokens < 3000
    assert answer.prompt_tokens > 2 * CHUNK
    again = model.generate(dataclasses.replace(long, max_tokens=5))
    assert (again.tokens, model.pid) == (5, pid)
    assert again.reused_tokens >= 2 * CHUNK


def test_an_answer_goes_on_from_what_was_begun_and_ends_before_a_stop(model: ServedModel) -> None:
    asked = Request(ASK, max_tokens=200, temperature=1.0, begin="self.conv2d = ")
    whole = model.generate(asked).text
    stop = whole[60:63]
    first = whole[: whole.index(stop)]
    ended = model.generate(dataclasses.replace(asked, stops=("nothing like it", stop)))
    assert (ended.text, ended.finish) == (first, "stop")
    assert model.generate(dataclasses.replace(asked, begin="")).text != whole


def test_an_answer_that_repeats_itself_ends_before_its_limit(tmp_path: Path) -> None:
    with closing(ServedModel(make(tmp_path / "steady.gguf", alter=lambda fields: None, words=[]))) as model:
        answer = model.generate(Request(ASK, max_tokens=3000))
    assert answer.finish == "repetition"
    assert answer.tokens < 3000


def test_an_answer_cancelled_before_it_began_is_empty(model: ServedModel) -> None:
    cancel = threading.Event()
    cancel.set()
    assert model.generate(Request(ASK, max_tokens=10**6), None, cancel).finish == "cancelled"


def test_a_killed_server_is_started_again_and_the_call_repeated(path: Path) -> None:
    model = ServedModel(path)
    request = Request(ASK, max_tokens=3000, temperature=1.0)
    undisturbed = model.generate(request)
    kill = Kill(model, 1)
    answer = model.generate(request, kill)
    assert len(kill.pids) == 1
    assert kill.heard == answer.text == undisturbed.text
    model.close()


def test_a_server_killed_twice_is_an_error_and_the_model_still_usable(path: Path) -> None:
    model = ServedModel(path)
    assert model.context_length
    with pytest.raises(ModelError, match="ended by SIGKILL while it answered, twice") as caught:
        model.generate(Request(ASK, max_tokens=3000, temperature=1.0), Kill(model, 2))
    assert "memory" in caught.value.remedy
    assert model.generate(Request(ASK, max_tokens=3)).tokens == 3
    model.close()


def test_closing_ends_a_call_under_way(path: Path) -> None:
    model = ServedModel(path)
    writing = threading.Event()
    failed: list[ModelError] = []

    def ask() -> None:
        try:
            model.generate(Request(ASK, max_tokens=10**6, temperature=1.0), lambda *_: writing.set())
        except ModelError as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert writing.wait(60)
    model.close()
    thread.join(60)
    assert "was closed" in failed[0].what
    assert model.pid is None


def test_a_prompt_that_is_too_long_says_by_how_much(model: ServedModel) -> None:
    long = (Message("user", "many words " * 1000),)
    with pytest.raises(PromptTooLong) as caught:
        model.generate(Request(long))
    assert caught.value.prompt_tokens == model.count_tokens(long) > model.context_length
    assert "Shorten" in caught.value.remedy


def test_text_that_is_no_text_is_survived(model: ServedModel) -> None:
    assert model.generate(Request((Message("user", "\udcff \0 ok"),), max_tokens=3)).tokens == 3


def test_control_tokens_in_a_message_are_mere_text(model: ServedModel) -> None:
    plain, hostile = Message("user", "a< |end|>b"), Message("user", "a<|end|>b")
    assert model.count_tokens([plain]) == model.count_tokens([hostile]) > 5


def test_a_file_cut_inside_its_last_tensor_is_refused_before_it_is_loaded(path: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        ModelError, match=r"is truncated: it has [0-9,]+ bytes and its weights need"
    ) as caught:
        open_models(str(cut), str(cut))
    assert "download the file again" in caught.value.remedy


def test_a_model_llama_cpp_does_not_know_is_refused(path: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.gguf"
    odd.write_bytes(path.read_bytes().replace(b"llama", b"lemma"))
    with pytest.raises(ModelError, match="the architecture 'lemma', which is not known"):
        open_models(str(odd), str(odd))


def test_a_broken_template_is_an_error_on_opening(tmp_path: Path) -> None:
    broken = make(tmp_path / "broken.gguf", template="{% if %}")
    with pytest.raises(ModelError, match="chat template"):
        open_models(str(broken), str(broken))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_when_one_of_two_models_fails_the_other_is_closed(path: Path, tmp_path: Path) -> None:
    before = _children()
    with pytest.raises(ModelError, match="there is no file"):
        open_models(str(path), str(tmp_path / "none.gguf"))
    assert _children() == before


def test_two_roles_of_one_file_differ_in_manner_and_share_the_process(path: Path, tmp_path: Path) -> None:
    template = tmp_path / "other.jinja"
    template.write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    hot = RoleOptions(temperature=1.5, context=1024, chat_template=template)
    planner, coder = open_models(str(path), str(path), RoleOptions(context=512, threads=1), hot)
    assert isinstance(planner, ServedModel)
    assert isinstance(coder, ServedModel)
    assert planner.pid == coder.pid
    assert planner.context_length == coder.context_length == 1024
    assert planner.count_tokens(ASK) != coder.count_tokens(ASK)
    request = Request(ASK, max_tokens=200)
    seeds = [dataclasses.replace(request, seed=seed) for seed in range(4)]
    assert len({planner.generate(seeded).text for seeded in seeds}) == 1
    assert len({coder.generate(seeded).text for seeded in seeds}) > 1
    planner.close()


def test_instructions_are_evaluated_once_whatever_is_asked_in_between(tmp_path: Path) -> None:
    template = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|>"
    model = ServedModel(make(tmp_path / "told.gguf", template=template))
    roles = [Message("system", f"{name} " * 3 * CHUNK) for name in ("plan", "code")]

    def ask(role: int, what: str) -> Answer:
        return model.generate(Request((roles[role], Message("user", what)), max_tokens=30))

    first = [ask(0, "one"), ask(1, "one")]
    assert [answer.reused_tokens for answer in first] == [0, 0]
    again = [ask(0, "two"), ask(1, "two"), ask(0, "one"), ask(1, "one")]
    assert all(answer.reused_tokens >= 3 * CHUNK for answer in again)
    assert [answer.text for answer in again[2:]] == [answer.text for answer in first]
    model.close()


def test_instructions_are_not_read_again_after_a_restart_of_the_server(tmp_path: Path, home: Path) -> None:
    """The model is so wide that its instructions take longer to read than storing is worth."""
    template = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|>"
    path = make(tmp_path / "wide.gguf", template=template, width=1024)

    def ask(what: str) -> Answer:
        with closing(ServedModel(path, Options(threads=1))) as model:
            system = Message("system", "plan a small network " * 100)
            asked = (system, Message("user", what))
            return model.generate(Request(asked, max_tokens=30, temperature=1.0))

    first = ask("one")
    assert first.reused_tokens == 0
    stored = list(paths.cache_folder().joinpath("prefixes").iterdir())
    assert len(stored) == 1
    other, again = ask("two"), ask("one")
    assert other.reused_tokens == again.reused_tokens > 0.8 * again.prompt_tokens
    assert again.text == first.text
    stored[0].write_bytes(b"damaged")
    assert ask("one").text == first.text


def test_a_long_prompt_tells_how_far_it_is(model: ServedModel) -> None:
    told: list[tuple[int, int]] = []
    asked = Request((Message("user", "other words " * 200),), max_tokens=1)
    answer = model.generate(asked, on_progress=lambda done, total: told.append((done, total)))
    assert told
    assert all(0 < done <= total == answer.prompt_tokens for done, total in told)


def test_how_far_a_prompt_is_read_becomes_an_event_of_its_role_and_task(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "NOTICEABLE", 0.0)
    told: list[events.Event] = []
    overheard = listening.Overheard(ServedModel(path), "coder", told.append)
    overheard.generate(Request((Message("user", "some words " * 200),), max_tokens=1, task="code"))
    overheard.close()
    asked, *progress = told
    assert isinstance(asked, events.ModelAsked)
    assert progress
    for event in progress:
        assert isinstance(event, events.PromptProgress)
        assert (event.role, event.task) == ("coder", "code")
        assert 0 < event.done < event.total


def test_a_model_that_was_unloaded_is_loaded_again_when_it_is_asked(path: Path) -> None:
    model = ServedModel(path)
    assert model.context_length
    before = model.pid
    model.unload()
    assert model.pid is None
    assert model.generate(Request(ASK, max_tokens=3)).tokens == 3
    assert model.pid != before
    model.close()


def test_a_model_says_what_memory_it_takes_and_still_knows_its_context_while_it_is_away(path: Path) -> None:
    model = ServedModel(path)
    assert model.memory.host > path.stat().st_size
    assert model.memory.gpu == 0
    model.unload()
    assert (model.context_length, model.pid) == (4096, None)
    assert model.load(threading.Event())
    assert model.pid
    model.close()


def test_loading_again_is_left_at_once_when_cancelled(path: Path) -> None:
    model = ServedModel(path)
    assert model.context_length
    model.unload()
    cancel = threading.Event()
    cancel.set()
    assert not model.load(cancel)
    assert model.pid is None
    assert model.generate(Request(ASK, max_tokens=3), None, cancel).finish == "cancelled"
    assert model.generate(Request(ASK, max_tokens=3)).tokens == 3
    model.close()


def test_a_model_that_does_not_fit_is_refused_with_what_would(tmp_path: Path) -> None:
    huge = make(tmp_path / "huge.gguf", context=2**31 - 1)
    with pytest.raises(ModelError, match=r"tiny does not fit: .* free") as caught:
        open_models(str(huge), str(huge), RoleOptions(context=2**31 - 1))
    assert "context of" in caught.value.remedy


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("http://localhost:8080/v1 #x", "does not name a server"),
        ("ftp://localhost/v1", "does not name a server"),
        ("http://user@host/v1", "does not name a server"),
        ("/nowhere/at-all.gguf", "there is no file"),
    ],
)
def test_what_cannot_be_a_model_is_told_before_anything_starts(spec: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        check_spec(spec)
    assert caught.value.remedy


def test_a_url_or_the_bundled_model_passes_without_being_asked() -> None:
    check_spec("http://10.0.0.1:8000/v1#qwen")
    check_spec("bundled")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_server_opens_no_socket(model: ServedModel) -> None:
    model.generate(Request(ASK, max_tokens=10))
    descriptors = Path(f"/proc/{model.pid}/fd")
    assert not [link for link in descriptors.iterdir() if str(link.readlink()).startswith("socket:")]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_server_ends_when_its_engine_is_killed(path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom mlagent_tui.llm import ServedModel\n"
        "model = ServedModel(Path(sys.argv[1])); model.context_length\n"
        "print(model.pid, flush=True)\ntime.sleep(600)"
    )
    engine = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert engine.stdout
    watched = os.pidfd_open(int(engine.stdout.readline()))
    engine.kill()
    engine.wait()
    engine.stdout.close()
    assert _ends(watched, 30)
    os.close(watched)


def test_the_engine_side_imports_neither_llama_cpp_nor_torch() -> None:
    code = (
        "import sys, mlagent_tui.llm; print([m for m in sys.modules if m.split('.')[0] in "
        "('llama_cpp', 'torch', 'llguidance', 'jinja2', 'numpy')])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


def _children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()


def _ends(pidfd: int, seconds: float) -> bool:
    return bool(select.select([pidfd], [], [], seconds)[0])


# --- a server that is there and does not respond ----------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(client, "HUNG_SECONDS", 1.6)


def test_a_server_that_hangs_is_said_and_restarted_and_the_answer_is_the_same(
    path: Path, impatient: None
) -> None:
    model = ServedModel(path)
    told: list[str] = []
    model.watch("the planner's model server", lambda message, remedy: told.append(message))
    request = Request(ASK, max_tokens=3000, temperature=1.0)
    undisturbed = model.generate(request)
    stop = Kill(model, 1, signal.SIGSTOP)
    answer = model.generate(request, stop)
    assert stop.heard == answer.text == undisturbed.text
    waited, restarted = told[-2:]
    assert waited.startswith("waiting for the planner's model server (")
    assert "has not responded for 1.6 s, and is restarted" in restarted
    model.close()


def test_a_server_that_hangs_again_is_an_error(path: Path, impatient: None) -> None:
    model = ServedModel(path)
    assert model.context_length
    with pytest.raises(ModelError, match=r"has not responded for 1\.6 s while it answered, twice"):
        model.generate(Request(ASK, max_tokens=3000, temperature=1.0), Kill(model, 2, signal.SIGSTOP))
    assert model.generate(Request(ASK, max_tokens=3)).tokens == 3
    model.close()


def test_a_server_that_is_at_work_gives_signs_of_it_however_long_that_takes(path: Path) -> None:
    command = [sys.executable, "-P", "-m", "mlagent_tui.llm.server", str(path), "{}"]
    fields = {
        "max_tokens": 10**6,
        "temperature": 1.0,
        "seed": 0,
        "schema": None,
        "thinking_tokens": 0,
        "begin": "",
        "stops": [],
    }
    asked = [dataclasses.asdict(message) for message in ASK]
    ask = json.dumps({"do": "generate", "id": 1, "messages": asked, "chat_template": "", **fields})
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        kinds = (json.loads(line)["event"] for line in server.stdout)
        assert "ready" in kinds  # up to it, the generator is read
        for kind in chain(["answer"], kinds):
            if kind == "answer":
                print(ask, file=server.stdin, flush=True)
            if kind == "alive":
                break
        server.kill()


def test_cancelling_does_not_wait_for_a_server_that_hangs(path: Path) -> None:
    model = ServedModel(path)
    cancel = threading.Event()
    stop = Kill(model, 1, signal.SIGSTOP)

    def heard(piece: str, thinking: bool) -> None:
        stop(piece, thinking)
        cancel.set()

    began = time.monotonic()
    answer = model.generate(Request(ASK, max_tokens=10**6, temperature=1.0), heard, cancel)
    assert answer.finish == "cancelled"
    assert model.pid is None
    assert time.monotonic() - began < 20
    model.close()


def test_a_model_that_hangs_while_it_loads_can_be_cancelled(path: Path) -> None:
    model = ServedModel(path)
    assert model.pid
    os.kill(model.pid, signal.SIGSTOP)
    cancel = threading.Event()
    loaded: list[bool] = []
    thread = threading.Thread(target=lambda: loaded.append(wait_for_models([model], cancel)))
    thread.start()
    cancel.set()
    thread.join(10)
    assert loaded == [False]
    model.close()


def test_a_plain_request_is_read_without_the_chat_template_and_a_setting_chooses_the_form_of_code(
    path: Path,
) -> None:
    asked = Request((Message("user", "x = self.conv1(x)\nx ="),), max_tokens=1)
    manner = client.Manner(profile="chat", code="whole")
    with closing(ServedModel(path, manner=manner)) as model:
        in_template = model.generate(asked)
        plain = model.generate(dataclasses.replace(asked, plain=True))
        other = model.shared(client.Manner(profile="chat"))
        assert plain.prompt_tokens < in_template.prompt_tokens
        assert (model.code_forms, other.code_forms) == (("whole",), ("lines",))
