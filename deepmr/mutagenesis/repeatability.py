"""Check that a network's output is a function of the sequence alone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from deepmr.mutagenesis.model_state import device_of, evaluation_mode
from deepmr.sequence import one_hot

__all__ = ["check_repeatable"]

_SEQUENCES = 5
_ROUNDING = 1e-5  # of the largest output: other kernels serve other batch sizes
_SHARE = 1e-3  # of the spread between random sequences: far below any effect worth measuring


def check_repeatable(model: nn.Module, *, length: int) -> None:
    """Check that outputs are the same at a second call, and alone as in a batch.

    Random sequences are read in evaluation mode: together, together again, and the last
    one alone, which a recurrence over the batch would reach.

    Args:
        model: Maps one-hot sequences ``(batch, 4, length)`` to raw outputs ``(batch, task)``.
        length: Bases of a sequence.

    Raises:
        ValueError: If outputs differ, so that effects of mutations cannot be told from noise.

    Example:
        >>> check_repeatable(nn.Sequential(nn.Flatten(), nn.Linear(20, 2)), length=5)
        >>> class Noisy(nn.Module):
        ...     def forward(self, x):
        ...         return x.mean(2) + torch.rand(1)
        >>> check_repeatable(Noisy(), length=5)
        Traceback (most recent call last):
        ValueError: Noisy is not deterministic in evaluation mode: two passes over the same ...
    """
    codes = np.random.default_rng(0).integers(0, 4, (_SEQUENCES, length)).astype(np.uint8)
    with evaluation_mode(model), torch.random.fork_rng(devices=[]):
        first = next((one for one in model.parameters() if one.is_floating_point()), None)
        dtype = torch.float32 if first is None else first.dtype
        sequences = one_hot(torch.from_numpy(codes).to(device_of(model)), dtype)
        together, again = model(sequences), model(sequences)
        try:
            alone = model(sequences[-1:])
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"{type(model).__name__} reads several sequences, but not one alone "
                f"({str(error).splitlines()[0][:120]}); {_cause(model)}"
            ) from error
    if not isinstance(together, Tensor) or not bool(torch.isfinite(together).all()):
        return  # said elsewhere
    spread = (together - together.mean(dim=0)).abs().max()
    allowed = _ROUNDING * together.abs().max() + _SHARE * spread
    name = type(model).__name__
    if bool((again - together).abs().max() > allowed):
        raise ValueError(
            f"{name} is not deterministic in evaluation mode: two passes over the same sequence "
            f"differ by up to {float((again - together).abs().max()):.3g}, so effects of mutations "
            "cannot be told from noise; does it call F.dropout without training=self.training?"
        )
    if alone.shape[0] != 1 or bool((alone[0] - together[-1]).abs().max() > allowed):
        raise ValueError(
            f"{name} mixes the sequences of a batch: the same sequence alone and beside others "
            "gives outputs that differ, so effects of mutations depend on the batch; "
            f"{_cause(model)}"
        )


def _cause(model: nn.Module) -> str:
    """Return which layers read the batch, as a clause."""
    recurrent = [
        name
        for name, one in model.named_modules()
        if isinstance(one, nn.RNNBase) and not one.batch_first
    ]
    normalised = [
        name
        for name, one in model.named_modules()
        if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d) and one.running_mean is None
    ]
    if normalised:
        return (
            f"the batch norm {normalised[0]} has no running statistics and takes them from the "
            "batch; track_running_stats=True, and weights that hold them"
        )
    if recurrent:
        return (
            f"{recurrent[0]} is recurrent with batch_first=False: is it given (batch, position, "
            "channel), so that it runs over the batch?"
        )
    return (
        "is batch_first of an LSTM wrong, or a normalisation over the batch active in evaluation?"
    )
