"""Weights that a worker leaves: held against the network they belong to before they are stored.

Only the header of the safetensors file is read (https://huggingface.co/docs/safetensors): an 8-byte length,
JSON with name, dtype, shape and place of each tensor, then the numbers, without gaps.
"""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

from mlagent_tui import held, paths
from mlagent_tui.errors import MachineError, ProjectError, TrialError
from mlagent_tui.files import explain, is_machine_fault
from mlagent_tui.shapes import Step

Shape = tuple[int, ...]

_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "C64": 8, "I64": 8, "U64": 8,
    "I32": 4, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
_LONGEST_HEADER = 8 << 20
_BUFFERS = 1 << 20  # bytes of tensors that are no parameters, besides norms' statistics
_PIECE = 1 << 20


@dataclass(frozen=True)
class Tensor:
    """One entry of the header."""

    dtype: str
    shape: Shape

    @property
    def size(self) -> int:
        """Bytes."""
        return _BYTES[self.dtype] * prod(self.shape)


def parameter_shapes(steps: list[Step]) -> list[Shape]:
    """The shapes of all parameters of a network, as PyTorch's layers hold them."""
    found: list[Shape] = []
    for step in steps:
        if step.role not in ("layer", "shortcut"):
            continue
        layer, channels = step.layer, step.input_shape[0]
        match layer.type:
            case "conv2d":
                size = layer.kernel_size
                found.append((layer.out_channels, channels // layer.groups, size, size))
                found += [(layer.out_channels,)] if layer.bias else []
            case "linear":
                found.append((layer.out_features, channels))
                found += [(layer.out_features,)] if layer.bias else []
            case "batchnorm2d" | "groupnorm":
                found += [(channels,)] * 2
            case "layernorm":
                found += [tuple(step.input_shape)] * 2
    return found


def check(tensors: list[Tensor], parameters: int, steps: list[Step] | None) -> None:
    """Raise `TrialError` unless these can be the weights of a network of so many `parameters`.

    With `steps`, each parameter of the network must be there in its shape, as float32; the rest is small.
    """
    total = sum(tensor.size for tensor in tensors)
    if steps is None:
        if total > 8 * parameters + 64 * _BUFFERS:
            raise TrialError(f"the weights take {total:,} bytes, too many for {parameters:,} parameters")
        return
    missing = Counter(parameter_shapes(steps))
    rest = 0
    for tensor in tensors:
        if tensor.dtype == "F32" and missing[tensor.shape] > 0:
            missing[tensor.shape] -= 1
        else:
            rest += tensor.size
    absent = next((shape for shape, count in missing.items() if count > 0), None)
    if absent is not None:
        raise TrialError(f"the weights lack a parameter of shape {list(absent)}")
    if rest > 4 * parameters + _BUFFERS:
        raise TrialError(f"the weights hold {rest:,} bytes that are no parameters of the network")


def read_header(file: BinaryIO, size: int) -> list[Tensor]:
    """The tensors of a safetensors file of `size` bytes. Raises `TrialError` when it is not one."""
    try:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_LONGEST_HEADER, size - 8):
            raise ValueError("its header has no possible length")
        entries = json.loads(file.read(length))
        entries.pop("__metadata__", None)
        tensors, end = [], 0
        for entry in sorted(entries.values(), key=lambda entry: (entry["data_offsets"], entry["shape"])):
            tensor = Tensor(str(entry["dtype"]), tuple(entry["shape"]))
            if not all(isinstance(n, int) and n >= 0 for n in tensor.shape):
                raise ValueError("it has an impossible shape")
            if entry["data_offsets"] != [end, end + tensor.size]:
                raise ValueError("its tensors do not fill it")
            end += tensor.size
            tensors.append(tensor)
        if 8 + length + end != size:
            raise ValueError("its tensors do not fill it")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise TrialError(f"the weights are not a safetensors file: {str(error)[:200]}") from None
    return tensors


def fetch(folder: Path, target: Path, parameters: int, steps: list[Step] | None) -> None:
    """Copy a worker's weights out of its `folder`, where anything may lie under that name, to `target`.

    The worker must have ended. Raises `TrialError`, and `MachineError` or `ProjectError` when `target` cannot
    be written.
    """
    try:
        place = os.open(folder / paths.RUN_WEIGHTS, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise TrialError(f"the worker left no weights: {error.strerror}") from None
    with os.fdopen(place, "rb") as source:
        facts = os.fstat(place)
        if not stat.S_ISREG(facts.st_mode):
            raise TrialError("the worker left no weights: not a plain file")
        check(read_header(source, facts.st_size), parameters, steps)
        source.seek(0)
        try:
            _store(source, facts.st_size, target)
        except OSError as error:
            what, remedy = explain(error)
            kind = MachineError if is_machine_fault(error) else ProjectError
            raise kind(f"the weights cannot be written to {target.parent}: {what}", remedy) from None


def lend(weights: Path, folder: Path) -> None:
    """Put stored weights into the empty folder of a worker that has not begun. Raises as `fetch` does."""
    try:
        with open(weights, "rb") as source:
            _write_new(source, os.fstat(source.fileno()).st_size, folder / paths.RUN_WEIGHTS)
    except OSError as error:
        what, remedy = explain(error)
        if is_machine_fault(error):
            raise MachineError(f"the weights cannot be lent to a trial worker: {what}", remedy) from None
        raise TrialError(f"{weights} cannot be read: {what}", remedy) from None


def _store(source: BinaryIO, size: int, target: Path) -> None:
    if held.check(target) is None:  # in a project that is worked in, the trial's folder was made before
        target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        _write_new(source, size, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _write_new(source: BinaryIO, size: int, target: Path) -> None:
    """Copy `size` bytes into a file that is new, so that no link is followed."""
    place = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    with os.fdopen(place, "wb") as file:
        while size > 0 and (piece := source.read(min(size, _PIECE))):
            file.write(piece)
            size -= len(piece)
        file.flush()
        os.fsync(file.fileno())
