from __future__ import annotations

from benchmarks.structures.cells import cells, share
from benchmarks.structures.plan import CELLS, DEVELOPMENT

_JUDGED = ("layers", "loops", "hidden", "rivals")


def _row(**given):
    row = {
        "cell": "fifteen",
        "dataset": "fifteen-1000",
        "loci": "all",
        "kind": "directed",
        "truth": "forward",
        "verdict": "forward",
        "caveats": [],
    }
    return {**row, **given}


def test_no_judging_data_set_or_graph_is_a_development_one():
    judging = {name for names in CELLS.values() for name in names}
    development = {name for names in DEVELOPMENT.values() for name in names}
    assert not judging & development
    assert not [name for name in development if name.split("-")[0] in _JUDGED]
    for name in judging:
        graph, seed, *_ = name.split("-")
        assert int(seed) >= (100 if graph == "random" else 1000)


def test_share_counts_right_words_and_its_interval_comes_from_data_sets():
    rows = [
        _row(dataset=f"fifteen-{k}", verdict=v) for k in range(6) for v in ("forward", "shared")
    ]
    found = share(rows, "directed_right")
    # Every data set has the same share, so resampling them changes nothing.
    assert (found["k"], found["n"], found["low"], found["high"]) == (6, 12, 0.5, 0.5)


def test_reverse_word_on_a_forward_pair_is_wrong_way_and_false():
    rows = [_row(verdict="reverse")]
    assert share(rows, "wrong_way")["k"] == 1
    assert share(rows, "false_words")["k"] == 1
    assert share(rows, "common") is None


def test_nested_pair_with_its_caveat_is_no_false_word_and_without_it_is():
    with_caveat = _row(kind="nested", truth="shared", caveats=["nested"])
    without = _row(kind="nested", truth="shared")
    assert share([with_caveat], "false_words")["k"] == 0
    assert share([without], "false_words")["k"] == 1
    assert share([with_caveat, without], "nested")["k"] == 2


def test_bars_are_held_against_all_loci_alone_and_controls_are_put_together():
    rows = [
        _row(),
        _row(loci="sixty", verdict="undecided"),
        _row(loci="permuted", verdict="forward"),
        _row(cell="untrained", verdict="undecided"),
    ]
    table = {(r["cell"], r["loci"], r["what"]): r for r in cells(rows)}
    assert table["fifteen", "all", "directed_right"]["met"] is True
    assert table["fifteen", "sixty", "directed_right"]["bar"] is None
    controls = table["controls", "controls", "causal_words"]
    assert (controls["k"], controls["n"], controls["met"]) == (1, 2, False)
