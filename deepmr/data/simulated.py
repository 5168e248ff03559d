"""Simulated data sources: what data=simulation and data=structures have in common."""

from __future__ import annotations

import difflib
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped, UInt8

from deepmr.data.simulated_split import PREFIX, SimulationSplit, simulated_rows
from deepmr.data.source import LOCI_RULES, SPLITS
from deepmr.files import fingerprint
from deepmr.tasks import TaskTable

__all__ = [
    "PREFIX",
    "SimulatedSource",
    "SimulationSplit",
    "check_heads",
    "check_no_more",
    "take_sizes",
]

T = TypeVar("T")


class SimulatedSource(ABC):
    """Base class of data sources whose sequences and targets are simulated from a seed.

    A subclass has the attributes ``name``, ``tasks``, ``exposures``, ``outcomes`` and ``length``,
    and simulates in the properties ``rows``, ``codes`` and ``observed``.
    """

    name: str
    tasks: TaskTable
    exposures: tuple[str, ...]
    outcomes: tuple[str, ...]
    length: int
    genome = None

    @property
    @abstractmethod
    def rows(self) -> Mapping[str, Int64[np.ndarray, " part"]]:
        """Rows of each split in the whole data set, ascending."""

    @property
    @abstractmethod
    def codes(self) -> UInt8[np.ndarray, "sequence length"]:
        """Bases of all sequences, 0 to 3 for A, C, G, T."""

    @property
    @abstractmethod
    def observed(self) -> Shaped[np.ndarray, "sequence task"]:
        """Observed counts, or peaks as 0 and 1, of all sequences."""

    @abstractmethod
    def targets(self, rows: Int64[np.ndarray, " part"]) -> Float32[np.ndarray, "part task"]:
        """Return targets on the training scale.

        Args:
            rows: Rows in the whole data set.
        """

    def _content_fingerprint(self, **described: Any) -> str:
        """Return hexadecimal digits of sequences, observations and splits."""
        content = hashlib.sha256()
        for array in (self.codes, self.observed):
            content.update(np.ascontiguousarray(array).tobytes())
        for name in SPLITS:
            content.update(self.rows[name].astype(np.int64).tobytes())
        described = {"source": self.name, **described, "content": content.hexdigest()}
        return fingerprint(described, digits=16)

    @property
    def splits(self) -> Mapping[str, list[str]]:
        """Contigs of each split: their number, and the first and last name."""
        return {
            name: [f"{rows.size} contigs, {PREFIX}{rows[0]:06d} to {PREFIX}{rows[-1]:06d}"]
            for name, rows in self.rows.items()
        }

    def prepare(self) -> None:
        """Simulate now; a process that skips this simulates on demand."""
        self.rows  # noqa: B018 - the property simulates

    def split(self, name: str) -> SimulationSplit:
        """Return the split of that name.

        Args:
            name: ``train``, ``validation``, ``calibration`` or ``test``.

        Raises:
            LookupError: If there is no split of that name.
        """
        if name not in self.rows:
            raise LookupError(f"no split is called {name!r}; there are {', '.join(SPLITS)}")
        rows = self.rows[name]
        return SimulationSplit(
            row=rows.astype(np.int64), codes=self.codes[rows], target=self.targets(rows)
        )

    def summary(self) -> list[dict[str, Any]]:
        """Return one row per split and task: number, positives, mean target, GC content."""
        table = []
        for name in SPLITS:
            part = self.split(name)
            gc = float(np.isin(part.codes, (1, 2)).mean())
            for task, column in zip(self.tasks, part.target.T, strict=True):
                mean = float(column.mean(dtype=np.float64))
                binary = task.kind == "binary"
                table.append(
                    {
                        "split": name,
                        "task": task.name,
                        "n": len(part),
                        "positives": int(column.sum()) if binary else None,
                        "prevalence": mean if binary else None,
                        "mean": mean,
                        "gc": gc,
                    }
                )
        return table

    def inputs(self) -> list[Path]:
        """Return the files that were read: none."""
        return []

    def provenance(self) -> list[dict[str, Any]]:
        """Return the files that were downloaded: none."""
        return []

    def weights(self) -> None:
        """Return None: positives and negatives have equal weights."""
        return

    def sequences(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> UInt8[np.ndarray, "locus length"]:
        """Return the codes of simulated sequences.

        Args:
            chrom: Names of the sequences, ``sim-000123``.
            start: First base of each sequence, 0.
            end: End of each sequence (half-open), its length.

        Raises:
            LookupError: If a name is not one of this simulation's.
            ValueError: If a locus is not a whole sequence.
        """
        return self.codes[self._rows_of(chrom, start, end)]

    def _rows_of(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> Int64[np.ndarray, " locus"]:
        return simulated_rows(chrom, start, end, n=len(self.codes), length=self.length)

    def loci_rules(self) -> tuple[str, ...]:
        """Return the rules of ``candidate_loci``."""
        return LOCI_RULES

    def seen(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> Bool[np.ndarray, " locus"]:
        """Return True for sequences of the training or validation split.

        Args:
            chrom: Names of the sequences, ``sim-000123``.
            start: First base of each sequence, 0.
            end: End of each sequence (half-open), its length.

        Raises:
            LookupError: If a name is not one of this simulation's.
            ValueError: If a locus is not a whole sequence.
        """
        learned = np.concatenate([self.rows["train"], self.rows["validation"]])
        return np.isin(self._rows_of(chrom, start, end), learned)


def check_heads(tasks: TaskTable, exposures: tuple[str, ...], outcomes: tuple[str, ...]) -> None:
    """Verify that exposure and outcome head together hold every task once.

    Args:
        tasks: The simulated tasks.
        exposures: Tasks on the exposure head.
        outcomes: Tasks on the outcome head.

    Raises:
        ValueError: If a task is missing, unknown or on both heads.
    """
    if sorted([*exposures, *outcomes]) != sorted(tasks.names):
        raise ValueError(
            "data.exposures and data.outcomes must share out "
            f"{', '.join(tasks.names)}, got {list(exposures)} and {list(outcomes)}"
        )


def take_sizes(noun: type[T], options: dict[str, Any]) -> T:
    """Build the sizes of a simulated data set from flat options, and take them out.

    Args:
        noun: `deepmr.simulation.Sizes` or `deepmr.simulation.GraphSizes`.
        options: Options as the yaml spells them: a number of sequences begins with ``n_``.

    Example:
        >>> from deepmr.simulation import Sizes
        >>> options = {"n_train": 100, "length": 50, "effect": 1.0}
        >>> take_sizes(Sizes, options).train, options
        (100, {'effect': 1.0})
    """
    sizes = {_option(one.name): one.name for one in fields(noun)}  # type: ignore[arg-type]
    return noun(**{name: options.pop(key) for key, name in sizes.items() if key in options})


def _option(size: str) -> str:
    return size if size in ("validation_fraction", "length", "copies") else f"n_{size}"


def check_no_more(options: Mapping[str, Any], nouns: tuple[type, ...]) -> None:
    """Refuse an option that no setting of a simulation is called by.

    Args:
        options: Options that nothing took.
        nouns: The settings, to suggest a name from.

    Raises:
        TypeError: If there is one; the message suggests the nearest name.
    """
    for option in options:
        known = [
            _option(one.name) if noun.__name__.endswith("Sizes") else one.name
            for noun in nouns
            for one in fields(noun)
        ]
        near = difflib.get_close_matches(option, known, n=1)
        hint = f"did you mean data.{near[0]}?" if near else f"there are {', '.join(known)}"
        raise TypeError(f"data has no option called {option!r}; {hint}")
