"""What holds for every test: a home of its own, none of the user's settings, no network beyond itself."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# The machine may be busy, so no property has a deadline; nothing found is kept between runs.
hypothesis.settings.register_profile("mlagent", deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile("mlagent")

USER_SETTINGS = ("HF_", "MLAGENT_", "OLLAMA_", "OPENAI_", "XDG_")

_real_connect = socket.socket.connect
_real_connect_ex = socket.socket.connect_ex


class NetworkRefused(AssertionError):
    """A test tried to reach something beyond this machine."""


def _refuse_beyond_this_machine(address: Any) -> None:
    if not isinstance(address, tuple):  # a path: a socket in the file system
        return
    host = str(address[0])
    try:
        local = ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        local = host in ("localhost", "")
    if not local:
        raise NetworkRefused(f"a test tried to connect to {address}")


def _connect(self: socket.socket, address: Any) -> None:
    _refuse_beyond_this_machine(address)
    _real_connect(self, address)


def _connect_ex(self: socket.socket, address: Any) -> int:
    _refuse_beyond_this_machine(address)
    return _real_connect_ex(self, address)


def pytest_configure(config: pytest.Config) -> None:
    """Close the network of this process. Child processes are told to stay offline by their environment."""
    socket.socket.connect = _connect  # type: ignore[assignment, method-assign]
    socket.socket.connect_ex = _connect_ex  # type: ignore[assignment, method-assign]


def _places_under(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "XDG_RUNTIME_DIR": str(home / ".run"),
        "MPLCONFIGDIR": str(home / ".config" / "matplotlib"),
        "HF_HUB_OFFLINE": "1",
        "TERM": "xterm-256color",
        "TZ": "UTC",
    }


def _own_home(home: Path) -> Iterator[None]:
    (home / ".run").mkdir(mode=0o700)
    places = _places_under(home)
    theirs = {n for n in os.environ if n.startswith(USER_SETTINGS) or n.lower().endswith("_proxy")}
    before = {name: os.environ.get(name) for name in theirs | places.keys()}
    for name in theirs:
        del os.environ[name]
    os.environ.update(places)
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session", autouse=True)
def _session_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home for what fixtures of a wider scope start."""
    yield from _own_home(tmp_path_factory.mktemp("session-home"))


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, _session_home: None) -> Iterator[Path]:
    """The test's own home; every folder and setting of the user's is looked for below it."""
    folder = tmp_path_factory.mktemp("home")
    here = Path.cwd()
    for _ in _own_home(folder):
        yield folder
    os.chdir(here)
