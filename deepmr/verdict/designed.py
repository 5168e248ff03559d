"""Designed instruments: kinds of site, their doses in every context, and what pairs show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int, UInt8

from deepmr.verdict.design import (
    WINDOW_WIDTH,
    DesignPlan,
    Predict,
    inserted,
    neutral_backgrounds,
)
from deepmr.verdict.reasons import caveat_sentence
from deepmr.verdict.verdict import Measure, Verdict
from deepmr.verdict.window_kinds import (
    ACTIVE,
    LEAST_EXPLAINED,
    explained_share,
    kinds_of,
    representatives,
)

__all__ = ["DesignedEvidence", "judge_designed", "measure_designed"]

_SILENT = 0.08  # and leaves it up to .08
_DOSES = (0.35, 0.7)
_PRIVATE = 0.25  # a private kind of the source that vetoes moves it this much
_VETO, _RESCUE = 0.4, 0.7  # agreement of kinds at equal x
_IMPURE = 1.2  # kinds compared move the target at most so much more than the source
_STRONG = 0.3  # kinds compared at equal x move the source by .3


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignedEvidence:
    """Levels of every task on designed sequences, by kind of site, context and dose.

    Args:
        level: On neutral backgrounds (mean over them), over the task's scale; dose 0 is absence,
            dose 3 the whole site; a context is which of the other kinds are there.
        present: Which kinds are present in a context, the varied one left out.
        explained: Share of squared responses that kinds explain, of windows that move a task.
    """

    level: Float64[np.ndarray, "kind context 4 task"]
    present: Bool[np.ndarray, "kind context kind"]
    explained: Float64[np.ndarray, " task"]

    @property
    def response(self) -> Float64[np.ndarray, "kind task"]:
        """R: the largest effect of a kind over contexts, over the task's largest kind's."""
        if len(self.level) == 0:
            return np.zeros((0, self.level.shape[-1]))
        size = np.abs(self.level[:, :, 3] - self.level[:, :, 0]).max(axis=1)
        most = size.max(axis=0)
        # A task that no kind moves by a tenth of its scale has no inputs here, not tiny ones.
        return np.asarray(size / np.where(most >= 0.1, most, np.inf))

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"response": self.response.tolist(), "explained": self.explained.tolist()}


def measure_designed(plan: DesignPlan, predict: Predict) -> DesignedEvidence:
    """Make backgrounds, find kinds of site, and measure their factorial.

    Args:
        plan: As `plan_designed` returns it.
        predict: Predictions of the networks, (sequence, task, member), on the effect scale.
    """
    divisor = np.where(plan.scale > 0, plan.scale, np.inf)

    def level(codes: np.ndarray) -> np.ndarray:
        return np.asarray(predict(codes).mean(axis=-1) / divisor, dtype=np.float64)

    background = neutral_backgrounds(plan, level)
    middle = np.array([(background.shape[1] - WINDOW_WIDTH) // 2])
    base = level(background)
    profile = _levels(level, background, plan.windows[:, None], middle) - base.mean(axis=0)
    label = kinds_of(profile)
    best = representatives(profile, label)
    pieces = (
        np.stack([_dosed(level, background, plan.windows[w], middle) for w in best])
        if len(best)
        else np.zeros((0, 4, WINDOW_WIDTH), dtype=np.uint8)
    )
    explained = explained_share(profile, profile[best])
    return _factorial(level, background, pieces, explained, plan)


def _levels(
    level: Any,
    background: UInt8[np.ndarray, "background length"],
    pieces: UInt8[np.ndarray, "sequence slot width"],
    starts: Int[np.ndarray, " slot"],
) -> Float64[np.ndarray, "sequence task"]:
    """Return mean levels over backgrounds of designed sequences."""
    made = inserted(background, pieces, starts)
    reached = level(made.reshape(-1, made.shape[-1]))
    return np.asarray(reached.reshape(*made.shape[:2], -1).mean(axis=0))


def _dosed(
    level: Any,
    background: UInt8[np.ndarray, "background length"],
    window: UInt8[np.ndarray, " width"],
    middle: Int[np.ndarray, " 1"],
) -> UInt8[np.ndarray, "4 width"]:
    """Return absence (code 4), two weakened versions and the whole window."""
    width = len(window)
    mutants = np.repeat(window[None], 3 * width, axis=0)
    row = np.arange(3 * width)
    mutants[row, row // 3] = (mutants[row, row // 3] + 1 + row % 3) % 4
    absent = np.full((1, width), 4, dtype=np.uint8)
    pieces = np.concatenate([absent, window[None], mutants])[:, None]
    reached = _levels(level, background, pieces, middle)
    whole = reached[1] - reached[0]
    along = (reached[2:] - reached[0]) @ whole / max(float(whole @ whole), 1e-12)
    weakened = [mutants[np.abs(along - dose).argmin()] for dose in _DOSES]
    return np.stack([absent[0], *weakened, window])


def _factorial(
    level: Any,
    background: UInt8[np.ndarray, "background length"],
    pieces: UInt8[np.ndarray, "kind 4 width"],
    explained: Float64[np.ndarray, " task"],
    plan: DesignPlan,
) -> DesignedEvidence:
    """Measure every dose of each kind, in every context of the other kinds."""
    n = len(pieces)
    length, n_task = background.shape[1], len(plan.scale)
    if n == 0:
        return DesignedEvidence(
            level=np.zeros((0, 1, 4, n_task)),
            present=np.zeros((0, 1, 0), dtype=bool),
            explained=explained,
        )
    room = min(WINDOW_WIDTH, length // n)
    cut = (WINDOW_WIDTH - room) // 2
    pieces = pieces[:, :, cut : cut + room]
    contexts = list(product((False, True), repeat=n - 1))  # a single kind has one, the empty one
    on = np.array(contexts, dtype=bool).reshape(len(contexts), n - 1)
    present = np.zeros((n, len(on), n), dtype=bool)
    dose = np.zeros((n, len(on), 4, n), dtype=np.int64)
    for k in range(n):
        others = np.delete(np.arange(n), k)
        present[k][:, others] = on
        dose[k] = 3 * present[k][:, None, :]
        dose[k, :, :, k] = np.arange(4)
    flat = dose.reshape(-1, n)
    designed = pieces[np.arange(n), flat]
    slots = np.arange(n) * (length // n) + (length // n - room) // 2
    rng = np.random.default_rng(plan.seed + 2)
    total = np.zeros((len(flat), n_task))
    for one in background:  # every background has the kinds in an order of its own
        starts = rng.permutation(slots)
        total += _levels(level, one[None], designed, starts)
    mean = (total / len(background)).reshape(n, len(on), 4, n_task)
    return DesignedEvidence(level=mean, present=present, explained=explained)


def judge_designed(
    verdicts: Sequence[Verdict],
    evidence: DesignedEvidence,
    pairs: Int[np.ndarray, "pair 2"],
) -> tuple[Verdict, ...]:
    """Revise verdicts by designed sequences: veto a direction, or rescue an open pair.

    *Veto*: a direction becomes shared if its source has a kind of site that leaves the target, or
    if the source's kinds move the target unlike at equal levels of the source. *Rescue*: an
    undecided or inseparable pair takes the one direction that the designed sequences bear out.
    Neither where the guard of reliability spoke, nor where a kind was lost; none stays.

    Args:
        verdicts: As `judge` returns them.
        evidence: As `measure_designed` returns it.
        pairs: Positions of both tasks of each pair.
    """
    borne, refuted, agreement = directions(evidence)
    revised = []
    for verdict, (a, b) in zip(verdicts, pairs, strict=True):
        known = min(evidence.explained[a], evidence.explained[b]) >= LEAST_EXPLAINED
        new = verdict
        if known:
            numbers = {
                "designed_agreement_forward": Measure(value=float(agreement[a, b])),
                "designed_agreement_reverse": Measure(value=float(agreement[b, a])),
            }
            new = replace(verdict, evidence={**verdict.evidence, **numbers})
            new = _revised(new, borne, refuted, int(a), int(b))
        revised.append(new)
    return tuple(revised)


def _revised(verdict: Verdict, borne: np.ndarray, refuted: np.ndarray, a: int, b: int) -> Verdict:
    acting = {"forward": (a, b), "reverse": (b, a)}.get(verdict.structure)
    if acting is not None and refuted[acting]:
        names = (verdict.exposure, verdict.outcome)
        source, target = names if verdict.structure == "forward" else names[::-1]
        reason = (
            f"In designed sequences, sites that move {source} leave {target}, or move it unlike "
            f"at the same level of {source}: {target} does not follow {source}."
        )
        kept = tuple(name for name in verdict.caveats if name != "nested")
        nested = caveat_sentence("nested", exposure=source, outcome=target)
        others = tuple(one for one in verdict.reasons if one != nested)
        return replace(verdict, structure="shared", caveats=kept, reasons=(reason, *others))
    reliable = "is_reliable" in verdict.evidence and verdict.evidence["is_reliable"].value > 0
    is_open = verdict.structure in ("undecided", "inseparable") and reliable
    if is_open and borne[a, b] != borne[b, a]:
        forward = bool(borne[a, b])
        names = (verdict.exposure, verdict.outcome)
        source, target = names if forward else names[::-1]
        reason = (
            f"In designed sequences every kind of site that moves {source} moves {target} along "
            f"one curve, and {target} has a kind of its own."
        )
        return replace(
            verdict,
            structure="forward" if forward else "reverse",
            caveats=tuple(dict.fromkeys((*verdict.caveats, "nested"))),
            reasons=(
                reason,
                *verdict.reasons,
                caveat_sentence("nested", exposure=source, outcome=target),
            ),
        )
    return verdict


def directions(
    evidence: DesignedEvidence,
) -> tuple[
    Bool[np.ndarray, "task task"], Bool[np.ndarray, "task task"], Float64[np.ndarray, "task task"]
]:
    """Say of each source (rows) and target whether designed sequences bear it out or refute it.

    Returns:
        Borne out; refuted; and the agreement of the source's kinds, NaN with fewer than two.
    """
    r = evidence.response
    x, y = r[:, :, None], r[:, None, :]
    # Private kinds: those that the rescue minds, and the stronger ones that the veto minds.
    leaves = y <= np.minimum(_SILENT, 0.4 * x)
    private = ((x >= ACTIVE) & leaves).any(axis=0)
    heavy = ((x >= _PRIVATE) & leaves).any(axis=0)
    own = ((y >= ACTIVE) & (x <= _SILENT)).any(axis=0)
    has = (x >= ACTIVE).any(axis=0)
    agreement = equal_x_agreement(evidence)
    alike = np.isnan(agreement) | (agreement >= _RESCUE)
    borne = has & own & ~private & alike & _is_monotone(evidence)
    return borne, heavy | (agreement < _VETO), agreement


def equal_x_agreement(evidence: DesignedEvidence) -> Float64[np.ndarray, "task task"]:
    """Return how alike a source's kinds move a target when they move the source alike.

    From each context without kinds of the source, every kind that moves the source by .3 is
    dosed to the same level of the source (the smallest of their full effects), and the target's
    changes there, added up over contexts, are compared: smaller over larger.

    Returns:
        Sources in rows; NaN with fewer than two such kinds, or without a common origin.
    """
    change = evidence.level - evidence.level[:, :, :1]
    n_task = change.shape[-1]
    answer = np.full((n_task, n_task), np.nan)
    r = evidence.response
    for source in range(n_task):
        kinds = np.flatnonzero(r[:, source] >= _STRONG)
        reads = r[:, source] >= ACTIVE
        reached, used = [], []
        for k in kinds:
            origin = ~evidence.present[k][:, reads].any(axis=1)
            mean = change[k][origin].mean(axis=0)  # dose, task
            if abs(mean[3, source]) >= 0.5 * np.abs(change[k, :, 3, source]).max():
                reached.append(mean)
                used.append(k)
        if len(reached) < 2:
            continue
        level = min(abs(one[3, source]) for one in reached)
        moved = np.stack([_at_level(one, source, level) for one in reached])
        # A kind that moves the target more than the source holds a site of the target's own.
        pure = r[used] <= _IMPURE * r[used, source][:, None]
        size = np.abs(moved)
        top = np.where(pure, size, 0.0).max(axis=0)
        bottom = np.where(pure, size, np.inf).min(axis=0)
        same = (~pure | (moved >= 0)).all(axis=0) | (~pure | (moved <= 0)).all(axis=0)
        ratio = np.divide(bottom, top, out=np.zeros(n_task), where=top > 0)
        comparable = (pure.sum(axis=0) > 1) & (top >= 0.05)
        answer[source] = np.where(comparable, ratio * same, np.nan)
    return answer


def _at_level(
    change: Float64[np.ndarray, "4 task"], source: int, level: float
) -> Float64[np.ndarray, " task"]:
    """Interpolate all tasks' changes where the source has moved by ``level``."""
    x = np.abs(change[:, source])
    order = np.argsort(x)
    return np.array([np.interp(level, x[order], column[order]) for column in change.T])


def _is_monotone(evidence: DesignedEvidence) -> Bool[np.ndarray, "task task"]:
    """Say whether a target moves one way whenever the source rises, by whatever dose or context."""
    step = np.diff(evidence.level, axis=2).reshape(-1, evidence.level.shape[-1])
    size = np.abs(step)
    weight = np.where(size >= 0.05, size, 0.0)
    sign = np.sign(step) * (size >= 0.02)
    rising = np.einsum("nx,ny->xy", weight * np.sign(step), sign)
    total = np.einsum("nx,ny->xy", weight, np.abs(sign))
    share = np.divide(np.abs(rising), total, out=np.zeros_like(total), where=total > 0)
    return np.asarray((1 + share) / 2 >= 0.8)
