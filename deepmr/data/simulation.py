"""Data source of simulated sequences in which two factors have known effects on each other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped, UInt8

from deepmr.anscombe import anscombe
from deepmr.data.source import LOCI_RULES, SPLITS, check_rule
from deepmr.files import fingerprint
from deepmr.simulation import SimulatedDataset, Sizes, draw_grammar, simulate
from deepmr.tasks import Task, TaskTable

__all__ = ["PREFIX", "SimulationSource", "SimulationSplit", "simulated_rows"]

PREFIX = "sim-"
"""What the name of a simulated contig begins with; its number follows."""
_ASSAY = "simulated TF ChIP-seq"
_TASKS = TaskTable(
    tuple(
        Task(name, name, assay=_ASSAY, biosample="simulation", kind="count")
        for name in ("GATA1", "TAL1")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSplit:
    """Simulated sequences with their readings; every sequence is a contig, ``sim-000123``.

    Args:
        row: Number of each sequence in the whole data set; names its contig.
        codes: Bases as 0 to 3.
        target: Anscombe-transformed counts of GATA1 and TAL1.
    """

    row: Int64[np.ndarray, " locus"]
    codes: UInt8[np.ndarray, "locus length"]
    target: Float32[np.ndarray, "locus task"]

    @property
    def chrom(self) -> Shaped[np.ndarray, " locus"]:
        """Name of each sequence's contig."""
        return np.asarray([f"{PREFIX}{row:06d}" for row in self.row], dtype=np.str_)

    @property
    def start(self) -> Int64[np.ndarray, " locus"]:
        """First base of each sequence: 0."""
        return np.zeros(len(self), dtype=np.int64)

    @property
    def end(self) -> Int64[np.ndarray, " locus"]:
        """The base behind each sequence: its length."""
        return np.full(len(self), self.codes.shape[1], dtype=np.int64)

    def __len__(self) -> int:
        return int(self.row.size)

    def gather(
        self, index: Int64[np.ndarray, " batch"], *, seed: int | None = None
    ) -> tuple[
        UInt8[np.ndarray, "batch length"],
        Float32[np.ndarray, "batch task"],
        Bool[np.ndarray, "batch task"],
    ]:
        """Collect sequences; ``seed`` augments nothing, as the grammar reads one strand only."""
        del seed
        target = self.target[index]
        return self.codes[index], target, np.ones(target.shape, dtype=bool)


class SimulationSource:
    """Two cooperating transcription factors, GATA1 and TAL1, with known effects on each other.

    Readings are counts; targets and effects are on the Anscombe scale. See `Grammar` for the
    rule and `Sizes` for the parts.

    Args:
        seed: Determines everything.
        confounding: none, independent, sequence or both.
        effect: r, the strength of the cooperation; None draws it as the paper does.
        exposures: Tasks on the exposure head.
        outcomes: Tasks on the outcome head.
        n_train: Sequences to train and validate on, variants aside.
        n_variants: Single-substitution variants of them.
        validation_fraction: Share of the families held out for early stopping.
        n_calibration: Calibration sequences.
        n_test: Test sequences.
        length: Bases of a sequence.

    Raises:
        ValueError: As `Sizes` and `Grammar` do, or if the heads' tasks are not GATA1 and TAL1.

    References:
        Malina, Cizin, Knowles 2022, doi:10.1371/journal.pcbi.1009880 (grammar and sizes).
    """

    name = "simulation"
    tasks = _TASKS
    genome = None

    def __init__(
        self,
        *,
        seed: int,
        confounding: str = "none",
        effect: float | None = None,
        exposures: Sequence[str] = ("GATA1",),
        outcomes: Sequence[str] = ("TAL1",),
        n_train: int = 10_000,
        n_variants: int = 2_500,
        validation_fraction: float = 0.15,
        n_calibration: int = 1_000,
        n_test: int = 1_000,
        length: int = 100,
    ) -> None:
        if sorted([*exposures, *outcomes]) != sorted(_TASKS.names):
            raise ValueError(
                f"data.exposures and data.outcomes must share out {', '.join(_TASKS.names)}, "
                f"got {list(exposures)} and {list(outcomes)}"
            )
        self.exposures = tuple(exposures)
        self.outcomes = tuple(outcomes)
        self.length = length
        self._sizes = Sizes(
            train=n_train,
            variants=n_variants,
            validation_fraction=validation_fraction,
            calibration=n_calibration,
            test=n_test,
            length=length,
        )
        self._settings = {"seed": seed, "confounding": confounding, "effect": effect}
        # Refuses a bad scenario or effect now, not when the data are first touched.
        draw_grammar(np.random.default_rng(0), confounding=confounding, effect=effect)

    @cached_property
    def dataset(self) -> SimulatedDataset:
        """The simulated data, grammar and motif positions included."""
        settings = self._settings
        return simulate(
            settings["seed"],
            sizes=self._sizes,
            confounding=settings["confounding"],
            effect=settings["effect"],
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal digits of the sequences, readings and splits themselves."""
        content = hashlib.sha256()
        for array in (self.dataset.sequences.codes, self.dataset.counts):
            content.update(np.ascontiguousarray(array).tobytes())
        for name in SPLITS:
            content.update(self.dataset.rows[name].astype(np.int64).tobytes())
        return fingerprint({"source": self.name, "content": content.hexdigest()}, digits=16)

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
        return SimulationSplit(
            row=rows.astype(np.int64),
            codes=self.dataset.sequences.codes[rows],
            target=anscombe(self.dataset.counts[rows].astype(np.float64)).astype(np.float32),
        )

    def summary(self) -> list[dict[str, Any]]:
        """Describe the targets: a row per split and task, means on the Anscombe scale."""
        table = []
        for name in SPLITS:
            part = self.split(name)
            gc = float(np.isin(part.codes, (1, 2)).mean())
            for task, column in zip(self.tasks.names, part.target.T, strict=True):
                table.append(
                    {
                        "split": name,
                        "task": task,
                        "n": len(part),
                        "positives": None,
                        "prevalence": None,
                        "mean": float(column.mean(dtype=np.float64)),
                        "gc": gc,
                    }
                )
        return table

    def inputs(self) -> list[Path]:
        """No file is read."""
        return []

    def provenance(self) -> list[dict[str, Any]]:
        """No file is fetched."""
        return []

    def weights(self) -> None:
        """Counts have no positives to weigh."""
        return

    def _rows(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> Int64[np.ndarray, " locus"]:
        """Look up whole simulated sequences by key."""
        n = len(self.dataset.sequences)
        return simulated_rows(chrom, start, end, n=n, length=self.length)

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
        return self.dataset.sequences.codes[self._rows(chrom, start, end)]

    def loci_rules(self) -> tuple[str, ...]:
        """Return the rules that `candidate_loci` knows."""
        return LOCI_RULES

    def candidate_loci(
        self, rule: str, *, exposure: str | None = None, outcome: str | None = None
    ) -> tuple[
        Shaped[np.ndarray, " locus"], Int64[np.ndarray, " locus"], Int64[np.ndarray, " locus"]
    ]:
        """Return test sequences: all, those with a planted motif, or those with both motifs.

        Args:
            rule: ``all``, ``any_positive`` (the motif of GATA1 or TAL1 was planted) or ``pair``
                (both were).
            exposure: Name of a task; read by rule ``pair`` alone.
            outcome: Name of a task; read by rule ``pair`` alone.

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

        Raises:
            LookupError: If a name is not one of this simulation's.
            ValueError: If a locus is not a whole sequence.
        """
        return self.dataset.grammar.substitution_effects(self.sequences(chrom, start, end))

    def motif_variants(
        self,
        task: str,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> Bool[np.ndarray, "locus variant"]:
        """Tell which substitutions lie in a factor's planted motif (none where it is absent).

        Raises:
            LookupError: If the task, or a sequence, is unknown.
            ValueError: If a locus is not a whole sequence.
        """
        rows = self._rows(chrom, start, end)
        planted, grammar = self.dataset.sequences, self.dataset.grammar
        first, motif = {
            "GATA1": (planted.exposure_start, grammar.exposure),
            "TAL1": (planted.outcome_start, grammar.outcome),
        }[self.tasks.select(task).name]
        begin = first[rows][:, None]
        offset = np.repeat(np.arange(self.length), 3)
        return np.asarray((begin >= 0) & (offset >= begin) & (offset < begin + motif.width))

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


def simulated_rows(
    chrom: Shaped[np.ndarray, " locus"],
    start: Int64[np.ndarray, " locus"],
    end: Int64[np.ndarray, " locus"],
    *,
    n: int,
    length: int,
) -> Int64[np.ndarray, " locus"]:
    """Look up whole simulated sequences by key.

    Args:
        chrom: Names of the sequences, ``sim-000123``.
        start: First base of each, 0.
        end: The base behind each, its length.
        n: Number of sequences in the data set.
        length: Bases of a sequence.

    Raises:
        LookupError: If a name is not one of the simulation's.
        ValueError: If a locus is not a whole sequence.
    """
    rows = np.empty(len(chrom), dtype=np.int64)
    for i, name in enumerate(chrom):
        digits = str(name).removeprefix(PREFIX)
        if digits == name or not digits.isdecimal() or int(digits) >= n:
            raise LookupError(
                f"no simulated sequence is called {name!s}; they are called "
                f"{PREFIX}{0:06d} to {PREFIX}{n - 1:06d}"
            )
        rows[i] = int(digits)
    if bool(np.any(start != 0)) or bool(np.any(end != length)):
        raise ValueError(
            f"simulated loci are whole sequences, 0 to {length}; got others, the first "
            f"{chrom[np.argmax((start != 0) | (end != length))]}"
        )
    return rows
