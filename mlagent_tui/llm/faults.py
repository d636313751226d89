"""What is said to people when a server refuses for good, cannot be reached, or is none of this kind."""

from __future__ import annotations

from collections.abc import Collection

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import address
from mlagent_tui.llm.event_stream import NotJson
from mlagent_tui.llm.openai import API_KEY, Broken
from mlagent_tui.llm.refusals import Refused
from mlagent_tui.llm.waiting import WHY, in_words

SHOWN = 10
LOG = "Look into the log of the server."


def refusal(url: str, model: str, known: Collection[str] | None, refused: Refused) -> ModelError:
    """The error for an answer that is an error.

    `known` are the models that the server lists, None where it has no list.
    """
    said = f": {refused.sentence}" if refused.sentence else ""
    if refused.no_path:
        return _not_found(url, model, known)
    match refused.status:
        case 401 | 403:
            return ModelError(f"{url} requires an API key{said}", f"Set {API_KEY} in the environment.")
        case 413:
            return ModelError(
                f"{url} refuses a request of this size{said}",
                "Raise the limit in the server, or in the gateway before it.",
            )
        case 429 if refused.retry_after:
            return ModelError(
                f"{url} limits the number of requests: wait {in_words(refused.retry_after)}{said}",
                "Resume the run later, or raise the limit of the server.",
            )
        case 0:
            return ModelError(f"{url} reported an error{said}", LOG)
        case status if 300 <= status < 400:
            where = f" to {refused.to}" if refused.to else ""
            return ModelError(
                f"{url} answered with status {status}, a redirect{where}, which is not followed",
                "If you trust that address, name it in the URL.",
            )
        case status if status in WHY:
            return ModelError(f"{url} answered with error status {status}: {WHY[status]}{said}", LOG)
        case status:
            return ModelError(f"{url} answered with error status {status}{said}", LOG)


def not_json(url: str, error: NotJson) -> ModelError:
    """The error for an answer that is something else than JSON."""
    if error.is_page:
        return address.no_api(url, "it answered with a page for a browser")
    sample = f"it answered with the text {error.sample[:80]!r}" if error.sample else "its answer was empty"
    return address.no_api(url, sample)


def nameless(url: str, known: Collection[str]) -> ModelError:
    """The error for a server that is asked for its only model and has none or several."""
    if not known:
        return ModelError(
            f"the server {url} lists no models", "Load a model in the server, or name one: URL#MODEL."
        )
    return ModelError(
        f"the server {url} needs the name of a model. Its models: {_names(known)}",
        f"Add the name to the URL: {url}#MODEL.",
    )


def broken(url: str, error: Broken) -> ModelError:
    """The error for a server that is not there, or ends its answers too early."""
    if error.unreachable:
        return ModelError(f"{url} cannot be reached: {error.how}", "Start the server, or check the URL.")
    return ModelError(f"{url} gave no complete answer: {error.how}", LOG)


def _not_found(url: str, model: str, known: Collection[str] | None) -> ModelError:
    if known is None:
        return address.no_api(url, "it has neither a list of models nor chat completions there")
    if known and model not in known:
        return ModelError(
            f"{url} does not know {model}. Its models: {_names(known)}", "Check the model's name in the URL."
        )
    return ModelError(f"{url} does not know {model}", "Check the model's name, and that the URL ends in /v1.")


def _names(known: Collection[str]) -> str:
    names = sorted(known)
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(name[:100] for name in names[:SHOWN]) + more
