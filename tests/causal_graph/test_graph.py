import io
import json
from dataclasses import replace

import networkx as nx
import pytest

from deepmr.causal_graph import Edge, KnownRelation, PairAnswer, TaskGraph, score_relations


def edge(exposure: str, outcome: str, **more: object) -> Edge:
    numbers = {"effect": 0.5, "interval": (0.4, 0.6), "q_bh": 0.01, "q_by": 0.05}
    return Edge(exposure=exposure, outcome=outcome, method="ivw", **numbers, **more)  # type: ignore[arg-type]


GRAPH = TaskGraph(
    tasks=("A & B", "<M>", "Y", "alone"),
    edges=(
        edge("A & B", "<M>", caveats=("nested",)),
        edge("<M>", "Y"),
        edge("A & B", "Y", kind="mediated", through=("<M>",)),
    ),
)


def test_graphml_reads_back_with_every_attribute() -> None:
    read = nx.read_graphml(io.BytesIO(GRAPH.to_graphml().encode()))
    assert set(read.nodes) == set(GRAPH.tasks)
    assert read.edges["A & B", "Y"]["through"] == "<M>"
    assert read.edges["A & B", "<M>"]["effect"] == 0.5


def test_cytoscape_reads_back_and_is_strict_json() -> None:
    unknown = replace(GRAPH.edges[1], outcome="alone", effect=float("nan"))
    graph = TaskGraph(tasks=GRAPH.tasks, edges=(*GRAPH.edges, unknown))
    content = json.loads(json.dumps(graph.to_cytoscape(), allow_nan=False))
    read = nx.cytoscape_graph({**content, "directed": True, "multigraph": False, "data": []})
    assert read.has_edge("A & B", "<M>")
    assert read.number_of_edges() == 4


def test_the_direct_graph_leaves_mediated_edges_out() -> None:
    assert [(one.exposure, one.outcome) for one in GRAPH.direct.edges] == [
        ("A & B", "<M>"),
        ("<M>", "Y"),
    ]


def test_an_edge_to_a_stranger_is_refused() -> None:
    with pytest.raises(ValueError, match="Y -> Z"):
        TaskGraph(tasks=("Y",), edges=(edge("Y", "Z"),))


def answer(structure: str, effect: float = 0.5, q: float = 0.001) -> PairAnswer:
    return PairAnswer(structure=structure, effect=effect, q_bh=q)


def test_scores_count_edges_with_their_signs() -> None:
    relations = [
        KnownRelation(exposure="A", outcome="B", expected="+"),
        KnownRelation(exposure="A", outcome="C", expected="-"),
        KnownRelation(exposure="A", outcome="D", expected="forward"),
        KnownRelation(exposure="A", outcome="E", expected="shared"),
    ]
    scores = score_relations(
        relations,
        {
            ("A", "B"): answer("forward"),
            ("A", "C"): answer("forward", effect=0.5),  # the wrong sign
            ("A", "D"): answer("undecided"),
            ("A", "E"): answer("forward"),
        },
    )
    assert (scores.precision["k"], scores.precision["n"]) == (1, 3)
    assert (scores.recall["k"], scores.recall["n"]) == (1, 3)
    assert [row["agrees"] for row in scores.rows] == [True, False, False, False]
    assert (scores.calibration[0]["k"], scores.calibration[0]["n"]) == (1, 4)


def test_a_relation_that_was_not_asked_is_refused() -> None:
    with pytest.raises(LookupError, match="A -> B was not asked"):
        score_relations([KnownRelation(exposure="A", outcome="B", expected="+")], {})
