"""Designed sequences: sites taken from loci, put into neutral backgrounds, alone and together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, UInt8

from deepmr.effects import MemberEffects
from deepmr.verdict.scale import scaled_effects
from deepmr.verdict.sites import find_instruments
from deepmr.verdict.thresholds import Thresholds

__all__ = ["DesignPlan", "Predict", "neutral_backgrounds", "plan_designed"]

Predict = Callable[[np.ndarray], np.ndarray]
"""Codes (sequence, length) to predictions (sequence, task, member) on the effect scale."""

WINDOW_WIDTH = 21
"""Bases of a designed window: longer than nearly all motifs."""

BACKGROUNDS = 3
_ROUNDS = 6
_DRAWS = 4
_STEP = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignPlan:
    """What designed instruments are built of, before anything is predicted.

    Args:
        windows: Pieces of loci around the strongest sites of every task, bases 0 to 3.
        candidates: Shuffled loci, the least active of which become backgrounds.
        scale: Scale of each task.
        seed: Of everything drawn while measuring.
    """

    windows: UInt8[np.ndarray, "window width"]
    candidates: UInt8[np.ndarray, "candidate length"]
    scale: Float64[np.ndarray, " task"]
    seed: int

    @property
    def n_sequences(self) -> int:
        """About how many sequences a member must predict, with six kinds at most."""
        length = self.candidates.shape[1]
        silencing = BACKGROUNDS * _ROUNDS * _DRAWS * len(range(0, length, _STEP))
        inserting = BACKGROUNDS * len(self.windows)
        doses = 6 * 3 * self.windows.shape[1]
        total: int = len(self.candidates) + silencing + inserting + doses + BACKGROUNDS * 6 * 4 * 32
        return total


def plan_designed(
    effects: MemberEffects,
    codes: UInt8[np.ndarray, "locus length"],
    *,
    scale: Float64[np.ndarray, " task"],
    per_task: int = 16,
    n_candidates: int = 400,
    seed: int = 0,
    thresholds: Thresholds | None = None,
) -> DesignPlan:
    """Choose the windows to insert and the candidates for backgrounds.

    Args:
        effects: Effects at some loci, batch axis ``locus``; a few hundred are enough.
        codes: Bases of these loci, 0 to 3; loci with unknown bases must be left out.
        scale: Scale of each task.
        per_task: Windows of each task, at its strongest sites of as many loci.
        n_candidates: Shuffled loci.
        seed: Of the shuffles.
        thresholds: Constants of the rule; they define sites.

    Raises:
        ValueError: If a base is unknown, or loci are too short for a site and its flanks.
    """
    rule = Thresholds() if thresholds is None else thresholds
    length = codes.shape[1]
    if bool((codes > 3).any()):
        raise ValueError("plan_designed needs known bases (0 to 3); leave out loci with N")
    if length < 2 * WINDOW_WIDTH:
        raise ValueError(
            f"designed instruments need loci of at least {2 * WINDOW_WIDTH} bases, got {length}"
        )
    found = find_instruments(
        scaled_effects(effects, scale),
        effects.offset,
        least=rule.effects.instrument,
        gap=rule.sites.gap,
        positions=rule.sites.positions,
    )
    weight = np.where(found.first, found.effect**2, 0.0)
    total = weight.sum(axis=-1)
    where = np.take_along_axis(
        np.broadcast_to(effects.offset, (len(effects.tasks), *effects.offset.shape)),
        found.index,
        axis=-1,
    )
    centre = (weight * where).sum(axis=-1) / np.where(total > 0, total, 1.0)
    order = np.argsort(-total, axis=-1, kind="stable")[:, :per_task]
    task = np.repeat(np.arange(len(total)), order.shape[1])
    locus = order.ravel()
    kept = total[task, locus] > 0
    start = (
        np.rint(centre[task, locus] - WINDOW_WIDTH / 2).astype(int).clip(0, length - WINDOW_WIDTH)
    )
    windows = codes[locus[:, None], start[:, None] + np.arange(WINDOW_WIDTH)][kept]
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(codes[rng.integers(0, len(codes), n_candidates)], axis=1)
    return DesignPlan(
        windows=np.unique(windows, axis=0), candidates=shuffled, scale=scale, seed=seed
    )


def neutral_backgrounds(
    plan: DesignPlan, level: Callable[[np.ndarray], np.ndarray]
) -> UInt8[np.ndarray, "background length"]:
    """Return sequences on which no task is active, made from the least active candidates.

    Activity is the largest distance of a task's level from its median over all candidates.
    Windows of ten bases are drawn anew in turn wherever that lowers it.

    Args:
        plan: Holds the candidates.
        level: Codes to levels (sequence, task), over each task's scale.
    """
    rng = np.random.default_rng(plan.seed + 1)
    reached = level(plan.candidates)
    quiet = np.median(reached, axis=0)
    activity = np.abs(reached - quiet).max(axis=1)
    chosen = np.argsort(activity)[:BACKGROUNDS]
    made, now = plan.candidates[chosen].copy(), activity[chosen]
    length = made.shape[1]
    row = np.arange(len(made))
    for _ in range(_ROUNDS):
        for start in range(0, length, _STEP):
            stop = min(start + 2 * _STEP, length)
            tried = np.repeat(made[:, None], _DRAWS, axis=1)
            tried[:, :, start:stop] = rng.integers(0, 4, (len(made), _DRAWS, stop - start))
            change = level(tried.reshape(-1, length)) - quiet
            value = np.abs(change).max(axis=1).reshape(len(made), _DRAWS)
            best = value.argmin(axis=1)
            better = value[row, best] < now
            made[better] = tried[row, best][better]
            now = np.where(better, value[row, best], now)
    return made


def inserted(
    background: UInt8[np.ndarray, "background length"],
    pieces: UInt8[np.ndarray, "sequence slot width"],
    starts: Int[np.ndarray, " slot"],
) -> UInt8[np.ndarray, "background sequence length"]:
    """Write pieces into every background, slot by slot; base 4 leaves the background's own.

    Args:
        background: Sequences to write into.
        pieces: One piece for each slot of each designed sequence.
        starts: First base of each slot.
    """
    made = np.repeat(background[:, None], len(pieces), axis=1)
    for slot, start in enumerate(starts):
        piece = pieces[:, slot]
        view = made[:, :, start : start + piece.shape[1]]
        view[...] = np.where(piece == 4, view, piece)
    return made
