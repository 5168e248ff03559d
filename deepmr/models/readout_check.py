"""Whether a task can be read from what a network returned, told in one line where it cannot."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from deepmr.models.readout import REDUCERS, Readout
from deepmr.models.reductions import picked, shapes

__all__ = ["check_readout", "looks_wrong"]


def check_readout(readout: Readout, output: Any) -> int:
    """Check that the task can be read from a network's output.

    Args:
        readout: The task's reading.
        output: What the network returned for a batch of sequences.

    Returns:
        The number of output positions, 1 if there are none.

    Raises:
        ValueError: If the item, the channel or the positions are missing, or several values
            are left where one is read.
    """
    where = f"outputs.{readout.name}"
    values = _checked_tensor(readout, output, where)
    ranks = {"ncl": (2, 3), "nlc": (3,), "nl": (2,), "n": (2,)}[readout.layout]
    if readout.positions is not None and readout.layout in ("ncl", "n"):
        ranks = (3,)
    if values.ndim not in ranks:
        positions = " with positions" if readout.positions else ""
        raise ValueError(
            f"{where}: layout={readout.layout}{positions} reads "
            f"a tensor of {' or '.join(map(str, ranks))} axes, got {tuple(values.shape)}"
        )
    if readout.layout in ("ncl", "n") and values.ndim == 2:
        values = values.unsqueeze(2)
    values = readout.positioned(values)
    _, channels, size = values.shape
    for channel in readout.channels or ():
        if not -channels <= channel < channels:
            raise ValueError(f"{where}: channel {channel} is not among {channels} (from 0)")
    if readout.positions is not None:
        readout.positions.check(size, where=where)
    _check_single(readout, where, channels, size)
    return int(size)


def _checked_tensor(readout: Readout, output: Any, where: str) -> Tensor:
    if not readout.take and not isinstance(output, Tensor):
        raise ValueError(
            f"{where}.take must name one part of the network's output, which is {shapes(output)}"
        )
    if readout.take and isinstance(output, Tensor):
        raise ValueError(
            f"{where}.take={list(readout.take)}: the network's output is one tensor, "
            f"{shapes(output)}; leave take out"
        )
    try:
        values = readout.part_of(output)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{where}.take={list(readout.take)} is not in the network's output, which is "
            f"{shapes(output)}"
        ) from error
    if not isinstance(values, Tensor) or values.ndim < 2:
        raise ValueError(f"{where} reads a tensor (batch, ...), got {shapes(values)}")
    return values


def _check_single(readout: Readout, where: str, channels: int, size: int) -> None:
    if readout.reduce is not None:
        return
    chosen = 1 if isinstance(readout.channel, int) else len(readout.channels or range(channels))
    if chosen > 1 and readout.activation not in ("softmax", "log_softmax"):
        raise ValueError(f"{where}: the output has {channels} channels; name one (channel: 0)")
    if readout.positions is None:
        count = size
    elif readout.per_locus:
        count = readout.positions.count
    else:
        start, stop, _ = slice(*readout.positions.bounds(size)).indices(size)
        count = stop - start
    if count > 1:
        raise ValueError(
            f"{where}: {count} of {size} positions are read; say how they become one "
            f"(reduce: {', '.join(REDUCERS[:4])}), or name one (positions: centre(1))"
        )


def looks_wrong(readout: Readout, output: Any) -> str:
    """Return why outputs cannot be what the activation says; empty if they can.

    Args:
        readout: The task's reading.
        output: What the network returned for several sequences.
    """
    values = _checked_tensor(readout, output, f"outputs.{readout.name}").detach()
    own = values
    if readout.layout in ("ncl", "nlc"):
        own = picked(readout.positioned(values), readout.channels)
    low, high = float(own.min()), float(own.max())
    if readout.activation in ("sigmoid", "softmax") and (low < 0 or high > 1 + 1e-5):
        reached = f"{low:.3g} to {high:.3g}"
        return f"activation={readout.activation} gives 0 to 1, the outputs reach {reached}"
    positive = readout.activation in ("exp", "softplus") or (
        readout.task.kind == "count" and readout.activation in ("none", None) and not readout.total
    )
    if positive and low < 0:
        said = f"activation={readout.activation}" if readout.activation else "kind=count"
        return f"{said} gives 0 or more, the outputs reach {low:.3g}"
    if readout.activation == "softmax":
        axis = {"ncl": 1, "nlc": 2, "nl": 1, "n": 1}[readout.layout]
        total = values.sum(dim=axis)
        if float((total - 1).abs().max()) > 1e-3:
            return f"a softmax sums to 1 over channels, the outputs to {float(total.max()):.3g}"
    return ""
