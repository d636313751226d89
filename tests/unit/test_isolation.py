"""The promises of conftest.py, so that no other test rests on a broken one."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest


def test_every_test_has_a_home_of_its_own(home: Path) -> None:
    assert Path.home() == home
    assert os.environ["XDG_CONFIG_HOME"].startswith(str(home))
    assert not [name for name in os.environ if name.startswith("MLAGENT_")]
    assert list(home.iterdir()) == [home / ".run"]


def test_a_test_cannot_reach_beyond_this_machine() -> None:
    # The address is reserved for documentation (RFC 5737) and refused before anything is sent.
    with socket.socket() as client, pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        client.connect(("192.0.2.1", 80))


def test_a_test_can_reach_this_machine() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()
