"""The report: one HTML file that needs nothing but itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deepmr.files import atomic_write
from deepmr.report.content import ReportContent, ReportedPair
from deepmr.report.effect_errors import effect_error_sentence, effect_error_table
from deepmr.report.flags import count_flags
from deepmr.report.gallery import READING, RULE
from deepmr.report.headline import headline, unit_meanings, unit_names
from deepmr.report.links import data_links, figure_links, listed_files
from deepmr.report.method_names import method_meanings
from deepmr.report.number import MISSING, interval_text, matching_text, typeset
from deepmr.report.provenance import facts_of
from deepmr.report.tables import calibration_table, loci_table, pooled_table
from deepmr.report.template import fill
from deepmr.report.verdict_tables import controls_table, panel_table
from deepmr.report.verdict_text import (
    is_effect,
    slope_meaning,
    structure_asked,
    truth_sentence,
)

__all__ = ["render_report", "write_report"]


def write_report(path: Path | str, content: ReportContent) -> None:
    """Write the report of one question as a single HTML file, atomically.

    Args:
        path: The HTML file; one that is there is replaced.
        content: What is reported.

    Raises:
        OSError: If the folder cannot be written to.

    Example:
        A table of one pooled slope, and no loci; `Interrogation.report` fills in the rest.

        >>> import tempfile
        >>> words = {"exposure": "A", "outcome": "B", "method": "ivw", "pooling": "reml"}
        >>> numbers = dict.fromkeys(("se", "neg_log10_p", "i2", "tau2", "true_value", "q"), 0.1)
        >>> numbers |= {"n_loci": 9, "value": 0.5, "ci_lower": 0.3, "ci_upper": 0.7}
        >>> numbers |= {"prediction_lower": 0.1, "prediction_upper": 0.9}
        >>> meta = {name: np.array([value]) for name, value in (words | numbers).items()}
        >>> none = ("chrom", "start", "end", "flags", "n_instruments", "q_df")
        >>> loci = {name: np.array([], dtype=object) for name in (*meta, *none)}
        >>> floats = (*numbers, "n_instruments", "q_df")
        >>> loci |= {name: np.array([], dtype=float) for name in floats}
        >>> pair = ReportedPair(exposure="A", outcome="B")
        >>> path = Path(tempfile.mkdtemp()) / "report.html"
        >>> write_report(path, ReportContent(pair=pair, meta=meta, estimates=loci))
        >>> "Does A act on B?" in path.read_text()
        True
    """
    with atomic_write(path) as stream:
        stream.write(render_report(content))


def render_report(content: ReportContent) -> str:
    """Return the report as HTML.

    Everything is inside: figures, style and the few lines of script that sort tables. A content
    security policy in the page forbids the browser any request. All text is escaped.

    Args:
        content: What is reported.
    """
    loci, n_loci = loci_table(content)
    asked = _questions(content)
    judged, cards, supplement = content.judged, _cards(content), content.supplement
    units = [unit_names(one)[1] for one in (content.pair.exposure_unit, content.pair.outcome_unit)]
    tables = {
        "controls": controls_table(judged.controls, judged.controls_not_run),
        "panel": panel_table(judged.panel),
        "effect_errors": effect_error_table(
            supplement.effect_errors, dict(zip(content.pair.names, units, strict=True))
        ),
        "calibration": (
            None
            if content.metrics is None
            else calibration_table(content.metrics, content.pair.names)
        ),
    }
    links = data_links(content, {name: one for name, one in tables.items() if one is not None})
    return fill(
        "page.html",
        content=content,
        contents=_contents(bool(tables["controls"].rows)),
        headline=headline(content),
        truth=truth_sentence(content.true_structure(), judged.verdict, *content.pair.names),
        truth_known=bool(content.true_structure()),
        cards=cards,
        units=units,
        **tables,
        pooled=pooled_table(content),
        method_meanings=method_meanings(content.meta["method"]),
        unit_meanings=unit_meanings(content.pair),
        meanings=[card for card in cards if card["range"] and not card["is_effect"]],
        gallery=supplement.gallery,
        gallery_rule=RULE,
        gallery_reading=READING,
        n_asked=supplement.n_loci or n_loci,
        on_disk=bool(supplement.files),
        loci=loci,
        n_loci=n_loci,
        flag_columns=asked,
        flags=count_flags(content.estimates, asked),
        share_text=_share_text,
        effect_error_sentence=effect_error_sentence(supplement.effect_errors),
        noiseless_known=bool(np.isfinite(content.meta["true_value"]).any()),
        methods=supplement.methods,
        links=links,
        figure_links=figure_links(content, links),
        files=listed_files(content),
        facts=facts_of(content.provenance),
    )


def _share_text(count: int, total: int) -> str:
    """Return a share as a percentage that calls no flag absent that was raised."""
    share = 100.0 * count / total
    return "under 1 %" if 0 < share < 1 else f"{share:.0f} %"


def _contents(controls: bool) -> list[tuple[str, str]]:
    """Return the sections of the page: their anchor and what they are called."""
    sections = ["answer", "effect", "direction", "controls", "assumptions", "loci", "methods"]
    return [(name, name.capitalize()) for name in sections if controls or name != "controls"]


def _cards(content: ReportContent) -> list[dict[str, Any]]:
    """Return the pooled slopes that stand beside the answer, each with what it stands for."""
    cards = []
    for pair in (content.pair, content.pair.reversed):
        row = content.pooled(*pair.names)
        if row is None:
            continue
        numbers = [float(row[name]) for name in ("value", "ci_lower", "ci_upper")]
        value, lower, upper = interval_text(*numbers)
        known = MISSING not in (lower, upper)
        estimated = bool(np.isfinite(numbers[0]))
        noiseless = float(row["true_value"])
        structure = structure_asked(content.judged.structure, reverse=pair is not content.pair)
        cards.append(
            {
                "label": f"{pair.exposure} → {pair.outcome}",
                "meaning": _meaning(structure, pair) if estimated else "no estimate",
                "is_effect": estimated and is_effect(structure),
                "value": typeset(value),
                "range": f"{typeset(lower)} to {typeset(upper)}" if known else "",
                "simulated": _simulated(content.true_structure(reverse=pair is not content.pair)),
                "noiseless": ""
                if np.isnan(noiseless)
                else typeset(matching_text(noiseless, value)),
            }
        )
    return cards


def _simulated(structure: str) -> str:
    """Say whether a simulation has an effect in a direction; empty where that is unknown."""
    return ("an effect" if is_effect(structure) else "no effect") if structure else ""


def _meaning(structure: str, pair: ReportedPair) -> str:
    if is_effect(structure):
        return f"effect of {pair.exposure} on {pair.outcome}"
    return slope_meaning(structure, *pair.names)


def _questions(content: ReportContent) -> list[tuple[str, str, str]]:
    """Return what flags are counted for: each method forwards, and the headline's backwards."""
    estimates = content.estimates
    rows = (estimates["exposure"] == content.exposure) & (estimates["outcome"] == content.outcome)
    methods = dict.fromkeys([content.method, *estimates["method"][rows].tolist()])
    forward = [(content.exposure, content.outcome, str(method)) for method in methods]
    return [*forward, (content.outcome, content.exposure, content.method)]
