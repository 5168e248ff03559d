"""Progress of long work: a bar on a terminal, a line a minute anywhere else."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

__all__ = ["Progress", "time_left"]

_FIRST = 5.0  # seconds until the first line: the rate is known by then
_EVERY = 60.0


def time_left(seconds: float) -> str:
    """Return a duration as text for a progress line.

    Args:
        seconds: Duration in seconds; infinity where it is unknown.

    Example:
        >>> time_left(42), time_left(600), time_left(9000)
        ('42 s left', '10 min left', '2.5 h left')
    """
    if not math.isfinite(seconds):
        return "time left unknown"
    if seconds < 100:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 6000 else f"{seconds / 3600:.1f} h left"


class Progress:
    r"""Progress of a number of steps of equal cost; the time left follows from their mean rate.

    Args:
        title: What is being done.
        total: Number of steps.
        unit: What a step is: ``mutant``, ``batch``, ``locus``.
        initial: Steps done before, which say nothing of the rate; 0 by default.
        stream: Where to; by default standard error.
        clock: Seconds; by default `time.monotonic`.

    Example:
        >>> import io
        >>> text, clock = io.StringIO(), iter([0.0, 10.0]).__next__
        >>> Progress("mutagenesis", 400, "mutant", stream=text, clock=clock).advance(100)
        >>> text.getvalue()
        'mutagenesis: 100 of 400 mutants (25 %), 10 mutants/s, 30 s left\n'
    """

    def __init__(
        self,
        title: str,
        total: int,
        unit: str,
        *,
        initial: int = 0,
        stream: Any = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = self.initial = initial
        self.stream, self.clock = stream or sys.stderr, clock
        self.began = clock()
        self.due = self.began + _FIRST
        self.bar: tqdm[Any] | None = None
        if self.stream.isatty():
            self.bar = tqdm(
                total=total,
                initial=initial,
                desc=title,
                unit=f" {_plural(unit)}",
                unit_scale=total > 10_000,
                mininterval=1.0,
                smoothing=0.02,  # nearly the mean rate: chunks differ in cost
                file=self.stream,
            )

    @property
    def rate(self) -> float:
        """Steps a second since the beginning."""
        elapsed = self.clock() - self.began
        return (self.done - self.initial) / elapsed if elapsed > 0 else math.nan

    def advance(self, n: int, note: str = "") -> None:
        """Count steps.

        Args:
            n: Number of steps.
            note: What else to say, such as a validation loss.
        """
        self.done += n
        if self.bar is not None:
            self.bar.update(n)
            if note:
                self.bar.set_postfix_str(note, refresh=False)
            return
        now = self.clock()
        if now >= self.due:
            self.due = now + _EVERY
            print(self._line(now, note), file=self.stream, flush=True)

    def _line(self, now: float, note: str) -> str:
        rate = (self.done - self.initial) / max(now - self.began, 1e-9)
        left = (self.total - self.done) / rate if rate > 0 else math.inf
        speed = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
        share = 100 * self.done / max(self.total, 1)
        said = (
            f"{self.title}: {self.done:,} of {self.total:,} {_plural(self.unit)} ({share:.0f} %), "
            f"{speed} {_plural(self.unit)}/s, {time_left(left)}"
        )
        return f"{said}; {note}" if note else said

    def close(self) -> None:
        """Leave the line."""
        if self.bar is not None:
            self.bar.close()


def _plural(unit: str) -> str:
    if unit.endswith("us"):
        return f"{unit[:-2]}i"
    return f"{unit}es" if unit.endswith("ch") else f"{unit}s"
