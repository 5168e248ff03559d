"""Baujat plot: contribution of each locus to heterogeneity and to the pooled effect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes

from deepmr.meta import MetaAnalysisResult
from deepmr.meta import baujat as baujat_of
from deepmr.plot.style import COLOURS, FADED, INK, new_axes, style

__all__ = ["baujat"]

_SIZE = (280.0, 210.0)  # of the axes in points, about
_LETTER, _LINE = 5.2, 11.0  # points of a letter's width and of a line's height
_Box = tuple[float, float, float]


@style()
def baujat(
    value: Float64[np.ndarray, " locus"],
    se: Float64[np.ndarray, " locus"],
    result: MetaAnalysisResult | None = None,
    *,
    names: Sequence[str] | None = None,
    n_named: int = 5,
    ax: Axes | None = None,
) -> Axes:
    """Draw each locus's contribution to heterogeneity against its influence on the pooled effect.

    Loci in the upper right are outliers that change the pooled effect.

    Args:
        value: Effect of each locus; NaN is not drawn.
        se: Standard error of each effect.
        result: Random-effects pooling whose tau2 is used; by default (None) the contributions are
            terms of Cochran's Q around the common effect.
        names: Names of the loci; by default (None) ``locus 1`` and so on.
        n_named: Number of the most extreme loci that are labelled, 5 by default.
        ax: Axes to draw into; by default (None) those of a new figure.

    Raises:
        ValueError: If names and loci differ in number, or ``result`` is a batch.

    References:
        Baujat et al. 2002, doi:10.1002/sim.1221.
    """
    if names is not None and len(names) != len(value):
        raise ValueError(f"baujat needs a name a locus, got {len(names)} for {len(value)} loci")
    if result is not None and result.tau2.ndim:
        raise ValueError(
            f"baujat draws one pooling, got a batch of shape {result.tau2.shape}; index it first"
        )
    found = baujat_of(value, se, tau2="zero" if result is None else float(result.tau2))
    x, y = found.heterogeneity, found.influence
    kept = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    ax = new_axes(ax, width=5.2, height=4.0)
    many = len(kept) > 300
    ax.scatter(
        x[kept],
        y[kept],
        s=6 if many else 20,
        alpha=float(np.clip(600 / max(len(kept), 1), 0.2, 0.6)) if many else 0.8,
        color=INK,
        linewidth=0,
        rasterized=many,
    )
    top_x, top_y = (max(float(np.max(v[kept], initial=0.0)), 1e-300) for v in (x, y))
    far = kept[np.argsort(-np.hypot(x[kept] / top_x, y[kept] / top_y), kind="stable")][:n_named]
    taken: list[_Box] = []
    for i in far:
        ax.plot(x[i], y[i], "o", color=COLOURS[1], markersize=3.5 if many else 5)
        text = f"locus {i + 1}" if names is None else names[i]
        left = x[i] > 0.5 * top_x
        at = (float(x[i]) / top_x * _SIZE[0], float(y[i]) / top_y * _SIZE[1])
        drop = _free_drop(at, len(text) * _LETTER * (-1 if left else 1), taken)
        ax.annotate(
            text,
            (float(x[i]), float(y[i])),
            xytext=(-7 if left else 7, drop),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.4},
            arrowprops={"arrowstyle": "-", "color": FADED, "linewidth": 0.6},
        )
    ax.set_xlim(-0.02 * top_x, 1.06 * top_x)
    ax.set_ylim(-0.02 * top_y, 1.1 * top_y)
    ax.set_xlabel("Contribution to heterogeneity (squared Pearson residual)")
    ax.set_ylabel("Influence on the pooled slope")
    return ax


def _free_drop(at: tuple[float, float], width: float, taken: list[_Box]) -> float:
    """Return how far below a point its name is written, so that it lies on no other name.

    Args:
        at: The point, in points of the axes.
        width: Of the name, in points; negative to the left of the point.
        taken: Boxes of the names written before: left, right and middle; this one is added.
    """
    ends = sorted((at[0], at[0] + width))
    drop = 0.0
    while any(
        ends[0] < right and left < ends[1] and abs(at[1] + drop - middle) < _LINE
        for left, right, middle in taken
    ):
        drop -= 1.0
    taken.append((ends[0], ends[1], at[1] + drop))
    return drop
