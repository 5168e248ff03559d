"""Tables: what is read is what was written, and what breaks the contract is refused by name."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from deepmr.estimate import Estimate, Heterogeneity
from deepmr.io import (
    ESTIMATES,
    LOCI,
    META,
    METRICS,
    concatenate,
    estimates_rows,
    meta_rows,
    read_table,
    write_table,
)
from deepmr.meta.result import MetaAnalysisResult
from deepmr.mr.result import MREstimate

# The order is part of the contract: identity first.
LOCUS = ["chrom", "start", "end"]
QUESTION = ["exposure", "outcome", "method"]
ESTIMATE = ["value", "se", "df", "ci_lower", "ci_upper", "p_value", "neg_log10_p", "p_smallest"]
ESTIMATES_COLUMNS = [
    *(*LOCUS, *QUESTION, "n_instruments", *ESTIMATE),
    *("intercept", "intercept_se", "q", "q_df", "flags", "true_value"),
]
META_COLUMNS = [
    *(*QUESTION, "pooling", "n_loci", *ESTIMATE, "q", "q_df", "tau2", "i2"),
    *("prediction_lower", "prediction_upper", "true_value", "structure", "true_structure"),
]


def estimate(value=(0.5, np.nan, 2.0)) -> MREstimate:
    n = len(value)
    return MREstimate(
        method="egger",
        n_instruments=np.array([12, 0, 7]),
        effect=Estimate(value=np.array(value), se=np.full(n, 0.1), df=np.array([10.0, 1.0, 5.0])),
        pleiotropy=Estimate(value=np.full(n, 0.01), se=np.full(n, 0.02)),
        heterogeneity=Heterogeneity(q=np.full(n, 9.0), df=np.full(n, 10.0)),
        flags={
            "few_instruments": np.array([False, True, True]),
            "weak_instruments": np.array([False, False, True]),
        },
    )


def rows(**changes) -> dict[str, np.ndarray]:
    made = estimates_rows(
        ["chr1", "chr1", "chr2"],
        [0, 100, 0],
        [100, 200, 100],
        exposure="GATA1",
        outcome="TAL1",
        estimate=estimate(),
        true_value=0.51,
    )
    return {**made, **changes}


def test_schemas_have_the_promised_columns_in_order_each_with_unit_and_description():
    assert ESTIMATES.names == ESTIMATES_COLUMNS
    assert META.names == META_COLUMNS
    assert LOCI.names[:3] == ["chrom", "start", "end"]
    assert METRICS.names == ["member", "epoch", "split", "stage", "task", "metric", "value"]
    for schema in (ESTIMATES, META, LOCI, METRICS):
        for field in schema:
            assert set(field.metadata) == {b"unit", b"description"}
            assert field.metadata[b"description"].endswith(b".")


def test_estimates_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "estimates.parquet"
    assert write_table(path, rows(), ESTIMATES, metadata={"effect_scale": "anscombe"}) == 3
    back = read_table(path)
    assert list(back) == ESTIMATES_COLUMNS
    assert back["chrom"].tolist() == ["chr1", "chr1", "chr2"]
    assert back["n_instruments"].dtype == np.int64
    np.testing.assert_array_equal(back["value"], [0.5, np.nan, 2.0])
    np.testing.assert_array_equal(back["df"], [10.0, np.nan, 5.0])
    assert back["flags"].tolist() == ["", "few_instruments", "few_instruments;weak_instruments"]
    assert pq.read_schema(path).metadata[b"effect_scale"] == b"anscombe"
    assert pq.read_schema(path).field("se").metadata[b"unit"].startswith(b"outcome units")


def test_rows_carry_the_estimates_own_interval_and_p_value():
    made, effect = rows(), estimate().effect
    lower, upper = effect.interval()
    np.testing.assert_array_equal(made["ci_lower"][[0, 2]], lower[[0, 2]])
    np.testing.assert_array_equal(made["ci_upper"][[0, 2]], upper[[0, 2]])
    np.testing.assert_array_equal(made["neg_log10_p"][[0, 2]], effect.neg_log10_p[[0, 2]])
    for name in ("value", "se", "df", "ci_lower", "ci_upper", "p_value", "neg_log10_p"):
        assert np.isnan(made[name][1]), name


def test_infinite_degrees_of_freedom_survive_the_file(tmp_path):
    write_table(tmp_path / "e.parquet", rows(df=np.full(3, np.inf)), ESTIMATES)
    assert np.isinf(read_table(tmp_path / "e.parquet", ["df"])["df"]).all()


def test_missing_numbers_are_null_in_the_file_and_nan_in_numpy(tmp_path):
    write_table(tmp_path / "e.parquet", rows(), ESTIMATES)
    assert pq.read_table(tmp_path / "e.parquet")["value"].null_count == 1
    assert np.isnan(read_table(tmp_path / "e.parquet")["value"][1])


@pytest.mark.parametrize("batch", [(), (2,)])
def test_a_pooled_result_becomes_one_row_per_element(batch, tmp_path):
    result = MetaAnalysisResult(
        method="reml_hk",
        n_loci=np.full(batch, 20),
        pooled=Estimate(value=np.full(batch, 0.5), se=np.full(batch, 0.01), df=np.asarray(19.0)),
        tau2=np.full(batch, 0.04),
        heterogeneity=Heterogeneity(q=np.full(batch, 38.0), df=np.full(batch, 19.0)),
        prediction=Estimate(value=np.full(batch, 0.5), se=np.full(batch, 0.2)),
    )
    made = meta_rows(exposure="A", outcome="B", method="ivw", result=result)
    assert list(made) == META_COLUMNS
    assert made["i2"].tolist() == [0.5] * max(1, len(batch) and batch[0])
    assert np.isnan(made["true_value"]).all()
    # 1.96 standard errors on either side, to the digits given.
    np.testing.assert_allclose(made["prediction_lower"], 0.5 - 1.96 * 0.2, atol=1e-4)
    np.testing.assert_allclose(made["prediction_upper"], 0.5 + 1.96 * 0.2, atol=1e-4)
    if not batch:
        assert write_table(tmp_path / "meta.parquet", made, META) == 1
        assert read_table(tmp_path / "meta.parquet")["pooling"].tolist() == ["reml_hk"]


def test_metrics_of_members_and_of_the_ensemble_share_a_table(tmp_path):
    columns = {
        "member": [0, 1, None],
        "split": ["test"] * 3,
        "stage": ["before", "before", None],
        "task": ["GATA1"] * 3,
        "metric": ["auroc"] * 3,
        "value": [0.9, 0.8, np.nan],
    }
    write_table(tmp_path / "metrics.parquet", columns, METRICS)
    back = read_table(tmp_path / "metrics.parquet")
    np.testing.assert_array_equal(back["member"], [0, 1, np.nan])
    assert back["stage"].tolist() == ["before", "before", None]
    assert np.isnan(back["epoch"]).all()


def test_a_table_without_rows_can_be_written_and_read(tmp_path):
    empty = {name: column[:0] for name, column in rows().items()}
    assert write_table(tmp_path / "e.parquet", empty, ESTIMATES) == 0
    assert len(read_table(tmp_path / "e.parquet")["chrom"]) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"valeu": [1, 2, 3]}, "no column 'valeu'; did you mean 'value'"),
        ({"value": [1.0, 2.0]}, "must have one length, got .*value 2"),
        ({"n_instruments": [1.5, 2.0, 3.0]}, "'n_instruments' of table estimates holds int64"),
        ({"value": ["a", "b", "c"]}, "'value' of table estimates holds double"),
        ({"chrom": ["chr1", None, "chr2"]}, "'chrom' .* must be complete, got 1 missing.* row 1"),
        ({"start": [0, 0, 0], "end": [9, 9, 9]}, "rows of table estimates must differ"),
    ],
)
def test_what_breaks_the_contract_is_refused_and_nothing_is_written(changes, message, tmp_path):
    path = tmp_path / "estimates.parquet"
    with pytest.raises(ValueError, match=message):
        write_table(path, rows(**changes), ESTIMATES)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_required_column_is_named(tmp_path):
    columns = rows()
    del columns["method"]
    with pytest.raises(ValueError, match="estimates needs the column 'method'"):
        write_table(tmp_path / "e.parquet", columns, ESTIMATES)


def test_estimates_of_another_number_of_loci_are_refused():
    with pytest.raises(ValueError, match=r"egger need one batch axis, the 2 loci; got shape \(3,"):
        estimates_rows(["a", "b"], [0, 0], [1, 1], exposure="A", outcome="B", estimate=estimate())


def test_a_file_cut_short_and_an_absent_one_are_said(tmp_path):
    path = tmp_path / "e.parquet"
    write_table(path, rows(), ESTIMATES)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"e.parquet is not a whole parquet file"):
        read_table(path)
    with pytest.raises(FileNotFoundError, match="there is no table"):
        read_table(tmp_path / "none.parquet")


def test_reading_an_unknown_column_lists_those_there_are(tmp_path):
    write_table(tmp_path / "e.parquet", rows(), ESTIMATES)
    with pytest.raises(ValueError, match="has no column 'beta'; it has: chrom, start"):
        read_table(tmp_path / "e.parquet", ["beta"])


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_table(tmp_path / name, rows(), ESTIMATES)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_concatenate_refuses_parts_with_other_columns():
    with pytest.raises(ValueError, match="part 1 differs in b"):
        concatenate([{"a": [1]}, {"a": [1], "b": [2]}])
    with pytest.raises(ValueError, match="at least one part"):
        concatenate([])


def test_concatenate_keeps_missing_text():
    joined = concatenate([{"task": np.array(["x"], dtype=object)}, {"task": [None]}])
    assert joined["task"].tolist() == ["x", None]
