"""Reliability diagrams: observed frequency against predicted probability."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from deepmr.calibration import CalibrationCurve
from deepmr.plot.style import COLOURS, FADED, new_axes, style

__all__ = ["reliability"]


@style()
def reliability(
    curves: Mapping[str, CalibrationCurve],
    *,
    task: str = "",
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw the observed frequency of each bin against its mean prediction.

    Error bars are Wilson 95 % intervals; the strip above shows how many samples each bin of the
    last curve holds. Calibrated predictions lie on the diagonal.

    Args:
        curves: Calibration curves by name, in order of drawing, such as ``raw`` and
            ``calibrated``.
        task: Name of the task, for the title; empty by default.
        log: Use logarithmic axes, for tasks with rare positives; False by default.
        ax: Axes to draw into; by default (None) those of a new figure.

    Raises:
        ValueError: If there is no curve.
    """
    if not curves:
        raise ValueError("a reliability diagram needs at least one curve, got none")
    ax = new_axes(ax, width=4.2, height=4.6)
    floor = _floor(curves) if log else 0.0
    ax.plot([floor, 1.0], [floor, 1.0], color=FADED, linestyle=(0, (4, 2)), linewidth=1.0, zorder=1)
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        low, high = curve.interval()
        frequency = np.maximum(curve.frequency, floor)
        reach = np.stack([frequency - np.maximum(low, floor), high - frequency])
        ax.errorbar(
            np.maximum(curve.confidence, floor),
            frequency,
            yerr=np.maximum(reach, 0.0),
            color=colour,
            marker="o",
            markersize=3.5,
            linewidth=1.2,
            elinewidth=0.8,
            label=f"{name} ({int(curve.count.sum()):,} samples)",
        )
    if log:
        ax.set(xscale="log", yscale="log", xlim=(floor, 1.0), ylim=(floor, 1.0))
    else:
        ax.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    ax.set(xlabel="Mean prediction", ylabel="Observed frequency")
    ax.set_title(task.replace("_", " "), y=1.19)
    ax.legend(loc="upper left", handlelength=1.4)
    _counts(ax, list(curves.values()), floor)
    return ax


def _floor(curves: Mapping[str, CalibrationCurve]) -> float:
    """Return the lowest decade that shows every mean prediction, but not below 1e-6."""
    least = min(float(curve.confidence.min()) for curve in curves.values())
    return float(10.0 ** np.floor(np.log10(max(least, 1e-6))))


def _counts(ax: Axes, curves: list[CalibrationCurve], floor: float) -> None:
    """Draw the bins' sample counts in a strip above."""
    # Above rather than below: the layout engine makes room for a title, not for an inset's label.
    strip = ax.inset_axes((0.0, 1.03, 1.0, 0.14), sharex=ax)
    for curve, colour in zip(curves, COLOURS, strict=False):
        strip.vlines(
            np.maximum(curve.confidence, floor), 0.5, curve.count, color=colour, linewidth=2.0
        )
    top = max(int(curve.count.max()) for curve in curves)
    strip.set(yscale="log", ylabel="Samples", ylim=(0.5, 3.0 * top))
    strip.yaxis.label.set_size(8)
    strip.tick_params(labelbottom=False)
