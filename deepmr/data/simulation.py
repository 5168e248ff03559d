"""Simulated sequences with two cooperating factors as a data source: ``data=simulation``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped, UInt8

from deepmr.anscombe import anscombe
from deepmr.data.simulated import SimulatedSource, check_heads, check_no_more, take_sizes
from deepmr.data.source import check_rule
from deepmr.simulation import (
    KINDS,
    PairStructure,
    SimulatedDataset,
    Sizes,
    draw_grammar,
    simulate,
)
from deepmr.tasks import Task, TaskTable

__all__ = ["SimulationSource"]

_ASSAY = "simulated TF ChIP-seq"
_TASKS = TaskTable(
    tuple(
        Task(name, name, assay=_ASSAY, biosample="simulation", kind="count")
        for name in ("GATA1", "TAL1")
    )
)


class SimulationSource(SimulatedSource):
    """Simulated binding of two cooperating transcription factors with known causal effects.

    Observations are counts of GATA1 and TAL1; targets and effects are on the Anscombe scale. See
    `Grammar` for the model.

    Args:
        seed: Seed of all sequences and counts.
        confounding: Confounding of the two factors: ``none`` (default), ``independent``,
            ``sequence`` or ``both``.
        effect: Strength r of the cooperation; None (the default) draws it as the paper does.
        exposures: Tasks on the exposure head; GATA1 by default.
        outcomes: Tasks on the outcome head; TAL1 by default.
        sizes: Fields of `Sizes`; a number of sequences begins with ``n_``: ``n_train``,
            ``n_variants``, ``n_motif_variants``, ``validation_fraction``, ``n_calibration``,
            ``n_test``, ``length``.

    Raises:
        ValueError: As `Sizes` and `Grammar` do, or if the heads' tasks are not GATA1 and TAL1.
        TypeError: If there is no size of that name.

    References:
        Malina, Cizin, Knowles 2022, doi:10.1371/journal.pcbi.1009880 (grammar and sizes).
    """

    name = "simulation"
    tasks = _TASKS

    def __init__(
        self,
        *,
        seed: int,
        confounding: str = "none",
        effect: float | None = None,
        exposures: Sequence[str] = ("GATA1",),
        outcomes: Sequence[str] = ("TAL1",),
        **sizes: Any,
    ) -> None:
        self.exposures, self.outcomes = tuple(exposures), tuple(outcomes)
        check_heads(_TASKS, self.exposures, self.outcomes)
        self._sizes = take_sizes(Sizes, sizes)
        check_no_more(sizes, (Sizes,))
        self.length = self._sizes.length
        self._settings = {"seed": seed, "confounding": confounding, "effect": effect}
        # Refuses a bad scenario or effect now, not when the data are first touched.
        draw_grammar(np.random.default_rng(0), confounding=confounding, effect=effect)

    @cached_property
    def dataset(self) -> SimulatedDataset:
        """The simulated data, with the grammar and the positions of the motifs."""
        settings = self._settings
        return simulate(
            settings["seed"],
            sizes=self._sizes,
            confounding=settings["confounding"],
            effect=settings["effect"],
        )

    @property
    def rows(self) -> Mapping[str, Int64[np.ndarray, " part"]]:
        """Rows of each split in the whole data set, ascending."""
        return self.dataset.rows

    @property
    def codes(self) -> UInt8[np.ndarray, "sequence length"]:
        """Bases of all sequences, 0 to 3 for A, C, G, T."""
        return self.dataset.sequences.codes

    @property
    def observed(self) -> Int64[np.ndarray, "sequence task"]:
        """Observed counts of all sequences."""
        return self.dataset.counts

    def targets(self, rows: Int64[np.ndarray, " part"]) -> Float32[np.ndarray, "part task"]:
        """Return Anscombe-transformed counts.

        Args:
            rows: Rows in the whole data set.
        """
        return anscombe(self.observed[rows].astype(np.float64)).astype(np.float32)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal digits of sequences, counts and splits."""
        return self._content_fingerprint()

    def candidate_loci(
        self, rule: str, *, exposure: str | None = None, outcome: str | None = None
    ) -> tuple[
        Shaped[np.ndarray, " locus"], Int64[np.ndarray, " locus"], Int64[np.ndarray, " locus"]
    ]:
        """Return test sequences: all, those with a planted motif, or those with both motifs.

        Args:
            rule: ``all``, ``any_positive`` (the motif of GATA1 or TAL1 was planted) or ``pair``
                (both were).
            exposure: Name of the exposure's task; needed by rule ``pair``.
            outcome: Name of the outcome's task; needed by rule ``pair``.

        Raises:
            LookupError: If a rule or a task is unknown, or no test sequence fits.
            ValueError: If the rule is ``pair`` and a name is missing.
        """
        check_rule(rule, self.loci_rules(), exposure, outcome)
        part = self.split("test")
        planted = self.dataset.sequences
        if rule == "pair":
            for name in (exposure, outcome):
                self.tasks.select(str(name))
            chosen, what = planted.has_both, "both motifs"
        elif rule == "any_positive":
            chosen = (planted.exposure_start >= 0) | (planted.outcome_start >= 0)
            what = "a motif"
        else:
            chosen, what = np.ones(len(planted), dtype=bool), "a sequence"
        here = chosen[part.row]
        if not bool(here.any()):
            raise LookupError(f"none of {len(part)} test sequences holds {what}; raise data.n_test")
        return part.chrom[here], part.start[here], part.end[here]

    def true_effects(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> Float64[np.ndarray, "locus task variant"]:
        """Return the noiseless effect of every substitution, on the Anscombe scale.

        Variants are ordered by offset, then alternative base, the reference left out. The slope
        of TAL1 on GATA1 over the variants an estimate used is its true value.

        Args:
            chrom: Names of the sequences, ``sim-000123``.
            start: First base of each sequence, 0.
            end: End of each sequence (half-open), its length.

        Raises:
            LookupError: If a name is not one of this simulation's.
            ValueError: If a locus is not a whole sequence.
        """
        return self.dataset.grammar.substitution_effects(self.sequences(chrom, start, end))

    def structure(self, exposure: str, outcome: str) -> PairStructure:
        """Return what the grammar does: GATA1 acts on TAL1, unless the cooperation is absent.

        Counts of TAL1 rise with the occupancy of GATA1's motif times that of TAL1's; nothing of
        TAL1 enters GATA1. Where the sequence confounds, a third motif raises both.

        Args:
            exposure: Name of the exposure's task.
            outcome: Name of the outcome's task.

        Raises:
            LookupError: If a task is unknown.

        Example:
            >>> small = {"n_train": 20, "n_variants": 5, "n_calibration": 5, "n_test": 5}
            >>> SimulationSource(seed=0, **small).structure("TAL1", "GATA1").word
            'reverse'
        """
        first, second = (self.tasks.select(name).name for name in (exposure, outcome))
        grammar = self.dataset.grammar
        acts, confounded = grammar.effect > 0, grammar.confounder is not None
        kind = "bypassed" if confounded else "directed"
        if not acts:
            kind = "common" if confounded else "unrelated"
        word = "reverse" if acts and first == "TAL1" else KINDS[kind]
        own = {"GATA1": () if acts else ("GATA1",), "TAL1": ("TAL1",)}
        shared = (*(("GATA1",) if acts else ()), *(("SOX2",) if confounded else ()))
        return PairStructure(
            exposure=first,
            outcome=second,
            word=word,
            kind=kind,
            direct=acts,
            shared=shared,
            own_exposure=own[first],
            own_outcome=own[second],
        )

    def motif_variants(
        self,
        task: str,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> Bool[np.ndarray, "locus variant"]:
        """Return True for substitutions inside a factor's planted motif.

        Args:
            task: Name of the factor's task.
            chrom: Names of the sequences, ``sim-000123``.
            start: First base of each sequence, 0.
            end: End of each sequence (half-open), its length.

        Raises:
            LookupError: If the task, or a sequence, is unknown.
            ValueError: If a locus is not a whole sequence.
        """
        rows = self._rows_of(chrom, start, end)
        planted, grammar = self.dataset.sequences, self.dataset.grammar
        first, motif = {
            "GATA1": (planted.exposure_start, grammar.exposure),
            "TAL1": (planted.outcome_start, grammar.outcome),
        }[self.tasks.select(task).name]
        begin = first[rows][:, None]
        offset = np.repeat(np.arange(self.length), 3)
        return np.asarray((begin >= 0) & (offset >= begin) & (offset < begin + motif.width))
