"""The layer table: what a module is made of, and what of it ran, with every parameter in one row.

A layer is a module without parts. Parametrized modules and `nn.MultiheadAttention` are layers too: their
parts only hold what they use themselves. Parameters that lie directly in other modules are rows of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import inf
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import UninitializedTensorMixin
from torch.nn.utils import parametrize

from mlagent_tui.schemas import LayerRow
from mlagent_tui.training.multiply_adds import memory_of
from mlagent_tui.training.outputs import show, sizes, tensors
from mlagent_tui.training.replies import MOST_LETTERS

_HOLDERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)


def own_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters by name, each memory once: tied ones are there under the first name."""
    found: dict[object, tuple[str, nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        found.setdefault(_numbers(parameter), (name, parameter))
    return dict(found.values())


def count_parameters(model: nn.Module) -> int:
    """How many numbers there are to learn; tied parameters count once."""
    return sum(map(size, own_parameters(model).values()))


def size(tensor: Tensor) -> int:
    """How many numbers `tensor` has: none while a lazy module has not run."""
    return 0 if isinstance(tensor, UninitializedTensorMixin) else tensor.numel()


def cut(text: str) -> str:
    """`text`, as long as a reply may hold it."""
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"


def _numbers(parameter: Tensor) -> object:
    """The same for two parameters that are made of the same numbers, as `weight` and `weight.t()` are."""
    if isinstance(parameter, UninitializedTensorMixin) or not memory_of(parameter):
        return id(parameter)
    return (parameter.data_ptr(), parameter.numel())


@dataclass
class _Part:
    """A row to be: a layer, or a parameter that lies directly in another module (`module` is None)."""

    name: str
    parameters: Mapping[str, nn.Parameter]
    module: nn.Module | None = None
    calls: int = 0
    first_call: float = inf
    output_shape: tuple[int, ...] = ()
    output: str = ""

    def watch(self, module: nn.Module, clock: Iterator[int], batch: int) -> Callable[[], None]:
        """Record the calls of `module` until what is returned is called."""

        def before(module: nn.Module, inputs: Any) -> None:
            self.calls += 1
            self.first_call = min(self.first_call, next(clock))

        def after(module: nn.Module, inputs: Any, output: Any) -> None:
            if self.calls == 1:
                found = tensors(output)
                self.output_shape = sizes(found[0], batch) if found else ()
                self.output = show(output, batch) if len(found) > 1 else ""

        handles = module.register_forward_pre_hook(before), module.register_forward_hook(after)
        return lambda: [handle.remove() for handle in handles] and None

    def begun(self, first_use: Mapping[int, int]) -> float:
        """When it was first called, or else one of its parameters used; infinite when it was not."""
        if self.calls:
            return self.first_call
        used = [first_use.get(memory_of(p), inf) for p in self.parameters.values() if size(p)]
        return min(used, default=inf)

    def row(self, count: int, notes: list[str]) -> LayerRow:
        if self.module is None:
            shape = [tuple(p.shape) for p in self.parameters.values() if size(p)]
            kind, self.output_shape = "Parameter", shape[0] if shape else ()
        else:
            kind = parametrize.type_before_parametrizations(self.module).__name__
        return LayerRow(
            name=cut(self.name), type=cut(kind), output_shape=self.output_shape, output=cut(self.output),
            parameters=count, calls=self.calls, note=cut(", ".join(notes)),
        )  # fmt: skip


class Layers:
    """The parts of `model`; `watching` records which of them are called on a batch of `batch` items."""

    def __init__(self, model: nn.Module, batch: int) -> None:
        self._model, self._batch = model, batch
        self._parts: list[_Part] = []

    @contextmanager
    def watching(self, clock: Iterator[int]) -> Iterator[None]:
        """Record the calls within; what an earlier time recorded is forgotten."""
        self._parts = list(_parts(self._model))
        with ExitStack() as hooks:
            for part in self._parts:
                if part.module is not None:
                    hooks.callback(part.watch(part.module, clock, self._batch))
            yield

    def rows(self, first_use: Mapping[int, int] | None) -> list[LayerRow]:
        """In the order in which they ran, then those that did not. Their parameters add up to all there are.

        `first_use` is `multiply_adds.Counter`'s; without it, what is not called is not said to be unused.
        """
        begun = [part.begun(first_use or {}) for part in self._parts]
        owners: dict[object, str] = {}
        rows = []
        for index in sorted(range(len(begun)), key=begun.__getitem__):
            part, count = self._parts[index], 0
            shared: dict[str, list[str]] = {}
            for name, parameter in part.parameters.items():
                owner = owners.get(_numbers(parameter))
                if owner is None:
                    owners[_numbers(parameter)] = part.name
                    count += size(parameter)
                elif owner != part.name:
                    shared.setdefault(owner, []).append(name)
            notes = _changes(part.module)
            notes += [f"{' and '.join(names)} shared with {owner}" for owner, names in shared.items()]
            if first_use is not None and begun[index] == inf:
                notes.append("not run" if part.module is not None else "not used")
            rows.append(part.row(count, notes))
        return rows


def _parts(model: nn.Module) -> Iterator[_Part]:
    """Layers and lone parameters in the order of registration; a module with two names has the first."""
    inside: set[int] = set()
    for name, module in model.named_modules():
        if id(module) in inside:
            continue
        if name and _is_layer(module):
            inside.update(map(id, module.modules()))
            yield _Part(name, dict(module.named_parameters(remove_duplicate=False)), module)
            continue
        for own, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            yield _Part(f"{name}.{own}" if name else own, {own: parameter})


def _is_layer(module: nn.Module) -> bool:
    if isinstance(module, nn.MultiheadAttention):
        return True
    parts = [name for name, _ in module.named_children() if name != "parametrizations"]
    return not parts and not isinstance(module, _HOLDERS)


def _changes(module: nn.Module | None) -> list[str]:
    """`SpectralNorm`, `WeightNorm`, …: what torch does to the weights of a layer before it runs."""
    if module is None:
        return []
    found: list[object] = [
        hook for hook in module._forward_pre_hooks.values() if type(hook).__module__.startswith("torch.nn.")
    ]
    if parametrize.is_parametrized(module):
        for listed in module.get_submodule("parametrizations").children():
            found += listed.children()
    return list(dict.fromkeys(type(one).__name__.strip("_") for one in found))
