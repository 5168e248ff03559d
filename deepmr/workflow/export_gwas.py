"""`deepmr export --format gwas`: summary statistics of one task, tab-separated."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deepmr.effect_shard import EffectShard
from deepmr.estimate import Estimate
from deepmr.files import atomic_write
from deepmr.workflow.export import Exported, VariantRows, variant_rows

__all__ = ["write_gwas"]

_GWAS = (
    "SNP", "chrom", "pos", "effect_allele", "other_allele", "beta", "se", "z", "p", "neg_log10_p",
    "se_mean", "df", "task", "locus", "status",
)  # fmt: skip


def write_gwas(run: Exported, path: Path) -> str:
    """Write summary statistics of one task, tab-separated, missing values NA."""
    (task,) = run.tasks
    n_rows = n_missing = 0
    with atomic_write(path) as stream:
        stream.write("\t".join(_GWAS) + "\n")
        for shard, rows in variant_rows(run):
            for cells in _gwas_rows(run, shard, rows):
                stream.write("\t".join(cells) + "\n")
                n_rows += 1
                n_missing += cells[-1] != "measured"
    left = f"; {n_missing:,} without an effect or error are NA" if n_missing else ""
    return f"{n_rows:,} variants, effects on {task} of the alternative allele{left}"


def _gwas_rows(run: Exported, shard: EffectShard, rows: VariantRows) -> Iterator[list[str]]:
    (task,) = run.tasks
    effect, se, status = rows.effect[:, 0], rows.se[:, 0], rows.status[:, 0]
    measured = status == "measured"
    tested = Estimate(value=effect, se=np.where(measured, se, 1.0), df=np.asarray(run.df))
    neg_log10_p = np.where(measured, tested.neg_log10_p, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(measured, effect / se, np.nan)
    beta = np.where(status == "no_effect", np.nan, effect)
    df = _text(run.df)
    for row in np.flatnonzero(rows.exists).tolist():
        chrom, pos = shard.loci[rows.locus[row]].chrom, str(rows.pos[row])
        ref, alt = rows.ref[row], rows.alt[row]
        yield [
            f"{chrom}:{pos}:{ref}:{alt}",
            chrom,
            pos,
            alt,
            ref,
            _text(beta[row]),
            _text(se[row]),
            _text(z[row]),
            _p_text(float(neg_log10_p[row])),
            _text(neg_log10_p[row]),
            _text(rows.se_mean[row, 0]),
            df,
            task,
            str(shard.loci[rows.locus[row]]),
            str(status[row]),
        ]


def _text(number: float) -> str:
    """Return a number that reads back as itself; NA where it is missing."""
    return "NA" if math.isnan(number) else "Inf" if math.isinf(number) else repr(float(number))


def _p_text(neg_log10_p: float) -> str:
    """Return a p-value as text, also one that a double cannot hold.

    Example:
        >>> _p_text(2.0), _p_text(400.5), _p_text(float("nan"))
        ('0.01', '3.1623e-401', 'NA')
    """
    if math.isnan(neg_log10_p):
        return "NA"
    if neg_log10_p < 300:
        return f"{10.0**-neg_log10_p:.6g}"
    whole = math.floor(neg_log10_p) + 1
    return f"{10.0 ** (whole - neg_log10_p):.5g}e-{whole}"
