"""Simulated tasks of a causal graph as a data source: ``data=structures``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64, Shaped, UInt8

from deepmr.anscombe import anscombe
from deepmr.data.settings import Heads, take
from deepmr.data.simulated import SimulatedSource, check_heads, check_no_more, take_sizes
from deepmr.data.source import check_rule
from deepmr.motifs import read_motifs
from deepmr.simulation import (
    CausalGraph,
    GraphDataset,
    GraphSizes,
    Motif,
    PairStructure,
    Readings,
    load_motifs,
    pair_structure,
    random_graph,
    shipped_graph,
    simulate_graph,
    structure_table,
)
from deepmr.tasks import Task, TaskTable

__all__ = ["GraphSettings", "MotifSettings", "StructuresSource", "structures_source"]

_KIND = {"counts": "count", "peaks": "binary"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSettings:
    """Causal graph of a simulation: shipped, random or declared.

    Args:
        graph: Name of a shipped graph (`deepmr.simulation.graphs`), ``random``, or a declaration
            as `CausalGraph.from_dict` takes it; ``fifteen`` by default.
        graph_seed: Seed of a random graph; None (the default) for the seed of the data.
        n_motifs: Number of motifs of a random graph; 4 by default.
        n_tasks: Number of tasks of a random graph; 15 by default.
    """

    graph: str | Mapping[str, Any] = "fifteen"
    graph_seed: int | None = None
    n_motifs: int = 4
    n_tasks: int = 15

    def build(self, seed: int) -> CausalGraph:
        """Return the graph.

        Args:
            seed: Seed of a random graph without one of its own.

        Raises:
            ValueError: If there is no graph of that name, or the declaration breaks a rule.
        """
        if self.graph == "random":
            drawn = seed if self.graph_seed is None else self.graph_seed
            return random_graph(drawn, n_motifs=self.n_motifs, n_tasks=self.n_tasks)
        if isinstance(self.graph, str):
            return shipped_graph(self.graph)
        return CausalGraph.from_dict(self.graph)


@dataclass(frozen=True, slots=True, kw_only=True)
class MotifSettings:
    """Motifs of a simulation, and how they are planted.

    Args:
        motifs: File of motifs that replace the graph's, in the file's order; None (the default)
            for the shipped ones.
        present: Probability that a motif is planted, one for all (.5 by default) or one each in
            the graph's order; None draws each from .35 to .65.
        strength: Natural-log odds that an average site is bound, 4 by default; with less,
            substitutions weaken a site more gradually.
    """

    motifs: str | Path | None = None
    present: float | Sequence[float] | None = 0.5
    strength: float = 4.0


def structures_source(*, seed: int, targets: str = "counts", **options: Any) -> StructuresSource:
    """Build a source from flat options, as conf/data/structures.yaml spells them.

    Args:
        seed: Seed of the data, and of a random graph.
        targets: ``counts`` (default) or ``peaks``.
        options: Fields of `GraphSettings`, `MotifSettings`, `deepmr.data.settings.Heads` and
            `GraphSizes`; of the last a number of sequences begins with ``n_``, such as
            ``n_train``.

    Raises:
        TypeError: If there is no option of that name.
        ValueError: If an option breaks a rule.

    Example:
        >>> source = structures_source(seed=0, graph="fifteen", n_train=100)
        >>> source.structure("L", "Lo").word, source.structure("P", "Q").kind
        ('forward', 'common')
        >>> len(source.structures())  # unordered pairs of 15 tasks
        105
    """
    source = StructuresSource(
        seed=seed,
        targets=targets,
        graph=take(GraphSettings, options),
        motifs=take(MotifSettings, options),
        heads=take(Heads, options),
        sizes=take_sizes(GraphSizes, options),
    )
    check_no_more(options, (GraphSettings, MotifSettings, Heads, GraphSizes))
    return source


class StructuresSource(SimulatedSource):
    """Many simulated tasks with a known causal graph.

    Sequences hold planted motifs; every task is a function of their doses and of other tasks,
    observed as Poisson counts (effects on the Anscombe scale) or as peaks (effects on log odds).
    `structures_source` builds one from flat options.

    Args:
        seed: Seed of the data, and of a random graph.
        targets: ``counts`` (default) or ``peaks``.
        graph: The causal graph.
        motifs: The motifs, and how they are planted.
        heads: Tasks on the two output heads; by default all tasks on one head.
        sizes: Numbers of sequences, their length and the copies of a motif.

    Raises:
        ValueError: If a setting breaks a rule.
    """

    name = "structures"

    def __init__(
        self,
        *,
        seed: int,
        targets: str = "counts",
        graph: GraphSettings = GraphSettings(),
        motifs: MotifSettings = MotifSettings(),
        heads: Heads = Heads(),  # noqa: B008
        sizes: GraphSizes = GraphSizes(),  # noqa: B008
    ) -> None:
        self.graph = graph.build(seed)
        self.motifs = _matrices(self.graph, motifs.motifs, motifs.strength)
        self._readings = Readings(graph=self.graph, motifs=self.motifs, targets=targets)
        self.tasks = TaskTable(
            tuple(
                Task(name, name, assay="simulated", biosample="simulation", kind=_KIND[targets])
                for name in self.graph.tasks
            )
        )
        self.exposures, self.outcomes = self._divide(heads)
        self.length = sizes.length
        self._sizes = sizes
        self._seed = seed
        self._motifs = motifs

    def _divide(self, heads: Heads) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if heads.exposures is None and heads.outcomes is None:
            return self.tasks.names, ()
        first, second = tuple(heads.exposures or ()), tuple(heads.outcomes or ())
        check_heads(self.tasks, first, second)
        return first, second

    @cached_property
    def dataset(self) -> GraphDataset:
        """The simulated data, with the positions of the motifs."""
        return simulate_graph(
            self._seed, self._readings, sizes=self._sizes, present=self._motifs.present
        )

    @property
    def rows(self) -> Mapping[str, Int64[np.ndarray, " part"]]:
        """Rows of each split in the whole data set, ascending."""
        return self.dataset.rows

    @property
    def codes(self) -> UInt8[np.ndarray, "sequence length"]:
        """Bases of all sequences, 0 to 3 for A, C, G, T."""
        return self.dataset.codes

    @property
    def observed(self) -> Int64[np.ndarray, "sequence task"]:
        """Observed counts, or peaks as 0 and 1, of all sequences."""
        return self.dataset.observed.astype(np.int64)

    def targets(self, rows: Int64[np.ndarray, " part"]) -> Float32[np.ndarray, "part task"]:
        """Return Anscombe-transformed counts, or peaks as 0 and 1.

        Args:
            rows: Rows in the whole data set.
        """
        observed = self.dataset.observed[rows].astype(np.float64)
        target = anscombe(observed) if self._readings.targets == "counts" else observed
        return target.astype(np.float32)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal digits of sequences, observations and splits."""
        return self._content_fingerprint(tasks=list(self.tasks.names))

    def inputs(self) -> list[Path]:
        """Return the user's own file of motifs, if there is one."""
        return [] if self._motifs.motifs is None else [Path(self._motifs.motifs)]

    def candidate_loci(
        self, rule: str, *, exposure: str | None = None, outcome: str | None = None
    ) -> tuple[
        Shaped[np.ndarray, " locus"], Int64[np.ndarray, " locus"], Int64[np.ndarray, " locus"]
    ]:
        """Return all test sequences, whatever the rule and the pair.

        Args:
            rule: ``any_positive``, ``all`` or ``pair``.
            exposure: Name of the exposure's task; needed by rule ``pair``.
            outcome: Name of the outcome's task; needed by rule ``pair``.

        Raises:
            LookupError: If a rule or a task is unknown.
            ValueError: If the rule is ``pair`` and a name is missing.
        """
        check_rule(rule, self.loci_rules(), exposure, outcome)
        for name in (exposure, outcome):
            if name is not None:
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

        Args:
            chrom: Names of the sequences, ``sim-000123``.
            start: First base of each sequence, 0.
            end: End of each sequence (half-open), its length.

        Raises:
            LookupError: If a name is not one of this simulation's.
            ValueError: If a locus is not a whole sequence.
        """
        return self._readings.substitution_effects(self.sequences(chrom, start, end))

    def structure(self, exposure: str, outcome: str) -> PairStructure:
        """Return the true causal structure of a pair of tasks.

        Args:
            exposure: Name of the exposure's task.
            outcome: Name of the outcome's task.

        Raises:
            LookupError: If a task is unknown.
        """
        first, second = (self.tasks.select(name).name for name in (exposure, outcome))
        return pair_structure(self.graph, first, second)

    def structures(self) -> list[dict[str, Any]]:
        """Return one row for each unordered pair of tasks; see `structure_table`."""
        return structure_table(self.graph)


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
    """Read a user's own motifs."""
    library = read_motifs(path)
    return {one.name: Motif.from_rows(one.name, one.probabilities) for one in library.motifs}
