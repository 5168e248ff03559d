"""Which calibrator for which kind of task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from deepmr.calibration.affine import Temperature
from deepmr.calibration.calibrator import Calibrator
from deepmr.calibration.variance import Variance

__all__ = ["ByKind", "Strength"]

Strength = Literal["full", "validation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByKind:
    """Choose the calibrator by the task's kind; what a configuration names.

    Args:
        binary: For binary tasks, on the logit scale.
        count: For counts, on the Anscombe scale.
        signal: For signals, as they are.
        min_class: A binary task with fewer calibration samples than this of either class is left
            as it is, with the reason: a temperature from three positives is noise.
        strength: ``full`` applies binary calibrators as they were fitted; ``validation`` weakens
            all of them alike, by what does best on the validation split (see
            `choose_strength`), which they must be lines for.

    Raises:
        ValueError: If ``min_class`` is below 1, or the strength is another word.
    """

    binary: Calibrator = field(default_factory=Temperature)
    count: Calibrator = field(default_factory=Variance)
    signal: Calibrator = field(default_factory=Variance)
    min_class: int = 10
    strength: Strength = "full"

    def __post_init__(self) -> None:
        if self.min_class < 1:
            raise ValueError(
                f"calibrator.min_class must be at least 1, got {self.min_class}; without one "
                "sample of each class there is nothing to fit"
            )
        if self.strength not in get_args(Strength):
            raise ValueError(
                f"calibrator.strength is one of {', '.join(get_args(Strength))}, "
                f"got {self.strength!r}"
            )

    def of(self, kind: str) -> Calibrator:
        """Return the calibrator of a kind.

        Raises:
            ValueError: If there is no such kind.
        """
        if kind == "binary":
            return self.binary
        if kind == "count":
            return self.count
        if kind == "signal":
            return self.signal
        raise ValueError(f"a task's kind is binary, count or signal; got {kind!r}")
