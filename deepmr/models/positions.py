"""Positions of a network's output that a task is read at: all, a stretch, or around an anchor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

__all__ = ["ANCHORS", "Positions"]

ANCHORS = ("start", "end", "thick_start", "thick_end")
"""Places of a BED line that differ from locus to locus, on the strand of the line."""

_NUMBER = r"[+-]?\d+"
_AROUND = re.compile(rf"(?P<anchor>[a-z_]+)(\((?P<inside>\d+|{_NUMBER}:{_NUMBER})\))?")
_STRETCH = re.compile(rf"(?P<start>{_NUMBER})?:(?P<stop>{_NUMBER})?")
_GRAMMAR = (
    "all, a position (0), a stretch from the first position (10:20), around the middle "
    "(centre(3), centre(-150:0), -150:0), or around a place of each BED line: start, end, "
    "thick_start, thick_end, with (n) or (a:b) as for centre"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """A stretch of output positions: fixed, around the middle, or around an anchor of each locus.

    Args:
        start: First position, from the first output position or, with an anchor, from the anchor.
        stop: The position behind the last, likewise; None for the end of the output.
        anchor: None (from the first output position), ``centre``, or one of `ANCHORS`.
        width: With ``centre``: a number of middle positions, in place of start and stop.

    Example:
        >>> Positions.parse("centre(3)").bounds(10)
        (3, 6)
        >>> Positions.parse("-2:1").bounds(11)
        (3, 6)
        >>> Positions.parse("thick_start(-150:0)").anchor
        'thick_start'
    """

    start: int = 0
    stop: int | None = None
    anchor: str | None = None
    width: int | None = None

    @classmethod
    def parse(cls, text: Any, *, where: str = "positions") -> Positions:
        """Read the notation of a yaml.

        Args:
            text: ``all``, an integer, ``a:b``, ``centre(n)``, ``centre(a:b)``, or ``start``,
                ``end``, ``thick_start``, ``thick_end``, alone or with ``(n)`` or ``(a:b)``. A
                stretch ``a:b`` whose start bears a sign counts from the middle.
            where: Name of the setting, for the message.

        Raises:
            ValueError: If it is none of these, or holds no position.
        """
        if isinstance(text, int) and not isinstance(text, bool):
            return cls(start=text, stop=text + 1 or None)
        word = str(text).replace(" ", "")
        if word == "all":
            return cls()
        stretch = _STRETCH.fullmatch(word)
        if stretch:
            return cls._stretch(stretch["start"] or "", stretch["stop"], word, where)
        around = _AROUND.fullmatch(word)
        if not around or around["anchor"] not in ("centre", "center", *ANCHORS):
            raise ValueError(f"{where} must be {_GRAMMAR}; got {text!r}")
        anchor = "centre" if around["anchor"] == "center" else around["anchor"]
        return cls._around(anchor, around["inside"] or "1", word, where)

    @classmethod
    def _stretch(cls, start: str, stop: str | None, word: str, where: str) -> Positions:
        if start[:1] in ("+", "-"):
            if stop is None:
                raise ValueError(
                    f"{where}={word} counts from the middle, for its start has a sign, and needs "
                    "a stop, as -150:0"
                )
            return cls._around("centre", f"{start}:{stop}", word, where)
        found = cls(start=int(start or 0), stop=None if stop is None else int(stop))
        if found.stop is not None and 0 <= found.stop <= found.start:
            raise ValueError(
                f"{where}={word} holds no position: its stop lies at its start or before"
            )
        return found

    @classmethod
    def _around(cls, anchor: str, inside: str, word: str, where: str) -> Positions:
        if ":" not in inside:
            width = int(inside)
            if width < 1:
                raise ValueError(f"{where}={word} holds no position; name 1 or more")
            if anchor == "centre":
                return cls(anchor=anchor, width=width)
            return cls(anchor=anchor, start=-((width - 1) // 2), stop=width // 2 + 1)
        start, stop = (int(one) for one in inside.split(":"))
        if stop <= start:
            raise ValueError(
                f"{where}={word} holds no position: its stop lies at its start or before"
            )
        return cls(anchor=anchor, start=start, stop=stop)

    @property
    def per_locus(self) -> bool:
        """Whether the positions differ from locus to locus."""
        return self.anchor in ANCHORS

    @property
    def is_all(self) -> bool:
        """Whether every position is meant."""
        return self.anchor is None and self.start == 0 and self.stop is None

    @property
    def count(self) -> int:
        """Number of positions around an anchor of a locus."""
        return (self.stop or 0) - self.start

    def bounds(self, size: Any) -> tuple[Any, Any]:
        """Return first and last-but-one position among ``size``, which torch.fx may trace.

        Args:
            size: Number of output positions.
        """
        if self.width is not None:
            start = (size - self.width) // 2
            return start, start + self.width
        if self.anchor == "centre":
            return size // 2 + self.start, size // 2 + (self.stop or 0)
        return self.start, self.stop

    def check(self, size: int, *, where: str) -> None:
        """Check that the positions lie in the output.

        Args:
            size: Number of output positions.
            where: Name of the task, for the message.

        Raises:
            ValueError: If they do not.
        """
        if self.per_locus:
            if self.count > size:
                raise ValueError(f"{where}: {self.count} positions are read of an output of {size}")
            return
        start, stop = self.bounds(size)
        start = start + size if start < 0 and self.anchor is None else start
        stop = size if stop is None else stop + size if stop < 0 and self.anchor is None else stop
        if not 0 <= start < stop <= size:
            raise ValueError(
                f"{where}: positions {start} to {stop} do not lie in an output of {size} positions"
            )

    def is_symmetric(self, size: int) -> bool:
        """Return whether the reverse complement is read at the same positions.

        Args:
            size: Number of output positions.

        Example:
            >>> Positions.parse("centre(4)").is_symmetric(10)
            True
        """
        if self.per_locus:
            return False
        start, stop = slice(*self.bounds(size)).indices(size)[:2]
        return start == size - stop
