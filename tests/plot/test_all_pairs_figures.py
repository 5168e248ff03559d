import networkx as nx
import numpy as np
import pytest

from deepmr.plot import causal_graph, effect_matrix, task_order, to_png
from deepmr.plot.graph import layered_layout


def test_similar_tasks_become_neighbours() -> None:
    rng = np.random.default_rng(0)
    kind = np.array([0, 1, 0, 1, 0, 1])
    slope = np.where(kind[:, None] == kind, 1.0, 0.0) + 0.05 * rng.normal(size=(6, 6))
    np.fill_diagonal(slope, np.nan)
    assert np.count_nonzero(np.diff(kind[task_order(slope)])) == 1


def test_tasks_without_a_slope_do_not_disturb_the_order() -> None:
    assert sorted(task_order(np.full((4, 4), np.nan))) == [0, 1, 2, 3]


def test_matrix_marks_effects_and_leaves_missing_cells_white() -> None:
    slope = np.array([[np.nan, 0.5], [np.nan, np.nan]])
    ax = effect_matrix(
        slope, [["", "forward"], ["reverse", ""]], exposures=["A", "$B$"], outcomes=["A", "$B$"]
    )
    assert [text.get_text() for text in ax.texts] == ["→"]
    assert ax.images[0].get_array().mask.sum() == 3
    assert to_png(ax)[:4] == b"\x89PNG"


def test_a_matrix_of_nothing_is_drawn() -> None:
    empty = np.full((2, 2), np.nan)
    assert to_png(effect_matrix(empty, [["", ""]] * 2, exposures="AB", outcomes="AB"))


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="effect_matrix"):
        effect_matrix(np.zeros((1, 2)), [["", ""]], exposures=["A"], outcomes=["A"])


def test_causes_lie_above_effects_also_beside_a_loop() -> None:
    graph = nx.DiGraph([("X", "F"), ("F", "G"), ("G", "F"), ("G", "Y")])
    graph.add_node("alone")
    place = layered_layout(graph)
    assert place["X"][1] > place["F"][1] > place["Y"][1] > place["alone"][1]
    assert round(place["F"][1]) == round(place["G"][1])


def test_graph_draws_an_arrow_an_edge() -> None:
    graph = nx.DiGraph()
    graph.add_edge("X", "Y", effect=0.5, kind="direct", caveats="")
    graph.add_edge("X", "Z", effect=-0.5, kind="mediated", caveats="")
    ax = causal_graph(graph)
    assert len(ax.patches) == 2
    assert to_png(ax)[:4] == b"\x89PNG"
