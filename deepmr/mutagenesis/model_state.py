"""A model evaluation_mode for measurement and given back as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["device_of", "evaluation_mode", "matmul_precision"]


@contextmanager
def evaluation_mode(model: nn.Module, *, tf32: bool = False) -> Iterator[nn.Module]:
    """Lend a model in evaluation mode without gradients; each module's mode returns afterwards.

    Parameters, buffers, hooks, gradients and device are never touched. The modes come back
    even when an exception passes through.
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with torch.no_grad(), matmul_precision(tf32=tf32):
            yield model
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def matmul_precision(*, tf32: bool = False) -> Iterator[None]:
    """Multiply float32 matrices in float32 (or TF32), whatever the process allows elsewhere.

    Mutation effects are differences of nearly equal numbers: TF32 or bfloat16 products, which
    ``torch.set_float32_matmul_precision`` may permit for training, would drown them.
    """
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
    """Return the device of a model's parameters or buffers; the CPU if it has none."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")
