"""Counts the multiply-adds of what runs, from the shapes that each operation of torch is given.

Counted are convolutions and products of matrices, thus linear, recurrent, bilinear and attention layers.
Masks make no difference. What works number by number (activations, norms, pooling, interpolation) and looking
up embeddings are not counted. Operations that multiply and have no formula here are named instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch._ops import HigherOrderOperator
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

Formula = Callable[..., int]


def _product(a: Tensor, b: Tensor, *_: Any, **__: Any) -> int:
    """Of matrices, batches of them, or vectors: m×k times k×n takes m·k·n."""
    return a.numel() * (b.shape[-1] if b.dim() > 1 else 1)


def _sum_and_product(_: Tensor, a: Tensor, b: Tensor, *__: Any, **___: Any) -> int:
    return _product(a, b)


def _convolution(x: Tensor, weight: Tensor, *others: Any, out: Tensor, **_: Any) -> int:
    """Each weight is used once at every place of the output, or of the input when it is transposed."""
    places = x if others[4] else out
    return places.shape[0] * prod(places.shape[2:]) * weight.numel()


def _time_first_convolution(x: Tensor, weight: Tensor, *_: Any, out: Tensor, **__: Any) -> int:
    return prod(out.shape[:2]) * weight.numel()


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> int:
    """Every query with every key, and each of these scores with a value."""
    queries = query.numel() // query.shape[-1]
    return queries * key.shape[-2] * (query.shape[-1] + value.shape[-1])


def _recurrent_layer(x: Tensor, from_input: Tensor, from_state: Tensor, *_: Any, **__: Any) -> int:
    """Both weight matrices once for each step of each sequence."""
    return x.numel() // x.shape[-1] * (from_input.numel() + from_state.numel())


def _trilinear(a: Tensor, b: Tensor, c: Tensor, *new_axes: Any, **_: Any) -> int:
    """One for each number of the three tensors' product before it is summed."""
    shapes = []
    for tensor, axes in zip((a, b, c), new_axes, strict=False):
        for axis in axes:
            tensor = tensor.unsqueeze(axis)
        shapes.append(tensor.shape)
    return prod(max(sizes) for sizes in zip(*shapes, strict=True))


def _distances(a: Tensor, *_: Any, out: Tensor, **__: Any) -> int:
    return out.numel() * a.shape[-1]


_FORMULAS: dict[str, Formula] = {
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot", "_int_mm"), _product),
    **dict.fromkeys(("addmm", "baddbmm", "addbmm", "addmv", "_addmm_activation"), _sum_and_product),
    **dict.fromkeys(("convolution", "_convolution"), _convolution),
    "conv_tbc": _time_first_convolution,
    **dict.fromkeys(
        (
            "_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention",
        ),
        _attention,
    ),
    "mkldnn_rnn_layer": _recurrent_layer,
    "_trilinear": _trilinear,
    **dict.fromkeys(("_cdist_forward", "_euclidean_dist"), _distances),
}  # fmt: skip
"""By the name of torch's operation, as it runs on a CPU; operations made of these are taken apart first."""

_OTHER_PRODUCTS = (
    "_fft_", "fft_", "linalg_", "_linalg_", "_sparse_", "sparse_", "sspaddmm", "hspmm", "smm", "cholesky",
    "geqrf", "orgqr", "ormqr", "triangular_solve", "lu_", "_lu", "matrix_exp", "_spsolve", "quantized_",
    "mkldnn_linear", "_weight_int", "_scaled_mm", "_scaled_grouped", "_grouped_mm", "_foreach_mm", "lstm",
    "_cudnn_rnn", "miopen_rnn", "_lstm_mps", "_native_multi_head_attention", "_transformer_encoder_layer",
    "_flash_attention", "_efficient_attention", "_triton_", "_scaled_dot_product", "matmul", "linear",
    "_pdist",
)  # fmt: skip
_NO_PRODUCTS = ("linalg_vector_norm", "linalg_cross", "linalg_diagonal", "_linalg_check_errors", "lu_unpack")


class Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Use within `counting`. `total` is the number so far, `not_counted` names what is missing from it.

    `first_use` has the moment of `clock` at which the memory of a tensor was first given to an operation.
    """

    supports_higher_order_operators = True

    def __init__(self, clock: Iterator[int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0
        self.not_counted: list[str] = []
        self.first_use: dict[int, int] = {}
        self._clock = clock

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if any(kind.__torch_dispatch__ is not Tensor.__torch_dispatch__ for kind in types):
            return NotImplemented  # it says itself what it is made of, and that comes here afterwards
        if isinstance(func, HigherOrderOperator):
            self._miss(str(func))
            return func(*args, **kwargs)
        tensors = _tensors((*args, *kwargs.values()))
        now = next(self._clock)
        for tensor in tensors:
            self.first_use.setdefault(memory_of(tensor), now)
        namespace, _, name = func._schema.name.partition("::")
        name = name.removesuffix("_")
        formula = _FORMULAS.get(name) if namespace == "aten" else None
        nested = any(tensor.is_nested for tensor in tensors)
        if formula is None and not nested:
            with self:
                out = func.decompose(*args, **kwargs)
            if out is not NotImplemented:
                return out
        out = func(*args, **kwargs)
        if formula is not None and not nested and not any(tensor.is_sparse for tensor in tensors):
            self.total += formula(*args, **{"out": out} | kwargs)
        elif formula is not None or _multiplies(namespace, name):
            self._miss(name if namespace == "aten" else f"{namespace}.{name}")
        return out

    def _miss(self, name: str) -> None:
        name = name.strip("_")
        if name not in self.not_counted:
            self.not_counted.append(name)


def _multiplies(namespace: str, name: str) -> bool:
    if namespace != "aten":
        return not namespace.startswith("prim")
    return name.startswith(_OTHER_PRODUCTS) and not name.startswith(_NO_PRODUCTS)


def _tensors(values: tuple[Any, ...]) -> list[Tensor]:
    """The tensors among an operation's arguments and in its lists, but for those of lazy modules."""
    listed = [item for value in values for item in (value if isinstance(value, list | tuple) else (value,))]
    return [x for x in listed if isinstance(x, Tensor) and not is_lazy(x)]


def memory_of(tensor: Tensor) -> int:
    """Where the numbers of `tensor` lie: the same for a parameter and its views. 0 where that is hidden."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):  # sparse, or wrapped by a transformation
        return 0


@contextmanager
def counting(clock: Iterator[int] | None = None) -> Iterator[Counter]:
    """Count what runs within. Torch's fused attention layers, which hide their parts, are off meanwhile."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with Counter(count() if clock is None else clock) as counter:
            yield counter
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
