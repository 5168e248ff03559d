"""Leave-one-out, cumulative, influence, Baujat; asymmetry; intervals; tables: rules and edges."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from scipy import stats

from deepmr.meta import (
    baujat,
    common_effect,
    cumulative,
    egger_test,
    i2_interval,
    influence,
    leave_one_out,
    log_likelihood,
    mantel_haenszel,
    random_effects,
    rank_test,
    table_effects,
    tau2_interval,
    trim_and_fill,
)
from deepmr.meta.heterogeneity_interval import _weighted_chi2_sf


def _loci(n_loci=9, seed=0):
    rng = np.random.default_rng(seed)
    se = rng.uniform(0.1, 0.4, n_loci)
    return rng.normal(0.3, np.sqrt(se**2 + 0.05)), se


def test_leaving_one_out_is_deleting_it():
    value, se = _loci()
    r = leave_one_out(np.stack([value, value + 1]), np.stack([se, se]))
    for i in range(9):
        alone = random_effects(np.delete(value, i), np.delete(se, i))
        assert float(r.pooled.value[0, i]) == pytest.approx(float(alone.pooled.value), rel=1e-9)
        assert float(r.pooled.se[1, i]) == pytest.approx(float(alone.pooled.se), rel=1e-9)


def test_blocks_do_not_change_the_result(monkeypatch):
    value, se = _loci()
    whole = leave_one_out(value, se)
    module = importlib.import_module("deepmr.meta.diagnostics.influence")
    monkeypatch.setattr(module, "_BLOCK", 20)
    assert np.array_equal(leave_one_out(value, se).pooled.value, whole.pooled.value)


def test_the_last_cumulative_pooling_is_the_whole_one():
    value, se = _loci()
    r = cumulative(value, se, order=np.argsort(se))
    assert r.n_loci.tolist() == list(range(1, 10))
    assert float(r.pooled.value[-1]) == pytest.approx(
        float(random_effects(value, se).pooled.value), rel=1e-9
    )
    with pytest.raises(ValueError, match="each of the 9 loci once"):
        cumulative(value, se, order=np.zeros(9, dtype=int))


def test_influence_measures_are_their_definitions():
    value, se = _loci()
    found = influence(value, se)
    full = random_effects(value, se, adjustment="none")
    for i in range(9):
        rest = random_effects(np.delete(value, i), np.delete(se, i), adjustment="none")
        change = float(full.pooled.value - rest.pooled.value)
        spread = se[i] ** 2 + float(rest.tau2)
        error2 = float(rest.pooled.se) ** 2
        weight = float(full.pooled.se) ** 2 / (se[i] ** 2 + float(full.tau2))
        residual = value[i] - float(rest.pooled.value)
        wanted = {
            "studentised": residual / np.sqrt(spread + error2),
            "dffits": change / np.sqrt(weight * spread),
            "cooks_distance": change**2 / float(full.pooled.se) ** 2,
            "covariance_ratio": error2 / float(full.pooled.se) ** 2,
            "tau2": float(rest.tau2),
            "q": float(rest.heterogeneity.q),
            "weight": weight,
        }
        for name, number in wanted.items():
            assert float(getattr(found, name)[i]) == pytest.approx(number, rel=1e-8), name
    assert float(np.sum(found.weight)) == pytest.approx(1.0)


def test_a_missing_locus_has_no_influence():
    value, se = _loci()
    found = influence(np.append(value, np.nan), np.append(se, 0.1))
    assert np.isnan(found.cooks_distance[-1])
    assert np.allclose(found.cooks_distance[:-1], influence(value, se).cooks_distance, rtol=1e-8)


def test_baujats_terms_add_up_to_q_and_closed_form_is_deletion():
    value, se = _loci()
    found = baujat(value, se)
    full = common_effect(value, se)
    assert float(np.sum(found.heterogeneity)) == pytest.approx(float(full.heterogeneity.q))
    for i in range(9):
        rest = common_effect(np.delete(value, i), np.delete(se, i)).pooled
        change = float(full.pooled.value - rest.value)
        assert float(found.influence[i]) == pytest.approx(change**2 / float(rest.se) ** 2, rel=1e-9)


def test_asymmetry_is_undefined_for_few_or_equally_precise_loci():
    for value, se in (
        (np.array([0.1, 0.5]), np.array([0.1, 0.2])),
        (np.array([0.1, 0.5, 0.3, 0.2]), np.full(4, 0.1)),
        (np.array([0.1]), np.array([0.1])),
    ):
        assert np.isnan(egger_test(value, se).asymmetry.value)
        filled = trim_and_fill(value, se)
        assert int(filled.n_filled) == 0
        assert np.isnan(filled.pooled.pooled.value)
    assert np.isnan(rank_test(np.array([0.1]), np.array([0.1])).tau)


def test_rank_test_is_exact_for_few_loci_and_quick_for_many():
    value, se = _loci(10)
    r = rank_test(value, se)
    weight = 1 / se**2
    standard = (value - np.sum(weight * value) / np.sum(weight)) / np.sqrt(se**2 - 1 / weight.sum())
    assert float(r.p_value) == stats.kendalltau(standard, se**2, method="exact").pvalue
    assert np.isfinite(rank_test(*_loci(20_000)).p_value)


def test_a_batch_of_asymmetry_tests_equals_its_members():
    value, se = (
        np.stack(column) for column in zip(*(_loci(12, seed) for seed in range(6)), strict=True)
    )
    value[0, 3] = np.nan
    filled, egger = trim_and_fill(value, se, estimator="r0"), egger_test(value, se)
    rank = rank_test(value, se)
    for row in range(6):
        alone = trim_and_fill(value[row], se[row], estimator="r0")
        assert int(filled.n_filled[row]) == int(alone.n_filled)
        assert float(filled.pooled.pooled.value[row]) == pytest.approx(
            float(alone.pooled.pooled.value), rel=1e-9
        )
        one = egger_test(value[row], se[row])
        assert float(egger.asymmetry.value[row]) == pytest.approx(
            float(one.asymmetry.value), rel=1e-8
        )
        assert float(rank.tau[row]) == pytest.approx(float(rank_test(value[row], se[row]).tau))


@pytest.mark.parametrize("estimator", ["l0", "r0", "q0"])
def test_filled_loci_mirror_the_extreme_ones(estimator):
    value = np.array([0.0, 0.1, 0.3, 0.5, 0.9, 1.1])
    se = np.array([0.1, 0.1, 0.2, 0.3, 0.4, 0.5])
    r = trim_and_fill(value, se, estimator=estimator, tau2="zero")
    added = r.value[6:][np.isfinite(r.value[6:])]
    assert len(added) == int(r.n_filled) > 0
    trimmed = common_effect(value[: 6 - len(added)], se[: 6 - len(added)]).pooled.value
    assert np.allclose(added, 2 * trimmed - value[6 - len(added) :])


def test_tau2_intervals_cover_and_grow_with_the_level():
    rng = np.random.default_rng(8)
    se = rng.uniform(0.1, 0.4, (1500, 15))
    value = rng.normal(0, np.sqrt(se**2 + 0.04))
    low, high = tau2_interval(value, se)
    assert 0.935 < np.mean((low <= 0.04) & (high >= 0.04)) < 0.965  # binomial error 0.006
    narrow = tau2_interval(value, se, level=0.5)
    assert np.all((narrow[0] >= low) & (narrow[1] <= high))
    jackson = tau2_interval(value[:20], se[:20], method="jackson")
    # 20 draws at 95 %: 3 or more misses have a probability of 8 %, 6 or more of 3e-4
    assert np.sum((jackson[0] <= 0.04) & (jackson[1] >= 0.04)) >= 15


def test_intervals_of_one_locus_are_missing():
    assert np.isnan(tau2_interval(np.array([0.1]), np.array([0.1]))).all()
    assert np.isnan(i2_interval(random_effects(*_loci(2)).heterogeneity)).all()


@pytest.mark.parametrize("n_terms", [1, 2, 3, 10, 100])
@pytest.mark.parametrize("probability", [0.025, 0.5, 0.975])
def test_imhofs_integral_is_the_chi_square_for_equal_weights(n_terms, probability):
    q = 3.0 * stats.chi2.ppf(probability, n_terms)
    got = _weighted_chi2_sf(float(q), np.full(n_terms, 3.0))
    # two terms are the slowest tail left to the trapezoid: 1.1e-5
    assert got == pytest.approx(1 - probability, abs=3e-5)


def test_log_likelihood_is_a_sum_of_normal_densities_and_peaks_at_ml():
    value, se = _loci()
    r = random_effects(value, se, tau2="ml", adjustment="none")
    peak = float(log_likelihood(value, se, r.tau2))
    spread = np.sqrt(se**2 + float(r.tau2))
    assert peak == pytest.approx(stats.norm.logpdf(value, float(r.pooled.value), spread).sum())
    for factor in (0.9, 1.1):
        assert float(log_likelihood(value, se, np.asarray(r.tau2 * factor))) < peak


def test_tables_without_contrast_say_nothing_and_empty_cells_are_corrected():
    cells = [
        np.array(c, float) for c in ([4, 0, 0, 10], [6, 10, 12, 0], [2, 0, 3, 8], [9, 9, 9, 0])
    ]
    value, se = table_effects(*cells, measure="or")
    assert np.isfinite(value).tolist() == [True, False, True, False]
    assert float(value[2]) == pytest.approx(np.log(0.5 * 9.5 / (12.5 * 3.5)))
    assert float(se[2] ** 2) == pytest.approx(1 / 0.5 + 1 / 12.5 + 1 / 3.5 + 1 / 9.5)
    assert int(mantel_haenszel(*cells, measure="or").common.n_loci) == 2
    difference, error = table_effects(*cells, measure="rd")
    assert float(difference[2]) == pytest.approx(0 - 3 / 12)
    assert np.isfinite(error).all()
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        table_effects(np.array([-1.0]), *(np.ones(1),) * 3, measure="or")


def test_one_table_is_its_own_mantel_haenszel_effect():
    cells = [np.array([float(n)]) for n in (4, 119, 11, 128)]
    for measure in ("or", "rr", "rd"):
        value, se = table_effects(*cells, measure=measure)
        r = mantel_haenszel(*cells, measure=measure)
        assert float(r.common.pooled.value) == pytest.approx(float(value[0]), rel=1e-12)
        assert float(r.common.pooled.se) == pytest.approx(float(se[0]), rel=1e-9)
