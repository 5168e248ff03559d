"""Models for mutagenesis: evaluation mode, full-precision products, and float64 throughout."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

__all__ = ["device_of", "evaluation_mode", "in_float64", "made_in_float64"]


@contextmanager
def evaluation_mode(model: nn.Module, *, tf32: bool = False) -> Iterator[nn.Module]:
    """Context manager: eval mode, no gradients, full-precision matmul; restores the model's flags.

    Each module's training flag and the process's precision flags are restored, also after an
    exception. Parameters, buffers, hooks, gradients and device are not touched.

    Args:
        model: The model, which is yielded.
        tf32: Round float32 matrix products on CUDA devices to 10 bits (TF32). False by default:
            effects are differences of nearly equal numbers, which rounded products would drown.

    Example:
        >>> model = nn.Dropout()
        >>> with evaluation_mode(model):
        ...     model.training, torch.is_grad_enabled()
        (False, False)
        >>> model.training
        True
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        if any(training for _, training in modes):  # to set flags takes longer than to read them
            model.eval()
        with torch.no_grad(), _matmul_precision(tf32=tf32):
            yield model
    finally:
        for module, training in modes:
            if module.training != training:
                module.training = training


@contextmanager
def _matmul_precision(*, tf32: bool) -> Iterator[None]:
    precision = torch.get_float32_matmul_precision()
    cudnn = torch.backends.cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = tf32
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
        torch.backends.cudnn.allow_tf32 = cudnn


def device_of(model: nn.Module) -> torch.device:
    """Return the device of a model's parameters or buffers; the CPU if it has none.

    Args:
        model: Any module.

    Example:
        >>> device_of(nn.Linear(1, 1))
        device(type='cpu')
    """
    for tensor in itertools.chain(model.parameters(), model.buffers()):
        return tensor.device
    return torch.device("cpu")


def in_float64(model: nn.Module) -> nn.Module:
    """Return a model's copy in float64, with the tensors that modules keep as plain attributes.

    Args:
        model: The model, which is left as it is.

    Example:
        >>> network = nn.Linear(1, 1)
        >>> network.positions = torch.arange(2.0)  # as some networks keep between forward passes
        >>> in_float64(network).positions.dtype
        torch.float64
    """
    exact = copy.deepcopy(model).double()
    for module in exact.modules():
        for name, value in vars(module).items():
            if isinstance(value, Tensor) and value.is_floating_point():
                setattr(module, name, value.double())
    return exact


@contextmanager
def made_in_float64(dtype: torch.dtype = torch.float64) -> Iterator[None]:
    """Context manager: what a network makes in float32 is float64, constants and casts included.

    Args:
        dtype: Nothing is done where this is another.

    Example:
        >>> with made_in_float64():
        ...     (torch.arange(2).float() * torch.ones(2)).dtype
        torch.float64
    """
    if dtype != torch.float64:
        yield
        return
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Widened():
            yield
    finally:
        torch.set_default_dtype(default)


_DRAWN = frozenset({torch.rand, torch.randn})
"""Draws whose numbers are those of float32; of others (bernoulli, uniform_) they may differ."""


class _Widened(TorchFunctionMode):
    """Every result in float32 is cast to float64."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch."""
        named = {
            key: torch.float64 if value is torch.float32 else value
            for key, value in (kwargs or {}).items()
        }
        if func in _DRAWN and (kwargs or {}).get("dtype") in {None, torch.float32}:
            named["dtype"] = torch.float32  # the same numbers as in float32: masks do not change
        given = tuple(torch.float64 if one is torch.float32 else one for one in args)
        if func is Tensor.float:
            func = Tensor.double
        made = func(*given, **named)
        wide = isinstance(made, Tensor) and made.dtype == torch.float32
        return made.double() if wide else made
