"""Holds a model to a JSON Schema while it decodes, token by token, through llguidance."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from numpy.typing import NDArray

from mlagent_tui.errors import ModelError

COARSE, FINE = 0.0001, 0.000001
SHOWN = 80


def bounded(schema: Any) -> Any:
    """A copy of `schema` in which every number has a step, so that its digits come to an end.

    The step is 0.0001, or 0.000001 where the least value allowed is smaller than that.
    """
    if isinstance(schema, list):
        return [bounded(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: bounded(value) for key, value in schema.items()}
    if copy.get("type") == "number" and "multipleOf" not in copy:
        copy["multipleOf"] = FINE if 0 < copy.get("minimum", 0) < COARSE else COARSE
    return copy


class Constrainer:
    """Makes a `Constraint` of each schema; a grammar is compiled once and copied after."""

    def __init__(self, tokenizer: LLTokenizer, vocab_size: int) -> None:
        self._tokenizer = tokenizer
        self._vocab_size = vocab_size
        self._compiled: dict[str, LLMatcher] = {}

    def constraint(self, schema: dict[str, Any], begin: str = "") -> Constraint:
        """What may follow `begin` in an answer. Text before the first brace, such as "Answer:", is not JSON.

        Raises `ModelError` for a schema that llguidance cannot enforce, and for a `begin` that no valid
        answer begins with: JSON on one line, without spaces between its parts.
        """
        key = json.dumps(schema)
        if key not in self._compiled:
            self._compiled[key] = self._compile(schema)
        matcher = self._compiled[key].deep_copy()
        begun = begin[begin.find("{") :] if "{" in begin else ""
        tokens = self._tokenizer.tokenize_str(begun) if begun else []
        if matcher.try_consume_tokens(tokens) < len(tokens):
            raise ModelError(f"no answer of this schema begins with {begin[:SHOWN]!r}")
        return Constraint(matcher, self._vocab_size)

    def _compile(self, schema: dict[str, Any]) -> LLMatcher:
        grammar = LLMatcher.grammar_from_json_schema(
            json.dumps(bounded(schema)), overrides={"whitespace_flexible": False, "coerce_one_of": True}
        )
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise ModelError(f"the JSON schema cannot be enforced: {matcher.get_error()}")
        return matcher


class Constraint:
    """What may still follow in one answer."""

    def __init__(self, matcher: LLMatcher, vocab_size: int) -> None:
        self._matcher = matcher
        self._mask = np.zeros((vocab_size + 31) // 32, dtype=np.int32)
        self._mask_at = self._mask.ctypes.data
        self._vocab_size = vocab_size

    @property
    def done(self) -> bool:
        """Nothing more may follow."""
        return self._matcher.is_stopped()

    def forced(self) -> list[int]:
        """The tokens that must come next, taken as consumed; often none."""
        tokens = self._matcher.compute_ff_tokens()
        if tokens and not self._matcher.consume_tokens(tokens):
            raise ModelError(f"the answer does not match its grammar: {self._matcher.get_error()}")
        return tokens

    def accepts(self, token: int) -> bool:
        """Consumes `token` if it may come next."""
        return self._matcher.try_consume_tokens([token]) == 1

    def allowed(self) -> NDArray[np.intp]:
        """The tokens that may come next, in ascending order."""
        self._matcher.unsafe_compute_mask_ptr(self._mask_at, self._mask.nbytes)
        if self._matcher.is_error():
            raise ModelError(f"the answer does not match its grammar: {self._matcher.get_error()}")
        bits = np.unpackbits(self._mask.view(np.uint8), count=self._vocab_size, bitorder="little")
        return bits.view(np.bool_).nonzero()[0]
