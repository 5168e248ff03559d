"""The report: one self-contained page, and a short table for the terminal."""

from deepmr.report.content import Figure, ReportContent
from deepmr.report.page import render_report, write_report
from deepmr.report.terminal import summary_table

__all__ = ["Figure", "ReportContent", "render_report", "summary_table", "write_report"]
