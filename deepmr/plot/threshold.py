"""Slope against the threshold from which variants count as instruments."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes

from deepmr.plot.style import COLOURS, FADED, INK, new_axes, style

__all__ = ["threshold_curve"]

_LONGEST_LABEL = 26  # letters that fit along the height
_LONGEST_ROW = 34  # letters of the directions that fit beside each other


@style()
def threshold_curve(
    threshold: Float64[np.ndarray, " threshold"],
    slopes: Mapping[str, Float64[np.ndarray, "row 3"]],
    *,
    asked: float | None = None,
    unit: str = "",
    slope_unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw slopes with their 95 % intervals against the least effect of an instrument.

    Args:
        threshold: Least absolute exposure effect of an instrument, ascending.
        slopes: For each direction, by its name: slope, lower and upper end of its 95 % interval at
            each threshold; NaN is not drawn.
        asked: The threshold of the run, drawn as a dashed line; none by default.
        unit: Unit of the threshold; none by default.
        slope_unit: Unit of the slopes; none by default.
        ax: Axes to draw into; by default (None) those of a new figure.

    Raises:
        ValueError: If a direction does not have one slope a threshold.

    Example:
        >>> curve = np.array([[0.5, 0.4, 0.6], [0.52, 0.4, 0.64]])
        >>> axes = threshold_curve(np.array([0.15, 0.3]), {"X → Y": curve}, unit="logits")
        >>> axes.get_xlabel()
        'Least effect of an instrument (logits)'
    """
    for name, curve in slopes.items():
        if curve.shape != (len(threshold), 3):
            raise ValueError(
                f"threshold_curve needs slope and interval at each of {len(threshold)} "
                f"thresholds, got {curve.shape} for {name}"
            )
    ax = new_axes(ax, width=5.2, height=3.2)
    ax.axhline(0.0, color=FADED, linewidth=0.8, zorder=0)
    if asked is not None:
        ax.axvline(asked, color=INK, linewidth=1.0, linestyle="--", label="this run's threshold")
    span = float(np.ptp(threshold)) or 1.0
    for position, ((name, curve), colour) in enumerate(zip(slopes.items(), COLOURS, strict=False)):
        x = threshold + (position - 0.5 * (len(slopes) - 1)) * 0.012 * span
        value, lower, upper = curve.T
        ax.vlines(x, lower, upper, color=colour, linewidth=1.6)
        ax.plot(x, value, "os"[position % 2] + "-", color=colour, markersize=5, label=name)
    ax.set_xlabel("Least effect of an instrument" + (f" ({unit})" if unit else ""))
    label = f"Slope ({slope_unit})" if slope_unit else "Slope"
    ax.set_ylabel(textwrap.fill(label, _LONGEST_LABEL))
    narrow = sum(map(len, slopes)) > _LONGEST_ROW
    ax.figure.legend(loc="outside upper left", ncols=1 if narrow else 3, handlelength=1.6)
    return ax
