"""The settings of ``data=encode`` in groups, each checked before anything is read."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from deepmr.data.contigs import SPELLINGS
from deepmr.data.peaks import BEYOND, MISSING, Peaks, read_peaks
from deepmr.data.signal import GAPS, SUMMARIES

__all__ = [
    "Heads",
    "Labels",
    "Negatives",
    "PeakFiles",
    "Splits",
    "Training",
    "WindowSizes",
    "check_choice",
    "check_empty",
    "take",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """Chromosomes of the splits, or folds of them for cross-validation.

    Args:
        splits: Contigs or chromosomes of train, validation, calibration and test.
        folds: Number of folds into which the chromosomes named in ``splits`` are divided.
        fold: The fold to test, from 0; None takes ``splits`` as they are.
    """

    splits: Mapping[str, Sequence[str]]
    folds: int = 5
    fold: int | None = None

    def named(self) -> dict[str, list[str]]:
        """Return the names of each split as plain strings."""
        return {split: [str(name) for name in names] for split, names in self.splits.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """Tasks on the two output heads of the network.

    Args:
        exposures: Tasks on the exposure head, by name or target; None means the transcription
            factors. Naming both lists leaves all other tasks out.
        outcomes: Tasks on the outcome head; None means the rest.
    """

    exposures: Sequence[str] | None = None
    outcomes: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSizes:
    """Sizes of the windows.

    Args:
        bin: Bases in the labelled bin.
        context: Bases in a window, the network's input; the bin lies in its middle.
        max_unknown: Largest share of unknown bases in a window, from 0 to 1.

    Raises:
        ValueError: If a value is out of range.
    """

    bin: int = 200
    context: int = 1000
    max_unknown: int | float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.bin <= self.context:
            raise ValueError(
                f"data.bin must be at least 1 and at most data.context ({self.context}), got "
                f"{self.bin}"
            )
        if (self.context - self.bin) % 2:
            raise ValueError(
                "data.context minus data.bin must be even, so that the bin lies in the middle, "
                f"got {self.context} - {self.bin}"
            )
        if not 0 <= self.max_unknown <= 1:
            raise ValueError(f"data.max_unknown is a share from 0 to 1, got {self.max_unknown}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How peaks and signals become the label of a bin.

    Args:
        overlap: Share of the bin that one peak must exceed for the label to be positive, at
            least 0 and below 1.
        signal: Summary of a bigWig over the bin for tasks of kind ``signal``: ``mean``, ``max``
            or ``total``. Kind ``count`` takes the total, on the Anscombe scale.
        gaps: What a base without a value in a bigWig counts as: ``zero`` or ``missing``.

    Raises:
        ValueError: If a value is out of range.
    """

    overlap: int | float = 0.5
    signal: str = "mean"
    gaps: str = "zero"

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < 1:
            raise ValueError(f"data.overlap must be at least 0 and below 1, got {self.overlap}")
        check_choice("signal", self.signal, tuple(SUMMARIES))
        check_choice("gaps", self.gaps, GAPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Negatives:
    """Selection of windows without a peak.

    Args:
        negatives: Number for each window with a peak, in every split alike, so that a calibration
            holds for the test split; None keeps all.
        match_gc: Choose them with the GC content of the windows with a peak.
        seed: Decides which are chosen.

    Raises:
        ValueError: If ``negatives`` is below 0.
    """

    negatives: int | float | None = 1.0
    match_gc: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.negatives is not None and self.negatives < 0:
            raise ValueError(
                f"data.negatives must be 0 or more, or null for all, got {self.negatives}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakFiles:
    """What is done with peaks that do not fit the genome.

    Args:
        missing_contigs: Peaks on contigs that the genome lacks: ``refuse`` or ``drop``.
        beyond: Peaks that begin on their contig and end beyond it: ``clip``, ``drop`` or
            ``refuse``. Those that begin beyond it are refused, or with ``drop`` left out.
        contig_names: ``exact``, or ``chr`` to match names of contigs in peaks and signals that
            differ from the genome's by that prefix.

    Raises:
        ValueError: If a value is not one of those named.
    """

    missing_contigs: str = "refuse"
    beyond: str = "clip"
    contig_names: str = "exact"

    def __post_init__(self) -> None:
        check_choice("missing_contigs", self.missing_contigs, MISSING)
        check_choice("beyond", self.beyond, BEYOND)
        check_choice("contig_names", self.contig_names, SPELLINGS)

    def read(self, path: Path, contigs: Mapping[str, int]) -> Peaks:
        """Read a peak file by these rules; see `deepmr.data.peaks.read_peaks`."""
        return read_peaks(
            path,
            contigs,
            missing=self.missing_contigs,
            beyond=self.beyond,
            contig_names=self.contig_names,
        )

    def read_exclusions(self, path: Path, contigs: Mapping[str, int]) -> Peaks:
        """Read regions to leave out; those on contigs that the genome lacks do not matter."""
        return read_peaks(
            path,
            contigs,
            missing="drop",
            beyond="clip",
            contig_names=self.contig_names,
            may_be_empty=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Augmentation of training windows and the weights of positives.

    Args:
        reverse_complement: Show half of the training windows from the other strand.
        jitter: Shift training windows by up to as many bases, either way.
        class_weights: Weight of positives in the loss: ``none``, ``balanced`` (negatives over
            positives) or ``sqrt`` (its square root).
        alleles: Table of measured alleles that become training rows (`deepmr.data
            .measured_alleles.read_measured_alleles`); None (the default) for none.

    Raises:
        ValueError: If a value is out of range.
    """

    reverse_complement: bool = True
    jitter: int = 0
    class_weights: str = "none"
    alleles: str | None = None

    def __post_init__(self) -> None:
        if self.jitter < 0:
            raise ValueError(f"data.jitter must be 0 or more, got {self.jitter}")
        check_choice("class_weights", self.class_weights, ("none", "balanced", "sqrt"))


def check_choice(option: str, value: str, allowed: Sequence[str]) -> None:
    """Verify that an option has one of its values.

    Raises:
        ValueError: If it has not.
    """
    if value not in allowed:
        raise ValueError(f"data.{option} is one of {', '.join(allowed)}; got {value!r}")


def take(noun: type[T], options: dict[str, Any]) -> T:
    """Build a group from the options that are called as its fields, taking them out.

    Example:
        >>> options = {"jitter": 3, "bin": 100}
        >>> take(Training, options).jitter, options
        (3, {'bin': 100})
    """
    names = [one.name for one in fields(noun)]  # type: ignore[arg-type]
    return noun(**{name: options.pop(name) for name in names if name in options})


def check_empty(options: Mapping[str, Any], nouns: Sequence[type]) -> None:
    """Verify that no option is left over when every group took its own.

    Raises:
        TypeError: If one is; the message names the nearest option there is.
    """
    for option in options:
        known = [one.name for noun in nouns for one in fields(noun)]
        near = difflib.get_close_matches(option, known, n=1)
        hint = f"did you mean data.{near[0]}?" if near else f"there are {', '.join(known)}"
        raise TypeError(f"data has no option called {option!r}; {hint}")
