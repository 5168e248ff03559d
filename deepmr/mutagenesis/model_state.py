"""Model state for mutagenesis: evaluation mode, no gradients, full-precision matrix products."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["device_of", "evaluation_mode"]


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
