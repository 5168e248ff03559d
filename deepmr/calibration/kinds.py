"""Which calibrator for which kind of task."""

from __future__ import annotations

from dataclasses import dataclass, field

from deepmr.calibration.affine import Temperature
from deepmr.calibration.calibrator import Calibrator
from deepmr.calibration.variance import Variance

__all__ = ["ByKind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByKind:
    """Choose the calibrator by the task's kind; what a configuration names.

    Args:
        binary: For binary tasks, on the logit scale.
        count: For counts, on the Anscombe scale.
        signal: For signals, as they are.
        min_class: A binary task with fewer calibration samples than this of either class is left
            as it is, with the reason: a temperature from three positives is noise.

    Raises:
        ValueError: If ``min_class`` is below 1.
    """

    binary: Calibrator = field(default_factory=Temperature)
    count: Calibrator = field(default_factory=Variance)
    signal: Calibrator = field(default_factory=Variance)
    min_class: int = 10

    def __post_init__(self) -> None:
        if self.min_class < 1:
            raise ValueError(
                f"calibrator.min_class must be at least 1, got {self.min_class}; without one "
                "sample of each class there is nothing to fit"
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
