"""The verdict and the pooled slopes as plain text for the terminal."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np

from deepmr.report.number import MISSING, interval_text, matching_text, p_text, percent_text
from deepmr.report.verdict_text import (
    caveat_sentences,
    reason_sentences,
    slope_meaning,
    truth_sentence,
    verdict_sentence,
)
from deepmr.verdict import Verdict

__all__ = ["summary_table", "verdict_text"]

_WIDTH = 80
_KEY = "PI: prediction interval for a single locus"
_LEVEL = 0.05
_SMALL = "told from 0, but not from the smallest slope of interest (smallest_slope)"
_NOISELESS = "noiseless: slope of the simulation's noiseless effects over the same variants"


def summary_table(meta: Mapping[str, np.ndarray]) -> str:
    """Return the pooled slopes as a short table, one block a direction, in the table's order.

    Where the verdict does not make a direction's slope a causal effect, its block says what the
    slope stands for.

    Args:
        meta: Columns of ``meta.parquet``; without its column ``structure`` nothing is said about
            what a slope stands for.

    Example:
        >>> one = {"exposure": "GATA1", "outcome": "TAL1", "method": "ivw", "pooling": "reml_hk"}
        >>> numbers = {"n_loci": 111, "value": 0.507, "ci_lower": 0.495, "ci_upper": 0.519,
        ...     "neg_log10_p": 98.2, "i2": 0.72, "prediction_lower": 0.31,
        ...     "prediction_upper": 0.7, "true_value": 0.513}
        >>> print(summary_table({k: np.array([v]) for k, v in (one | numbers).items()}))
        GATA1 -> TAL1
          method  slope  95 % interval   95 % PI       p      loci  I2    noiseless
          ivw     0.507  0.495 to 0.519  0.31 to 0.70  6e-99  111   72 %  0.513
          PI: prediction interval for a single locus; noiseless: slope of the
          simulation's noiseless effects over the same variants
    """
    questions = list(dict.fromkeys(zip(meta["exposure"], meta["outcome"], strict=True)))
    poolings = len(set(meta["pooling"].tolist())) > 1
    known = bool(np.isfinite(meta["true_value"]).any())
    header = ["method", *(["pooling"] if poolings else []), "slope", "95 % interval"]
    header += ["95 % PI", "p", "loci", "I2", *(["noiseless"] if known else [])]
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
        lines += _wrapped(_meaning(meta, exposure, outcome))
    lines += _wrapped(f"{_KEY}; {_NOISELESS}" if known else _KEY)
    return "\n".join(lines)


def _meaning(meta: Mapping[str, np.ndarray], exposure: str, outcome: str) -> str:
    """Say what a direction's slope stands for where it is no causal effect."""
    if "structure" not in meta:
        return ""
    rows = (meta["exposure"] == exposure) & (meta["outcome"] == outcome)
    if not np.isfinite(meta["value"][rows]).any():
        return ""
    meaning = slope_meaning(str(meta["structure"][rows][0]), exposure, outcome)
    if "p_smallest" in meta and meta["p_value"][rows][0] < _LEVEL <= meta["p_smallest"][rows][0]:
        meaning += f"{'; ' if meaning else ''}{_SMALL}"
    return f"({meaning})" if meaning else ""


def verdict_text(
    verdict: Verdict, failed_controls: Sequence[str] = (), *, true_structure: str = ""
) -> str:
    """Return the verdict with reasons and caveats as lines for the terminal.

    Args:
        verdict: The verdict on a pair.
        failed_controls: Names of negative controls that came out with a causal structure.
        true_structure: What a simulation's grammar does; empty (the default) where unknown.

    Example:
        >>> print(verdict_text(Verdict(exposure="GATA1", outcome="TAL1", structure="forward")))
        verdict: forward
          In this model, GATA1 acts on TAL1, and TAL1 does not act on GATA1.
    """
    lines = [f"verdict: {verdict.structure}", *_wrapped(verdict_sentence(verdict))]
    lines += _wrapped(truth_sentence(true_structure, verdict, verdict.exposure, verdict.outcome))
    if failed_controls:
        failed = ", ".join(failed_controls)
        lines += _wrapped(
            f"! Negative controls came out with a causal verdict ({failed}): do not trust this one."
        )
    for reason in reason_sentences(verdict):
        lines += _wrapped(f"- {reason}")
    for caveat in caveat_sentences(verdict):
        lines += _wrapped(f"! Caveat: {caveat}")
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    hanging = "    " if text.startswith(("-", "!")) else "  "
    return textwrap.wrap(
        text,
        width=_WIDTH,
        initial_indent="  ",
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


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
