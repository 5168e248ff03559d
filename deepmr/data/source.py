"""Contract of a data source: its tasks, its splits into windows, and loci to interrogate.

Nothing here knows a file format. A source hands out *splits*, a split hands out batches as bytes
(codes, not one-hot: the device expands them), and both are deterministic functions of their
arguments, so that neither the number of workers nor the batching changes a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped, UInt8

from deepmr.data.genome import EncodedGenome
from deepmr.tasks import TaskTable

__all__ = ["LOCI_RULES", "SPLITS", "DataSource", "Split", "check_rule"]

LOCI_RULES = ("any_positive", "all", "pair")
"""Rules by which loci of the test split are chosen.

``any_positive``: where any task has a peak (simulation: a planted motif); the same for every pair.
``all``: every window of the test split; the same for every pair.
``pair``: where the exposure or the outcome has a peak (simulation: both motifs); needs the pair.
"""

SPLITS = ("train", "validation", "calibration", "test")
"""The parts of a data set, disjoint by construction (for a genome: by chromosome)."""


@runtime_checkable
class Split(Protocol):
    """One part of a data set: windows of equal length with their targets.

    ``chrom``, ``start`` and ``end`` (0-based, half-open) are the keys of the windows as the
    network sees them, context included; a key may reach beyond a contig's ends, where the
    sequence is unknown.
    """

    @property
    def chrom(self) -> Shaped[np.ndarray, " locus"]:
        """Chromosome or contig of each window, as strings."""
        ...

    @property
    def start(self) -> Int64[np.ndarray, " locus"]:
        """First base of each window."""
        ...

    @property
    def end(self) -> Int64[np.ndarray, " locus"]:
        """The base behind each window."""
        ...

    def __len__(self) -> int:
        """Return the number of windows."""
        ...

    def gather(
        self, index: Int64[np.ndarray, " batch"], *, seed: int | None = None
    ) -> tuple[
        UInt8[np.ndarray, "batch length"],
        Float32[np.ndarray, "batch task"],
        Bool[np.ndarray, "batch task"],
    ]:
        """Collect windows.

        Args:
            index: Positions in this split, in any order, repeats allowed.
            seed: None for the windows as they are; a number to augment them (reverse complement,
                shift), each one as a function of ``(seed, its index)`` alone, so that batching,
                workers and ranks change nothing.

        Returns:
            codes: 0 to 3 for A, C, G, T and 4 for an unknown base.
            target: On the task's training scale; 0, never NaN, where nothing was measured.
            mask: True where the target was measured.
        """
        ...


@runtime_checkable
class DataSource(Protocol):
    """A data set: its tasks, its splits, and what interrogation needs to know about it."""

    @property
    def name(self) -> str:
        """Short name, used in the name of a run: ``simulation``, ``encode``."""
        ...

    @property
    def tasks(self) -> TaskTable:
        """The tasks with training labels, in the order of the targets' last axis."""
        ...

    @property
    def exposures(self) -> tuple[str, ...]:
        """Names of the tasks on the exposure head; with `outcomes` a partition of `tasks`.

        Both are non-empty, or one of them holds every task.
        """
        ...

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Names of the tasks on the outcome head."""
        ...

    @property
    def length(self) -> int:
        """Length of a window in bases."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digits that change whenever a sequence, a label or a split would."""
        ...

    @property
    def splits(self) -> Mapping[str, list[str]]:
        """What each split consists of, for people: its chromosomes, say."""
        ...

    def prepare(self) -> None:
        """Do the heavy work once, under a lock; a second call, or a second process, finds it done.

        Every other method prepares on demand, so calling this is a courtesy to the other ranks.
        """
        ...

    def split(self, name: str) -> Split:
        """Return the split of that name, one of `SPLITS`.

        Raises:
            LookupError: If there is none of that name.
        """
        ...

    def summary(self) -> list[dict[str, Any]]:
        """Describe the labels: a row per split and task.

        Keys: ``split, task, n`` (windows where the task was measured), ``positives,
        prevalence`` (for a task that is not binary: None), ``mean`` (of the target) and ``gc``
        (share of G and C among the known bases of the split's windows).
        """
        ...

    def inputs(self) -> list[Path]:
        """Return the files that were read, for the manifest."""
        ...

    def provenance(self) -> list[dict[str, Any]]:
        """Return accession, source, checksum and description of every file that was fetched."""
        ...

    def weights(self) -> Float32[np.ndarray, " task"] | None:
        """Return the weight of each task's positives in the loss, or None for equal weights."""
        ...

    def sequences(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> UInt8[np.ndarray, "locus length"]:
        """Return the codes of loci of equal length; beyond a contig's end, unknown bases.

        Raises:
            LookupError: If a chromosome is not in this data set.
            ValueError: If the loci differ in length.
        """
        ...

    @property
    def genome(self) -> EncodedGenome | None:
        """The genome that windows are cut from; None where every sequence stands alone."""
        ...

    def loci_rules(self) -> tuple[str, ...]:
        """Return the rules that `candidate_loci` knows, of `LOCI_RULES`."""
        ...

    def candidate_loci(
        self, rule: str, *, exposure: str | None = None, outcome: str | None = None
    ) -> tuple[
        Shaped[np.ndarray, " locus"], Int64[np.ndarray, " locus"], Int64[np.ndarray, " locus"]
    ]:
        """Return windows of the test split to interrogate, none overlapping another.

        Args:
            rule: One of `loci_rules`; see `LOCI_RULES`.
            exposure: Name of a task; read by rule ``pair`` alone.
            outcome: Name of a task; read by rule ``pair`` alone.

        Returns:
            chrom, start, end of each locus, sorted by place, `length` bases long.

        Raises:
            LookupError: If a rule or a name is unknown, or the test split holds no such window.
            ValueError: If the rule is ``pair`` and a name is missing.
        """
        ...

    def true_effects(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> Float64[np.ndarray, "locus task variant"] | None:
        """Return the noiseless effect of every substitution where it is known, else None.

        The variants are those of saturation mutagenesis: offset ascending, at each offset the
        alternatives in the order A, C, G, T without the reference; 3 x `length` of them.
        """
        ...

    def seen(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> Bool[np.ndarray, " locus"]:
        """Tell which regions a network trained on this data may have seen.

        True where a region lies on, or overlaps a window of, the training or validation split.
        """
        ...


def check_rule(
    rule: str, rules: tuple[str, ...], exposure: str | None, outcome: str | None
) -> None:
    """Verify that a source knows a locus rule and has what the rule needs.

    Args:
        rule: The rule asked for.
        rules: The rules that the source knows.
        exposure: Name of a task, or None.
        outcome: Name of a task, or None.

    Raises:
        LookupError: If the source does not know the rule.
        ValueError: If the rule is ``pair`` and a name is missing.

    Example:
        >>> check_rule("best", LOCI_RULES, None, None)
        Traceback (most recent call last):
        LookupError: loci.rule is one of any_positive, all, pair; got 'best'
    """
    if rule not in rules:
        raise LookupError(f"loci.rule is one of {', '.join(rules)}; got {rule!r}")
    if rule == "pair" and (exposure is None or outcome is None):
        raise ValueError(
            "loci.rule=pair chooses loci by the exposure and the outcome, got "
            f"{exposure} and {outcome}; name both, or choose another rule"
        )
