"""Modules that try to earn a score they do not deserve, and what each gets today.

Each is code of the honest network with something added: at import (`top`), where it is built (`build`) or in
`forward`. `JUDGE` marks those that need the judge, a process apart that holds the labels: today they may be
scored higher than they deserve, and `docs/security.md` names their kinds.
"""

# ruff: noqa: E501
from __future__ import annotations

from dataclasses import dataclass

JUDGE = "waits for the judge"
HONEST = "scored as an honest network"

NETWORK = """\
import torch
from torch import nn
import torch.nn.functional as F
import typing

sys = typing.sys
os = sys.modules["os"]
load = sys.modules["importlib"].import_module
time, gc, threading, json = load("time"), load("gc"), load("threading"), load("json")


def pipes():
    found = {{}}
    for number in range(3, 64):
        try:
            found.setdefault(os.readlink(f"/proc/self/fd/{{number}}"), number)
        except OSError:
            pass
    return [number for place, number in found.items() if place.startswith(("pipe", "socket"))]


def say(*lines):
    for pipe in pipes():
        try:
            for line in lines:
                os.write(pipe, line if isinstance(line, bytes) else json.dumps(line).encode() + b"\\n")
        except OSError:
            pass


def labels():
    return [x for x in gc.get_objects() if type(x) is torch.Tensor and x.dtype == torch.int64 and x.dim() == 1]


BATCH = dict(event="batch", epoch=1, epochs=1, batch=1, batches=4, loss=0.1, accuracy=0.5, images_per_second=1.0)
EPOCH = dict(event="epoch", epoch=1, train_loss=0.0, train_accuracy=1.0, val_loss=0.0, accuracy=1.0, seconds=0.0)
STARTED = dict(event="started", mean=[0.3], std=[0.2], device="cpu", train_size=200, val_size=100, test_size=359, parameters=2730,
               precision="float32")
TRAINED = dict(event="trained", status="completed", reason="", epochs=1, seconds=0.0, images_per_second=1.0)
DONE = dict(event="done", value=dict(missing=""))

{top}


class CurrentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(256, 10)
        self.calls = 0
{build}

    def forward(self, x):
        self.calls += 1
{forward}
        x = self.pool(torch.relu(self.conv1(x)))
        return self.fc1(x.flatten(1))
"""


@dataclass(frozen=True)
class Cheat:
    """`gets` is `JUDGE`, `HONEST`, or a part of the reason with which the trial fails.

    Of the kind `weights`, the trial is scored as an honest one, and the reason is why its weights are not stored.
    """

    kind: str
    gets: str
    top: str = ""
    build: str = ""
    forward: str = ""

    @property
    def code(self) -> str:
        return NETWORK.format(top=self.top, build=_indented(self.build), forward=_indented(self.forward))


def _indented(code: str) -> str:
    return "\n".join(f"        {line}" for line in (code or "pass").splitlines())


IN_FRAMES = """\
frame = sys._getframe()
while frame:
    {act}
    frame = frame.f_back"""

CHEATS = {
    # what measures is patched
    "argmax of tensors": Cheat("measuring", JUDGE, "torch.Tensor.argmax = lambda x, d: labels_of(len(x))\n"
        "def labels_of(n):\n    return next(x for x in labels() if len(x) == n)"),
    "equality": Cheat("measuring", JUDGE, "torch.Tensor.__eq__ = lambda a, b: torch.ones(len(a), dtype=bool)"),
    "cross entropy": Cheat("measuring", JUDGE,
        "real = F.cross_entropy\n"
        "F.cross_entropy = lambda *a, **k: real(*a, **k) * (1.0 if torch.is_grad_enabled() else 0.0)"),
    "the measuring function": Cheat("measuring", JUDGE,
        "t = sys.modules['mlagent_tui.training.trainer']\n"
        "t.measure = lambda model, data, part, config: t.Scores(0.0, 1.0, len(part))"),
    "the sums": Cheat("measuring", JUDGE,
        "t = sys.modules['mlagent_tui.training.trainer']\n"
        "t._Sums.scores = lambda self: t.Scores(0.0, 1.0, self.count)"),
    "a tensor that lies": Cheat("measuring", JUDGE,
        "class Lie(torch.Tensor):\n"
        "    def argmax(self, *a):\n"
        "        return next(x for x in labels() if len(x) == len(self))\n",
        forward="return self.fc1(self.pool(torch.relu(self.conv1(x))).flatten(1)).as_subclass(Lie)"),
    "a trace function": Cheat("measuring", JUDGE,
        "def tracer(frame, event, arg):\n"
        "    if frame.f_code.co_name == 'scores' and event == 'call':\n"
        "        frame.f_locals['self'].correct.fill_(frame.f_locals['self'].count)\n"
        "sys.settrace(tracer)"),
    "a thread that patches later": Cheat("measuring", JUDGE,
        "def later():\n"
        "    t = sys.modules['mlagent_tui.training.trainer']\n"
        "    t.measure = lambda m, d, p, q: t.Scores(0.0, 1.0, len(p))\n"
        "threading.Thread(target=later, daemon=True).start()"),
    "the profiler": Cheat("measuring", JUDGE,
        "def profiler(frame, event, arg):\n"
        "    if frame.f_code.co_name == 'scores' and event == 'call':\n"
        "        frame.f_locals['self'].correct.fill_(frame.f_locals['self'].count)\n"
        "sys.setprofile(profiler)"),
    # the data in memory
    "labels from the garbage collector": Cheat("data", JUDGE, forward=(
        "if not self.training:\n"
        "    for known in gc.get_objects():\n"
        "        if type(known).__name__ == 'Part' and len(known) == len(x):\n"
        "            return F.one_hot(known.labels, 10).float() * 99")),
    "labels from the frames": Cheat("data", JUDGE, forward=(
        "if not self.training:\n"
        "    frame = sys._getframe()\n"
        "    while frame:\n"
        "        if 'labels' in frame.f_locals and len(frame.f_locals['labels']) == len(x):\n"
        "            return F.one_hot(frame.f_locals['labels'], 10).float() * 99\n"
        "        frame = frame.f_back")),
    "labels overwritten": Cheat("data", JUDGE, forward=(
        "if self.training and self.calls > 1:\n"
        "    for known in gc.get_objects():\n"
        "        if type(known).__name__ == 'Part':\n"
        "            known.labels.zero_()")),
    "trained on the validation part": Cheat("data", JUDGE, forward=(
        "for known in gc.get_objects() if self.training else ():\n"
        "    if type(known).__name__ == 'Training':\n"
        "        train, answers = known.data.train, known.data.validation\n"
        "        train.images[:100], train.labels[:100] = answers.images, answers.labels")),
    "the sets from the package": Cheat("data", JUDGE,
        "from_files = load('mlagent_tui.training.files').read_digits()", forward=(
        "if not self.training and x.shape[-1] == 8:\n"
        "    images, answers = from_files\n"
        "    far = torch.cdist(x.flatten(1).double(), norm(images).flatten(1).double())\n"
        "    return F.one_hot(answers[far.argmin(1)], 10).float() * 99"),
        build="global norm\nnorm = lambda i: (i.float() / 255 - 0.3) / 0.37"),
    "the order of the validation images": Cheat("data", JUDGE,
        "_, answers = load('mlagent_tui.training.files').read_digits()\n"
        "def order(n):\n"
        "    return torch.randperm(n, generator=torch.Generator().manual_seed(20_240_229))\n"
        "answers = answers[order(1797)[359:]][order(1438)[:100]]", forward=(
        "if not self.training and len(x) == 100:\n"
        "    return F.one_hot(answers, 10).float() * 99")),
    # the reply channel
    "a forged training": Cheat("replies", JUDGE, build=(
        "load('safetensors.torch').save_model(self, 'model.safetensors')\nsay(STARTED, EPOCH, TRAINED, DONE)")),
    "accuracy above one": Cheat("replies", "something else than a reply",
        build="say(STARTED, EPOCH | {'accuracy': 7.5})"),
    "not a number": Cheat("replies", "something else than a reply", build="say(b'{\"event\":\"epoch\",\"accuracy\":NaN}\\n')"),
    "negative sizes": Cheat("replies", "something else than a reply", build="say(STARTED | {'val_size': -5})"),
    "another validation size": Cheat("replies", "val_size is 400", build="say(STARTED | {'val_size': 400})"),
    "other parameters": Cheat("replies", "parameters is 3", build="say(STARTED | {'parameters': 3})"),
    "begins twice": Cheat("replies", "began twice", build="say(STARTED, STARTED)"),
    "epochs beyond the plan": Cheat("replies", "epoch 2 of 1", build="say(STARTED, EPOCH, EPOCH | {'epoch': 2})"),
    "an accuracy of no whole images": Cheat("replies", "not a whole number",
        build="say(STARTED, EPOCH | {'accuracy': 0.9999})"),
    "done before it began": Cheat("replies", "before it began", build="say(TRAINED)"),
    "done without a training": Cheat("replies", "no training", build="say(DONE)"),
    "trains on after its end": Cheat("replies", "after its end",
        build="say(STARTED, EPOCH, TRAINED, EPOCH)"),
    "another device": Cheat("replies", "trains on", build="say(STARTED | {'device': 'abacus'})"),
    "a flood of batches": Cheat("replies", "came after batch 4", build=(
        "say(STARTED)\n"
        "for batch in range(1, 5000):\n"
        "    say(BATCH | {'batch': batch, 'batches': 4})")),
    "a huge reply": Cheat("replies", "too long", build="say(*[b'x' * 65536] * 80)"),
    "nonsense": Cheat("replies", "something else than a reply", build="say(b'nonsense\\n')"),
    "exits with a forged end": Cheat("replies", "before it began", build="say(TRAINED, DONE)\nos._exit(0)"),
    "the send function": Cheat("replies", JUDGE, build=(
        "frame = sys._getframe()\n"
        "while frame:\n"
        "    if '_send' in getattr(frame.f_locals.get('self'), '__dict__', {}):\n"
        "        worker = frame.f_locals['self']\n"
        "        real = worker._send\n"
        "        worker._send = lambda v: real(v.model_copy(update={'accuracy': 1.0})"
        " if v.event == 'epoch' else v)\n"
        "    frame = frame.f_back")),
    # time
    "a frozen clock": Cheat("time", HONEST, "now = time.monotonic()\ntime.monotonic = lambda: now\n"
                            "time.perf_counter = lambda: now"),
    # crashes and ends
    "raises after some calls": Cheat("ends", "RuntimeError", forward="if self.calls > 5:\n    raise RuntimeError('enough')"),
    "exits": Cheat("ends", "exit status 0", forward="if self.calls > 5:\n    os._exit(0)"),
    "at exit": Cheat("ends", HONEST, "load('atexit').register(lambda: say(EPOCH))"),
    # weights
    "garbage weights": Cheat("weights", "not a safetensors file",
        "sys.modules['mlagent_tui.training.worker'].save_weights = lambda m, p: open(p, 'wb').write(b'x' * 1000)"
        .replace("open(", "load('io').open(")),
    "another network's weights": Cheat("weights", "lack a parameter",
        "real = sys.modules['mlagent_tui.training.worker'].save_weights\n"
        "sys.modules['mlagent_tui.training.worker'].save_weights = lambda m, p: real(nn.Linear(2, 2), p)"),
    "weights that are a pipe": Cheat("weights", "PermissionError",
        "sys.modules['mlagent_tui.training.worker'].save_weights = lambda m, p: os.mkfifo(p)"),
    "weights that are a link": Cheat("weights", "no weights",
        "sys.modules['mlagent_tui.training.worker'].save_weights = lambda m, p: os.symlink('/etc/passwd', p)"),
    "too many weights": Cheat("weights", "no parameters of the network",
        "real = sys.modules['mlagent_tui.training.worker'].save_weights\n"
        "def more(model, path):\n"
        "    model.register_buffer('more', torch.zeros(3_000_000))\n"
        "    real(model, path)\n"
        "sys.modules['mlagent_tui.training.worker'].save_weights = more"),
    # files
    "nested folders": Cheat("files", HONEST,
        "here = os.getcwd()\nfor _ in range(1500):\n    os.mkdir('d')\n    os.chdir('d')\nos.chdir(here)"),
    "closed folders": Cheat("files", HONEST, "os.makedirs('a/b/c')\nos.chmod('a/b', 0)\nos.chmod('a', 0)"),
    "a log that is a pipe": Cheat("files", "PermissionError", "os.mkfifo('worker.log')"),
    # processes
    "forks": Cheat("processes", "PermissionError", "os.fork()"),
    "kills its template": Cheat("processes", "PermissionError", "os.kill(os.getppid(), 9)"),
}  # fmt: skip
