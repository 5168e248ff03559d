"""Places on a genome: 0-based, half-open."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Interval"]


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A stretch of a chromosome or contig, 0-based and half-open.

    Raises:
        ValueError: If the start is negative or the end does not lie behind the start.

    Example:
        >>> Interval("chr1", 100, 200).length
        100
        >>> str(Interval("chr1", 100, 200))
        'chr1:100-200'
    """

    chrom: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if self.start < 0:
            raise ValueError(f"an interval starts at 0 or later, got {self}")
        if self.end <= self.start:
            raise ValueError(f"an interval ends behind its start, got {self}")

    def __str__(self) -> str:
        return f"{self.chrom}:{self.start}-{self.end}"

    @property
    def length(self) -> int:
        """Number of bases."""
        return self.end - self.start
