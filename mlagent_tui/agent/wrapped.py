"""A language model that passes everything on to another one; its subclasses change what they have to."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from mlagent_tui.llm import Answer, LanguageModel, Message, OnProgress, OnText, Request, code_forms
from mlagent_tui.prompts import CodeForm, Profile


class Wrapped:
    """See `llm.LanguageModel`."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def context_length(self) -> int:
        return self._model.context_length

    @property
    def profile(self) -> Profile:
        return self._model.profile

    @property
    def code_forms(self) -> tuple[CodeForm, ...]:
        return code_forms(self._model)

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        return self._model.generate(request, on_text, cancel, on_progress)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return self._model.count_tokens(messages)

    def close(self) -> None:
        self._model.close()
