"""Negative controls: questions whose right answer is that nothing acts on anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepmr.effects import MemberEffects
from deepmr.verdict.statistics import PairStatistics
from deepmr.verdict.verdict import Measure, Verdict

__all__ = [
    "CONTROLS",
    "Control",
    "ControlNotRun",
    "controls_of",
    "empirical_p",
    "other_locus",
    "permuted_within_loci",
    "wanted_controls",
]

CONTROLS = {
    "permuted": "the variants of each locus exchange their effects, at random for each task",
    "other_locus": "each task's effects are those of another locus",
    "untrained": "the same question asked of networks of the same architecture with random weights",
    "label_shuffled": "the same question asked of networks trained on shuffled labels",
}
"""What each control is, by name."""

_CHOICES = {
    "none": (),
    "standard": ("permuted", "other_locus", "untrained"),
    "all": ("permuted", "other_locus", "untrained", "label_shuffled"),
}
_FREE = ("permuted", "other_locus")


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control's answer to one pair's question, to stand beside the question's own.

    Args:
        name: One of `CONTROLS`.
        verdict: What the rule says of the control's effects.
        slope: Slope over all instruments, as the forward direction's question has it, in
            scaled units.
    """

    name: str
    verdict: Verdict
    slope: Measure

    @property
    def passed(self) -> bool:
        """Whether the control came out as a control should: without a causal word."""
        return not self.verdict.is_causal

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "what": CONTROLS[self.name],
            "structure": self.verdict.structure,
            "passed": self.passed,
            "slope": self.slope.to_record(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlNotRun:
    """A control that was not run, and why.

    Args:
        name: One of `CONTROLS`.
        reason: A clause such as ``a table of effects has no network``.
    """

    name: str
    reason: str

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"name": self.name, "what": CONTROLS[self.name], "not_run": self.reason}


def wanted_controls(
    choice: str, *, has_network: bool, has_training: bool
) -> tuple[tuple[str, ...], tuple[ControlNotRun, ...]]:
    """Return which controls to run, and which not with the reason.

    Args:
        choice: standard (the two free ones and the untrained twin), all, or none.
        has_network: Whether there is a network whose untrained twin could be measured.
        has_training: Whether its training can be repeated on shuffled labels.

    Raises:
        ValueError: If ``choice`` is another word.

    Example:
        >>> run, left = wanted_controls("standard", has_network=False, has_training=False)
        >>> run, [one.name for one in left]
        (('permuted', 'other_locus'), ['untrained', 'label_shuffled'])
    """
    if choice not in _CHOICES:
        raise ValueError(f"controls is one of {', '.join(_CHOICES)}; got {choice!r}")
    run, left = [], []
    for name in CONTROLS:
        if name not in _CHOICES[choice]:
            left.append(ControlNotRun(name=name, reason=f"not asked for (controls={choice})"))
        elif name not in _FREE and not has_network:
            left.append(ControlNotRun(name=name, reason="a table of effects has no network"))
        elif name == "label_shuffled" and not has_training:
            left.append(ControlNotRun(name=name, reason="the network's training is not at hand"))
        else:
            run.append(name)
    return tuple(run), tuple(left)


def permuted_within_loci(effects: MemberEffects, *, seed: int) -> MemberEffects:
    """Exchange the effects of each locus's variants at random, for each task on its own.

    Sizes, signs and the members' agreement stay; which variant moves what is lost.

    Args:
        effects: Effects of one shard, batch axis ``locus``.
        seed: Of the permutations; give each shard its own.
    """
    n_locus, n_task, _, n_variant = effects.value.shape
    draw = np.random.default_rng(seed).random((n_locus, n_task, n_variant))
    # Missing variants keep their places: both orders put them last, in the order they are in.
    draw = np.where(effects.mask[:, None, :], draw, np.inf)
    to = np.argsort(~effects.mask, axis=-1, kind="stable")[:, None, :]
    source = np.empty(draw.shape, dtype=np.int64)
    order = np.argsort(draw, axis=-1, kind="stable")
    np.put_along_axis(source, np.broadcast_to(to, draw.shape), order, axis=-1)
    value = np.take_along_axis(effects.value, source[:, :, None, :], axis=-1)
    return _replaced(effects, value)


def other_locus(effects: MemberEffects, *, seed: int = 0) -> MemberEffects:
    """Give each task the effects of another locus, shifted along it, task by task further away.

    Sites stay whole; no locus is another one's cause. Effects are shifted around each locus by
    a random distance, as loci may be centred alike (on the same motif, or on a peak's summit).

    Args:
        effects: Effects of all loci, or of a shard, batch axis ``locus``.
        seed: Of the shifts.

    Raises:
        ValueError: If there are fewer loci than tasks, or fewer than two: some pairs of tasks
            would stay at one locus.
    """
    n_locus, n_task, _, n_variant = effects.value.shape
    if n_locus < n_task or n_locus < 2:
        raise ValueError(
            f"the control other_locus needs at least as many loci as tasks ({n_task}) and two, "
            f"got {n_locus}; raise loci.n"
        )
    rng = np.random.default_rng(seed)
    step = np.arange(n_task) * max(n_locus // n_task, 1)
    locus = (np.arange(n_locus)[:, None] + step) % n_locus
    by_position = np.argsort(effects.offset, axis=-1, kind="stable")
    shift = rng.integers(0, max(n_variant, 1), (n_locus, n_task, 1))
    rank = (np.arange(n_variant) + shift) % max(n_variant, 1)
    source = np.take_along_axis(by_position[locus], rank, axis=-1)
    target = np.broadcast_to(by_position[:, None, :], source.shape)
    present = np.take_along_axis(effects.mask[locus], source, axis=-1)[:, :, None, :]
    moved = np.take_along_axis(
        effects.value[locus, np.arange(n_task)], source[:, :, None, :], axis=-1
    )
    value = np.empty_like(effects.value)
    np.put_along_axis(value, target[:, :, None, :], np.where(present, moved, np.nan), axis=-1)
    return _replaced(effects, value)


def _replaced(effects: MemberEffects, value: np.ndarray) -> MemberEffects:
    return MemberEffects(
        value=value,
        tasks=effects.tasks,
        offset=effects.offset,
        ref=effects.ref,
        alt=effects.alt,
        mask=effects.mask,
        shared=effects.shared,
    )


def controls_of(name: str, verdicts: Sequence[Verdict]) -> tuple[Control, ...]:
    """Wrap a control's verdicts, one a pair.

    Args:
        name: One of `CONTROLS`.
        verdicts: What `judge` says of the control's statistics.
    """
    return tuple(
        Control(name=name, verdict=one, slope=one.evidence["slope_forward"]) for one in verdicts
    )


def empirical_p(statistics: PairStatistics, controls: Mapping[str, PairStatistics]) -> np.ndarray:
    """Return an empirical two-sided p-value of every pair's forward slope, from its controls.

    The share of all pairs' control slopes at least as large as the pair's own, with one added to
    numerator and denominator; controls of different pairs share the null hypothesis.

    Args:
        statistics: Of the question.
        controls: Of each control, over the same pairs.

    Returns:
        One p-value a pair and direction; NaN without controls.

    References:
        Phipson and Smyth 2010, doi:10.2202/1544-6115.1585 (never zero).
    """
    own = _slope(statistics)
    if not controls:
        return np.full(own.shape, np.nan)
    null = np.sort(np.concatenate([np.abs(_slope(one)).ravel() for one in controls.values()]))
    null = null[~np.isnan(null)]
    above = len(null) - np.searchsorted(null, np.abs(own), side="left")
    return np.asarray((above + 1) / (len(null) + 1))


def _slope(statistics: PairStatistics) -> np.ndarray:
    xx, xy = statistics.of("xx").sum(axis=0), statistics.of("xy").sum(axis=0)
    return np.asarray(np.divide(xy, xx, out=np.full_like(xy, np.nan), where=xx > 0))
