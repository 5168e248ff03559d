"""Networks: the members of an ensemble, their tasks, and the scale of their effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy.special import expit
from torch import Tensor, nn

from deepmr.adapted import adapter_notes, adapter_of, both_strands
from deepmr.anscombe import expected_count
from deepmr.calibration import CalibratorTable
from deepmr.models import as_read
from deepmr.tasks import Task, TaskTable
from deepmr.uncertainty import Auto, Members, Trained, Uncertainty

__all__ = ["SCALES", "EffectScale", "Networks", "identity_link"]

SCALES = ("logit", "probability", "count")


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectScale:
    """Map raw network outputs to the scale on which effects are differences.

    A link, a calibrator for each task and, for ``scale="probability"``, the logistic function;
    the same map for every member.

    Args:
        tasks: The networks' outputs, in order.
        link: Maps raw outputs ``(..., task)`` to logits (binary tasks), the Anscombe scale
            (counts) or the signal itself.
        calibrators: A calibrator for each task.
        scale: ``logit`` (default) leaves effects on the link's scale; ``probability`` turns
            binary tasks' into probabilities and leaves the others as they are; ``count`` turns
            those of counts from the Anscombe scale into expected counts, on which causes add up.
        named_units: Units of tasks whose kind does not say them; none by default.

    Raises:
        ValueError: If ``scale`` is none of these.
    """

    tasks: TaskTable
    link: Callable[[Tensor], Tensor]
    calibrators: CalibratorTable
    scale: str = "logit"
    named_units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"scale is one of {', '.join(SCALES)}, got {self.scale!r}")

    def __call__(self, raw: Float[np.ndarray, "*batch task"]) -> Float64[np.ndarray, "*batch task"]:
        """Return calibrated predictions on the effect scale."""
        linked = self.link(torch.from_numpy(np.asarray(raw, dtype=np.float64))).numpy()
        calibrated = self.calibrators.transform(linked)
        if self.scale == "probability":
            binary = np.array([task.kind == "binary" for task in self.tasks])
            calibrated = np.where(binary, expit(calibrated), calibrated)
        if self.scale == "count":
            counts = np.array([task.kind == "count" for task in self.tasks])
            calibrated = np.where(counts, expected_count(calibrated), calibrated)
        return calibrated

    def units(self) -> dict[str, str]:
        """Return the unit of each task's effects."""
        unit = {
            "binary": "probability" if self.scale == "probability" else "logit",
            "count": "count" if self.scale == "count" else "anscombe",
            "signal": "signal",
        }
        return {task.name: self.named_units.get(task.name, unit[task.kind]) for task in self.tasks}


def identity_link(raw: Tensor) -> Tensor:
    """Return raw outputs unchanged: they are on the effect scale already."""
    return raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """The networks of an interrogation, ready to be measured.

    Build them with `Networks.of` from modules in memory, or with `deepmr.load_run` from a
    training run.

    Args:
        members: Networks, dropout draws, snapshots or augmentations whose spread gives standard
            errors.
        scale: Maps raw outputs to the effect scale; holds the tasks.
        length: Bases of the input; None if any length will do.
        name: Name of the folder for their interrogations.
        description: What they are, for the manifest and the report: a run's folder, say.
        files: Files of their weights.
        digests: SHA-256 of each of ``files``.
        metrics: Columns of the training run's ``metrics.parquet``, where there is one run.
        notes: Sentences that a reader of the report must know.
        source: The data they were trained on (`deepmr.data.source.DataSource`); None if unknown.
    """

    members: Members
    scale: EffectScale
    length: int | None = None
    name: str = "networks"
    description: str = "networks in memory"
    files: tuple[Path, ...] = ()
    digests: tuple[str, ...] = ()
    metrics: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    source: Any = None

    @property
    def tasks(self) -> TaskTable:
        """The networks' outputs, in order."""
        return self.scale.tasks

    @classmethod
    def of(
        cls,
        model: nn.Module | Sequence[nn.Module],
        tasks: TaskTable | Sequence[Task | str] | None = None,
        *,
        scale: str = "logit",
        link: Callable[[Tensor], Tensor] = identity_link,
        calibrators: CalibratorTable | None = None,
        uncertainty: Uncertainty | None = None,
    ) -> Networks:
        """Wrap a network, or an ensemble of networks, in memory.

        Args:
            model: Maps ``(batch, 4, length)``, channels in the order A, C, G, T, to
                ``(batch, task)`` raw outputs (logits for binary tasks); or `deepmr.models.Adapter`
                around a network of any input and output.
            tasks: The outputs in order: `Task` objects, or plain names (binary tasks); None with
                adapters, which name them.
            scale: ``logit`` (default), ``probability`` for binary tasks, or ``count`` for counts.
            link: Maps raw outputs to the effect scale; by default they are on it.
            calibrators: A calibrator for each task; by default none.
            uncertainty: Where standard errors come from; by default the ensemble, or 30 dropout
                draws of a single network, or, where it has none, that network as given.

        Raises:
            ValueError: If two tasks have one name, or there are none.
        """
        modules = [model] if isinstance(model, nn.Module) else list(model)
        members = (uncertainty or Auto())([Trained(network=module) for module in modules])
        adapter = adapter_of(modules)
        if adapter is not None and tasks is None:
            tasks = adapter.tasks
        if tasks is None:
            raise ValueError("tasks must name the model's outputs in order, got None")
        table = tasks if isinstance(tasks, TaskTable) else TaskTable.of(tasks)
        networks = cls(
            members=members,
            scale=EffectScale(
                tasks=table,
                link=link,
                calibrators=calibrators or CalibratorTable.identity(table, reason="none was given"),
                scale=scale,
            ),
        )
        return networks.as_adapted(modules)

    def as_adapted(self, modules: Sequence[nn.Module]) -> Networks:
        """Return the networks with the length, strands, units and notes of their adapters.

        Args:
            modules: The trained networks; without adapters nothing changes.

        Raises:
            ValueError: If their tasks are not the adapters', or an adapter reads both strands of
                members that differ by strand.
        """
        adapter = adapter_of(modules)
        if adapter is None:
            return self
        if adapter.tasks.names != self.tasks.names:
            raise ValueError(
                "the tasks of adapters are named by their outputs; leave tasks out, got "
                f"{', '.join(self.tasks.names[:5])} for {', '.join(adapter.tasks.names[:5])}"
            )
        both = adapter.format.strand == "both"
        link = as_read if self.scale.link is identity_link else self.scale.link
        return replace(
            self,
            members=both_strands(self.members) if both else self.members,
            scale=replace(self.scale, link=link, named_units=adapter.units),
            length=adapter.locus_length or self.length,
            notes=(*self.notes, *adapter_notes(adapter)),
        )

    def on_scale(self, scale: str) -> Networks:
        """Return the same networks with effects on another of `SCALES`.

        Raises:
            ValueError: If the scale is unknown.
        """
        return replace(self, scale=replace(self.scale, scale=scale))

    def pair(self, exposure: str, outcome: str) -> tuple[Task, Task]:
        """Return the two tasks of a question, by name or unambiguous target.

        Raises:
            LookupError: If one is unknown or ambiguous.
            ValueError: If they are the same.
        """
        return self.tasks.pair(exposure, outcome)
