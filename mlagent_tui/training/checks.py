"""Decides whether generated code is the network its config describes, and names the first difference if not.

The judge is the reference build: same output shape, same number of parameters and, once it lends the
generated model its numbers, the same outputs. The record of what ran only finds words for a difference.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mlagent_tui.errors import CodeError, ConfigError
from mlagent_tui.schemas import ModelConfig
from mlagent_tui.shapes import Step, infer, show
from mlagent_tui.training import contract, outputs, trace
from mlagent_tui.training.layers import count_parameters
from mlagent_tui.training.loading import describe, load_trainable
from mlagent_tui.training.reference import Reference, build
from mlagent_tui.training.replies import ConfigFacts, Row

_BATCH = 3
_TOLERANCE = 1e-9  # relative, in float64: two orders of the same sums agree far better


def check_config(config: ModelConfig) -> ConfigFacts:
    """Build `config` on the meta device and hold `shapes.infer` against it. Raises `ConfigError`."""
    steps = infer(config)
    try:
        model = build(steps, "meta")
        output = model.eval()(torch.empty((_BATCH, *config.input_shape), device="meta"))
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"the network cannot be built: {describe(error)}") from None
    rows = []
    for step in steps:
        if step.role == "open":
            continue
        count = 0 if step.role == "close" else count_parameters(model.get_submodule(step.name))
        shape = model.shapes[step.name]
        if (shape, count) != (step.output_shape, step.parameters):
            raise ConfigError(
                f"{step.name}: expected shape {show(step.output_shape)} and {step.parameters} parameters, "
                f"got {show(shape)} and {count}"
            )
        rows.append(Row(name=step.name, type=step.layer.type, output_shape=shape, parameters=count))
    return ConfigFacts(parameters=count_parameters(model), output_shape=tuple(output.shape[1:]), layers=rows)


def check_code(source: str, class_name: str, config: ModelConfig | None, input_shape: Sequence[int]) -> None:
    """Raise `CodeError` with the first difference between the code and `config`.

    Without a config, only that it builds and runs forward and backward on `input_shape` (C, H, W).
    """
    model = load_trainable(source, class_name)
    torch.manual_seed(0)
    batch = torch.randn(_BATCH, *(config.input_shape if config else input_shape))
    if config is None:
        _run(model, batch, None)
        return
    steps = infer(config)
    reference = _reference(steps)
    comparison = _Comparison(model, reference, batch)
    _run(model, batch, comparison)
    comparison.check()


def _run(model: nn.Module, batch: Tensor, comparison: _Comparison | None) -> None:
    """A forward and a backward pass in training mode."""
    recorder = trace.Recorder()
    model.train()
    try:
        with recorder:
            output = model(batch.clone())
    except Exception as error:
        difference = contract.refused_input(model, batch, error)
        if comparison and not difference:
            difference = comparison.explain(recorder.calls, describe(error))
        raise CodeError(difference or f"forward: expected an output, got {describe(error)}") from None
    if comparison:
        comparison.check_shape(output, recorder.calls)
    refusal = contract.refused_output(output)
    if refusal:
        raise CodeError(refusal)
    if not output.requires_grad:
        raise CodeError(contract.NOTHING_TO_LEARN)
    try:
        output.float().square().mean().backward()
    except Exception as error:
        raise CodeError(f"backward: expected gradients, got {describe(error)}") from None


class _Comparison:
    """A generated model beside the reference, on one batch."""

    def __init__(self, model: nn.Module, reference: Reference, batch: Tensor) -> None:
        self.model, self.reference, self.batch = model, reference, batch

    def check_shape(self, output: object, calls: Sequence[trace.Call]) -> None:
        """The output is a tensor of the config's shape."""
        shape = tuple(self.reference.shapes[self.reference.steps[-1].name])
        got = tuple(output.shape) if isinstance(output, Tensor) else None
        if got != (_BATCH, *shape):
            shown = show(got[1:]) if got else outputs.show(output, _BATCH)
            raise CodeError(self.explain(calls) or f"output: expected shape {show(shape)}, got {shown}")

    def check(self) -> None:
        """Parameters, then outputs, then what outputs cannot show; in float64: rounding hides less."""
        self.model.double()
        self.reference.double()
        self.batch = self.batch.double()
        expected, calls = self._traces(training=True)
        if count_parameters(self.model) != count_parameters(self.reference):
            raise CodeError(trace.first_difference(expected, calls) or self._unused(calls))
        expected_in_eval, calls_in_eval = self._traces(training=False)
        if not self._same_outputs(expected, calls):
            raise CodeError(
                trace.first_difference(expected, calls)
                or trace.first_difference(expected_in_eval, calls_in_eval)
                or "output: expected what the config's layers compute, got other numbers"
            )
        difference = trace.first_difference(trace.unseen_by_outputs(expected), trace.unseen_by_outputs(calls))
        if difference:
            raise CodeError(difference)

    def explain(self, calls: Sequence[trace.Call], ended: str = "nothing") -> str:
        """The first difference between the config's layers and `calls`."""
        return trace.first_difference(self._expected(calls, training=True), calls, ended)

    def _traces(self, *, training: bool) -> tuple[list[trace.Call], list[trace.Call]]:
        recorder = trace.Recorder()
        self.model.train(training)
        try:
            trace.record(self.model, self.batch.clone(), recorder)
        except Exception as error:
            raise CodeError(f"forward: expected to work again, in float64, got {describe(error)}") from None
        return self._expected(recorder.calls, training=training), recorder.calls

    def _expected(self, calls: Sequence[trace.Call], *, training: bool) -> list[trace.Call]:
        """The reference's calls, shortcuts first or last, whichever order `calls` has."""
        found = []
        for self.reference.shortcut_first in (False, True):
            recorder = trace.Recorder()
            self.reference.on_step = recorder.name_step
            trace.record(self.reference.train(training), self.batch.clone(), recorder)
            found.append(recorder.calls)
        return max(found, key=lambda expected: trace.matching(expected, calls))

    def _same_outputs(self, expected: Sequence[trace.Call], calls: Sequence[trace.Call]) -> bool:
        """Whether outputs agree once the reference's numbers are copied over, in order as run or as built."""
        self.reference.eval()
        self.model.eval()
        with torch.no_grad():
            want = self.reference(self.batch)
            for pairs in (_as_run(expected, calls), _as_built(self.reference, self.model)):
                if not pairs or any(a.shape != b.shape for a, b in pairs):
                    continue
                for source, target in pairs:
                    target.copy_(source)
                distance = (self.model(self.batch.clone()) - want).abs().max()
                if bool(distance <= _TOLERANCE * want.abs().max().clamp(min=1e-6)):
                    return True
        return False

    def _unused(self, calls: Sequence[trace.Call]) -> str:
        used = {id(tensor) for call in calls for tensor in call.tensors.values()}
        unused = [name for name, parameter in self.model.named_parameters() if id(parameter) not in used]
        text = f"parameters: expected {count_parameters(self.reference)}, got {count_parameters(self.model)}"
        return text + (f" ({', '.join(unused[:4])} never used)" if unused else "")


def _reference(steps: Sequence[Step]) -> Reference:
    """The reference with norms and running statistics off their defaults, so that outputs show them."""
    torch.manual_seed(1)
    reference = build(steps)
    with torch.no_grad():
        for module in reference.children():
            if isinstance(module, nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
        reference(torch.randn(_BATCH, *steps[0].input_shape))  # fills `shapes`; running statistics move
    return reference


def _as_run(expected: Sequence[trace.Call], calls: Sequence[trace.Call]) -> list[tuple[Tensor, Tensor]]:
    """Tensors of corresponding layers, in the order they ran; none when the layers do not correspond."""
    ours, theirs = (
        [call for call in side if call.kind in trace.WITH_PARAMETERS] for side in (expected, calls)
    )
    if [call.kind for call in ours] != [call.kind for call in theirs]:
        return []
    if any(a.tensors.keys() != b.tensors.keys() for a, b in zip(ours, theirs, strict=True)):
        return []
    return [
        (a.tensors[name], b.tensors[name]) for a, b in zip(ours, theirs, strict=True) for name in a.tensors
    ]


def _as_built(reference: nn.Module, model: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """Tensors in the order of registration; none when their numbers differ."""
    ours, theirs = list(reference.state_dict().values()), list(model.state_dict().values())
    return list(zip(ours, theirs, strict=True)) if len(ours) == len(theirs) else []
