"""The study's table: coverage by scenario and direction, clustered by seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy import stats

__all__ = ["cells", "show"]

Row = dict[str, Any]
_MEANS = (
    "local", "single", "half_width_over_best", "relative_bias", "excludes_zero",
    "pooled_sampled", "pooled_fixed", "pooled_sampled_excludes_zero", "beyond_smallest",
    "pooled_sampled_beyond_smallest", "mean_truth",
)  # fmt: skip


def cells(rows: Iterable[Row]) -> list[Row]:
    """Average over seeds: each scenario and direction, and all of them together.

    The interval of a coverage is Student's t over the seeds' means, as all pairs and loci of a
    seed share data and networks.
    """
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["method"], row["scenario"], row["direction"]), []).append(row)
    return [
        {"method": method, "scenario": scenario, "direction": direction, **_cell(members)}
        for (method, scenario, direction), members in groups.items()
    ]


def _cell(members: Sequence[Row]) -> Row:
    seeds = sorted({row["seed"] for row in members})
    found: Row = {"seeds": len(seeds), "shared": _mean(members, "shared")}
    for name in _MEANS:
        each = [_mean([row for row in members if row["seed"] == seed], name) for seed in seeds]
        known = np.array([one for one in each if one is not None])
        if len(known) == 0:
            continue
        found[name] = float(known.mean())
        if name == "local" and len(known) > 1:
            reach = stats.t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known))
            found["local_low"], found["local_high"] = (
                float(np.clip(known.mean() + sign * reach, 0.0, 1.0)) for sign in (-1, 1)
            )
    return found


def _mean(rows: Sequence[Row], name: str) -> float | None:
    values = [float(row[name]) for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else None


def show(table: Sequence[Row]) -> str:
    """Return the table as Markdown."""
    lines = [
        "| slope | data | direction | seeds | local effects | half-width over best | bias "
        "| pooled, sampled loci | pooled, fixed loci | single effects | mean truth "
        "| told from 0: local, pooled | told from the smallest: local, pooled |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in table:
        local = _number(cell.get("local"))
        if "local_low" in cell:
            local += f" ({cell['local_low']:.3f} to {cell['local_high']:.3f})"
        rest = [
            _number(cell.get(name), digits)
            for name, digits in (
                ("half_width_over_best", 2), ("relative_bias", 3), ("pooled_sampled", 2),
                ("pooled_fixed", 2), ("single", 3),
            )
        ]  # fmt: skip
        head = [cell["method"], cell["scenario"].replace("_", " "), cell["direction"]]
        head.append(str(cell["seeds"]))
        told = [
            f"{_number(cell.get(name), 2)}, {_number(cell.get(f'pooled_sampled_{name}'), 2)}"
            for name in ("excludes_zero", "beyond_smallest")
        ]
        rest += [_number(cell.get("mean_truth")), *told]
        lines.append(f"| {' | '.join([*head, local, *rest])} |")
    return "\n".join(lines)


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"
