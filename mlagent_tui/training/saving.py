"""Stores a network's tensors as safetensors, and reads them back into a network of the same class.

The format has no tensors that share memory. Names that stand for one and the same tensor are stored once, as
safetensors' own `save_model` does: the file's metadata maps each name that is left out to the name that is
stored. Tensors that share memory in another way (a transposed or cut view) are stored whole, each of them;
the metadata lists their names under `shared_memory`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mlagent_tui.errors import TrialError

SHARED = "shared_memory"
"""The key of the metadata under which names are listed that share memory: JSON, a list of lists."""


def save(model: nn.Module, path: str) -> None:
    """Write the state of `model` to `path`.

    Raises `TrialError` for a state that is not made of tensors, and what safetensors raises.
    """
    state = _state(model)
    same: dict[object, list[str]] = defaultdict(list)
    for name in sorted(state):
        same[_identity(name, state[name])].append(name)
    metadata = {name: kept for kept, *others in same.values() for name in others}
    stored = {name: tensor for name, tensor in state.items() if name not in metadata}
    groups = [names for names in _sharing(stored) if len(names) > 1]
    if groups:
        metadata[SHARED] = json.dumps(groups)
    apart = {name for names in groups for name in names}
    save_file(
        {name: _plain(tensor, name in apart) for name, tensor in stored.items()}, path, metadata or None
    )


def load(model: nn.Module, path: str) -> None:
    """Read what `save` wrote into `model`, on the device where it is.

    Raises `TrialError` unless every tensor of the model then has its stored value.
    """
    with safe_open(path, "pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        metadata = file.metadata() or {}
    wanted = {name: stored.get(metadata.get(name, name)) for name in _state(model)}
    absent = [name for name, value in wanted.items() if value is None]
    strange = [name for name in stored if name not in wanted]
    if absent or strange:
        raise TrialError(f"the stored weights are of another network: {(absent or strange)[0]}")
    with torch.no_grad():
        for name, tensor in _state(model).items():
            if name in stored:
                write(tensor, stored[name])
    for name, tensor in _state(model).items():
        value = wanted[name]
        if value is None or not torch.equal(_bits(tensor.cpu()), _bits(value)):
            raise TrialError(
                f"the stored weights do not fit the network: {name} has another value after loading"
            )


def write(target: Tensor, source: Tensor) -> None:
    """Copy `source` into `target` of the same shape, which may be expanded: several elements in one place."""
    if target.shape != source.shape:
        raise TrialError(f"a stored tensor has the shape {tuple(source.shape)}, not {tuple(target.shape)}")
    for dimension, (size, stride) in enumerate(zip(target.shape, target.stride(), strict=True)):
        if stride == 0 and size > 1:
            target, source = target.narrow(dimension, 0, 1), source.narrow(dimension, 0, 1)
    target.copy_(source)


def _state(model: nn.Module) -> dict[str, Tensor]:
    state = dict(model.state_dict())
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise TrialError(f"{name} is a {type(value).__name__}, and only tensors are stored")
    return state


def _identity(name: str, tensor: Tensor) -> object:
    """The same for tensors that are the same in all respects; an empty one is only like itself."""
    if tensor.numel() == 0:
        return name
    return tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()


def _sharing(tensors: dict[str, Tensor]) -> Iterator[list[str]]:
    """Names grouped by the memory that they lie in."""
    places: dict[object, list[str]] = defaultdict(list)
    for name, tensor in sorted(tensors.items()):
        empty = tensor.numel() == 0
        places[name if empty else (tensor.device, tensor.untyped_storage().data_ptr())].append(name)
    yield from places.values()


def _plain(tensor: Tensor, shares: bool) -> Tensor:
    return tensor.clone(memory_format=torch.contiguous_format) if shares else tensor.contiguous()


def _bits(tensor: Tensor) -> Tensor:
    """Bytes, so that what is not a number is equal to itself."""
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)
