"""From rounds to a table: coverage with intervals, width, bias, error rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64
from scipy import stats

__all__ = ["NO_EFFECT", "cells", "clustered_interval", "exact_interval", "show"]

Row = dict[str, Any]

ENOUGH = 25
"""Rounds of a scenario below which a cell is provisional."""

NO_EFFECT = 1e-3
"""True slopes below this count as zero."""

_HIGH = 5.0  # between the clusters of drawn effects, around 1 and around 10


def exact_interval(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact binomial interval of a share of n.

    References:
        Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404

    Example:
        >>> [round(bound, 3) for bound in exact_interval(24, 25)]
        [0.796, 0.999]
    """
    tail = (1 - level) / 2
    lower = 0.0 if k == 0 else float(stats.beta.ppf(tail, k, n - k + 1))
    upper = 1.0 if k == n else float(stats.beta.ppf(1 - tail, k + 1, n - k))
    return lower, upper


def clustered_interval(
    share: Float64[np.ndarray, " round"], level: float = 0.95
) -> tuple[float, float]:
    """Return a t interval of the mean of the rounds' shares, cut to [0, 1].

    Loci of one round share their networks, so a round is one observation. One round has none.
    """
    n = share.size
    if n < 2:
        return float("nan"), float("nan")
    half = stats.t.ppf(0.5 + level / 2, n - 1) * share.std(ddof=1) / np.sqrt(n)
    mean = share.mean()
    return float(max(0.0, mean - half)), float(min(1.0, mean + half))


def cells(rows: Iterable[Row]) -> list[Row]:
    """Summarise rounds by network, method, direction, strength and scenario, and over all.

    Rounds in which no locus had an estimate are left out, and show in the number of rounds.
    """
    found = [
        row | {"strength": "drawn" if row["drawn"] else f"{row['effect']:g}"}
        for row in rows
        if row["n_loci"]
    ]
    keys = ("network", "method", "direction", "strength")
    table = []
    for key in sorted({tuple(row[name] for name in keys) for row in found}):
        group = [row for row in found if tuple(row[name] for name in keys) == key]
        for scenario in [*dict.fromkeys(row["scenario"] for row in group), "all"]:
            part = [row for row in group if scenario in ("all", row["scenario"])]
            table.append(dict(zip(keys, key, strict=True)) | {"scenario": scenario} | _cell(part))
    return table


def _cell(rows: Sequence[Row]) -> Row:
    def column(name: str) -> Float64[np.ndarray, " round"]:
        return np.asarray([row[name] for row in rows], dtype=np.float64)

    share = column("local_covered") / column("n_loci")
    covers = int(column("pooled_covers").sum())
    nulls = int(column("n_null").sum())
    truth, value = column("pooled_truth"), column("pooled_value")
    high = column("effect") > _HIGH
    scale = np.abs(truth)
    return {
        "n_rounds": len(rows),
        "provisional": len(rows) < ENOUGH,
        "local_coverage": float(share.mean()),
        "local_coverage_interval": clustered_interval(share),
        "local_half_width": float(np.median(column("local_half_width"))),
        "local_rmse": float(np.sqrt(np.mean(column("local_rmse") ** 2))),
        "pooled_covers": covers,
        "pooled_coverage_interval": exact_interval(covers, len(rows)),
        "pooled_half_width": float(
            np.median((column("pooled_upper") - column("pooled_lower")) / 2)
        ),
        "within_two_tau": float(column("within_two_tau").mean()),
        "relative_bias_low": _ratio((value - truth)[~high], scale[~high]),
        "relative_bias_high": _ratio((value - truth)[high], scale[high]),
        "correlation": _correlation(truth, value),
        "correlation_low": _correlation(truth[~high], value[~high]),
        "correlation_high": _correlation(truth[high], value[high]),
        "type_one": None if nulls == 0 else float(column("null_rejected").sum() / nulls),
        "n_null": nulls,
        "seconds": float(np.median(column("seconds"))),
    }


def _ratio(
    error: Float64[np.ndarray, " round"], scale: Float64[np.ndarray, " round"]
) -> float | None:
    """Return the summed error over the summed truth; None where the truth is nothing."""
    total = float(scale.sum())
    return float(error.sum()) / total if total > NO_EFFECT * scale.size else None


def _correlation(
    truth: Float64[np.ndarray, " round"], value: Float64[np.ndarray, " round"]
) -> float | None:
    if truth.size < 3 or np.ptp(truth) == 0:
        return None
    return float(np.corrcoef(truth, value)[0, 1])


_COLUMNS = (
    ("rounds", 6), ("local coverage", 18), ("half-width", 10), ("pooled covers", 22),
    ("half-width", 10), ("bias low", 8), ("bias high", 9), ("r low", 6), ("r high", 6),
    ("type I", 6),
)  # fmt: skip


def show(table: Iterable[Row]) -> str:
    """Lay the cells out for a terminal."""
    lines, last = [], None
    for cell in table:
        title = " / ".join(
            (cell["network"], cell["method"], cell["direction"],
             f"effect {cell['strength']}")
        )  # fmt: skip
        if title != last:
            heads = " ".join(f"{name:>{width}}" for name, width in _COLUMNS)
            lines += ["", title, f"{'':12} {heads}"]
            last = title
        low, high = cell["local_coverage_interval"]
        first, second = cell["pooled_coverage_interval"]
        n = cell["n_rounds"]
        values = (
            f"{n}{'*' if cell['provisional'] else ''}",
            f"{cell['local_coverage']:.2f} [{low:.2f}, {high:.2f}]",
            f"{cell['local_half_width']:.3f}",
            f"{cell['pooled_covers']}/{n} [{first:.2f}, {second:.2f}]",
            f"{cell['pooled_half_width']:.3f}",
            *(_number(cell[name]) for name in ("relative_bias_low", "relative_bias_high")),
            *(_number(cell[name]) for name in ("correlation_low", "correlation_high")),
            _number(cell["type_one"]),
        )
        body = " ".join(
            f"{value:>{width}}" for value, (_, width) in zip(values, _COLUMNS, strict=True)
        )
        lines.append(f"{cell['scenario']:12} {body}")
    return "\n".join([*lines, "", f"* provisional: fewer than {ENOUGH} rounds of a scenario"])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
