"""The report: one self-contained page, and a short table for the terminal."""

from deepmr.report.content import (
    Figure,
    ReportContent,
    ReportedPair,
    ReportedVerdict,
    Supplement,
)
from deepmr.report.effect_errors import effect_error_sentence
from deepmr.report.flags import explain as flag_meaning
from deepmr.report.gallery import MOST_SHOWN, LocusCard, choose_loci
from deepmr.report.headline import unit_names
from deepmr.report.links import files_beside
from deepmr.report.locus_page import write_loci
from deepmr.report.method_names import ESTIMATOR_TITLES
from deepmr.report.methods import Methods
from deepmr.report.page import render_report, write_report
from deepmr.report.pairs_content import PairsContent, PairsTables
from deepmr.report.pairs_page import render_pairs_report, write_pairs_report
from deepmr.report.references import ESTIMATOR_KEYS, TAU2_KEYS, bibtex
from deepmr.report.tables import slopes_table
from deepmr.report.terminal import summary_table, verdict_text
from deepmr.report.verdict_text import slope_meaning, verdict_of

__all__ = [
    "ESTIMATOR_KEYS",
    "ESTIMATOR_TITLES",
    "MOST_SHOWN",
    "TAU2_KEYS",
    "Figure",
    "LocusCard",
    "Methods",
    "PairsContent",
    "PairsTables",
    "ReportContent",
    "ReportedPair",
    "ReportedVerdict",
    "Supplement",
    "bibtex",
    "choose_loci",
    "effect_error_sentence",
    "files_beside",
    "flag_meaning",
    "render_pairs_report",
    "render_report",
    "slope_meaning",
    "slopes_table",
    "summary_table",
    "unit_names",
    "verdict_of",
    "verdict_text",
    "write_loci",
    "write_pairs_report",
    "write_report",
]
