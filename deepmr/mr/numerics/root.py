"""Finding roots and minima of one-dimensional functions, one for each locus at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64

__all__ = ["bracket_from", "grid_minimum", "root"]

Function = Callable[[Float64[np.ndarray, "*batch"]], Float64[np.ndarray, "*batch"]]

_ROUNDS = 200
_EXACT = 4 * float(np.finfo(np.float64).eps)


def root(
    function: Function, low: Float64[np.ndarray, "*batch"], high: Float64[np.ndarray, "*batch"]
) -> Float64[np.ndarray, "*batch"]:
    """Find where ``function`` goes from negative at ``low`` to positive at ``high``, or back.

    False position (the Illinois rule), with a bisection whenever a step gains less than half.
    Where the ends have the same sign the end with the smaller value is returned.
    """
    f_low, f_high = function(low), function(high)
    valid = np.sign(f_low) * np.sign(f_high) < 0
    fallback = np.where(np.abs(f_low) <= np.abs(f_high), low, high)
    a, b, fa, fb = low.copy(), high.copy(), f_low.copy(), f_high.copy()
    bisect = np.zeros(a.shape, bool)
    for _ in range(_ROUNDS):
        width = np.abs(b - a)
        if bool(np.all(~valid | (width <= _EXACT * (np.abs(a) + np.abs(b))))):
            break
        step = np.where(fb != fa, fb * (b - a) / np.where(fb != fa, fb - fa, 1.0), width / 2)
        guess = np.where(bisect, (a + b) / 2, b - step)
        guess = np.where(valid, np.clip(guess, np.minimum(a, b), np.maximum(a, b)), a)
        value = function(guess)
        hit = value == 0
        same_as_b = np.sign(value) == np.sign(fb)
        fa = np.where(same_as_b, fa / 2, fb)
        a = np.where(same_as_b, a, b)
        b, fb = guess, value
        a, fa = np.where(hit, guess, a), np.where(hit, value, fa)
        bisect = np.abs(b - a) > width / 2
    return np.asarray(np.where(valid, b, fallback))


def grid_minimum(
    function: Function, nodes: Float64[np.ndarray, " node *batch"]
) -> tuple[Float64[np.ndarray, "*batch"], ...]:
    """Return the node before, at and after the smallest value of ``function``."""
    values = np.stack([function(node) for node in nodes])
    best = np.argmin(np.where(np.isnan(values), np.inf, values), axis=0)
    last = len(nodes) - 1
    pick = [np.clip(best + shift, 0, last) for shift in (-1, 0, 1)]
    return tuple(np.take_along_axis(nodes, k[None, :], axis=0)[0] for k in pick)


def bracket_from(
    score: Function,
    start: Float64[np.ndarray, "*batch"],
    step: Float64[np.ndarray, "*batch"],
) -> tuple[Float64[np.ndarray, "*batch"], Float64[np.ndarray, "*batch"]]:
    """Walk downhill from ``start`` until the derivative ``score`` changes sign.

    Returns:
        Two points with the local minimum between them.
    """
    slope = score(start)
    near = start.copy()
    move = -np.sign(slope) * step
    far = near + move
    walking = slope != 0
    for _ in range(_ROUNDS):
        crossed = np.sign(score(far)) != np.sign(slope)
        walking &= ~crossed
        if not bool(np.any(walking)):
            break
        near = np.where(walking, far, near)
        move = np.where(walking, 1.5 * move, move)
        far = np.where(walking, far + move, far)
    return near, far
