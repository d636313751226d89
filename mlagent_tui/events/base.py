"""What all events have in common: a time, a number, and a form that JSON can hold."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


def now() -> str:
    """The time as ISO 8601, UTC, to the millisecond: `2023-10-27T15:30:01.042Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def storable(value: Any) -> Any:
    """`value` without what JSON cannot hold: lone surrogates are escaped, NaN and infinities are null."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


class Event(BaseModel):
    """Base of all events. `seq` counts up through a journal; 0 until the event is appended."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    time: Annotated[str, Field(max_length=40)] = Field(default_factory=now)
    seq: Annotated[int, Field(ge=0, le=2**53)] = 0

    @model_validator(mode="before")
    @classmethod
    def _only_what_json_can_hold(cls, fields: Any) -> Any:
        return storable(fields)

    def to_json(self) -> str:
        """One line; what is neither JSON nor known to pydantic is written as its `str`."""
        return self.model_dump_json(fallback=str)
