"""How a task is read from a network's output: which part, at which positions, on which scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, no_type_check

import torch

from deepmr.models.positions import Positions
from deepmr.models.reductions import others, over, over_positions, picked, window
from deepmr.tasks import Task

__all__ = ["ACTIVATIONS", "LAYOUTS", "LOGIT_LIMIT", "REDUCERS", "Readout"]

ACTIVATIONS = ("none", "sigmoid", "softmax", "log_softmax", "exp", "softplus", "log")
REDUCERS = ("sum", "mean", "max", "logsumexp", "counts")
LAYOUTS = ("ncl", "nlc", "nl", "n")
_OF_KIND = {
    "binary": ("none", "sigmoid", "softmax", "log_softmax"),
    "count": ("none", "log", "exp", "softplus"),
    "signal": ("none", "log", "exp", "softplus"),
}
_TASK = ("target", "assay", "biosample", "kind")
_SMALLEST = 1e-38  # of a float32 that is not 0
_RESOLUTION = 2.0**-25  # half the distance of 1 to the next float32 below it
LOGIT_LIMIT = -math.log(_RESOLUTION)
"""Largest logit that a probability in float32 can tell, about 17."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """How one task is read: take, channel, positions, reduce, activation, in this order.

    Sums, means and maxima are of what the network gives, before its activation is undone; the
    log-sum-exp is of values whose activation has been undone. What comes out is on the scale on
    which effects are differences: logits (binary), the Anscombe scale or logarithms (count), the
    network's own scale or logarithms (signal).

    Args:
        task: The task.
        take: Items of tuples and keys of dictionaries that lead to a tensor; none by default.
        channel: Channel, or channels that are reduced with the positions; None if there is one.
        positions: Where it is read; None for an output without positions, or with one.
        reduce: ``sum``, ``mean``, ``max``, ``logsumexp``, ``counts`` (the logarithm of the reads of
            a profile, over all channels and the positions), or None for a single value.
        activation: What the network applied last, and is undone: ``none``, ``sigmoid``,
            ``softmax`` (over channels), ``log_softmax`` (its logarithm, or the scores before it),
            ``exp``, ``softplus``, or ``log`` (logarithms of counts, left as they are). None where
            it was not said: read as ``none``, and refused if outputs look like probabilities.
        layout: Axes of the tensor: ``ncl`` (batch, channel, position; also (batch, channel)),
            ``nlc``, ``nl``, or ``n`` (a number a sequence).
        bin: Bases of an output position, for positions around the places of BED lines.
        total: With ``reduce="counts"`` of profile logits: items and keys of the logarithm of the
            total.

    Raises:
        ValueError: If a setting is unknown, or two do not go together.
    """

    task: Task
    take: tuple[Any, ...] = ()
    channel: int | tuple[int, ...] | None = None
    positions: Positions | None = None
    reduce: str | None = None
    activation: str | None = None
    layout: str = "ncl"
    bin: int = 1
    total: tuple[Any, ...] | None = None
    name: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.task.name)
        where = f"outputs.{self.name}"
        known = (("reduce", REDUCERS), ("activation", ACTIVATIONS), ("layout", LAYOUTS))
        for key, names in known:
            value = getattr(self, key)
            if value is not None and value not in names:
                raise ValueError(f"{where}.{key} must be one of {', '.join(names)}; got {value!r}")
        allowed = _OF_KIND[self.task.kind]
        if self.activation is not None and self.activation not in allowed:
            raise ValueError(
                f"{where}: a {self.task.kind} task has activation {', '.join(allowed)}; "
                f"got {self.activation!r}"
            )
        if self.reduce == "sum" and self.activation in ("sigmoid", "softmax"):
            raise ValueError(
                f"{where}: a sum of probabilities has no logit; reduce by mean, max or logsumexp"
            )
        if self.reduce == "counts" and self.task.kind == "binary":
            raise ValueError(f"{where}: reduce=counts is of reads; set kind to count or signal")
        if self.activation in ("softmax", "log_softmax") and (
            self.channel is None or min(self.channels or ()) < 0
        ):
            raise ValueError(
                f"{where}: the log-odds of a softmax are those of a channel; name it, from 0"
            )
        if self.bin < 1:
            raise ValueError(f"{where}.bin must be 1 or more bases, got {self.bin}")
        if self.total is not None and self.reduce != "counts":
            raise ValueError(f"{where}.total goes with reduce=counts")

    @classmethod
    def parse(cls, name: str, settings: Any, *, place: int) -> Readout:
        """Read one entry of ``outputs``.

        Args:
            name: Name of the task.
            settings: A mapping with the fields of a readout and, where known, ``kind``,
                ``target``, ``assay``, ``biosample``; an integer is the channel; None the channel
                at the entry's own place.
            place: The entry's place, from 0.

        Raises:
            ValueError: If a setting is unknown or wrong.
        """
        if settings is None or (isinstance(settings, int) and not isinstance(settings, bool)):
            settings = {"channel": place if settings is None else settings}
        if not isinstance(settings, Mapping):
            raise ValueError(  # noqa: TRY004  (bad input, told in one line)
                f"outputs.{name} must say how the task is read, {{channel: 0}} say; "
                f"got {settings!r}"
            )
        given = {str(key): value for key, value in settings.items()}
        fields = ("take", "channel", "positions", "reduce", "activation", "layout", "bin", "total")
        unknown = sorted(set(given) - {*fields, *_TASK})
        if unknown:
            raise ValueError(
                f"outputs.{name} has no setting {', '.join(unknown)}; known are "
                f"{', '.join((*fields, *_TASK))}"
            )
        task = Task(name, **{key: given.pop(key) for key in _TASK if given.get(key) is not None})
        for key in _TASK:
            given.pop(key, None)
        channel = given.pop("channel", None)
        where = f"outputs.{name}.positions"
        positions = given.pop("positions", None)
        return cls(
            task=task,
            take=_path(given.pop("take", None)) or (),
            total=_path(given.pop("total", None)),
            channel=tuple(channel) if isinstance(channel, Sequence) else channel,
            positions=None if positions is None else Positions.parse(positions, where=where),
            **{key: value for key, value in given.items() if value is not None},
        )

    @property
    def per_locus(self) -> bool:
        """Whether the positions differ from locus to locus."""
        return self.positions is not None and self.positions.per_locus

    @property
    def unit(self) -> str | None:
        """Unit of the effects, where the kind of the task does not say it."""
        if self.activation in ("exp", "log") or self.reduce == "counts":
            return "log"
        return "inverse softplus" if self.activation == "softplus" else None

    @no_type_check  # torch.fx traces this with proxies, which are no tensors
    def __call__(self, output, channels: Sequence[int] | None = None):
        """Return the task's values, ``(batch, 1)``; one a position where loci have anchors.

        Args:
            output: What the network returned.
            channels: Channels that are each a task read in this way, in place of ``channel``.
        """
        values = self.part_of(output)
        if self.reduce == "counts":
            return self._counts(values, output)
        chosen = self.channels if channels is None else list(channels)
        if self.layout in ("ncl", "n") and self.positions is None:
            return self._without_positions(values, chosen, apart=channels is not None)
        values = self.positioned(values)
        if self.per_locus:
            return self._sliding(values, chosen)
        if self.positions is not None and not self.positions.is_all:
            start, stop = self.positions.bounds(values.shape[2])
            values = values[:, :, start:stop]
        return self._reduced(values, chosen, apart=channels is not None)

    @no_type_check
    def part_of(self, output):
        """Return the tensor that ``take`` leads to, with an axis of channels."""
        for key in self.take:
            named = isinstance(key, str) and not isinstance(output, Mapping)
            output = getattr(output, key) if named else output[key]
        return output.unsqueeze(1) if self.layout == "n" else output

    @property
    def channels(self) -> list[int] | None:
        """The channel or channels as a list; None if there is one that need not be named."""
        if self.channel is None:
            return None
        return [self.channel] if isinstance(self.channel, int) else list(self.channel)

    @no_type_check
    def positioned(self, values):
        """Return a tensor with its axes in the order batch, channel, position."""
        if self.layout == "nlc":
            return values.transpose(1, 2)
        return values.unsqueeze(1) if self.layout == "nl" else values

    @no_type_check
    def _without_positions(self, values, chosen, *, apart):
        """Read ``(batch, channel)``, or positions that are few enough not to be named."""
        if self.reduce is not None:
            return self._reduced(values.unsqueeze(2).flatten(2), chosen, apart=apart)
        if self.activation in ("softmax", "log_softmax"):
            return self._log_odds(values, chosen).flatten(1)
        return self._undone(picked(values, chosen).flatten(1))

    @no_type_check
    def _reduced(self, values, chosen, *, apart):
        """Reduce ``(batch, channel, position)`` over positions, and channels unless apart."""
        if self.activation in ("softmax", "log_softmax"):
            if self.activation == "softmax" and self.reduce in ("mean", None):
                return self._log_odds(over_positions(values, self.reduce), chosen)
            return over_positions(self._log_odds(values, chosen), self.reduce)
        if self.reduce == "logsumexp":
            values = self._undone(picked(values, chosen))
            return over(over_positions(values, "logsumexp"), "logsumexp", apart=apart)
        values = picked(over_positions(values, self.reduce), chosen)
        return self._undone(over(values, self.reduce, apart=apart))

    @no_type_check
    def _sliding(self, values, chosen):
        """Read at every anchor that a locus could have: windows of the output, one step apart."""
        width = self.positions.count
        if self.activation in ("softmax", "log_softmax"):
            if self.activation == "softmax" and self.reduce in ("mean", None):
                return self._log_odds(window(values, width, self.reduce), chosen).flatten(1)
            return window(self._log_odds(values, chosen), width, self.reduce).flatten(1)
        if self.reduce == "logsumexp":
            values = window(self._undone(picked(values, chosen)), width, "logsumexp")
            return over(values, "logsumexp", apart=False).flatten(1)
        values = window(picked(values, chosen), width, self.reduce)
        return self._undone(over(values, self.reduce, apart=False)).flatten(1)

    @no_type_check
    def _log_odds(self, values, chosen):
        """Return the log-odds of the chosen channels among all, ``(batch, 1, ...)``."""
        scores = values.clamp(min=_SMALLEST).log() if self.activation == "softmax" else values
        inside = picked(scores, chosen)
        if len(chosen) > 1:
            inside = torch.logsumexp(inside, dim=1, keepdim=True)
        return inside - torch.logsumexp(others(scores, chosen), dim=1, keepdim=True)

    @no_type_check
    def _undone(self, values):
        """Undo the activation."""
        if self.activation == "sigmoid":
            return values.clamp(min=_SMALLEST).log() - (1 - values).clamp(min=_RESOLUTION).log()
        if self.activation == "exp":
            return values.clamp(min=_SMALLEST).log()
        if self.activation == "softplus":  # x = y + log(1 - exp(-y))
            safe = values.clamp(min=_SMALLEST)
            return safe + (-torch.expm1(-safe)).log()
        if self.task.kind == "count" and self.activation in ("none", None):
            return 2 * (values + 0.375).clamp(min=0).sqrt()  # Anscombe 1948
        return values

    @no_type_check
    def _counts(self, values, output):
        """Return the logarithm of the reads of a profile."""
        values = self.positioned(values)
        positions = self.positions or Positions()
        start, stop = positions.bounds(values.shape[2])
        channels = self.channels
        inside = picked(values if positions.is_all else values[:, :, start:stop], channels)
        if self.total is None:
            return inside.sum(dim=(1, 2)).clamp(min=_SMALLEST).log().unsqueeze(1)
        for key in self.total:
            named = isinstance(key, str) and not isinstance(output, Mapping)
            output = getattr(output, key) if named else output[key]
        share = inside.logsumexp(dim=(1, 2)) - values.logsumexp(dim=(1, 2))
        return output.flatten(1) + share.unsqueeze(1)


def _path(take: Any) -> tuple[Any, ...] | None:
    if take is None:
        return None
    return tuple(take) if isinstance(take, Sequence) and not isinstance(take, str) else (take,)
