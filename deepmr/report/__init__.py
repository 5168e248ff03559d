"""The report: one self-contained page, and a short table for the terminal."""

from deepmr.report.content import Figure, ReportContent, ReportedPair, ReportedVerdict
from deepmr.report.effect_errors import effect_error_sentence
from deepmr.report.page import render_report, write_report
from deepmr.report.pairs_content import PairsContent, PairsTables
from deepmr.report.pairs_page import render_pairs_report, write_pairs_report
from deepmr.report.terminal import summary_table, verdict_text
from deepmr.report.verdict_text import slope_meaning

__all__ = [
    "Figure",
    "PairsContent",
    "PairsTables",
    "ReportContent",
    "ReportedPair",
    "ReportedVerdict",
    "effect_error_sentence",
    "render_pairs_report",
    "render_report",
    "slope_meaning",
    "summary_table",
    "verdict_text",
    "write_pairs_report",
    "write_report",
]
