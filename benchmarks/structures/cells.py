"""From rows to a table: shares of right and wrong words, with intervals over data sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks.structures.plan import BARS

__all__ = ["cells", "share", "show"]

Row = dict[str, Any]
_CAUSAL = ("forward", "reverse", "both")
_RESAMPLES = 2000


def _is_causal(row: Row) -> bool:
    return row["verdict"] in _CAUSAL


def _is_right(row: Row) -> bool:
    return row["verdict"] == row["truth"]


def _is_wrong_way(row: Row) -> bool:
    return _is_causal(row) and not _is_right(row)


def _without_caveat(row: Row) -> bool:
    return _is_causal(row) and "nested" not in row["caveats"]


def _is_false(row: Row) -> bool:
    """Say whether a causal word is false: where nested, only without the caveat."""
    if row["kind"] == "nested":
        return _without_caveat(row)
    if row["kind"] in ("directed", "bypassed", "feedback"):
        return _is_wrong_way(row) and row["verdict"] != "both"
    return _is_causal(row)


SHARES: dict[str, tuple[tuple[str, ...], Callable[[Row], bool]]] = {
    "directed_right": (("directed",), _is_right),
    "wrong_way": (("directed",), _is_wrong_way),
    "common": (("common",), _is_causal),
    "equal": (("equal", "same"), _is_causal),
    "nested": (("nested",), _is_causal),
    "nested_without_caveat": (("nested",), _without_caveat),
    "unrelated": (("unrelated",), _is_causal),
    "bypassed_right": (("bypassed",), _is_right),
    "feedback_both": (("feedback",), _is_right),
    "false_words": ((), _is_false),
    "causal_words": ((), _is_causal),
}
"""Each share: of which kinds of pair (all where empty), and what is counted."""


def share(rows: Sequence[Row], name: str) -> Row | None:
    """Return one share with its 95 % interval by resampling data sets; None without a pair.

    Args:
        rows: Of one cell.
        name: A key of `SHARES`.

    Example:
        >>> row = {"dataset": "a", "kind": "common", "truth": "shared", "verdict": "shared"}
        >>> share([row], "common")["share"]
        0.0
    """
    kinds, counts = SHARES[name]
    asked = [row for row in rows if not kinds or row["kind"] in kinds]
    if not asked:
        return None
    n, k = Counter(row["dataset"] for row in asked), Counter()
    for row in asked:
        k[row["dataset"]] += counts(row)
    total = np.array([[k[d], n[d]] for d in sorted(n)], dtype=float)
    drawn = np.random.default_rng(0).integers(0, len(total), (_RESAMPLES, len(total)))
    sums = total[drawn].sum(axis=1)
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
    return {
        "k": int(total[:, 0].sum()),
        "n": int(total[:, 1].sum()),
        "share": float(total[:, 0].sum() / total[:, 1].sum()),
        "low": float(low),
        "high": float(high),
        "datasets": len(total),
    }


def cells(rows: Iterable[Row]) -> list[Row]:
    """Summarise rows by cell and set of loci; the other graphs and the controls together, too."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        for cell, loci in _groups(row):
            groups.setdefault((cell, loci), []).append(row)
    table = []
    for (cell, loci), members in sorted(groups.items()):
        key = f"{cell}, designed" if loci == "all_designed" else cell
        bars = BARS.get(key, {}) if loci in ("all", "all_designed", "controls") else {}
        for name in ("causal_words",) if loci == "controls" else SHARES:
            found = share(members, name)
            if found is not None:
                bar = bars.get(name)
                kept = None if bar is None else _meets(name, found["share"], bar)
                table.append(
                    {"cell": cell, "loci": loci, "what": name, **found, "bar": bar, "met": kept}
                )
        if cell.startswith("paper_simulation"):
            words = Counter(row["verdict"] for row in members)
            table.append({"cell": cell, "loci": loci, "what": "words", "words": dict(words)})
    return table


def _meets(name: str, value: float, bar: float) -> bool:
    return value >= bar if name.endswith("right") else value <= bar


def _groups(row: Row) -> list[tuple[str, str]]:
    cell, loci = row["cell"], row["loci"]
    if cell in ("untrained", "label_shuffled"):
        return [(cell, "controls"), ("controls", "controls")]
    if loci in ("permuted", "other_locus"):
        return [(loci, "controls"), ("controls", "controls")]
    if cell == "paper_simulation":
        scenario, _, effect = row["dataset"].split("-")
        return [(f"paper_simulation {scenario} {effect}", loci)]
    found = [(cell, loci)]
    if cell in ("hand_written", "random"):
        found.append(("other_graphs", loci))
    return found


def show(table: Sequence[Row]) -> str:
    """Return the table as text."""
    lines = []
    for row in table:
        head = f"{row['cell']:<34} {row['loci']:<11} {row['what']:<22}"
        if row["what"] == "words":
            lines.append(f"{head} {row['words']}")
            continue
        bar = (
            ""
            if row["bar"] is None
            else f"  bar {row['bar']:.3f} {'ok' if row['met'] else 'NOT MET'}"
        )
        lines.append(
            f"{head} {row['k']:>4}/{row['n']:<5} {row['share']:.3f} "
            f"({row['low']:.3f} to {row['high']:.3f}, {row['datasets']} data sets){bar}"
        )
    return "\n".join(lines)
