"""A trained ensemble as a source of data: its predictions are the truth that students learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped, UInt8

from deepmr.data.noise import NOISES, ResidualPool, draw_counts, draw_labels
from deepmr.data.source import SPLITS, Split
from deepmr.files import fingerprint
from deepmr.tasks import TaskTable

__all__ = ["Effects", "Predict", "TeacherSource", "TeacherSplit"]

Predict = Callable[[Split], Float64[np.ndarray, "window task"]]
"""The teacher's prediction of every window: calibrated logits, Anscombe scale, or signal."""

Effects = Callable[[UInt8[np.ndarray, "locus length"]], Float64[np.ndarray, "locus task variant"]]
"""The teacher's effect of every substitution on every task, on the same scales."""

_DONORS = ("validation", "calibration")

Places = Shaped[np.ndarray, " locus"]
Bases = Int64[np.ndarray, " locus"]


class TeacherSplit:
    """The windows of a real split with targets drawn from a teacher.

    Args:
        real: The split they come from.
        target: One drawn target a window and task; augmented windows keep it, as real ones do.
    """

    def __init__(self, real: Split, target: Float32[np.ndarray, "window task"]) -> None:
        self.real, self.target = real, target

    @property
    def chrom(self) -> Places:
        """Chromosome or contig of each window."""
        return self.real.chrom

    @property
    def start(self) -> Bases:
        """First base of each window."""
        return self.real.start

    @property
    def end(self) -> Bases:
        """The base behind each window."""
        return self.real.end

    def __len__(self) -> int:
        return len(self.real)

    def gather(
        self, index: Int64[np.ndarray, " batch"], *, seed: int | None = None
    ) -> tuple[
        UInt8[np.ndarray, "batch length"],
        Float32[np.ndarray, "batch task"],
        Bool[np.ndarray, "batch task"],
    ]:
        """Collect windows with drawn targets, missing where the real ones are."""
        codes, _, mask = self.real.gather(index, seed=seed)
        return codes, np.where(mask, self.target[index], np.float32(0.0)), mask


class TeacherSource:
    """Sequences, splits and loci of a real source; targets, and true effects, of a teacher.

    Binary labels are drawn from the teacher's calibrated probabilities, independently of each
    other. Counts and signals get the teacher's prediction and, by default, the residuals of a
    held-out window of similar prediction, all tasks' together (see `ResidualPool`); with
    ``noise="poisson"`` counts are drawn from Poisson's law instead, which leaves out what
    confounds them beyond the sequence, but does not take the teacher's errors for noise.

    Args:
        source: The data the teacher was trained on.
        predict: The teacher's predictions.
        effects: The teacher's mutation effects.
        teacher: Digests of its weights, in order.
        seed: Of the draws.
        noise: ``residuals`` or ``poisson``.
        neighbours: Windows among which each one's residuals are drawn.
        fitted_to_counts: Whether the teacher predicts transforms of mean counts (``loss.count``
            is ``poisson``), not means of transformed ones.
        facts: What else decides its predictions, such as its calibrators' record.
        weights: Files of its weights, for the manifest.

    Raises:
        ValueError: If an option is out of range, or residuals are asked around mean counts.
    """

    name = "teacher"

    def __init__(
        self,
        source: Any,  # a DataSource; checking that at run time would prepare the data
        *,
        predict: Predict,
        effects: Effects,
        teacher: Sequence[str],
        seed: int,
        noise: str = "residuals",
        neighbours: int = 50,
        fitted_to_counts: bool = False,
        facts: Mapping[str, Any] | None = None,
        weights: Sequence[Path] = (),
    ) -> None:
        if noise not in NOISES:
            raise ValueError(f"data.noise is one of {', '.join(NOISES)}; got {noise!r}")
        if neighbours < 2:
            raise ValueError(f"data.neighbours must be at least 2, got {neighbours}")
        if fitted_to_counts and noise == "residuals" and "count" in _kinds(source.tasks):
            raise ValueError(
                "data.noise=residuals keeps the mean of transformed counts, but this teacher was "
                "fitted to counts (loss.count=poisson); choose data.noise=poisson"
            )
        self.source = source
        self.teacher = tuple(teacher)
        self._predict, self._effects = predict, effects
        self._seed, self._noise, self._neighbours = seed, noise, neighbours
        self._fitted_to_counts = fitted_to_counts
        self._facts = dict(facts or {})
        self._weight_files = tuple(weights)
        self._splits: dict[str, TeacherSplit] = {}

    @property
    def tasks(self) -> TaskTable:
        """Those of the real data."""
        return self.source.tasks

    @property
    def exposures(self) -> tuple[str, ...]:
        """Tasks on the exposure head."""
        return self.source.exposures

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Tasks on the outcome head."""
        return self.source.outcomes

    @property
    def length(self) -> int:
        """Bases of a window."""
        return self.source.length

    @property
    def splits(self) -> Mapping[str, list[str]]:
        """Those of the real data."""
        return self.source.splits

    @property
    def genome(self) -> Any:
        """The genome behind the real data, or None."""
        return getattr(self.source, "genome", None)

    @cached_property
    def fingerprint(self) -> str:
        """Digits that change with the real data, the teacher, the law and the seed."""
        content = {
            "source": self.name,
            "real": self.source.fingerprint,
            "teacher": self.teacher,
            "facts": self._facts,
            "seed": self._seed,
            "noise": self._noise,
            "neighbours": self._neighbours,
        }
        return fingerprint(content, digits=16)

    def prepare(self) -> None:
        """Prepare the real data; targets are drawn on demand."""
        self.source.prepare()

    def split(self, name: str) -> TeacherSplit:
        """Return the real split of that name with drawn targets.

        Raises:
            LookupError: If there is none of that name.
        """
        if name not in self._splits:
            real = self.source.split(name)
            self._splits[name] = TeacherSplit(real, self._draw(name, real))
        return self._splits[name]

    def _draw(self, name: str, real: Split) -> Float32[np.ndarray, "window task"]:
        stream = np.random.SeedSequence(self._seed, spawn_key=(SPLITS.index(name),)).spawn(3)
        labels, counts, others = (np.random.default_rng(one) for one in stream)
        mean = self._predict(real)
        target = np.empty_like(mean)
        kinds = _kinds(self.tasks)
        binary, counted = kinds == "binary", kinds == "count"
        target[:, binary] = draw_labels(labels, mean[:, binary])
        resampled = ~binary
        if self._noise == "poisson":
            target[:, counted] = draw_counts(
                counts, mean[:, counted], of_counts=self._fitted_to_counts
            )
            resampled &= ~counted
        if resampled.any():
            target[:, resampled] = self._residuals(resampled).draw(others, mean[:, resampled])
        return target.astype(np.float32)

    def _residuals(self, columns: Bool[np.ndarray, " task"]) -> ResidualPool:
        """Collect residuals of the windows that no weight was fitted to."""
        parts = []
        for name in _DONORS:
            split = self.source.split(name)
            _, target, mask = split.gather(np.arange(len(split)))
            parts.append((self._held_out[name], target.astype(np.float64), mask))
        prediction, target, mask = (np.concatenate(column) for column in zip(*parts, strict=True))
        return ResidualPool(
            prediction[:, columns],
            target[:, columns],
            mask[:, columns],
            neighbours=self._neighbours,
        )

    @cached_property
    def _held_out(self) -> dict[str, Float64[np.ndarray, "window task"]]:
        return {name: self._predict(self.source.split(name)) for name in _DONORS}

    def summary(self) -> list[dict[str, Any]]:
        """Describe the drawn targets, a row per split and task."""
        gc = {(row["split"], row["task"]): row["gc"] for row in self.source.summary()}
        rows = []
        for name in SPLITS:
            split = self.split(name)
            _, target, mask = split.gather(np.arange(len(split)))
            for column, task in enumerate(self.tasks):
                known = target[mask[:, column], column].astype(np.float64)
                positives = int(known.sum()) if task.kind == "binary" else None
                mean = float(known.mean()) if known.size else float("nan")
                rows.append(
                    {
                        "split": name,
                        "task": task.name,
                        "n": int(known.size),
                        "positives": positives,
                        "prevalence": None if positives is None else mean,
                        "mean": mean,
                        "gc": gc[name, task.name],
                    }
                )
        return rows

    def inputs(self) -> list[Path]:
        """Return the files of the real data and the teacher's weights."""
        return [*self.source.inputs(), *self._weight_files]

    def provenance(self) -> list[dict[str, Any]]:
        """Return what is known of the real data's files."""
        return self.source.provenance()

    def weights(self) -> Float32[np.ndarray, " task"] | None:
        """Return the weights of positives that the teacher was trained with."""
        return self.source.weights()

    def sequences(
        self, chrom: Places, start: Bases, end: Bases
    ) -> UInt8[np.ndarray, "locus length"]:
        """Return the codes of loci; see `deepmr.data.source.DataSource`."""
        return self.source.sequences(chrom, start, end)

    def candidate_loci(self, exposure: str, outcome: str) -> tuple[Places, Bases, Bases]:
        """Return the loci that the real data offer for a question."""
        return self.source.candidate_loci(exposure, outcome)

    def true_effects(
        self, chrom: Places, start: Bases, end: Bases
    ) -> Float64[np.ndarray, "locus task variant"]:
        """Return the teacher's own effects: what its students are to find."""
        return self._effects(self.sequences(chrom, start, end))

    def seen(self, chrom: Places, start: Bases, end: Bases) -> Bool[np.ndarray, " locus"]:
        """Tell which regions a student may have seen: those its teacher may have."""
        return self.source.seen(chrom, start, end)


def _kinds(tasks: TaskTable) -> Shaped[np.ndarray, " task"]:
    return np.array([task.kind for task in tasks])
