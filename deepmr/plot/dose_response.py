"""Dose-response at a locus: mean outcome effect of instruments of like exposure effect."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes

from deepmr.plot.style import COLOURS, FADED, INK, new_axes, style

__all__ = ["dose_response"]

_FEW = 4  # instruments a point, at least


@style()
def dose_response(
    exposure: Float64[np.ndarray, "member variant"],
    outcome: Float64[np.ndarray, "member variant"],
    *,
    slope: float | None = None,
    names: tuple[str, str] = ("exposure", "outcome"),
    units: tuple[str, str] = ("", ""),
    n_points: int = 6,
    ax: Axes | None = None,
) -> Axes:
    """Draw mean effects of groups of instruments, for every member and over all of them.

    Instruments are ordered by their mean exposure effect and divided into groups of equal number.
    Points that follow one line are one dose-response; a bend, or a point off it, is another
    mechanism.

    Args:
        exposure: Exposure effects of the instruments, a row a member.
        outcome: Outcome effects of the same.
        slope: Estimated slope, drawn as a line through the origin; none by default.
        names: Names of exposure and outcome.
        units: Units of their effects; none by default.
        n_points: Largest number of groups, 6 by default.
        ax: Axes to draw into; by default (None) those of a new figure.

    Raises:
        ValueError: If exposure and outcome effects differ in shape.

    Example:
        >>> x = np.linspace(-2.0, 2.0, 24)[None] * np.array([[0.9], [1.1]])
        >>> axes = dose_response(x, 0.5 * x, slope=0.5, names=("GATA1", "TAL1"))
        >>> len(axes.lines[-1].get_xdata())  # means over the members
        6
    """
    if exposure.shape != outcome.shape:
        raise ValueError(
            f"dose_response needs effects of one shape, got {exposure.shape} and {outcome.shape}"
        )
    ax = new_axes(ax, width=3.6, height=3.2)
    ax.axhline(0.0, color=FADED, linewidth=0.6, zorder=0)
    ax.axvline(0.0, color=FADED, linewidth=0.6, zorder=0)
    count = exposure.shape[-1]
    labels = [f"{n} ({unit})" if unit else n for n, unit in zip(names, units, strict=True)]
    ax.set(xlabel=f"Mean effect on {labels[0]}", ylabel=f"Mean effect on {labels[1]}")
    if not count:
        ax.text(0.5, 0.5, "no instrument", transform=ax.transAxes, ha="center", color=INK)
        ax.set(xticks=[], yticks=[])
        return ax
    order = np.argsort(exposure.mean(axis=0), kind="stable")
    groups = np.array_split(order, max(1, min(n_points, count // _FEW)))
    x = np.stack([exposure[:, group].mean(axis=1) for group in groups], axis=-1)
    y = np.stack([outcome[:, group].mean(axis=1) for group in groups], axis=-1)
    if slope is not None and np.isfinite(slope):
        ax.axline((0.0, 0.0), slope=slope, color=COLOURS[0], linewidth=1.2, label="slope")
    for k, (one, other) in enumerate(zip(x, y, strict=True)):
        ax.plot(
            *(one, other, "-"),
            color=FADED,
            linewidth=0.8,
            label=f"each network ({len(x)})" if k == 0 else "_nolegend_",
        )
    ax.plot(x.mean(axis=0), y.mean(axis=0), "o", color=INK, markersize=5, label="mean of networks")
    ax.legend(
        loc="best", handlelength=1.4, fontsize=7.5, frameon=True, framealpha=0.85, edgecolor="none"
    )
    return ax
