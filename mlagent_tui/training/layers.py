"""The layer table: what a module is made of, and what of it ran, with every parameter in one row.

A layer is a module without parts. Parametrized modules and `nn.MultiheadAttention` are layers too: their
parts only hold what they use themselves. Parameters that lie directly in other modules are rows of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.parameter import is_lazy
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
    return 0 if is_lazy(tensor) else tensor.numel()


def cut(text: str) -> str:
    """`text`, as long as a reply may hold it."""
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"


def _numbers(parameter: Tensor) -> object:
    """The same for two parameters that are made of the same numbers, as `weight` and `weight.t()` are."""
    if is_lazy(parameter) or not memory_of(parameter):
        return id(parameter)
    return (parameter.data_ptr(), parameter.numel())


@dataclass
class _Called:
    """How often a module was called, when first, and what it gave then."""

    module: nn.Module
    first: int
    times: int = 0
    output_shape: tuple[int, ...] = ()
    output: str = ""


@dataclass
class Calls:
    """The calls of modules on a batch of `batch` items, for `rows`."""

    batch: int
    by_module: dict[int, _Called] = field(default_factory=dict)

    @contextmanager
    def watching(self, clock: Iterator[int]) -> Iterator[None]:
        """Record the calls within; what was recorded before is forgotten."""
        self.by_module.clear()

        def before(module: nn.Module, inputs: Any) -> None:
            self.by_module.setdefault(id(module), _Called(module, next(clock))).times += 1

        def after(module: nn.Module, inputs: Any, output: Any) -> None:
            called = self.by_module[id(module)]
            if called.times == 1:
                found = tensors(output)
                called.output_shape = sizes(found[0], self.batch) if found else ()
                called.output = cut(show(output, self.batch)) if len(found) > 1 else ""

        hooks = register_module_forward_pre_hook(before), register_module_forward_hook(after)
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


@dataclass(frozen=True)
class _Part:
    """A row to be: a layer, or a parameter that lies directly in another module (`module` is None)."""

    name: str
    parameters: Mapping[str, nn.Parameter]
    module: nn.Module | None = None


def rows(model: nn.Module, calls: Calls, first_use: Mapping[int, int] | None) -> list[LayerRow]:
    """The parts in the order in which they ran, then those that did not. Their parameters add up to all.

    `first_use` is `multiply_adds.Counter`'s; without it, no part is said to be unused.
    """
    timed = []
    for part in _parts(model):
        called = calls.by_module.get(id(part.module))
        used = [(first_use or {}).get(memory_of(p), inf) for p in part.parameters.values() if size(p)]
        timed.append((min(used, default=inf) if called is None else called.first, part, called))
    timed.sort(key=lambda entry: entry[0])
    owners: dict[object, str] = {}
    found = []
    for begun, part, called in timed:
        row = _row(part, called, *_take(part, owners))
        found.append(row.model_copy(update={"ran": begun < inf or first_use is None}))
    return found


def _row(part: _Part, called: _Called | None, count: int, notes: list[str]) -> LayerRow:
    if part.module is None:
        kind, shape = "Parameter", next((tuple(p.shape) for p in part.parameters.values() if size(p)), ())
    else:
        kind, shape = parametrize.type_before_parametrizations(part.module).__name__, ()
    return LayerRow(
        name=cut(part.name),
        type=cut(kind),
        output_shape=called.output_shape if called else shape,
        output=called.output if called else "",
        parameters=count,
        calls=called.times if called else 0,
        note=cut(", ".join(notes)),
    )


def _take(part: _Part, owners: dict[object, str]) -> tuple[int, list[str]]:
    """How many of the part's numbers have no owner yet, who now is `part`; and what is to be said of it."""
    count = 0
    shared: dict[str, list[str]] = {}
    for name, parameter in part.parameters.items():
        owner = owners.get(_numbers(parameter))
        if owner is None:
            owners[_numbers(parameter)] = part.name
            count += size(parameter)
        elif owner != part.name:
            shared.setdefault(owner, []).append(name)
    notes = [f"{' and '.join(names)} shared with {owner}" for owner, names in shared.items()]
    return count, [*_changes(part.module), *notes]


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
    hooks = module._forward_pre_hooks.values()
    found: list[object] = [hook for hook in hooks if type(hook).__module__.startswith("torch.nn.")]
    if parametrize.is_parametrized(module):
        for listed in module.get_submodule("parametrizations").children():
            found += listed.children()
    return list(dict.fromkeys(type(one).__name__.strip("_") for one in found))
