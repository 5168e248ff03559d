"""Tables of the report and the terminal: rows, order, decimals."""

import numpy as np

from deepmr.report import (
    render_report,
    summary_table,
)
from deepmr.report import tables as report_tables
from deepmr.report.flags import count_flags
from deepmr.report.tables import calibration_table, loci_table, pooled_table
from tests.report.contents import Reader, content, estimates, meta


def test_loci_are_ordered_by_evidence_joined_by_key_and_cut_with_their_number_said(monkeypatch):
    monkeypatch.setattr(report_tables, "MOST_LOCI", 3)
    table, total = loci_table(content(estimates=estimates(5)))
    assert total == 5
    column = {name: k for k, name in enumerate(table.header)}
    assert [row[0].text for row in table.rows] == ["chr8:400-500", "chr8:300-400", "chr8:200-300"]
    for row in table.rows:
        assert row[column["Slope the other way"]].value == -row[column["Slope"]].value
        assert row[column["Q / df"]].value == 1.5
    assert "Noiseless slope" not in column
    assert "3 of 5 loci" in Reader(render_report(content(estimates=estimates(5)))).text


def test_columns_without_any_content_are_left_out():
    bare = estimates()
    assert "Q / df" in loci_table(content(estimates=bare))[0].header
    bare["q"][:] = np.nan
    assert "Q / df" not in loci_table(content(estimates=bare))[0].header
    assert "Noiseless slope" not in pooled_table(content()).header


def test_the_noiseless_slope_has_the_decimals_of_the_estimate_beside_it():
    table = pooled_table(content(meta(truth=0.6)))
    assert table.rows[0][table.header.index("Noiseless slope")].text == "0.600"


def test_missing_cells_sort_last_and_p_values_by_their_logarithm():
    table, _ = loci_table(content())
    column = {name: k for k, name in enumerate(table.header)}
    assert [row[column["p"]].sort_value for row in table.rows] == ["-2.0", "-1.0", "-0.0"]
    broken = estimates()
    broken["value"][1] = np.nan
    cells = [row[column["Slope"]] for row in loci_table(content(estimates=broken))[0].rows]
    assert {cell.sort_value for cell in cells} == {"2.0", "", "0.0"}


def test_the_headlines_row_is_set_apart_and_a_second_pooling_gets_a_column():
    assert pooled_table(content()).emphasised == frozenset({0})
    assert pooled_table(content(method="egger")).emphasised == frozenset({1})
    assert "Pooling" not in pooled_table(content()).header
    two = meta(pooling=np.array(["reml_hk", "common", "reml_hk", "common"], dtype=object))
    assert "Pooling" in pooled_table(content(two)).header


def test_flags_are_counted_by_question_and_method():
    counted = count_flags(estimates(4), [("GATA1", "TAL1", "ivw"), ("GATA1", "TAL1", "egger")])
    assert [(flag.name, flag.counts, flag.totals) for flag in counted] == [
        ("few_instruments", (1, 1), (4, 4)),
        ("weak_instruments", (0, 3), (4, 4)),
        ("mystery", (1, 1), (4, 4)),
    ]
    assert counted[0].explanation
    assert not counted[2].explanation


def test_calibration_shows_the_ensembles_held_out_scores_before_and_after():
    rows = [
        (None, "test", "before", "GATA1", "nll", 1.2),
        (None, "test", "after", "GATA1", "nll", 1.0),
        (0, "test", "after", "GATA1", "nll", 9.0),
        (None, "calibration", "after", "GATA1", "nll", 9.0),
        (None, "test", None, "GATA1", "auroc", 0.9),
        (None, "test", "before", "CTCF", "nll", 1.2),
        (None, "test", "after", "CTCF", "nll", 1.0),
    ]
    names = ("member", "split", "stage", "task", "metric", "value")
    metrics = {
        name: np.array(column, dtype=float if name in ("member", "value") else object)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    table = calibration_table(metrics, ("GATA1", "TAL1"))
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["GATA1", "negative log-likelihood", "lower", "1.2", "1"]
    ]
    assert (
        "GATA1 negative log-likelihood lower 1.2 1"
        in Reader(render_report(content(metrics=metrics))).text
    )


def test_the_terminals_table_is_plain_narrow_and_complete():
    text = summary_table(meta(truth=0.513))
    lines = text.splitlines()
    assert text.isascii()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if "->" in line] == ["GATA1 -> TAL1", "TAL1 -> GATA1"]
    numbers = ["ivw", "0.507", "0.477", "to", "0.537", "0.31", "to", "0.71", "5e-413", "111"]
    assert lines[2].split() == [*numbers, "50", "%", "0.513"]
    assert "noiseless" not in summary_table(meta())


def test_the_terminals_table_shows_what_is_missing_as_a_dash():
    row = summary_table(meta(np.nan, neg_log10_p=np.full(4, np.nan))).splitlines()[2]
    assert row.split() == ["ivw", "-", "-", "-", "-", "111", "50", "%"]
