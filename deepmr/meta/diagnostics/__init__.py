"""Diagnostics of a pooling: influence of single loci, small-study effects, trim and fill."""

from deepmr.meta.diagnostics.influence import (
    Baujat,
    Influence,
    baujat,
    cumulative,
    influence,
    leave_one_out,
)
from deepmr.meta.diagnostics.small_study import EggerTest, RankTest, egger_test, rank_test
from deepmr.meta.diagnostics.trim_and_fill import TrimAndFill, trim_and_fill

__all__ = [
    "Baujat",
    "EggerTest",
    "Influence",
    "RankTest",
    "TrimAndFill",
    "baujat",
    "cumulative",
    "egger_test",
    "influence",
    "leave_one_out",
    "rank_test",
    "trim_and_fill",
]
