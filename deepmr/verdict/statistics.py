"""Sufficient statistics of a verdict: a few numbers for each locus, pair and direction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.effects import MemberEffects
from deepmr.inference.concordant import median_slopes
from deepmr.verdict.scale import scaled_effects
from deepmr.verdict.sites import Instruments, dense_coverage, find_instruments
from deepmr.verdict.thresholds import Thresholds

__all__ = ["CURVE", "STATISTICS", "PairStatistics", "all_pairs", "pair_statistics"]

CURVE = (0.15, 0.2, 0.3, 0.5)
"""Further smallest effects of an instrument, for the dependence of the slope on it."""

STATISTICS = (
    "considered",  # 1 where the locus is asked about the exposure
    "dense",  # 1 where, besides, its variants lie densely enough for sites
    "transmits",  # 1 where it moves the outcome
    "concordant",  # sum of x^2 on the dose-response, over loci that transmit
    "squared",  # sum of x^2 of all instruments there
    "two_sites",  # 1 where two sites of the exposure can be compared
    "agree",  # 1 where they move the outcome alike
    "xx_on",  # sums over concordant instruments of considered loci
    "xy_on",
    "xx",  # sums over all instruments of considered loci
    "xy",
    "yy",
    "own",  # the outcome's squared effects where the exposure does not move
    "outcome",  # the outcome's squared effects
    "xx_rest",  # as xx, xy without the locus's strongest site
    "xy_rest",
    "xx_weak",  # as xx, xy of instruments below half of the locus's largest effect
    "xy_weak",
    "xx_strong",
    "xy_strong",
    *(f"{name}_{least}" for least in CURVE for name in ("xx", "xy")),
)
"""Sums that a locus contributes to the evidence on a direction, in order."""

_CELLS = 400_000  # numbers in one working array of a chunk of pairs: 3 MB, which caches hold


@dataclass(frozen=True, slots=True, kw_only=True)
class PairStatistics:
    """Sufficient statistics of every locus for every pair of tasks, in both directions.

    All are sums over loci, so shards are joined by `join`, totals are sums over the first axis,
    and an interval comes from resampling it.

    Args:
        value: One number for each of `STATISTICS`, on scaled effects; direction 0 asks whether
            the pair's first task acts on its second, direction 1 the reverse.
        pairs: Positions of both tasks of each pair among ``tasks``.
        tasks: Names of the tasks.
        scale: Their scales, in effect-scale units.

    Raises:
        ValueError: If shapes differ.
    """

    value: Float64[np.ndarray, "locus pair 2 statistic"]
    pairs: Int[np.ndarray, "pair 2"]
    tasks: tuple[str, ...]
    scale: Float64[np.ndarray, " task"]

    def __post_init__(self) -> None:
        expected = (self.value.shape[0], len(self.pairs), 2, len(STATISTICS))
        if self.value.shape != expected or self.scale.shape != (len(self.tasks),):
            raise ValueError(
                f"PairStatistics.value must have shape {expected} and scale one number for each "
                f"of {len(self.tasks)} tasks, got {self.value.shape} and {self.scale.shape}"
            )

    @classmethod
    def join(cls, parts: Sequence[PairStatistics]) -> PairStatistics:
        """Put the loci of shards behind one another.

        Raises:
            ValueError: If there is no part, or parts differ in tasks, pairs or scales.
        """
        if not parts:
            raise ValueError("PairStatistics.join needs at least one part, got none")
        first = parts[0]
        for part in parts[1:]:
            same = part.tasks == first.tasks and np.array_equal(part.pairs, first.pairs)
            if not same or not np.array_equal(part.scale, first.scale):
                raise ValueError(
                    "PairStatistics.join needs parts of the same tasks, pairs and scales; "
                    "compute the scale once, over all loci, before the statistics"
                )
        value = np.concatenate([part.value for part in parts])
        return cls(value=value, pairs=first.pairs, tasks=first.tasks, scale=first.scale)

    def of(self, name: str) -> Float64[np.ndarray, "locus pair 2"]:
        """Return one of `STATISTICS`."""
        return np.asarray(self.value[..., STATISTICS.index(name)])

    @property
    def n_loci(self) -> int:
        """Number of loci."""
        return int(self.value.shape[0])

    def take(self, loci: Int[np.ndarray, " kept"]) -> PairStatistics:
        """Return some of the loci, with the scale of all."""
        return PairStatistics(
            value=self.value[loci], pairs=self.pairs, tasks=self.tasks, scale=self.scale
        )


def all_pairs(n_tasks: int) -> Int[np.ndarray, "pair 2"]:
    """Return every unordered pair of tasks, in the order (0, 1), (0, 2), ..., (1, 2), ...

    Example:
        >>> all_pairs(3).tolist()
        [[0, 1], [0, 2], [1, 2]]
    """
    return np.asarray(np.stack(np.triu_indices(n_tasks, k=1), axis=1))


def pair_statistics(
    effects: MemberEffects,
    *,
    scale: Float64[np.ndarray, " task"],
    pairs: Int[np.ndarray, "pair 2"] | None = None,
    thresholds: Thresholds | None = None,
) -> PairStatistics:
    """Compute a shard's sufficient statistics for pairs of tasks.

    The second of two passes over shards; the first finds the scale (`locus_maximum`,
    `effect_scale`).

    Args:
        effects: Effects of the shard, batch axis ``locus``.
        scale: Scale of each task over all loci of the run.
        pairs: Positions of both tasks; every unordered pair by default.
        thresholds: Constants of the rule.

    Raises:
        ValueError: If a scale is missing.
    """
    rule = Thresholds() if thresholds is None else thresholds
    asked = all_pairs(len(effects.tasks)) if pairs is None else pairs
    scaled = scaled_effects(effects, scale)
    found = find_instruments(
        scaled,
        effects.offset,
        least=rule.effects.instrument,
        gap=rule.sites.gap,
        positions=rule.sites.positions,
    )
    dense = dense_coverage(effects.offset, effects.mask, gap=rule.sites.gap)
    n_locus = found.index.shape[1]
    chunk = max(_CELLS // max(n_locus * scaled.shape[-1], 1), 1)
    question = np.concatenate([asked, asked[:, ::-1]])
    directed = np.zeros((len(question), n_locus, len(STATISTICS)))
    for some in _of_one_task(question[:, 0], chunk):
        directed[some] = _directed(scaled, found, dense, question[some], rule)
    own = [STATISTICS.index(name) for name in ("own", "outcome")]
    for some in _of_one_task(question[:, 1], chunk):
        sums = _own_effects(scaled, found, question[some, 0], question[some, 1], rule)
        directed[some[:, None, None], np.arange(n_locus)[:, None], own] = np.stack(sums, axis=-1)
    value = directed.reshape(2, len(asked), n_locus, len(STATISTICS)).transpose(2, 1, 0, 3)
    return PairStatistics(
        value=np.ascontiguousarray(value), pairs=asked, tasks=effects.tasks, scale=scale
    )


def _of_one_task(
    task: Int[np.ndarray, " question"], chunk: int
) -> Iterator[Int[np.ndarray, " some"]]:
    """Yield positions of questions about one task at a time: its padding is known, and is cut."""
    for one in np.unique(task):
        found = np.flatnonzero(task == one)
        for start in range(0, len(found), chunk):
            yield found[start : start + chunk]


def _directed(
    scaled: Float64[np.ndarray, "task locus variant"],
    found: Instruments,
    dense: Bool[np.ndarray, " locus"],
    question: Int[np.ndarray, "question 2"],
    rule: Thresholds,
) -> Float64[np.ndarray, "question locus statistic"]:
    """Compute the statistics of questions: does the first task act on the second?"""
    source, target = question[:, 0], question[:, 1]
    width = max(int(found.kept[source].sum(axis=-1).max(initial=0)), 1)  # the rest is padding
    index, kept = found.index[source, :, :width], found.kept[source, :, :width]
    x = found.effect[source, :, :width]
    y = np.where(kept, np.take_along_axis(scaled[target], index, axis=-1), 0.0)
    first, second = found.first[source, :, :width], found.second[source, :, :width]
    slope, one, two = median_slopes(x, y, kept, first, second)
    top = np.abs(x).max(axis=-1)
    considered = (top >= rule.effects.considered) & (
        found.n_positions[source] >= rule.effects.min_positions
    )
    transmits = considered & (np.abs(slope) * top >= rule.effects.transmits)
    expected = slope[..., None] * x
    on = kept & (
        np.abs(y - expected) <= rule.effects.tolerance * np.abs(expected) + rule.effects.floor
    )
    big = np.maximum(np.abs(one), np.abs(two))
    enough = (found.share[source] >= rule.sites.share) & (found.share[source] > 0)
    comparable = considered & dense & enough & (big * top >= rule.effects.transmits)
    agree = comparable & (one * two >= rule.sites.ratio * big**2)
    xx, xy = x * x, x * y
    size = np.abs(x)
    strong = size >= 0.5 * top[..., None]

    def total(weight: np.ndarray, where: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.asarray(np.einsum("qlv,qlv->ql", weight, where) * at)

    later = np.zeros_like(top)  # `_own_effects`
    columns = [
        considered,
        considered & dense,
        transmits,
        total(xx, on, transmits),
        total(xx, kept, transmits),
        comparable,
        agree,
        total(xx, on, considered),
        total(xy, on, considered),
        total(xx, kept, considered),
        total(xy, kept, considered),
        total(y * y, kept, considered),
        later,
        later,
        total(xx, kept & ~first, considered),
        total(xy, kept & ~first, considered),
        total(xx, kept & ~strong, considered),
        total(xy, kept & ~strong, considered),
        total(xx, kept & strong, considered),
        total(xy, kept & strong, considered),
    ]
    for least in CURVE:
        reaches = size >= least
        columns += [total(xx, reaches, considered), total(xy, reaches, considered)]
    return np.stack(columns, axis=-1).astype(np.float64)


def _own_effects(
    scaled: Float64[np.ndarray, "task locus variant"],
    found: Instruments,
    source: Int[np.ndarray, " question"],
    target: Int[np.ndarray, " question"],
    rule: Thresholds,
) -> tuple[Float64[np.ndarray, "question locus"], Float64[np.ndarray, "question locus"]]:
    """Return the target's squared effects at instruments that leave the source, and at all.

    A variant leaves the source if it moves it by less than an instrument, and by less than half
    as much as the target.
    """
    width = max(int(found.kept[target].sum(axis=-1).max(initial=0)), 1)
    y = found.effect[target, :, :width]
    x = np.abs(np.take_along_axis(scaled[source], found.index[target, :, :width], axis=-1))
    leaves = (x < rule.effects.instrument) & (x < 0.5 * np.abs(y))
    square = y * y
    return np.where(leaves, square, 0.0).sum(axis=-1), square.sum(axis=-1)
