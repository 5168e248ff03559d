"""True structures of pairs, and the shipped graphs."""

from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest

from deepmr.simulation import (
    DEVELOPMENT,
    GRAPHS,
    JUDGING,
    KINDS,
    CausalGraph,
    pair_structure,
    random_graph,
    shipped_graph,
    structure_table,
)

MOTIFS = {"A": "GATA_disc1", "B": "TAL1_known1", "C": "SOX2_1", "D": "CTCF"}
EVERY = [*GRAPHS, *range(3)]


def graph(tasks: dict[str, Any], **more: Any) -> CausalGraph:
    return CausalGraph.from_dict({"motifs": MOTIFS, "tasks": tasks, **more})


@cache
def table(name: str | int) -> list[dict[str, Any]]:
    return structure_table(shipped_graph(name) if isinstance(name, str) else random_graph(name))


def test_the_fifteen_tasks_have_the_105_structures_they_were_designed_for() -> None:
    found = Counter(row["kind"] for row in structure_table(shipped_graph("fifteen")))
    assert found == {
        "directed": 32,
        "common": 23,
        "nested": 16,
        "equal": 14,
        "same": 1,
        "unrelated": 19,
    }


def test_the_fifteen_tasks_follow_the_formulas_they_were_designed_with() -> None:
    a, b, c = doses = np.random.default_rng(0).random((3, 20))
    lower = 70 * a + 50 * c
    expected = {
        "X": 100 * a,
        "N": 100 * b,
        "S": 100 * c,
        "T": 60 * c,
        "P": 60 * a + 60 * c,
        "Q": 60 * b + 60 * c,
        "L": lower,
        "Lo": 0.6 * lower + 60 * b,
        "M": 100 * a * c,
        "Z": 0.7 * 100 * a * c + 60 * b,
        "U": 40 * a + 60 * a * b,
        "V": 40 * b + 60 * a * b,
        "Yc": 200 * a * b,
        "Ya": 60 * a + 60 * b,
        "Yx": 120 * b * (1 - 0.8 * a),
    }
    fifteen = shipped_graph("fifteen")
    assert fifteen.tasks == tuple(expected)
    np.testing.assert_allclose(
        fifteen.counts(doses.T), 1 + np.stack(list(expected.values()), axis=1), rtol=1e-12
    )


PAIRS = {
    "a parent": ({"X": {"of": ["A", "B"]}, "Y": {"of": ["X", "C"]}}, "forward", "directed"),
    "a child": ({"Y": {"of": ["A", "B"]}, "X": {"of": ["Y", "C"]}}, "reverse", "directed"),
    "a factor and what reads its motif": (
        {"X": {"of": ["A"]}, "Y": {"of": ["A", "B"]}},
        "forward",
        "directed",
    ),
    "a cause with a second path": (
        {"X": {"of": ["A", "B"]}, "Y": {"of": ["X", "A"]}},
        "forward",
        "bypassed",
    ),
    "a scaled copy": ({"X": {"of": ["A"]}, "Y": {"of": {"A": 30}}}, "inseparable", "same"),
    "a saturating copy": (
        {"X": {"of": ["A", "B"]}, "Y": {"form": "hill", "of": ["X"]}},
        "inseparable",
        "same",
    ),
    "a repressed copy": (
        {"X": {"of": ["A"]}, "Y": {"against": {"X": 0.8}}},
        "inseparable",
        "same",
    ),
    "two copies of one sum": (
        {"X": {"of": {"A": 30, "B": 60}}, "Y": {"of": {"B": 20, "A": 10}}},
        "inseparable",
        "same",
    ),
    "equal inputs": (
        {"X": {"of": ["A", "B"]}, "Y": {"form": "cooperative", "of": ["A", "B"]}},
        "shared",
        "equal",
    ),
    "nested inputs": (
        {"X": {"of": ["A", "B"]}, "Y": {"of": {"A": 3, "B": 1, "C": 1}}},
        "shared",
        "nested",
    ),
    "a common cause": ({"X": {"of": ["A", "B"]}, "Y": {"of": ["B", "C"]}}, "shared", "common"),
    "nothing in common": ({"X": {"of": ["A", "B"]}, "Y": {"of": ["C"]}}, "none", "unrelated"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_has_the_structure_of_its_graph(name: str) -> None:
    tasks, word, kind = PAIRS[name]
    pair = pair_structure(graph(tasks), "X", "Y")
    assert (pair.word, pair.kind) == (word, kind)
    turned = pair_structure(graph(tasks), "Y", "X")
    exchanged = {"forward": "reverse", "reverse": "forward"}
    assert turned.word == exchanged.get(word, word)
    assert (turned.kind, turned.direct, turned.shared) == (kind, pair.direct, pair.shared)
    assert (turned.own_exposure, turned.own_outcome) == (pair.own_outcome, pair.own_exposure)


def test_a_hidden_cause_is_a_common_cause() -> None:
    found = graph(
        {"X": {"of": ["H", "C"]}, "Y": {"of": ["H", "D"]}}, hidden={"H": {"of": ["A", "B"]}}
    )
    pair = pair_structure(found, "X", "Y")
    assert (pair.kind, pair.shared) == ("common", ("A", "B"))
    assert (pair.own_exposure, pair.own_outcome) == (("C",), ("D",))


def test_feedback_goes_both_ways_and_on_to_what_reads_it() -> None:
    found = graph(
        {
            "F": {"of": {"A": 70, "G": 50}},
            "G": {"of": {"B": 70, "F": 50}},
            "Y": {"of": {"F": 50, "C": 50}},
        },
        feedback=True,
    )
    assert pair_structure(found, "F", "G").word == "both"
    assert pair_structure(found, "F", "Y").kind == "directed"
    assert pair_structure(found, "G", "Y").word == "forward"


def test_an_effect_through_another_task_is_not_direct() -> None:
    found = graph(
        {"X": {"of": ["A", "B"]}, "M": {"of": ["X", "C"]}, "Y": {"of": ["M", "D"]}},
        hidden={"H": {"of": ["A"]}},
    )
    assert pair_structure(found, "X", "M").direct
    assert pair_structure(found, "M", "Y").direct
    assert not pair_structure(found, "X", "Y").direct
    assert pair_structure(found, "X", "Y").word == "forward"


def test_an_effect_through_a_hidden_node_is_direct() -> None:
    found = graph(
        {"X": {"of": ["A", "B"]}, "Y": {"of": ["H", "D"]}}, hidden={"H": {"of": ["X", "C"]}}
    )
    assert pair_structure(found, "X", "Y").direct


def test_a_total_effect_is_the_product_along_the_chain() -> None:
    found = graph(
        {
            "X": {"of": {"A": 50, "B": 50}},
            "M": {"of": {"X": 40, "C": 60}},
            "Y": {"of": {"M": 30, "D": 70}},
        }
    )
    row = next(r for r in structure_table(found) if (r["exposure"], r["outcome"]) == ("X", "Y"))
    # 40 counts of M per 100 of X, 30 of Y per 100 of M; central differences of a linear map.
    assert row["effect_forward"] == pytest.approx(0.4 * 0.3, rel=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_what_moves_a_cause_moves_the_effect_through_it_alone(name: str | int) -> None:
    rows = table(name)
    for row in rows:
        way = {"forward": ("forward",), "reverse": ("reverse",)}.get(row["word"], ())
        if row["kind"] == "same":
            way = ("forward", "reverse")
        if row["kind"] == "bypassed":
            continue
        for direction in way:
            # Gradients by central differences of step 1e-5: errors near 1e-9.
            assert row[f"alignment_{direction}"] == pytest.approx(1.0, abs=1e-6), row


@pytest.mark.parametrize("name", EVERY)
def test_no_pair_without_causation_looks_exactly_like_one_with(name: str | int) -> None:
    for row in table(name):
        if row["word"] == "shared":
            for direction in ("forward", "reverse"):
                assert row[f"alignment_{direction}"] < 0.997, row


@pytest.mark.parametrize("name", EVERY)
def test_a_word_belongs_to_its_kind(name: str | int) -> None:
    for row in table(name):
        assert row["word"] == KINDS[row["kind"]] or (row["word"], KINDS[row["kind"]]) == (
            "reverse",
            "forward",
        )
        assert (row["word"] == "none") == (not row["shared"])


def test_every_shipped_graph_is_either_for_development_or_for_judging() -> None:
    assert sorted([*DEVELOPMENT, *JUDGING]) == sorted(GRAPHS)


def test_the_shipped_graphs_hold_every_form_and_structure() -> None:
    graphs = [shipped_graph(name) for name in GRAPHS]
    forms = {node.form for one in graphs for node in one.nodes}
    assert forms == {"additive", "cooperative", "soft_or", "maximum", "hill", "competitive"}
    assert any(node.against and node.form == "additive" for one in graphs for node in one.nodes)
    assert any(node.hidden for one in graphs for node in one.nodes)
    assert {row["kind"] for name in GRAPHS for row in table(name)} == set(KINDS)


def test_a_random_graph_is_a_function_of_its_seed() -> None:
    small = {"n_motifs": 3, "n_tasks": 6}
    assert random_graph(3, **small) == random_graph(3, **small)
    assert random_graph(3, **small) != random_graph(4, **small)
    assert len(random_graph(0, n_motifs=6, n_tasks=9).tasks) == 9


def test_random_graphs_hold_no_two_motifs_of_the_same_sites() -> None:
    for seed in range(4):
        names = set(random_graph(seed, n_motifs=22, n_tasks=2).motifs.values())
        assert len(names) == 22
        assert not {"ETS1", "SPI1"} <= names
        assert not {"USF1", "MYC"} <= names


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_motifs": 1}, r"data.n_motifs must lie in 2 to \d+, got 1"),
        ({"n_motifs": 99}, r"data.n_motifs must lie in 2 to \d+, got 99"),
        ({"n_tasks": 1}, "data.n_tasks must be at least 2, got 1"),
    ],
)
def test_an_impossible_random_graph_is_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        random_graph(0, **change)


def test_an_unknown_graph_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"one of fifteen, chains, .*, random; got 'sixteen'"):
        shipped_graph("sixteen")
