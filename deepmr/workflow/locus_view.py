"""Loci of an interrogation, drawn: effects, instruments, slopes and motif matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

from deepmr.effects import MemberEffects
from deepmr.estimate import Estimate
from deepmr.genome import Interval
from deepmr.motifs import ByMotif, MotifLibrary, find_matches
from deepmr.mr import MREstimate
from deepmr.plot import MotifSite, locus_response, locus_tracks, to_svg
from deepmr.report import (
    MOST_SHOWN,
    Figure,
    LocusCard,
    choose_loci,
    flag_meaning,
    slopes_table,
    unit_names,
)
from deepmr.workflow.findings import Findings

__all__ = [
    "LocusView",
    "card_of",
    "draw_gallery",
    "motif_sites",
    "reference_codes",
    "rows_of_locus",
]

_MOST_SITES = 12
_UNKNOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LocusView:
    """What the report knows of one locus.

    Args:
        place: The locus.
        kind: Why it is shown: typical, deviant, certain or asked.
        pair: Names of the exposure's and the outcome's task.
        units: Units of their effects.
        effects: Effects of its variants on both tasks.
        instruments: Variants that are instruments for the exposure.
        rows: Its rows of the table of estimates: columns by name.
        sites: Matches of motifs that overlap an instrument.
    """

    place: Interval
    kind: str
    pair: tuple[str, str]
    units: tuple[str, str]
    effects: MemberEffects
    instruments: Bool[np.ndarray, " variant"]
    rows: Mapping[str, np.ndarray]
    sites: Sequence[MotifSite] = ()

    @property
    def forward(self) -> np.ndarray:
        """Rows of the table that answer the question as asked."""
        asked = (self.rows["exposure"] == self.pair[0]) & (self.rows["outcome"] == self.pair[1])
        return np.flatnonzero(asked)

    @property
    def estimates(self) -> list[MREstimate]:
        """Slopes of the question as asked, one a method."""
        return [_estimate(self.rows, int(row)) for row in self.forward]

    @property
    def noiseless(self) -> float | None:
        """Slope of a simulation's noiseless effects over the instruments, where it is known."""
        rows = self.forward
        found = self.rows["true_value"][rows[:1]]
        return float(found[0]) if found.size and np.isfinite(found[0]) else None


def _estimate(rows: Mapping[str, np.ndarray], row: int) -> MREstimate:
    def one(value: str, se: str) -> Estimate:
        return Estimate(value=np.asarray(rows[value][row]), se=np.asarray(rows[se][row]))

    intercept = one("intercept", "intercept_se")
    return MREstimate(
        method=str(rows["method"][row]),
        n_instruments=np.asarray(rows["n_instruments"][row]),
        effect=one("value", "se"),
        pleiotropy=intercept if np.isfinite(intercept.value) else None,
    )


def card_of(view: LocusView) -> LocusCard:
    """Draw a locus: effects along the sequence, then scatter and dose-response.

    Args:
        view: The locus.
    """
    name, (exposure, outcome) = str(view.place), view.pair
    units = (unit_names(view.units[0])[1], unit_names(view.units[1])[1])
    effects, used = view.effects, view.instruments
    along = locus_tracks(
        effects,
        view.pair,
        instruments=used,
        motifs=view.sites,
        locus=view.place,
        units=units,
    )
    count = int(used.sum())
    figures = [
        Figure(
            name=f"Effects along {name}",
            caption="Letters as high as their base contributes; triangles mark instruments.",
            content=to_svg(along[0]),
            alt=f"Sequence logos of the effects on {exposure} and {outcome} at {name}, with "
            f"{count} instruments marked",
        )
    ]
    left, _ = locus_response(
        effects,
        exposure,
        outcome,
        instruments=used,
        estimates=view.estimates,
        true_value=view.noiseless,
        units=units,
    )
    figures.append(
        Figure(
            name=f"Variants of {name}",
            caption="Effects of every variant with the slopes; right, the dose-response.",
            content=to_svg(left),
            alt=f"Scatter of effects on {outcome} against effects on {exposure} at {name}, "
            f"{count} instruments, and their dose-response",
        )
    )
    return LocusCard(
        name=name,
        kind=view.kind,
        figures=figures,
        slopes=slopes_table(view.rows),
        sentences=_sentences(view),
        data=_variants(view),
    )


def _variants(view: LocusView) -> dict[str, np.ndarray]:
    """Return the locus's variants as columns: place, alleles, effects, whether instruments."""
    effects = view.effects
    kept = np.flatnonzero(effects.mask)
    means = {task: effects.of(task).mean(axis=-2)[kept] for task in view.pair}
    alleles = np.array([*"ACGT", ""], dtype=object)
    return {
        "chrom": np.full(kept.size, view.place.chrom, dtype=object),
        "position": view.place.start + effects.offset[kept].astype(np.int64),
        "ref": alleles[effects.ref[kept]],
        "alt": alleles[effects.alt[kept]],
        **{f"effect_{task}": mean.astype(np.float64) for task, mean in means.items()},
        "instrument": view.instruments[kept],
    }


def _sentences(view: LocusView) -> list[str]:
    rows = view.forward
    said = [f"{int(view.instruments.sum())} instruments."]
    flags = [name for text in view.rows["flags"][rows[:1]] for name in text.split(";") if name]
    said += [f"Flag: {name.replace('_', ' ')}. {flag_meaning(name)}".strip() for name in flags]
    if view.sites:
        listed = ", ".join(f"{s.label} at {view.place.start + s.start}" for s in view.sites)
        said.append(f"Motif matches that overlap an instrument: {listed}.")
    return said


def reference_codes(effects: MemberEffects, length: int) -> UInt8[np.ndarray, " length"]:
    """Return a locus's reference sequence as far as its substitutions show it, else unknown.

    Args:
        effects: Effects at one locus.
        length: Length of the locus in bases.
    """
    codes = np.full(length, _UNKNOWN, dtype=np.uint8)
    known = effects.mask & (effects.ref >= 0) & (effects.alt >= 0)
    codes[effects.offset[known]] = effects.ref[known]
    return codes


def motif_sites(
    library: MotifLibrary | None,
    codes: UInt8[np.ndarray, "locus length"],
    instruments: Sequence[np.ndarray],
    *,
    p: float = 1e-4,
) -> list[list[MotifSite]]:
    """Return the matches of a library's motifs that overlap an instrument, best first, by locus.

    Args:
        library: The motifs; None for none.
        codes: Reference sequences of the loci.
        instruments: Offsets of each locus's instruments.
        p: Largest p-value of a match, 1e-4 by default.

    Returns:
        At most 12 sites a locus, those with the smallest p-values, from left to right.
    """
    found: list[list[tuple[float, MotifSite]]] = [[] for _ in codes]
    for motif in library or ():
        try:
            matches = find_matches(motif, codes, p=p)
        except ValueError:  # too short a motif: no site of it can reach the p-value
            continue
        for k, row in enumerate(matches.locus.tolist()):
            start, end = int(matches.start[k]), int(matches.end[k])
            if ((instruments[row] >= start) & (instruments[row] < end)).any():
                site = MotifSite(
                    name=motif.name, start=start, end=end, strand=int(matches.strand[k])
                )
                found[row].append((float(matches.p[k]), site))
    return [
        sorted((site for _, site in sorted(one, key=lambda x: x[0])[:_MOST_SITES]), key=_start)
        for one in found
    ]


def _start(site: MotifSite) -> int:
    return site.start


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
        [
            one.offset[mask[: one.mask.shape[-1]] & one.mask]
            for one, mask in zip(effects, used, strict=True)
        ],
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
