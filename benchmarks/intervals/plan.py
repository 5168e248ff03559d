"""Scenarios of the study of intervals: the data, and the pairs that are asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from benchmarks.structures.plan import NETWORKS

__all__ = ["DEVELOPMENT", "FURTHER", "JUDGING", "SCENARIOS", "Scenario"]

JUDGING = tuple(range(5000, 5012))
"""Seeds of data and networks that fixed nothing; 3000, 3001, 4000 to 4028 judged earlier rules."""

DEVELOPMENT = tuple(range(100, 104))
"""Seeds to fix constants on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One kind of data.

    Args:
        options: What `train.py` is told.
        graph: Declaration of the causal graph for data=structures; None for another source.
        pairs: Exposure and outcome; either direction of each is asked.
    """

    options: tuple[str, ...] = ()
    graph: Mapping[str, Any] | None = None
    pairs: tuple[tuple[str, str], ...] = (("X", "Y"),)


def _two(outcome: Mapping[str, Any], *, motifs: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {
        "motifs": motifs or {"A": "GATA_disc1", "B": "TAL1_known1", "C": "SOX2_1"},
        "tasks": {"X": {"of": {"A": 100}}, "Y": dict(outcome)},
    }


_ADDITIVE = {"of": {"X": 60, "B": 60}}
_COOPERATIVE = {"form": "cooperative", "of": ["X", "B"], "top": 140}
_COMPETITIVE = {"form": "competitive", "of": {"X": 8}, "against": {"B": 6}, "top": 120}
_COMMON = {
    "motifs": {"A": "GATA_disc1", "B": "TAL1_known1", "C": "SOX2_1"},
    "tasks": {"X": {"of": {"A": 60, "C": 60}}, "Y": {"of": {"B": 60, "C": 60}}},
}
_PAPER = (("GATA1", "TAL1"),)
_FIFTEEN = (
    ("X", "P"), ("X", "Lo"), ("X", "M"), ("L", "Lo"), ("M", "Z"), ("N", "Ya"), ("S", "Q"),
    ("P", "Q"), ("L", "M"), ("U", "V"), ("Yc", "Yx"), ("T", "S"),
)  # fmt: skip

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        **{
            f"paper_{one}": Scenario(
                options=("data=simulation", f"data.confounding={one}"), pairs=_PAPER
            )
            for one in ("none", "independent", "sequence", "both")
        },
        "additive": Scenario(graph=_two(_ADDITIVE)),
        "competitive": Scenario(graph=_two(_COMPETITIVE)),
        "cooperative": Scenario(graph=_two(_COOPERATIVE)),
        "cooperative_small": Scenario(
            graph=_two(_COOPERATIVE), options=("data.n_train=2000", "data.n_variants=500")
        ),
        "other_motifs": Scenario(graph=_two(_ADDITIVE, motifs={"A": "HNF4A", "B": "CEBPB"})),
        "long": Scenario(graph=_two(_ADDITIVE), options=("data.length=300", "data.copies=2")),
        "peaks": Scenario(graph=_two(_ADDITIVE), options=("data.targets=peaks",)),
        "common_cause": Scenario(graph=_COMMON),
        "fifteen": Scenario(options=("data=structures",), pairs=_FIFTEEN),
        "strong": Scenario(
            options=("data=simulation", "data.confounding=independent", "data.effect=10"),
            pairs=_PAPER,
        ),
        "strong_with_site_variants": Scenario(
            options=(
                "data=simulation",
                "data.confounding=independent",
                "data.effect=10",
                "data.n_motif_variants=7500",
            ),
            pairs=_PAPER,
        ),
        "residual": Scenario(graph=_two(_ADDITIVE), options=("model=residual",)),
        "unrelated": Scenario(graph=_two({"of": {"B": 100}})),
        "no_effect": Scenario(options=("data=simulation", "data.effect=0"), pairs=_PAPER),
    }
)
"""The study's kinds of data, by name."""

FURTHER: Mapping[str, Scenario] = MappingProxyType(
    {
        "repressed": Scenario(graph=_two({"of": {"B": 100}, "against": {"X": 0.8}})),
        "weak": Scenario(graph=_two({"of": {"X": 15, "B": 100}})),
        "published_network": Scenario(
            options=("data=simulation", "data.confounding=both", *NETWORKS["paper"]), pairs=_PAPER
        ),
        "hill": Scenario(graph=_two({"form": "hill", "of": {"X": 60, "B": 60}, "top": 140})),
    }
)
"""Kinds of data that fixed nothing and are no part of the table, asked by name alone."""
