"""Simulated tasks of a causal graph as a data source: the structure of every pair is known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped, UInt8

from deepmr.data.simulation import PREFIX, SimulationSplit, simulated_rows
from deepmr.data.source import SPLITS
from deepmr.files import fingerprint
from deepmr.simulation import (
    CausalGraph,
    GraphDataset,
    GraphSizes,
    Motif,
    PairStructure,
    Readings,
    anscombe,
    load_motifs,
    pair_structure,
    random_graph,
    shipped_graph,
    simulate_graph,
    structure_table,
)
from deepmr.tasks import Task, TaskTable

__all__ = ["StructuresSource"]

_KIND = {"counts": "count", "peaks": "binary"}


class StructuresSource:
    """Many simulated tasks with a known causal graph.

    Sequences hold planted motifs; every task is a function of their doses and of other tasks,
    read as Poisson counts (effects on the Anscombe scale) or as peaks (effects on log odds).

    Args:
        seed: Determines the data, and a random graph.
        graph: Name of a shipped graph (`deepmr.simulation.graphs`), ``random``, or a declaration
            as `CausalGraph.from_dict` reads it.
        graph_seed: Of a random graph; None for ``seed``.
        n_motifs: Motifs of a random graph.
        n_tasks: Tasks of a random graph.
        motifs: A file of motifs that replace the graph's, in the file's order; None for the
            shipped ones.
        present: Probability that a motif is planted, one for all or one each in the graph's
            order; None draws each from 0.35 to 0.65.
        copies: Largest number of copies of one motif in a sequence.
        strength: Natural-log odds that an average site is bound; the lower, the more gradually
            substitutions weaken it.
        targets: ``counts`` or ``peaks``.
        exposures: Tasks on the exposure head; None, as for ``outcomes``: all tasks on one head.
        outcomes: Tasks on the outcome head.
        n_train: Sequences to train and validate on, variants aside.
        n_variants: Variants of them with one substitution anywhere.
        n_motif_variants: Variants of them with one substitution inside a planted motif.
        validation_fraction: Share of the families held out for early stopping.
        n_calibration: Calibration sequences.
        n_test: Test sequences, all of which are candidates for every pair.
        length: Bases of a sequence.

    Raises:
        ValueError: In one line, if a setting breaks a rule.

    Example:
        >>> source = StructuresSource(seed=0, graph="fifteen")
        >>> source.structure("L", "Lo").word, source.structure("P", "Q").kind
        ('forward', 'common')
    """

    name = "structures"

    def __init__(
        self,
        *,
        seed: int,
        graph: str | Mapping[str, Any] = "fifteen",
        graph_seed: int | None = None,
        n_motifs: int = 4,
        n_tasks: int = 15,
        motifs: str | Path | None = None,
        present: float | Sequence[float] | None = 0.5,
        copies: int = 1,
        strength: float = 4.0,
        targets: str = "counts",
        exposures: Sequence[str] | None = None,
        outcomes: Sequence[str] | None = None,
        n_train: int = 10_000,
        n_variants: int = 2_500,
        n_motif_variants: int = 0,
        validation_fraction: float = 0.15,
        n_calibration: int = 1_000,
        n_test: int = 300,
        length: int = 100,
    ) -> None:
        if graph == "random":
            drawn = seed if graph_seed is None else graph_seed
            self.graph = random_graph(drawn, n_motifs=n_motifs, n_tasks=n_tasks)
        elif isinstance(graph, str):
            self.graph = shipped_graph(graph)
        else:
            self.graph = CausalGraph.from_dict(graph)
        self.motifs = _matrices(self.graph, motifs, strength)
        self._readings = Readings(graph=self.graph, motifs=self.motifs, targets=targets)
        self.tasks = TaskTable(
            tuple(
                Task(name, name, assay="simulated", biosample="simulation", kind=_KIND[targets])
                for name in self.graph.tasks
            )
        )
        self.exposures, self.outcomes = self._heads(exposures, outcomes)
        self.length = length
        self._sizes = GraphSizes(
            train=n_train,
            variants=n_variants,
            motif_variants=n_motif_variants,
            validation_fraction=validation_fraction,
            calibration=n_calibration,
            test=n_test,
            length=length,
            copies=copies,
        )
        self._seed = seed
        self._present = present
        self._inputs = [] if motifs is None else [Path(motifs)]

    def _heads(
        self, exposures: Sequence[str] | None, outcomes: Sequence[str] | None
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if exposures is None and outcomes is None:
            return self.tasks.names, ()
        first, second = tuple(exposures or ()), tuple(outcomes or ())
        if sorted([*first, *second]) != sorted(self.tasks.names):
            raise ValueError(
                "data.exposures and data.outcomes must share out "
                f"{', '.join(self.tasks.names)}, got {list(first)} and {list(second)}"
            )
        return first, second

    @cached_property
    def dataset(self) -> GraphDataset:
        """The simulated data, with the motifs' positions."""
        return simulate_graph(self._seed, self._readings, sizes=self._sizes, present=self._present)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal digits of the sequences, readings and splits themselves."""
        content = hashlib.sha256()
        for array in (self.dataset.codes, self.dataset.observed.astype(np.int64)):
            content.update(np.ascontiguousarray(array).tobytes())
        for name in SPLITS:
            content.update(self.dataset.rows[name].astype(np.int64).tobytes())
        described = {"source": self.name, "tasks": list(self.tasks.names)}
        return fingerprint({**described, "content": content.hexdigest()}, digits=16)

    @property
    def splits(self) -> Mapping[str, list[str]]:
        """What each split consists of, in words: contigs are too many to list."""
        return {
            name: [f"{rows.size} contigs, {PREFIX}{rows[0]:06d} to {PREFIX}{rows[-1]:06d}"]
            for name, rows in self.dataset.rows.items()
        }

    def prepare(self) -> None:
        """Simulate now; a process that skips this simulates on demand."""
        self.dataset  # noqa: B018 - the property is filled for its effect

    def split(self, name: str) -> SimulationSplit:
        """Return the split of that name.

        Raises:
            LookupError: If there is none of that name.
        """
        if name not in self.dataset.rows:
            raise LookupError(f"no split is called {name!r}; there are {', '.join(SPLITS)}")
        rows = self.dataset.rows[name]
        observed = self.dataset.observed[rows].astype(np.float64)
        target = anscombe(observed) if self._readings.targets == "counts" else observed
        return SimulationSplit(
            row=rows.astype(np.int64),
            codes=self.dataset.codes[rows],
            target=target.astype(np.float32),
        )

    def summary(self) -> list[dict[str, Any]]:
        """Describe the targets: a row per split and task, means on the training scale."""
        peaks = self._readings.targets == "peaks"
        table = []
        for name in SPLITS:
            part = self.split(name)
            gc = float(np.isin(part.codes, (1, 2)).mean())
            for task, column in zip(self.tasks.names, part.target.T, strict=True):
                mean = float(column.mean(dtype=np.float64))
                table.append(
                    {
                        "split": name,
                        "task": task,
                        "n": len(part),
                        "positives": int(column.sum()) if peaks else None,
                        "prevalence": mean if peaks else None,
                        "mean": mean,
                        "gc": gc,
                    }
                )
        return table

    def inputs(self) -> list[Path]:
        """Return the user's own file of motifs, if there is one."""
        return list(self._inputs)

    def provenance(self) -> list[dict[str, Any]]:
        """No file is fetched."""
        return []

    def weights(self) -> None:
        """Positives weigh as much as negatives: effects are log odds of the planted chance."""
        return

    def sequences(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> UInt8[np.ndarray, "locus length"]:
        """Return the codes of simulated sequences.

        Raises:
            LookupError: If a name is not one of this simulation's.
            ValueError: If a locus is not a whole sequence.
        """
        return self.dataset.codes[self._rows(chrom, start, end)]

    def _rows(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> Int64[np.ndarray, " locus"]:
        return simulated_rows(chrom, start, end, n=len(self.dataset.codes), length=self.length)

    def candidate_loci(
        self, exposure: str, outcome: str
    ) -> tuple[
        Shaped[np.ndarray, " locus"], Int64[np.ndarray, " locus"], Int64[np.ndarray, " locus"]
    ]:
        """Return all test sequences, whatever the pair.

        Raises:
            LookupError: If a task is unknown.
        """
        for name in (exposure, outcome):
            self.tasks.select(name)
        part = self.split("test")
        return part.chrom, part.start, part.end

    def true_effects(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> Float64[np.ndarray, "locus task variant"]:
        """Return the noiseless effect of every substitution, on the tasks' effect scale.

        Variants are ordered by offset, then alternative base, the reference left out.

        Raises:
            LookupError: If a name is not one of this simulation's.
            ValueError: If a locus is not a whole sequence.
        """
        return self._readings.substitution_effects(self.sequences(chrom, start, end))

    def structure(self, exposure: str, outcome: str) -> PairStructure:
        """Return the true structure of a pair of tasks.

        Raises:
            LookupError: If a task is unknown.
        """
        first, second = (self.tasks.select(name).name for name in (exposure, outcome))
        return pair_structure(self.graph, first, second)

    def structures(self) -> list[dict[str, Any]]:
        """Return one row for each unordered pair of tasks; see `structure_table`."""
        return structure_table(self.graph)

    def seen(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> Bool[np.ndarray, " locus"]:
        """Tell which sequences were trained or validated on.

        Raises:
            LookupError: If a name is not one of this simulation's.
            ValueError: If a locus is not a whole sequence.
        """
        learned = np.concatenate([self.dataset.rows["train"], self.dataset.rows["validation"]])
        return np.isin(self._rows(chrom, start, end), learned)


def _matrices(graph: CausalGraph, path: str | Path | None, strength: float) -> tuple[Motif, ...]:
    """Return the graph's motifs, each with the threshold that its average site's strength asks."""
    library = load_motifs("all") if path is None else _from_file(path)
    names = list(graph.motifs.values()) if path is None else list(library)
    unknown = [name for name in names if name not in library]
    if unknown:
        raise ValueError(
            f"the graph's motif {unknown[0]} is not shipped; there are {', '.join(library)}"
        )
    if len(names) < len(graph.motifs):
        raise ValueError(f"{path} holds {len(names)} motifs, the graph needs {len(graph.motifs)}")
    return tuple(library[name].with_strength(strength) for name in names[: len(graph.motifs)])


def _from_file(path: str | Path) -> dict[str, Motif]:
    """Read a user's own motifs; not possible until a reader of motif files is part of deepmr."""
    raise ValueError(f"data.motifs={path}: motif files are not read yet; leave data.motifs=null")
