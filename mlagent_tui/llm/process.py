"""One run of the model server's process, as the engine sees it: lines in, lines out, and how it ended."""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

LOG_TAIL = 400
WRITE_SECONDS = 30.0
ALIVE = {"event": "alive"}
"""What a server that is at work sends every `ALIVE_SECONDS`."""
ALIVE_SECONDS = 1.0
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""What transformers and huggingface_hub are told before they are imported."""
NO_BACKTRACE = {"GGML_NO_BACKTRACE": "1"}
"""Where llama.cpp gives up it would call a debugger and write pages; the line before them says why."""

_FOLDERS = re.compile(r"/[^\s:]*/(?=[^/\s:]+:\d+:)")
"""Before a file and a line: where it was on the machine that compiled it."""


@dataclass(frozen=True)
class Options:
    """How a model is loaded: the context is the model's own, at most `context_limit`; `threads` 0 chooses.

    `gpu_layers` -1 uses a GPU as far as it goes. `device` and `dtype` are for Hugging Face folders.
    `thinking_tokens` bounds the thinking of a reasoning model. Without `memory_check` a model is loaded even
    where it seems too large.
    """

    context_limit: int = 16384
    threads: int = 0
    gpu_layers: int = -1
    thinking_tokens: int = 2048
    flash_attention: Literal["auto", "on", "off"] = "auto"
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    memory_check: bool = True


class ServerDied(Exception):
    """The process ended, or sent something that is not a reply; `how` says what is known."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class ServerHung(ServerDied):
    """The process is there and does not respond."""


class ServerProcess:
    """One run of the server process."""

    def __init__(self, path: Path, options: Options) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        package_root = str(Path(__file__).parents[2])
        search = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "mlagent_tui.llm.server"),
                *(str(path), json.dumps(dataclasses.asdict(options))),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **OFFLINE, **NO_BACKTRACE, "PYTHONPATH": search},
            start_new_session=True,  # Ctrl-C in a terminal is for the engine
        )
        self.pid = self._process.pid
        self.heard = 0
        """Lines that have arrived; while it is at work there is one a second at least."""
        self._how = ""
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, **fields: Any) -> None:
        """Raises `ServerDied`, and `ServerHung` when it does not read for `WRITE_SECONDS`."""
        assert self._process.stdin
        line = memoryview(json.dumps(fields).encode() + b"\n")
        try:
            pipe = self._process.stdin.fileno()
            os.set_blocking(pipe, False)
            while line:
                if not select.select([], [pipe], [], WRITE_SECONDS)[1]:
                    raise ServerHung(f"did not read its input for {WRITE_SECONDS:g} s")
                with suppress(BlockingIOError):
                    line = line[os.write(pipe, line) :]
        except (OSError, ValueError) as error:
            self._reader.join()
            raise ServerDied(self._how) from error

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        """The next line, or None after `timeout` seconds. Raises `ServerDied`."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            return None
        if line is None:
            raise ServerDied(self._how)
        return line

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe:
                with suppress(BrokenPipeError):  # what was not yet written is of no use any more
                    pipe.close()

    def _read(self) -> None:
        assert self._process.stdout
        try:
            for line in self._process.stdout:
                self.heard += 1
                if (reply := json.loads(line)) != ALIVE:
                    self._lines.put(reply)
        except ValueError:
            self._process.kill()
        self._how = self._describe(self._process.wait())
        self._lines.put(None)

    def _describe(self, status: int) -> str:
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - LOG_TAIL))
        tail = self._log.read().decode(errors="replace").strip()
        if '  File "' in tail:  # the lines of a traceback before its last help nobody
            tail = tail.splitlines()[-1]
        tail = _FOLDERS.sub("", tail)
        return f"{how} (it said: {tail})" if tail else how
