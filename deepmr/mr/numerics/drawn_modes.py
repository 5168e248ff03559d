"""Highest points of many Gaussian kernel densities that lie near a known one, exactly.

A bootstrap of a mode needs a thousand of them a locus. Each density is first summed on a grid of
its own around the locus's mode, which finds the hills that can be the highest; from there a few
steps with the exact sums reach the top. Where the grid proves nothing the full search is done.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from deepmr.mr.numerics.kernel_density import CANDIDATES, kernel_mode

__all__ = ["Cells", "modes_near"]

_CELLS = 512
_PER_WIDTH = 5  # cells a bandwidth
_REACH = 6  # bandwidths: the kernel is below 2e-8 beyond
_SHARED = 1 / (6 * _PER_WIDTH**2)
"""Variance, in squared bandwidths, that sharing a weight between two cells adds to its kernel.

The kernel on the grid has as much less.
"""
_MARGIN = 0.03
"""How much a hill's sum on the grid may err, in units of all weight.

Sharing a weight between two cells errs by at most 1 / (8 x 5^2) = .005 of it, the narrower kernel
by .0035, and a top between two cells is higher than they by at most .005; twice, as two hills are
compared.
"""
_MOVED = 10
"""Bandwidths that a centre may move before it gets a grid of its own, which reaches 51."""
_STEPS = 30
_ELEMENTS = 1 << 20
_NEAR = 1e-3  # of a bandwidth: the next error of a step of third order is its cube


class Cells:
    """The cells of draws' ratios on grids around their centres, kept for other weights."""

    def __init__(self) -> None:
        self._start: np.ndarray | None = None
        self._kept: tuple[np.ndarray, np.ndarray] | None = None

    def start(self, start: np.ndarray, width: np.ndarray) -> np.ndarray:
        """Return the kept centres where all are near the new ones; else forget and use the new."""
        if self._start is None or bool(np.any(np.abs(start - self._start) > _MOVED * width)):
            self._start, self._kept = start, None
        return self._start

    def of(
        self, rows: np.ndarray, start: np.ndarray, width: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return each ratio's lower cell, counted through all rows, and the next one's share."""
        if self._kept is None:
            place = rows - start[:, None]
            place *= (_PER_WIDTH / width)[:, None]
            place += _CELLS / 2 + 2
            np.clip(place, 0.0, _CELLS + 3.0, out=place)
            cell = place.astype(np.int64)  # rounds down, as nothing is below 0
            place -= cell
            cell += np.arange(len(rows))[:, None] * (_CELLS + 4)
            self._kept = cell, place
        return self._kept


def modes_near(
    centre: Float64[np.ndarray, " locus"],
    ratio: Float64[np.ndarray, "draw locus variant"],
    weight: Float64[np.ndarray, "draw locus variant"],
    h: Float64[np.ndarray, "draw locus"],
    cells: Cells | None = None,
) -> Float64[np.ndarray, "draw locus"]:
    """Return the highest point of each draw's Gaussian kernel density.

    Args:
        centre: Where to look first: the mode of the data that the draws are drawn around.
        ratio: The draws; absent ones are NaN.
        weight: Their weights, which sum to 1; absent ones have 0.
        h: Bandwidths; the answer is NaN where one is not above 0.
        cells: Place for the ratios on the grid, which calls with other weights but the same ratios
            and bandwidths share: filled by the first; by default (None) not kept. Where the
            centre has moved, it is looked for around the first call's.

    Example:
        >>> ratio = np.array([[[1.0, 1.1, 1.2, 5.0]]])
        >>> found = modes_near(np.array([1.0]), ratio, np.full((1, 1, 4), 0.25), np.array([[0.3]]))
        >>> found.round(3).tolist()
        [[1.1]]
    """
    batch, count = h.shape, ratio.shape[-1]
    width = np.where(h > 0, h, 1.0).reshape(-1)
    start = np.broadcast_to(np.where(np.isfinite(centre), centre, 0.0), batch).reshape(-1)
    cells = Cells() if cells is None else cells
    start = cells.start(start, width)
    rows = ratio.reshape(-1, count)
    absent = np.isnan(rows)
    if absent.any():
        rows = np.where(absent, start[:, None], rows)
    mass = np.broadcast_to(weight, ratio.shape).reshape(-1, count)
    height, beyond = _on_grid(mass, *cells.of(rows, start, width))
    highest = height.max(axis=-1)
    proven = highest > beyond + _MARGIN
    row, cell = _hills(height, np.where(proven, highest - _MARGIN, np.inf))
    offset = (cell - _CELLS / 2 + _between(height, row, cell)) / _PER_WIDTH
    top, reached = _polish(start[row] + offset * width[row], rows, mass, width, row)
    proven[row[~reached]] = False
    mode = _highest(top, rows, mass, width, row)
    rest = np.flatnonzero(~proven & (h.reshape(-1) > 0) & np.isfinite(beyond))
    step = max(1, _ELEMENTS // (count * min(count, CANDIDATES)))
    for part in (rest[k : k + step] for k in range(0, len(rest), step)):
        mode[part] = kernel_mode(rows[part], mass[part], width[part])
    return np.asarray(np.where(h > 0, mode.reshape(batch), np.nan))


def _on_grid(
    mass: np.ndarray, cell: np.ndarray, share: np.ndarray
) -> tuple[Float64[np.ndarray, "row cell"], Float64[np.ndarray, " row"]]:
    """Return each density at the cells, and the weight that may pile up outside of them.

    Cells closer than a kernel's reach to an end are left at 0: sums there lack what lies outside.
    """
    place = share * mass
    size = len(mass) * (_CELLS + 4)
    upper = np.bincount(cell.ravel(), place.ravel(), minlength=size + 1)
    found = np.bincount(cell.ravel(), mass.ravel(), minlength=size + 1)
    found -= upper
    found[1:] += upper[:-1]
    counts = found[:size].reshape(len(mass), -1)[:, 2 : 2 + _CELLS]
    edge = 2 * _REACH * _PER_WIDTH
    beyond = 1 - counts[:, edge + 1 : _CELLS - edge - 1].sum(axis=-1)
    distance = np.minimum(np.arange(_CELLS), _CELLS - np.arange(_CELLS)) / _PER_WIDTH
    kernel = np.exp(-0.5 * distance**2 / (1 - _SHARED)) / np.sqrt(1 - _SHARED)
    height = np.fft.irfft(np.fft.rfft(counts) * np.fft.rfft(kernel), n=_CELLS)
    edge = _REACH * _PER_WIDTH
    height[:, :edge], height[:, -edge:] = 0.0, 0.0
    return height, beyond


def _hills(height: np.ndarray, least: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return row and cell of all local maxima that are high enough."""
    middle = height[:, 1:-1]
    top = (middle >= height[:, :-2]) & (middle > height[:, 2:]) & (middle >= least[:, None])
    row, cell = np.nonzero(top)
    return row, cell + 1


def _between(height: np.ndarray, row: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return how many cells the top lies from the highest of three, by a quartic through five."""
    far, left, middle, right, beyond = (height[row, cell + k] for k in (-2, -1, 0, 1, 2))
    slope = (far - beyond + 8 * (right - left)) / 12
    bend = (16 * (left + right) - far - beyond - 30 * middle) / 12
    third = (beyond - far + 2 * (left - right)) / 2
    fourth = far + beyond - 4 * (left + right) + 6 * middle
    at = np.zeros_like(middle)
    for _ in range(3):
        gradient = slope + at * (bend + at * (third / 2 + at * fourth / 6))
        curve = bend + at * (third + at * fourth / 2)
        at = np.clip(at - gradient / np.where(curve < 0, curve, -np.inf), -0.5, 0.5)
    return np.asarray(at)


def _polish(
    at: np.ndarray, rows: np.ndarray, mass: np.ndarray, width: np.ndarray, row: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Climb to the top of each hill by Halley's method; say where it was reached."""
    reached = np.zeros(len(at), dtype=bool)
    todo = np.arange(len(at))
    for _ in range(_STEPS):
        if not todo.size:
            break
        mine = row[todo]
        whole = todo.size == len(rows) and bool(np.all(mine == np.arange(len(rows))))
        ratio, weight = (rows, mass) if whole else (rows[mine], mass[mine])
        z = ratio - at[todo, None]
        z *= 1 / width[mine, None]
        k = z * z
        k *= -0.5
        np.exp(k, out=k)
        k *= weight
        total = k.sum(axis=-1)
        k *= z
        slope, second = k.sum(axis=-1), np.vecdot(k, z)
        z *= z
        third = np.vecdot(k, z) - 3 * slope
        curve = second - total
        halley = -2 * slope * curve / (2 * curve**2 - slope * third)
        sure = (curve < 0) & (np.abs(halley) < 0.5)
        move = np.where(sure, halley, slope / np.where(total > 0, total, 1.0))
        at[todo] += move * width[mine]
        done = sure & (np.abs(move) <= _NEAR)
        reached[todo[done]] = True
        todo = todo[~done]
    return at, reached


def _highest(
    top: np.ndarray, rows: np.ndarray, mass: np.ndarray, width: np.ndarray, row: np.ndarray
) -> Float64[np.ndarray, " row"]:
    """Return the highest of each row's tops."""
    mode = np.full(len(rows), np.nan)
    mode[row] = top
    several = np.bincount(row, minlength=len(rows))[row] > 1
    if not several.any():
        return mode
    row, top = row[several], top[several]
    z = (rows[row] - top[:, None]) / width[row, None]
    order = np.argsort(np.vecdot(np.exp(-0.5 * z * z), mass[row]), kind="stable")
    mode[row[order]] = top[order]  # the last to be written is the highest
    return mode
