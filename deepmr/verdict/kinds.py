"""Kinds of site: what the other tasks of a run tell of a task's sites."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.verdict.evidence import PairEvidence
from deepmr.verdict.statistics import PairStatistics
from deepmr.verdict.thresholds import Thresholds
from deepmr.verdict.wilson import wilson

__all__ = ["distinct_kinds", "hidden_kinds"]


def distinct_kinds(
    evidence: PairEvidence, pairs: Int[np.ndarray, "pair 2"], rule: Thresholds
) -> Bool[np.ndarray, " task"]:
    """Return which tasks have sites of different kinds, as shown by the other tasks of the run.

    Two sites that move some task by different slopes are of different kinds. Without such a task
    (a run of two tasks has none) they may be copies of one motif, whose agreement does not exclude
    that the outcome reads this motif itself.
    """
    two, agree = evidence.total["two_sites"], evidence.total["agree"]
    share = np.divide(agree, two, out=np.zeros_like(agree), where=two > 0)
    differ = (two >= rule.sites.min_two) & (
        wilson(share, two, z=rule.z) < rule.agreement.kinds_differ
    )
    found = np.zeros(int(pairs.max(initial=-1)) + 1, dtype=bool)
    np.logical_or.at(found, pairs, differ)
    return found


def hidden_kinds(statistics: PairStatistics, rule: Thresholds) -> Bool[np.ndarray, "pair 2"]:
    """Return where other tasks show that a source has sites that its target does not read.

    A source that answers to either of two motifs (OR, maximum) has one site a locus, so
    its sites cannot be compared within loci. Between loci they can: if a third task transmits
    where the target does not, and hardly where it does, the source has sites of a kind that the
    target does not read. Gating of the target leaves the third task as it is.

    Args:
        statistics: Of all pairs of a run; two tasks alone show nothing.
        rule: The constants.
    """
    n_task = len(statistics.tasks)
    moved = np.zeros((n_task, statistics.n_loci, n_task))
    considered = np.zeros((n_task, statistics.n_loci))
    found, asked = statistics.of("transmits"), statistics.of("considered")
    for direction in (0, 1):
        source = statistics.pairs[:, direction]
        moved[source, :, statistics.pairs[:, 1 - direction]] = found[:, :, direction].T
        considered[source] = asked[:, :, direction].T
    still = considered[:, :, None] - moved
    with_target = np.einsum("sly,slz->syz", moved, moved, optimize=True)
    without = np.einsum("sly,slz->syz", still, moved, optimize=True)
    n_with, n_without = moved.sum(axis=1)[:, :, None], still.sum(axis=1)[:, :, None]
    rare = wilson(_share(with_target, n_with), n_with + 0 * with_target, z=rule.z)
    often = wilson(_share(without, n_without), n_without + 0 * without, z=-rule.z)
    many = n_without >= rule.own.kind_share * (n_with + n_without)
    shown = (
        many
        & (without >= rule.effects.min_loci)
        & (often >= rule.own.kind_often)
        & (rare <= rule.own.kind_rare)
    )
    hidden = shown.any(axis=-1)
    source, target = statistics.pairs, statistics.pairs[:, ::-1]
    return np.asarray(hidden[source, target])


def _share(part: np.ndarray, whole: np.ndarray) -> Float64[np.ndarray, "..."]:
    bottom = np.broadcast_to(whole, part.shape)
    return np.asarray(np.divide(part, bottom, out=np.zeros_like(part), where=bottom > 0))
