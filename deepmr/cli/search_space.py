"""What a sweep varies: settings with choices or intervals, read from Hydra's override syntax."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override

__all__ = ["FOLDED", "Choices", "Interval", "Space"]

FOLDED = ("seed", "members")
"""Settings that are repeats of a candidate, never part of it."""

_MOST_CANDIDATES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """A setting with listed values.

    Args:
        values: In override syntax.
    """

    values: tuple[str, ...]

    def draw(self, generator: np.random.Generator) -> str:
        """Return a random value."""
        return self.values[int(generator.integers(len(self.values)))]

    def levels(self, _: int) -> tuple[str, ...]:
        """Return all values."""
        return self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A number between two ends, both included.

    Args:
        low: Lower end.
        high: Upper end.
        whole: Whole numbers alone.
        log: Even on a logarithmic scale.

    Raises:
        ValueError: If the ends are in the wrong order, or not positive on a logarithmic scale.
    """

    low: float
    high: float
    whole: bool = False
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"an interval needs low < high, got {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"an interval on a log scale must be positive, got {self.low}")

    def _at(self, share: float) -> str:
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        value = low + share * (high - low)
        value = math.exp(value) if self.log else value
        return str(round(value)) if self.whole else f"{value:.4g}"

    def draw(self, generator: np.random.Generator) -> str:
        """Return a random value."""
        return self._at(float(generator.random()))

    def levels(self, n: int) -> tuple[str, ...]:
        """Return ``n`` values from end to end."""
        return tuple(dict.fromkeys(self._at(k / max(n - 1, 1)) for k in range(n)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The candidates of a sweep: settings that all share, that vary, and that repeat.

    Args:
        fixed: Overrides that every job shares.
        varied: Settings searched.
        folds: Settings that repeat each candidate: seeds, groups of members.
    """

    fixed: tuple[str, ...]
    varied: Mapping[str, Choices | Interval]
    folds: Mapping[str, Choices]

    @classmethod
    def parse(cls, space: Mapping[str, str], arguments: Sequence[str]) -> Space:
        """Read a search space and a command line; the command line wins.

        Args:
            space: Settings with their values, such as ``{"optimizer.lr": "interval(1e-3,1e-1)"}``.
            arguments: Overrides of the command line.

        Raises:
            ValueError: If seeds or members are given as an interval.

        Example:
            >>> Space.parse({}, ["ensemble=1", "seed=0,1", "model.filters=8,16"]).varied
            {'model.filters': Choices(values=('8', '16'))}
        """
        parser = OverridesParser.create()
        own = parser.parse_overrides(list(arguments))
        named = {override.get_key_element() for override in own}
        given = [f"{key}={value}" for key, value in space.items() if key not in named]
        fixed, varied, folds = [], {}, {}
        for override in [*own, *parser.parse_overrides(given)]:
            key = override.get_key_element()
            if key == "hparams_search":
                continue
            if not override.is_sweep_override():
                fixed.append(str(override.input_line))
                continue
            values = _values(override)
            if key not in FOLDED:
                varied[key] = values
            elif isinstance(values, Choices):
                folds[key] = values
            else:
                raise ValueError(f"{key} repeats each candidate; list its values: {key}=0,1,2")
        return cls(fixed=tuple(fixed), varied=varied, folds=folds)

    def grid(self, levels: int) -> list[dict[str, str]]:
        """Return every combination of the varied settings.

        Args:
            levels: Values taken from each interval.

        Raises:
            ValueError: If there are more than 10,000.
        """
        lists = [dimension.levels(levels) for dimension in self.varied.values()]
        n = math.prod(map(len, lists))
        if n > _MOST_CANDIDATES:
            raise ValueError(
                f"the grid has {n:,} candidates; fix some settings on the command line, or use "
                "hparams_search=random"
            )
        return [dict(zip(self.varied, values, strict=True)) for values in itertools.product(*lists)]

    def random(self, n: int, *, seed: int) -> list[dict[str, str]]:
        """Return ``n`` random candidates; the first ones stay the same as ``n`` grows.

        Args:
            n: Number of candidates; repeated ones are left out.
            seed: Seed of the draws.
        """
        generator = np.random.default_rng(seed)
        drawn = [
            {key: dimension.draw(generator) for key, dimension in self.varied.items()}
            for _ in range(n)
        ]
        return list({tuple(one.items()): one for one in drawn}.values())

    def jobs(self, candidate: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
        """Yield the overrides of each job of a candidate.

        Args:
            candidate: Values of the varied settings.
        """
        chosen = [f"{key}={value}" for key, value in candidate.items()]
        for folds in itertools.product(*(one.values for one in self.folds.values())):
            repeats = [f"{key}={value}" for key, value in zip(self.folds, folds, strict=True)]
            yield (*self.fixed, *chosen, *repeats)


def _values(override: Override) -> Choices | Interval:
    value = override.value()
    if isinstance(value, IntervalSweep):
        low, high = value.start, value.end
        if low is None or high is None:
            raise ValueError(f"{override.input_line}: an interval needs two ends")
        whole = isinstance(low, int) and isinstance(high, int)
        try:
            return Interval(low=low, high=high, whole=whole, log="log" in value.tags)
        except ValueError as error:
            raise ValueError(f"{override.get_key_element()}: {error}") from error
    return Choices(values=tuple(map(str, override.sweep_string_iterator())))
