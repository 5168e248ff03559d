"""Scatter and dose-response of one locus, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from deepmr.effects import MemberEffects
from deepmr.mr import MREstimate
from deepmr.plot.dose_response import dose_response
from deepmr.plot.scatter import mr_scatter
from deepmr.plot.style import style

__all__ = ["locus_response"]

_WIDTH, _HEIGHT = 7.4, 3.3  # inches
_LEFT, _RIGHT, _BOTTOM, _TOP = 0.75, 0.08, 0.5, 0.1  # margins of each axes in inches
_SHARES = (0.53, 0.47)  # of the width between them


@style()
def locus_response(
    effects: MemberEffects,
    exposure: str,
    outcome: str,
    *,
    instruments: Bool[np.ndarray, " variant"],
    estimates: Sequence[MREstimate] = (),
    true_value: float | None = None,
    units: tuple[str, str] = ("", ""),
) -> tuple[Axes, Axes]:
    """Draw a locus's variants with the slopes of estimators and members, and the dose-response.

    Args:
        effects: Effects at one locus.
        exposure: Name of the exposure's task.
        outcome: Name of the outcome's task.
        instruments: Variants that are instruments.
        estimates: Estimates of the locus, without batch axes; the first one's slope is drawn in
            the dose-response, too. None by default.
        true_value: Slope of a simulation's noiseless effects over the instruments; unknown by
            default.
        units: Units of exposure and outcome effects; none by default.

    Raises:
        ValueError: If the effects belong to several loci.
        LookupError: If a task was not kept.

    Example:
        >>> change = np.linspace(-2.0, 2.0, 9)
        >>> effects = MemberEffects(
        ...     value=np.stack([np.outer([0.9, 1.1], change), np.outer([0.4, 0.6], change)]),
        ...     tasks=("X", "Y"), offset=np.arange(9), ref=np.zeros(9, int), alt=np.ones(9, int),
        ...     mask=np.ones(9, dtype=bool))
        >>> axes = locus_response(effects, "X", "Y", instruments=np.abs(change) > 0.5)
        >>> axes[0].get_xlabel(), axes[1].get_ylabel()
        ('Effect on X', 'Mean effect on Y')
    """
    left, right = _layout()
    describe = effects.summarise if effects.n_members > 1 else effects.exact
    summary = describe(exposure, outcome)
    used = instruments[: effects.mask.shape[-1]] & effects.mask
    x, y = effects.of(exposure)[:, used], effects.of(outcome)[:, used]
    square = np.sum(x * x, axis=1)
    slopes = np.divide(
        np.sum(x * y, axis=1), square, out=np.full_like(square, np.nan), where=square > 0
    )
    mr_scatter(
        replace(summary, mask=used),
        estimates,
        exposure=exposure,
        outcome=outcome,
        units=units,
        tried=effects.mask,
        member_slopes=slopes if used.any() else None,
        true_value=true_value,
        ax=left,
    )
    first = float(estimates[0].effect.value) if estimates else None
    dose_response(x, y, slope=first, names=(exposure, outcome), units=units, ax=right)
    for ax in (left, right):
        if used.any():
            ax.xaxis.set_major_locator(MaxNLocator(5))
    return left, right


def _layout() -> tuple[Axes, Axes]:
    """Return axes at fixed places: a layout engine takes longer than the drawing."""
    figure = Figure(figsize=(_WIDTH, _HEIGHT))
    FigureCanvasAgg(figure)
    free = _WIDTH - 2 * _LEFT - 2 * _RIGHT
    bottom, height = _BOTTOM / _HEIGHT, 1 - (_BOTTOM + _TOP) / _HEIGHT
    wide, narrow = (free * share for share in _SHARES)
    second = 2 * _LEFT + wide + _RIGHT
    left = figure.add_axes((_LEFT / _WIDTH, bottom, wide / _WIDTH, height))
    return left, figure.add_axes((second / _WIDTH, bottom, narrow / _WIDTH, height))
