"""Kinds of site from the response profiles of windows over tasks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int

__all__ = ["ACTIVE", "LEAST_EXPLAINED", "explained_share", "kinds_of", "representatives"]

ACTIVE = 0.15
"""A window, or a kind, moves a task from .15 of its scale, or of its largest kind's effect."""

LEAST_EXPLAINED = 0.88
"""Share of windows' responses that kinds must explain: below, a kind was lost."""

_ALIKE = 0.9  # cosine between response profiles of one kind's windows
_MEMBERS = 3  # windows that a kind needs
_KINDS = 6


def kinds_of(profile: Float64[np.ndarray, "window task"]) -> Int[np.ndarray, " window"]:
    """Sort windows into kinds by the direction of their response over tasks, sparsest first.

    A window whose response is a sum of kinds already found holds several sites and gets none.

    Args:
        profile: Change of every task, over its scale, by each window on neutral backgrounds.

    Returns:
        Number of the kind; -1 for none.

    Example:
        >>> one, two = np.array([1.0, 0.5, 0.0]), np.array([0.0, 0.0, 0.8])
        >>> kinds_of(np.stack([one] * 3 + [two] * 3 + [one + two])).tolist()
        [1, 1, 1, 0, 0, 0, -1]
    """
    size = np.linalg.norm(profile, axis=1)
    unit = profile / np.where(size > 0, size, 1.0)[:, None]
    breadth = (np.abs(profile) >= ACTIVE).sum(axis=1)
    strong = np.abs(profile).max(axis=1, initial=0.0) >= ACTIVE
    alike = unit @ unit.T >= _ALIKE
    label = np.full(len(profile), -1)
    centres: list[np.ndarray] = []
    for w in np.lexsort((-size, breadth)):
        if not strong[w] or label[w] >= 0 or len(centres) == _KINDS:
            continue
        members = np.flatnonzero(alike[w] & strong & (label < 0))
        if len(members) < _MEMBERS or _is_sum(profile[w], centres):
            continue
        label[members] = len(centres)
        centres.append(unit[members].mean(axis=0))
    return label


def _is_sum(one: np.ndarray, centres: list[np.ndarray]) -> bool:
    if not centres:
        return False
    basis = np.stack(centres, axis=1)
    weight = np.linalg.lstsq(basis, one, rcond=None)[0].clip(0.0)
    left = one - basis @ weight
    return bool(left @ left <= (1 - LEAST_EXPLAINED) * (one @ one))


def representatives(
    profile: Float64[np.ndarray, "window task"], label: Int[np.ndarray, " window"]
) -> Int[np.ndarray, " kind"]:
    """Return each kind's strongest window among the half closest to the kind's direction."""
    chosen = []
    for kind in range(label.max(initial=-1) + 1):
        members = np.flatnonzero(label == kind)
        unit = profile[members] / np.linalg.norm(profile[members], axis=1)[:, None]
        close = unit @ unit.mean(axis=0)
        near = members[close >= np.median(close)]
        chosen.append(near[np.linalg.norm(profile[near], axis=1).argmax()])
    return np.asarray(chosen, dtype=np.int64)


def explained_share(
    profile: Float64[np.ndarray, "window task"], kind: Float64[np.ndarray, "kind task"]
) -> Float64[np.ndarray, " task"]:
    """Return how well kinds explain the windows that move each task.

    Per window, over all tasks, as a task that needs two motifs at once answers to no kind
    alone; windows count by their squared effect on the task. A task that no window moves gets
    the mean over all windows.
    """
    if len(kind) == 0 or len(profile) == 0:
        return np.zeros(profile.shape[1])
    weight = np.linalg.lstsq(kind.T, profile.T, rcond=None)[0].clip(0.0)
    square = (profile**2).sum(axis=1)
    left = ((profile - weight.T @ kind) ** 2).sum(axis=1)
    share = 1.0 - np.divide(left, square, out=np.ones_like(left), where=square > 0)
    moves = np.where(np.abs(profile) >= ACTIVE, profile**2, 0.0)
    total = moves.sum(axis=0)
    own = np.divide(share @ moves, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(np.where(total > 0, own, np.average(share, weights=square + 1e-12)))
