"""Forms of regulation, by hand arithmetic through a graph's counts."""

import numpy as np
import pytest

from deepmr.simulation import CausalGraph

MOTIFS = {"A": "GATA_disc1", "B": "TAL1_known1"}


def counts(node: dict, a: float, b: float) -> float:
    graph = CausalGraph.from_dict({"motifs": MOTIFS, "tasks": {"Y": node}})
    return float(graph.counts(np.array([a, b], dtype=np.float64))[0])


# (declaration, dose of A, dose of B, expected counts worked out by hand)
CASES = {
    "additive": ({"of": {"A": 60, "B": 40}}, 0.5, 0.25, 1 + 30 + 10),
    "additive with a product": ({"of": {"A": 40, "A*B": 60}}, 0.5, 0.5, 1 + 20 + 15),
    "cooperative": ({"form": "cooperative", "of": ["A", "B"]}, 0.5, 0.4, 1 + 100 * 0.2),
    "partly cooperative": (
        {"form": "cooperative", "of": {"A": 1, "B": 0.5}, "top": 80},
        0.5,
        0.0,
        1 + 80 * 0.5 * 0.5,
    ),
    "soft or": ({"form": "soft_or", "of": ["A", "B"]}, 0.5, 0.2, 1 + 100 * (1 - 0.5 * 0.8)),
    "maximum": ({"form": "maximum", "of": {"A": 1, "B": 0.5}}, 0.3, 0.8, 1 + 100 * 0.4),
    # Mean dose .5 at half .5: half of an unlimited dose, times (1 + .25) to reach 1 at dose 1.
    "hill": ({"form": "hill", "of": ["A", "B"]}, 0.75, 0.25, 1 + 100 * 0.5 * 1.25),
    "hill at full dose": ({"form": "hill", "of": ["A", "B"]}, 1.0, 1.0, 101),
    # a = 3, rival 4: 3 / 8, relative to 3 / 4 without rival.
    "competitive": ({"form": "competitive", "of": {"A": 3}, "against": {"B": 4}}, 1, 1, 1 + 50),
    "competitive alone": ({"form": "competitive", "of": {"A": 3}, "against": {"B": 4}}, 1, 0, 101),
    "repressed": ({"of": {"B": 120}, "against": {"A": 0.8}}, 0.5, 0.5, 1 + 60 * 0.6),
    "repressed without activator": ({"against": {"A": 0.5}, "top": 80}, 1.0, 0.0, 1 + 40),
    "another base": ({"of": {"A": 10}, "base": 5}, 0.0, 0.0, 5),
}


@pytest.mark.parametrize("name", CASES)
def test_a_form_gives_the_counts_of_its_formula(name: str) -> None:
    node, a, b, expected = CASES[name]
    # A handful of float64 operations on numbers up to 100.
    assert counts(node, a, b) == pytest.approx(expected, rel=1e-12)
