"""Schemas of the tables of all pairs: pairs, direct effects and the graph's edges."""

from __future__ import annotations

import pyarrow as pa

from deepmr.io.table_schemas import EFFECT, PAIR, Column, schema

__all__ = ["DIRECT", "EDGES", "EVIDENCE", "PAIRS"]

_ADDITIVE = "outcome units per exposure unit, counts as expected counts"

EVIDENCE = (
    "transmission",
    "concordance",
    "agreement",
    "two_kinds",
    "own",
    "slope",
)
"""Numbers of the verdict that the table holds for both directions, as ``NAME_forward`` (exposure to
outcome) and ``NAME_reverse``."""


def _estimate(prefix: str, unit: str, what: str) -> tuple[Column, ...]:
    stem = f"{prefix}_" if prefix else ""
    return (
        (f"{stem}value", pa.float64(), unit, f"{what}; null where there is none."),
        (f"{stem}se", pa.float64(), unit, "Its standard error."),
        (f"{stem}ci_lower", pa.float64(), unit, "Lower end of its 95 % interval."),
        (f"{stem}ci_upper", pa.float64(), unit, "Upper end of its 95 % interval."),
    )


PAIRS = schema(
    "pairs",
    "exposure outcome method",
    (
        *PAIR,
        ("method", pa.string(), "", "Estimator of the effect of a locus, by its short name."),
        ("pooling", pa.string(), "", "How the loci were pooled."),
        ("n_loci", pa.int64(), "loci", "Loci that had an estimate; 0 where none has."),
        ("n_loci_instruments", pa.int64(), "loci", "Loci with an instrument of the exposure."),
        ("n_instruments", pa.int64(), "variants", "Instruments of the exposure, all loci."),
        *_estimate("", EFFECT, "Pooled slope"),
        ("df", pa.float64(), "", "Degrees of freedom of its reference distribution."),
        ("p_value", pa.float64(), "", "Two-sided p-value of no slope; 0 where it underflows."),
        ("neg_log10_p", pa.float64(), "", "Minus its decimal logarithm; does not underflow."),
        ("q_bh", pa.float64(), "", "q-value over all pairs by this method (Benjamini, Hochberg)."),
        ("q_by", pa.float64(), "", "q-value under any dependence (Benjamini, Yekutieli)."),
        ("q_bh_pair", pa.float64(), "", "q-value of the pair, all estimators combined (BH)."),
        ("q_by_pair", pa.float64(), "", "The same under any dependence (BY)."),
        ("middle", pa.bool_(), "", "Whether this estimator's p-value is the middle one."),
        ("q", pa.float64(), "", "Heterogeneity of the loci (Cochran's Q)."),
        ("q_df", pa.float64(), "", "Degrees of freedom of q."),
        ("tau2", pa.float64(), f"({EFFECT})^2", "Variance of the effects between loci."),
        ("i2", pa.float64(), "fraction", "Variation between loci beyond chance."),
        ("prediction_lower", pa.float64(), EFFECT, "Lower end of the 95 % prediction interval."),
        ("prediction_upper", pa.float64(), EFFECT, "Upper end of the 95 % prediction interval."),
        ("structure", pa.string(), "", "Verdict, exposure to outcome (docs/verdict.md)."),
        ("caveats", pa.string(), "", "What it cannot exclude, joined by ';'."),
        ("reason", pa.string(), "", "The sentence that carries the verdict."),
        *(
            (f"{name}_{way}", pa.float64(), "", f"Evidence: {name.replace('_', ' ')}, {way}.")
            for way in ("forward", "reverse")
            for name in EVIDENCE
        ),
        ("concordance_difference", pa.float64(), "", "Evidence: forward less reverse."),
        ("reliability_exposure", pa.float64(), "", "Guard of the exposure's effects."),
        ("reliability_outcome", pa.float64(), "", "Guard of the outcome's effects."),
    ),
    needed="exposure outcome method pooling n_loci n_loci_instruments n_instruments structure",
)

DIRECT = schema(
    "direct",
    "exposure outcome given",
    (
        *PAIR,
        ("given", pa.string(), "", "Tasks held fixed, joined by ';'."),
        *_estimate("total", _ADDITIVE, "Effect with nothing held fixed"),
        *_estimate("direct", _ADDITIVE, "Effect with the given tasks held fixed"),
        ("direct_p", pa.float64(), "", "Two-sided p-value of no direct effect."),
        *_estimate("indirect", _ADDITIVE, "Total less direct"),
        *_estimate("proportion", "fraction", "Indirect over total"),
        ("distinct", pa.float64(), "fraction", "Exposure's squared effects that none predicts."),
        ("conditional_f", pa.float64(), "", "F statistic of the exposure given the others."),
        ("reason", pa.string(), "", "Why there is no direct effect; empty where there is one."),
    ),
    needed="exposure outcome given",
)

EDGES = schema(
    "edges",
    "exposure outcome",
    (
        *PAIR,
        ("effect", pa.float64(), EFFECT, "Pooled slope by the estimator in the middle."),
        ("ci_lower", pa.float64(), EFFECT, "Lower end of its 95 % interval."),
        ("ci_upper", pa.float64(), EFFECT, "Upper end of its 95 % interval."),
        ("method", pa.string(), "", "That estimator's short name."),
        ("q_bh", pa.float64(), "", "The pair's false discovery rate (Benjamini, Hochberg)."),
        ("q_by", pa.float64(), "", "The same under any dependence (Benjamini, Yekutieli)."),
        ("caveats", pa.string(), "", "What the verdict cannot exclude, joined by ';'."),
        ("kind", pa.string(), "", "direct, mediated, unclear, or total (no mediator held fixed)."),
        ("through", pa.string(), "", "Tasks that mediate it, joined by ';'."),
    ),
    needed="exposure outcome kind",
)
