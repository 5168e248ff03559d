"""Schemas of the result tables: columns, types, units and descriptions.

Effects are on the effect scale of the run (``effect_scale`` in the file's metadata): calibrated
logits for binary tasks, the Anscombe scale 2 sqrt(y + 3/8) for counts, unless the user chose
probabilities. A causal effect is in units of the outcome per unit of the exposure.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

__all__ = [
    "CANDIDATES",
    "EFFECT",
    "ESTIMATES",
    "INSTRUMENTS",
    "JOBS",
    "LOCI",
    "META",
    "METRICS",
    "PAIR",
    "SCHEMA_VERSION",
    "SCORES",
    "VARIANTS",
    "Column",
    "key",
    "schema",
]

SCHEMA_VERSION = 1

EFFECT = "outcome units per exposure unit, on the run's effect scale"
"""Unit of a slope."""
_OUTCOME = "outcome units, on the run's effect scale"

Column = tuple[str, pa.DataType, str, str]
"""Name, type, unit and description of a column."""

_LOCUS = (
    ("chrom", pa.string(), "", "Chromosome or contig (a simulated sequence's name)."),
    ("start", pa.int64(), "bases", "First base, counted from 0."),
    ("end", pa.int64(), "bases", "End (half-open): the base after the last."),
)
PAIR: tuple[Column, ...] = (
    ("exposure", pa.string(), "", "Name of the exposure's task."),
    ("outcome", pa.string(), "", "Name of the outcome's task."),
)
"""Columns that name an ordered pair of tasks."""

_QUESTION = (
    *PAIR,
    ("method", pa.string(), "", "Estimator of the effect of a locus, by its short name."),
)
_ESTIMATE = (
    ("value", pa.float64(), EFFECT, "Causal effect; null where the method has none."),
    ("se", pa.float64(), EFFECT, "Standard error of value."),
    ("df", pa.float64(), "", "Degrees of freedom of its reference distribution; inf is normal."),
    ("ci_lower", pa.float64(), EFFECT, "Lower end of the 95 % confidence interval."),
    ("ci_upper", pa.float64(), EFFECT, "Upper end of the 95 % confidence interval."),
    ("p_value", pa.float64(), "", "Two-sided p-value of no effect; 0 where it underflows."),
    ("neg_log10_p", pa.float64(), "", "Minus its decimal logarithm; does not underflow."),
    (
        "p_smallest",
        pa.float64(),
        "",
        "P-value of a slope within plus or minus the smallest one of interest (smallest_slope).",
    ),
)
_TRUTH = (
    "true_value",
    pa.float64(),
    EFFECT,
    "Slope of a simulation's noiseless effects over the same variants, if known; no causal effect "
    "where the grammar has none.",
)


def schema(
    table: str, keys: str, columns: Sequence[Column], optional: str = "", *, needed: str = ""
) -> pa.Schema:
    """Return the schema of a result table.

    Args:
        table: Its name.
        keys: Names of the columns that identify a row, separated by blanks.
        columns: Name, type, unit and description of each column.
        optional: Names of the columns that may hold nulls or be left out; by default none, or,
            where ``needed`` is given, all others.
        needed: Names of the columns that are always filled; empty by default.
    """
    known = [name for name, *_ in columns]
    nullable = set(known) - set(needed.split()) if needed else set(optional.split())
    fields = [
        pa.field(
            name,
            kind,
            nullable=name in nullable,
            metadata={"unit": unit, "description": description},
        )
        for name, kind, unit, description in columns
    ]
    metadata = {"table": table, "key": keys, "schema_version": str(SCHEMA_VERSION)}
    return pa.schema(fields, metadata=metadata)


LOCI = schema(
    "loci",
    "chrom start end",
    (
        *_LOCUS,
        ("split", pa.string(), "", "Split the locus comes from, where it is known."),
        ("n_variants", pa.int64(), "variants", "Variants whose effects were computed."),
        ("n_instruments", pa.int64(), "variants", "Variants that are instruments."),
        (
            "reference_exposure",
            pa.float64(),
            "exposure units, on the run's effect scale",
            "Prediction for the unchanged sequence, mean over members.",
        ),
        (
            "reference_outcome",
            pa.float64(),
            _OUTCOME,
            "Prediction for the unchanged sequence, mean over members.",
        ),
    ),
    "split n_variants n_instruments reference_exposure reference_outcome",
)

ESTIMATES = schema(
    "estimates",
    "chrom start end exposure outcome method",
    (
        *_LOCUS,
        *_QUESTION,
        (
            "n_instruments",
            pa.int64(),
            "variants",
            "Instruments that the estimate was computed from.",
        ),
        *_ESTIMATE,
        ("intercept", pa.float64(), _OUTCOME, "MR-Egger's intercept, where there is one."),
        ("intercept_se", pa.float64(), _OUTCOME, "Its standard error."),
        ("q", pa.float64(), "", "Heterogeneity of the instruments (Cochran's or Ruecker's Q)."),
        ("q_df", pa.float64(), "", "Degrees of freedom of q."),
        ("flags", pa.string(), "", "Warnings, joined by ';'; empty if there are none."),
        _TRUTH,
    ),
    "value se df ci_lower ci_upper p_value neg_log10_p p_smallest intercept intercept_se q q_df "
    "true_value",
)

META = schema(
    "meta",
    "exposure outcome method pooling",
    (
        *_QUESTION,
        ("pooling", pa.string(), "", "How the loci were pooled, by its short name."),
        ("n_loci", pa.int64(), "loci", "Loci that had an estimate."),
        *_ESTIMATE,
        ("q", pa.float64(), "", "Heterogeneity of the loci (Cochran's Q)."),
        ("q_df", pa.float64(), "", "Degrees of freedom of q."),
        ("tau2", pa.float64(), f"({EFFECT})^2", "Variance of the true effects between loci."),
        (
            "i2",
            pa.float64(),
            "fraction",
            "Variation between loci beyond chance: max(0, q - q_df) / q.",
        ),
        ("prediction_lower", pa.float64(), EFFECT, "Lower end of the 95 % prediction interval."),
        ("prediction_upper", pa.float64(), EFFECT, "Upper end of the 95 % prediction interval."),
        _TRUTH,
        (
            "structure",
            pa.string(),
            "",
            "Verdict on the two tasks: forward, reverse, both, inseparable, shared, none, "
            "undecided; empty where there is none.",
        ),
        (
            "true_structure",
            pa.string(),
            "",
            "What a simulation's grammar does, in the same words; empty where it is unknown.",
        ),
    ),
    "value se df ci_lower ci_upper p_value neg_log10_p p_smallest q q_df tau2 i2 prediction_lower "
    "prediction_upper true_value structure true_structure",
)

_TASK = "task units, on the run's effect scale"

VARIANTS = schema(
    "variants",
    "chrom start end position ref alt task",
    (
        *_LOCUS,
        ("position", pa.int64(), "bases", "First base of ref, from 0 (a VCF's POS minus 1)."),
        ("id", pa.string(), "", "ID of the variant in the VCF; empty if there is none."),
        ("ref", pa.string(), "", "Reference allele, as in the VCF."),
        ("alt", pa.string(), "", "Alternative allele, as in the VCF."),
        ("task", pa.string(), "", "Name of the task."),
        ("effect", pa.float64(), _TASK, "Alternative minus reference, mean over members."),
        ("spread", pa.float64(), _TASK, "Standard deviation between members."),
        ("n_members", pa.int64(), "", "Networks, or draws from one."),
        ("se_mean", pa.float64(), _TASK, "Standard error of the members' mean, for choosing."),
        ("se", pa.float64(), _TASK, "Standard error with what all members misjudge alike."),
        ("df", pa.float64(), "", "Degrees of freedom of both: members - 1."),
    ),
    "",
)

_EXPOSURE = "exposure units, on the run's effect scale"

INSTRUMENTS = schema(
    "instruments",
    "chrom start end exposure outcome variant",
    (
        *_LOCUS,
        *PAIR,
        ("variant", pa.int64(), "", "Position among the locus's variants in effects/, from 0."),
        ("position", pa.int64(), "bases", "First base of ref, from 0 (a VCF's POS minus 1)."),
        ("ref", pa.string(), "", "Reference allele."),
        ("alt", pa.string(), "", "Alternative allele."),
        ("concordant", pa.bool_(), "", "Whether the first method's slope rests on it, too."),
        ("beta_exposure", pa.float64(), _EXPOSURE, "Alternative minus reference, mean of members."),
        ("se_exposure", pa.float64(), _EXPOSURE, "Standard error of that mean."),
        ("beta_outcome", pa.float64(), _OUTCOME, "Alternative minus reference, mean of members."),
        ("se_outcome", pa.float64(), _OUTCOME, "Standard error of that mean."),
    ),
    "se_exposure se_outcome",
)

SCORES = schema(
    "scores",
    "task stage score",
    (
        ("task", pa.string(), "", "Name of the task."),
        ("kind", pa.string(), "", "binary, count or signal."),
        ("stage", pa.string(), "", "before or after calibration."),
        ("score", pa.string(), "", "e.g. nll, brier, ece_mass, coverage_95."),
        ("value", pa.float64(), "", "On the test split; null where it is undefined."),
        ("lower", pa.float64(), "", "Lower end of its 95 % bootstrap interval."),
        ("upper", pa.float64(), "", "Upper end of its 95 % bootstrap interval."),
        ("n_samples", pa.int64(), "windows", "Labelled windows."),
        ("n_positives", pa.int64(), "windows", "Positives among them; 0 for other kinds."),
    ),
    "value lower upper",
)

METRICS = schema(
    "metrics",
    "member epoch split stage task metric",
    (
        ("member", pa.int64(), "", "Network of the ensemble, from 0; null for the whole ensemble."),
        ("epoch", pa.int64(), "epochs", "Epoch, from 0; null for the model that was kept."),
        ("split", pa.string(), "", "train, validation, calibration or test."),
        ("stage", pa.string(), "", "before or after calibration; null where it does not apply."),
        ("task", pa.string(), "", "Name of the task; null for all of them together."),
        ("metric", pa.string(), "", "e.g. loss, auroc, auprc, brier, nll, ece, pearson, r2."),
        ("value", pa.float64(), "", "Its value; null where undefined (no positives, say)."),
    ),
    "member epoch stage task value",
)

_SWEPT = "value of the command: validation loss of a training, pooled effect of an interrogation"

CANDIDATES = schema(
    "sweep_candidates",
    "candidate",
    (
        ("candidate", pa.int64(), "", "Place in the table, from 0: the best first."),
        ("settings", pa.string(), "", "Settings that differ between candidates."),
        ("mean", pa.float64(), _SWEPT, "Mean over seeds and members; null if all failed."),
        ("spread", pa.float64(), _SWEPT, "Standard deviation over seeds and members."),
        ("n_values", pa.int64(), "", "Seeds times members behind mean and spread."),
        ("n_jobs", pa.int64(), "jobs", "Jobs of the candidate."),
        ("n_finished", pa.int64(), "jobs", "Those that finished; fewer rank last."),
        ("state", pa.string(), "", "finished, or the state of a job that is not."),
    ),
    "mean spread",
)

JOBS = schema(
    "sweep_jobs",
    "job",
    (
        ("job", pa.int64(), "", "Number of the job, in the order of the candidates."),
        ("candidate", pa.int64(), "", "Its candidate."),
        ("overrides", pa.string(), "", "Its settings, as on a command line."),
        ("state", pa.string(), "", "finished, failed, interrupted, killed or missing."),
        ("value", pa.float64(), _SWEPT, "What the job returned."),
        ("attempts", pa.int64(), "", "2 for a job that was killed and run again."),
        ("folder", pa.string(), "", "Its run's folder."),
        ("error", pa.string(), "", "Why it failed, in one line."),
    ),
    "value folder error",
)


def key(schema: pa.Schema) -> tuple[str, ...]:
    """Return the columns that together identify a row.

    Args:
        schema: Schema of a result table.

    Example:
        >>> key(LOCI)
        ('chrom', 'start', 'end')
    """
    return tuple(schema.metadata[b"key"].decode().split())
