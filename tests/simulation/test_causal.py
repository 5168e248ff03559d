"""Causal graphs: what is refused, loops, evaluation in any order of declaration."""

from typing import Any

import numpy as np
import pytest

from deepmr.simulation import CausalGraph

MOTIFS = {"A": "GATA_disc1", "B": "TAL1_known1"}


def graph(tasks: dict[str, Any], **more: Any) -> CausalGraph:
    return CausalGraph.from_dict({"motifs": MOTIFS, "tasks": tasks, **more})


def test_a_child_may_be_declared_before_its_parent() -> None:
    found = graph({"Y": {"of": {"X": 60, "B": 40}}, "X": {"of": {"A": 100}}})
    assert found.counts(np.array([0.5, 1.0])).tolist() == [1 + 30 + 40, 51.0]


def test_a_hidden_node_moves_tasks_but_is_none() -> None:
    found = graph({"Y": {"of": {"H": 50}}}, hidden={"H": {"of": ["A", "B"]}})
    assert found.tasks == ("Y",)
    assert found.counts(np.array([1.0, 0.0])).tolist() == [26.0]


def test_feedback_settles_where_every_equation_holds() -> None:
    found = graph({"F": {"of": {"A": 70, "G": 50}}, "G": {"of": {"B": 70, "F": 50}}}, feedback=True)
    doses = np.random.default_rng(0).random((40, 2))
    f, g = found.activity(doses).T
    # The solver stops at a change of 1e-12; the map contracts by (5/12)^2 a round.
    np.testing.assert_allclose(f, (70 * doses[:, 0] + 50 * g) / 120, atol=1e-11)
    np.testing.assert_allclose(g, (70 * doses[:, 1] + 50 * f) / 120, atol=1e-11)
    # By hand: F = (70 A + 50 G) / 120 and G = 50 F / 120 at B = 0.
    alone = found.activity(np.array([1.0, 0.0]))[0]
    assert alone == pytest.approx((70 / 120) / (1 - (50 / 120) ** 2), rel=1e-11)


def test_a_loop_that_does_not_settle_is_refused() -> None:
    # Around its fixed point near .014 the map turns by a factor of -.99 a round: 500 rounds
    # leave a change of some 1e-4, far from 1e-12.
    node = {"form": "competitive", "of": {"A": 1}, "against": {"X": 10_000}}
    with pytest.raises(ValueError, match=r"loop of X did not settle in 500 rounds; weaken an edge"):
        graph({"X": node}, feedback=True)


BAD = {
    "unknown parent": (
        {"Y": {"of": {"C": 1}}},
        r"task Y of the graph reads C, which is no motif and no task; there are A, B, Y",
    ),
    "loop": (
        {"X": {"of": {"A": 1, "Y": 1}}, "Y": {"of": {"X": 1}}},
        r"the graph has a loop of X, Y; set feedback: true if it is meant",
    ),
    "unknown form": (
        {"Y": {"form": "xor", "of": ["A"]}},
        r"task Y of the graph: form is one of additive, .*; got 'xor'",
    ),
    "unknown setting": ({"Y": {"from": ["A"]}}, r"task Y of the graph has form, of, .*got 'from'"),
    "no input": ({"Y": {}}, r"task Y of the graph needs at least one input under `of`, got none"),
    "negative weight": (
        {"Y": {"of": {"A": -3}}},
        r"the weight of A must be positive, got -3.0; an input that lowers it goes under",
    ),
    "a share above 1": (
        {"Y": {"form": "soft_or", "of": {"A": 60}}},
        r"the weight of A is a share, at most 1; got 60",
    ),
    "weight is no number": ({"Y": {"of": {"A": "much"}}}, r"task Y of the graph: A is a number"),
    "inputs are a word": ({"Y": {"of": "A"}}, r"of maps inputs to weights or lists them, got 'A'"),
    "name of a motif": ({"A": {"of": ["B"]}}, r"names in a graph must differ, got A more than"),
    "impossible name": ({"a*b": {"of": ["B"]}}, r"a task's name is letters, digits and _"),
    "both ways": ({"Y": {"of": ["A"], "against": ["A"]}}, r"A stands under `of` and `against`"),
    "task is a word": ({"Y": "A"}, r"task Y of the graph is a mapping of form, .*; got 'A'"),
    "no task": ({}, r"a graph needs at least one task that is not hidden, got none"),
    "not positive": ({"Y": {"of": ["A"], "half": 0}}, r"half must be positive, got 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_graph_is_refused_in_one_line(name: str) -> None:
    tasks, message = BAD[name]
    with pytest.raises(ValueError, match=message) as caught:
        graph(tasks)
    assert "\n" not in str(caught.value)


def test_a_graph_has_no_other_parts() -> None:
    with pytest.raises(
        ValueError, match=r"a graph has motifs, tasks, hidden, feedback; got 'edges'"
    ):
        graph({"Y": {"of": ["A"]}}, edges=[])


def test_a_loop_that_reads_no_motif_is_refused() -> None:
    with pytest.raises(ValueError, match=r"task X of the graph reaches no motif"):
        graph({"X": {"of": ["Y"]}, "Y": {"of": ["X"]}}, feedback=True)
