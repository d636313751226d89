"""The address of a server as people write it: what is asked of it, and what is wrong with it."""

from __future__ import annotations

import re

from mlagent_tui.errors import ModelError

LARGEST_PORT = 65_535

_METHOD = re.compile(r"/(chat/completions|completions|models|responses)$")
_HOST_AND_PORT = re.compile(r"https?://(?:\[[^\]]*\]|[^:/\[\]]+)(?::(\d{1,5}))?(/.*)?")


def base(url: str) -> str:
    """The address below which the API lies, though `url` may name one of its methods.

    Raises `ModelError` where there is no such host or port.
    """
    found = _HOST_AND_PORT.fullmatch(url)
    if not found or not 0 < int(found[1] or 80) <= LARGEST_PORT:
        raise ModelError(
            f"{url} is not a valid URL",
            "Write http://HOST:PORT/v1#MODEL. A port is a number up to 65535.",
        )
    return _METHOD.sub("", url.rstrip("/")).rstrip("/")


def no_api(url: str, why: str) -> ModelError:
    """The error for an address at which something else answers than an API of this kind."""
    if url.endswith("/v1"):
        remedy = "Check the host and the port, and that the program there is an OpenAI-compatible server."
    else:
        remedy = f"The URL should end in /v1: {url}/v1"
    return ModelError(f"{url} is not an OpenAI-compatible API: {why}", remedy)
