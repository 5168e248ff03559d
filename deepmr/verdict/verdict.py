"""The verdict on a pair of tasks, with its reasons and its evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CAUSAL", "STRUCTURES", "Measure", "Verdict"]

STRUCTURES = ("forward", "reverse", "both", "inseparable", "shared", "none", "undecided")
"""What a verdict can say, exposure to outcome."""

CAUSAL = ("forward", "reverse", "both")
"""Structures in which a task acts on another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number that carries a verdict, with the interval it has from resampling loci.

    Args:
        value: The number; NaN where there is none.
        low: Lower end of the 95 % interval; NaN where there is none.
        high: Upper end.

    Example:
        >>> str(Measure(value=0.972, low=0.95, high=0.98))
        '0.97, 95 % interval 0.95 to 0.98'
    """

    value: float
    low: float = math.nan
    high: float = math.nan

    def __str__(self) -> str:
        """Return the number with its interval, in words."""
        if math.isnan(self.value):
            return "not available"
        if math.isnan(self.low) or math.isnan(self.high):
            return _short(self.value)
        return f"{_short(self.value)}, 95 % interval {_short(self.low)} to {_short(self.high)}"

    def to_record(self) -> dict[str, float | None]:
        """Return plain numbers, None for NaN."""
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        return {k: float(v) if math.isfinite(v) else None for k, v in numbers.items()}


def _short(number: float) -> str:
    return f"{round(number, 2) + 0.0:.2f}"  # + 0.0: no minus before a zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the networks' effects say about two tasks.

    ``forward``: the exposure acts on the outcome; ``reverse``: the outcome acts on the exposure;
    ``both``: each acts on the other; ``inseparable``: the same variants move both along one
    dose-response; ``shared``: some sites move both, but each has, or sites have, other effects
    than one acting on the other would have; ``none``: hardly any variant of one moves the other;
    ``undecided``: the effects do not tell. All is about what the networks have learned.

    Args:
        exposure: Name of the exposure task.
        outcome: Name of the outcome task.
        structure: One of `STRUCTURES`.
        caveats: Short names of what the verdict cannot exclude, such as ``nested``.
        reasons: Sentences for a reader; the first one carries the verdict.
        evidence: The numbers, by name.
        of_table: Whether the effects came from a table, without networks: the verdict is about
            them, not about a model. False by default.

    Raises:
        ValueError: If ``structure`` is another word.

    Example:
        >>> Verdict(exposure="GATA1", outcome="TAL1", structure="none").is_causal
        False
    """

    exposure: str
    outcome: str
    structure: str
    caveats: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    evidence: Mapping[str, Measure] = field(default_factory=dict)
    of_table: bool = False

    def __post_init__(self) -> None:
        if self.structure not in STRUCTURES:
            raise ValueError(
                f"Verdict.structure is one of {', '.join(STRUCTURES)}; got {self.structure!r}"
            )

    @property
    def is_causal(self) -> bool:
        """Whether the verdict says that one task acts on the other."""
        return self.structure in CAUSAL

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "exposure": self.exposure,
            "outcome": self.outcome,
            "structure": self.structure,
            "caveats": list(self.caveats),
            "reasons": list(self.reasons),
            "evidence": {name: one.to_record() for name, one in self.evidence.items()},
        }
