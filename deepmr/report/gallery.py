"""The gallery of loci: which loci are shown with figures, and what is said of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

from deepmr.report.figure import Figure
from deepmr.report.table import Table

__all__ = ["MOST_SHOWN", "READING", "RULE", "LocusCard", "choose_loci"]

MOST_SHOWN = 12
"""Loci of the gallery at most, a third of each kind."""

RULE = (
    "Chosen by rule: the loci whose slope is closest to the median of all loci (typical), those "
    "farthest from it in units of their own standard error (deviant), and those with the smallest "
    "standard error (certain); one locus in twenty of each kind, at least one and at most four, "
    "and no locus twice."
)
READING = (
    "Along the sequence each base is as high as it contributes: minus the mean effect of its "
    "substitutions, so a base that the prediction needs stands up. The scatter shows the effect of "
    "every variant on both tasks with 95 % bars, the slope of each method, and that of each "
    "network (grey). The dose-response shows mean effects of instruments with similar effects on "
    "the exposure."
)
_SHARE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LocusCard:
    """What the report shows of one locus.

    Args:
        name: Name of the locus, such as ``chr1:100-200``.
        kind: Why it is shown: ``typical``, ``deviant``, ``certain``, ``first`` (where no
            locus has a slope) or ``asked``.
        figures: Its figures.
        slopes: Table of its slopes by method and direction.
        sentences: What else is known of it, a sentence each: flags, motif matches.
        data: Columns of its variants: position, alleles, effects; none by default.
    """

    name: str
    kind: str
    figures: Sequence[Figure]
    slopes: Table
    sentences: Sequence[str] = ()
    data: Mapping[str, np.ndarray] = field(default_factory=dict)


def choose_loci(
    value: Float64[np.ndarray, " locus"],
    se: Float64[np.ndarray, " locus"],
    *,
    most: int = MOST_SHOWN,
) -> list[tuple[int, str]]:
    """Choose the loci of the gallery by the rule that it states (`RULE`).

    Args:
        value: Slope of each locus; NaN where there is none.
        se: Standard error of each slope.
        most: Largest number of loci, 12 by default; a third of each kind.

    Returns:
        Positions with the kind, typical ones first; the first locus alone, as ``first``, where no
        locus has a slope.

    Example:
        >>> value = np.array([0.5, 0.52, 0.48, 3.0, np.nan])
        >>> se = np.array([0.1, 0.01, 0.1, 0.2, np.nan])
        >>> choose_loci(value, se)
        [(0, 'typical'), (3, 'deviant'), (1, 'certain')]
    """
    known = np.flatnonzero(np.isfinite(value) & np.isfinite(se))
    if not known.size:
        return [(0, "first")] if len(value) else []
    each = int(np.clip(len(known) // _SHARE, 1, max(most // 3, 1)))
    distance = np.abs(value[known] - np.median(value[known]))
    error = np.maximum(se[known], 1e-300)
    orders = {
        "typical": np.argsort(distance, kind="stable"),
        "deviant": np.argsort(-distance / error, kind="stable"),
        "certain": np.argsort(error, kind="stable"),
    }
    chosen: dict[int, str] = {}
    for kind, order in orders.items():
        fresh = [int(known[k]) for k in order if int(known[k]) not in chosen]
        chosen |= dict.fromkeys(fresh[:each], kind)
    return list(chosen.items())[:most]
