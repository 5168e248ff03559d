"""The pooled effects as plain text for the terminal."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from deepmr.report.number import MISSING, interval_text, matching_text, p_text, percent_text
from deepmr.verdict import Verdict

__all__ = ["summary_table", "verdict_text"]


def summary_table(meta: Mapping[str, np.ndarray]) -> str:
    """Return the pooled effects as a short table, one block a question, in the table's order.

    Args:
        meta: Columns of ``meta.parquet``.

    Example:
        >>> one = {"exposure": "GATA1", "outcome": "TAL1", "method": "ivw", "pooling": "reml_hk"}
        >>> numbers = {"n_loci": 111, "value": 0.507, "ci_lower": 0.495, "ci_upper": 0.519,
        ...     "neg_log10_p": 98.2, "i2": 0.72, "prediction_lower": 0.31,
        ...     "prediction_upper": 0.7, "true_value": 0.513}
        >>> print(summary_table({k: np.array([v]) for k, v in (one | numbers).items()}))
        GATA1 -> TAL1
          method  effect  95 % interval   a new locus   p      loci  I2    truth
          ivw     0.507   0.495 to 0.519  0.31 to 0.70  6e-99  111   72 %  0.513
    """
    questions = list(dict.fromkeys(zip(meta["exposure"], meta["outcome"], strict=True)))
    poolings = len(set(meta["pooling"].tolist())) > 1
    known = bool(np.isfinite(meta["true_value"]).any())
    header = ["method", *(["pooling"] if poolings else []), "effect", "95 % interval"]
    header += ["a new locus", "p", "loci", "I2", *(["truth"] if known else [])]
    blocks = []
    for exposure, outcome in questions:
        rows = np.flatnonzero((meta["exposure"] == exposure) & (meta["outcome"] == outcome))
        blocks.append([_cells(meta, int(row), poolings, known) for row in rows])
    columns = zip(header, *itertools.chain.from_iterable(blocks), strict=True)
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for (exposure, outcome), block in zip(questions, blocks, strict=True):
        lines.append(f"{exposure} -> {outcome}")
        lines += [_line(cells, widths) for cells in [header, *block]]
    return "\n".join(lines)


def verdict_text(verdict: Verdict, failed_controls: Sequence[str] = ()) -> str:
    """Return the verdict with its reasons as lines for the terminal.

    Args:
        verdict: The verdict on a pair.
        failed_controls: Names of negative controls that came out with a causal word.

    Example:
        >>> print(verdict_text(Verdict(exposure="GATA1", outcome="TAL1", structure="none")))
        verdict: none (GATA1, TAL1)
    """
    lines = [f"verdict: {verdict.structure} ({verdict.exposure}, {verdict.outcome})"]
    lines += [f"  {reason}" for reason in verdict.reasons]
    if failed_controls:
        lines.append(
            f"  Controls that should be empty are not: {', '.join(failed_controls)}; "
            "do not trust the verdict."
        )
    return "\n".join(lines)


def _cells(meta: Mapping[str, np.ndarray], row: int, poolings: bool, known: bool) -> list[str]:
    def get(name: str) -> float:
        return float(meta[name][row])

    value, lower, upper = interval_text(get("value"), get("ci_lower"), get("ci_upper"))
    low, high = get("prediction_lower"), get("prediction_upper")
    _, new_lower, new_upper = interval_text((low + high) / 2, low, high)
    cells = [str(meta["method"][row]), *([str(meta["pooling"][row])] if poolings else [])]
    cells += [value, _range(lower, upper), _range(new_lower, new_upper)]
    cells += [p_text(get("neg_log10_p"))]
    cells += [f"{int(meta['n_loci'][row])}", percent_text(get("i2"))]
    cells += [matching_text(get("true_value"), value)] if known else []
    return cells


def _range(lower: str, upper: str) -> str:
    return MISSING if MISSING in (lower, upper) else f"{lower} to {upper}"


def _line(cells: list[str], widths: list[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return ("  " + "  ".join(padded)).rstrip()
