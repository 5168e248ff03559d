"""An adapter around a network trained elsewhere: what it is given, and how its tasks are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, no_type_check

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deepmr.models.input_format import InputFormat, channel_order
from deepmr.models.readout import Readout
from deepmr.models.readout_check import check_readout, looks_wrong
from deepmr.models.reductions import shapes
from deepmr.tasks import TaskTable, read_tasks

__all__ = ["EVERY", "Adapter", "as_read"]

EVERY = "*"
"""The entry of ``outputs`` that is the reading of every task of a task table."""


def as_read(raw: Tensor) -> Tensor:
    """Return an adapter's outputs unchanged: their activations are undone already."""
    return raw


class Adapter(nn.Module):
    """A network of any input and output, read as ``(batch, 4, length)`` to ``(batch, task)``.

    Weights belong to the inner network, ``network``. The order of channels is a convolution of
    width 1 and the flanks are padding, which the incremental engine propagates like any other
    layer.

    Args:
        network: The network, trained elsewhere.
        outputs: Tasks by name, in order, each with how it is read (see `Readout`). The name ``*``
            is the reading of every task of ``tasks``, whose channel is the task's place.
        input: What the network reads; see `InputFormat`.
        tasks: A task table, or the file that holds one; read by ``*`` alone.

    Raises:
        ValueError: If a setting is unknown or wrong, or there is no task.

    Example:
        >>> network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.Softmax(dim=1))
        >>> adapter = Adapter(
        ...     network,
        ...     outputs={
        ...         "acceptor": {"channel": 1, "positions": "centre(1)", "activation": "softmax"},
        ...         "donor": {"channel": 2, "positions": "centre(1)", "activation": "softmax"},
        ...     },
        ...     input={"channels": "AGCT"},
        ... )
        >>> adapter(torch.zeros(7, 4, 20)).shape
        torch.Size([7, 2])
        >>> adapter.tasks.names
        ('acceptor', 'donor')
    """

    def __init__(
        self,
        network: nn.Module,
        outputs: Mapping[str, Any],
        input: Any = None,  # noqa: A002  (the yaml's word)
        tasks: TaskTable | str | Path | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(network, nn.Module):
            raise ValueError(  # noqa: TRY004  (bad input, told in one line)
                f"network must be a network, got {type(network).__name__}; name its class as "
                "network._target_"
            )
        self.network = network
        self.format = InputFormat.of(input)
        self.readouts = _readouts(outputs, tasks)
        self._groups = _grouped(self.readouts)
        self.order = channel_order(self.format.channels)
        self._extra_names = _registered(self, self.format.extra)

    @property
    def inner_network(self) -> nn.Module:
        """The network that a checkpoint's weights belong to (`deepmr.weights.load_into`)."""
        return self.network

    @property
    def tasks(self) -> TaskTable:
        """The tasks, in order."""
        return TaskTable(tuple(one.task for one in self.readouts))

    @property
    def locus_length(self) -> int | None:
        """Bases of a locus; None if any number will do."""
        return self.format.locus_length

    @property
    def per_locus(self) -> bool:
        """Whether a task is read at positions that differ from locus to locus."""
        return any(one.per_locus for one in self.readouts)

    @property
    def reads_apart(self) -> bool:
        """Whether strands or positions are the adapter's or the loci's own, not all alike."""
        return self.format.strand != "forward" or self.per_locus

    @property
    def architecture(self) -> str:
        """Class of the network inside, for messages."""
        return type(self.network).__name__

    @property
    def units(self) -> dict[str, str]:
        """Units of the effects of tasks that are read on the scale of logarithms."""
        return {one.name: one.unit for one in self.readouts if one.unit is not None}

    @property
    def unsaid(self) -> tuple[str, ...]:
        """Binary tasks whose activation was not said."""
        return tuple(
            one.name
            for one in self.readouts
            if one.task.kind == "binary" and one.activation is None
        )

    def reset_parameters(self) -> None:
        """Restore the order of channels, which an untrained twin must keep."""
        if self.order is not None:
            made = channel_order(self.format.channels)
            self.order.load_state_dict(made.state_dict())

    @no_type_check  # torch.fx traces this with proxies, which are no tensors
    def forward(self, sequence):
        """Return the tasks' values, ``(batch, task)``.

        A task that is read around a place of each locus has a column for every place that the
        output has room for; see `columns`.
        """
        output = self.raw(sequence)
        if len(self._groups) == 1:
            return self._read(output, self._groups[0])
        return torch.cat([self._read(output, group) for group in self._groups], dim=1)

    @no_type_check
    def raw(self, sequence):
        """Return what the network itself returns.

        Args:
            sequence: One-hot sequences ``(batch, 4, length)`` in the order A, C, G, T.
        """
        values = sequence
        if self.format.padding:
            values = F.pad(values, (self.format.padding, self.format.padding))
        if self.order is not None:
            values = self.order(values)
        if self.format.layout == "nlc":
            values = values.transpose(1, 2)
        elif self.format.layout == "nc1l":
            values = values.unsqueeze(2)
        if not self._extra_names:
            return self.network(values)
        found = [getattr(self, f"extra_{name}") for name in self._extra_names]
        # a batch of constants, whose size the engine can follow
        found = [
            sequence[:, 0, 0].reshape(-1, *(1 for _ in one.shape[1:])) * 0 + one for one in found
        ]
        if isinstance(self.format.extra, Mapping):
            return self.network(values, **dict(zip(self._extra_names, found, strict=True)))
        return self.network(values, *found)

    @no_type_check
    def _read(self, output, group):
        first = group[0]
        return first(output, [one.channel for one in group] if len(group) > 1 else None)

    def check(self, sequences: Tensor) -> dict[str, int]:
        """Check that every task can be read.

        Args:
            sequences: One-hot sequences ``(batch, 4, length)``.

        Returns:
            The number of output positions of each task, 1 where there are none.

        Raises:
            ValueError: If an output, channel or position is missing, or an activation cannot be
                the one that was said.
        """
        output = self.raw(sequences)
        if isinstance(output, Tensor) and output.ndim and output.shape[0] != sequences.shape[0]:
            raise ValueError(
                f"{type(self.network).__name__} returns {shapes(output)} for {len(sequences)} "
                "sequences; the batch must come first"
            )
        sizes = {}
        for one in self.readouts:
            sizes[one.name] = check_readout(one, output)
            wrong = looks_wrong(one, output)
            if wrong:
                raise ValueError(f"outputs.{one.name}: {wrong}")
        if self.format.strand == "both":
            for one in self.readouts:
                if one.positions and not one.positions.is_symmetric(sizes[one.name]):
                    raise ValueError(
                        f"input.strand=both reads the same positions of both strands, which those "
                        f"of outputs.{one.name} are not; use all, or centre(n) with n odd or even "
                        f"as the {sizes[one.name]} positions are, or input.strand=bed"
                    )
        return sizes

    def extra_repr(self) -> str:
        """Return the tasks."""
        return f"tasks={', '.join(self.tasks.names[:5])}"


def _readouts(
    outputs: Mapping[str, Any], tasks: TaskTable | str | Path | None
) -> tuple[Readout, ...]:
    if not isinstance(outputs, Mapping) or not outputs:
        raise ValueError(
            "outputs must hold an entry for each task, {GATA1: {channel: 0}} say; "
            f"got {outputs!r:.80}"
        )
    if EVERY not in outputs:
        if tasks is not None:
            raise ValueError("tasks= names the tasks that outputs names already; leave it out")
        return tuple(
            Readout.parse(str(name), one, place=k) for k, (name, one) in enumerate(outputs.items())
        )
    if len(outputs) > 1 or tasks is None:
        raise ValueError(
            "outputs.* is the reading of every task of tasks=FILE: it stands alone, and needs that "
            "file"
        )
    table = tasks if isinstance(tasks, TaskTable) else read_tasks(tasks)
    entry = dict(outputs[EVERY] or {})
    kind = entry.pop("kind", None)
    if "channel" in entry:
        raise ValueError("outputs.* takes each task's channel from its place; leave channel out")
    made = []
    for k, task in enumerate(table):
        if kind is not None:
            task = replace(task, kind=kind)
        pattern = Readout.parse(task.name, {**entry, "kind": task.kind, "channel": k}, place=k)
        made.append(replace(pattern, task=task))
    return tuple(made)


def _grouped(readouts: Sequence[Readout]) -> tuple[tuple[Readout, ...], ...]:
    """Group neighbours that differ by their channel alone: they are read in one go."""
    groups: list[list[Readout]] = []
    for one in readouts:
        if groups and _alike(groups[-1][-1], one):
            groups[-1].append(one)
        else:
            groups.append([one])
    return tuple(tuple(group) for group in groups)


def _alike(one: Readout, other: Readout) -> bool:
    single = isinstance(one.channel, int) and isinstance(other.channel, int)
    apart = single and not one.per_locus and one.reduce != "counts"
    if not apart or one.activation in ("softmax", "log_softmax"):
        return False
    same = ("take", "positions", "reduce", "activation", "layout")
    kinds = {one.task.kind, other.task.kind}
    return len(kinds) == 1 and all(getattr(one, key) == getattr(other, key) for key in same)


def _registered(adapter: nn.Module, extra: Any) -> tuple[str, ...]:
    """Register the constant inputs as buffers, and return their names."""
    named = extra if isinstance(extra, Mapping) else dict(enumerate(extra or ()))
    for name, one in named.items():
        if not isinstance(one, Mapping) or set(one) - {"shape", "value"} or "shape" not in one:
            raise ValueError(
                f"input.extra.{name} must say its shape without the batch and its value, "
                f"{{shape: [2, 1000], value: 0}}; got {one!r}"
            )
        shape = tuple(int(size) for size in one["shape"])
        value = torch.full((1, *shape), float(one.get("value", 0.0)))
        adapter.register_buffer(f"extra_{name}", value, persistent=False)
    return tuple(str(name) for name in named)
