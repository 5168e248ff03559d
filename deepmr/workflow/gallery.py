"""The report's gallery: loci chosen by rule, drawn from the results of an interrogation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deepmr.effects import MemberEffects
from deepmr.genome import Interval
from deepmr.motifs import ByMotif, MotifLibrary
from deepmr.report import MOST_SHOWN, LocusCard, choose_loci
from deepmr.workflow.findings import Findings
from deepmr.workflow.locus_view import LocusView, card_of, motif_sites

__all__ = ["draw_gallery", "rows_of_locus"]


def draw_gallery(findings: Findings, *, most: int | None = None) -> list[LocusCard]:
    """Draw the loci of the gallery.

    Args:
        findings: Results of the interrogation.
        most: Largest number of loci; by default (None) `MOST_SHOWN`.
    """
    first = findings.answers[0]
    effect = first.local.estimate.effect
    se = np.where(np.isfinite(effect.value), np.nan_to_num(effect.se), np.nan)  # may have none
    chosen = choose_loci(effect.value, se, most=MOST_SHOWN if most is None else most)
    rows = [row for row, _ in chosen]
    effects = [findings.effects.locus(row, findings.names) for row in rows]
    used = [first.local.instruments[row] for row in rows]
    sites = motif_sites(
        _library(findings),
        findings.loci.codes[rows],
        [_offsets(one, mask) for one, mask in zip(effects, used, strict=True)],
    )
    table, units = findings.estimates(), findings.networks.scale.units()
    return [
        card_of(
            LocusView(
                place=Interval(*findings.loci.places()[row]),
                kind=kind,
                pair=findings.names,
                units=(units[findings.names[0]], units[findings.names[1]]),
                effects=effects[k],
                instruments=used[k][: effects[k].mask.shape[-1]],
                rows=rows_of_locus(table, findings.loci.places()[row]),
                sites=sites[k],
            )
        )
        for k, (row, kind) in enumerate(chosen)
    ]


def _library(findings: Findings) -> MotifLibrary | None:
    rule: Any = findings.question.rule
    return rule.library if isinstance(rule, ByMotif) else findings.question.motifs


def _offsets(effects: MemberEffects, instruments: np.ndarray) -> np.ndarray:
    return effects.offset[instruments[: effects.mask.shape[-1]] & effects.mask]


def rows_of_locus(
    table: Mapping[str, np.ndarray], place: tuple[str, int, int]
) -> dict[str, np.ndarray]:
    """Return a locus's rows of a table.

    Args:
        table: Columns with ``chrom``, ``start`` and ``end``.
        place: The locus.
    """
    here = (table["start"] == place[1]) & (table["end"] == place[2])
    here &= table["chrom"] == place[0]
    return {name: column[here] for name, column in table.items()}
