import numpy as np
import pytest

from deepmr.causal_graph import benjamini_hochberg, benjamini_yekutieli, middle_of_estimators


def test_q_values_are_those_of_scipy() -> None:
    from scipy.stats import false_discovery_control

    p = np.random.default_rng(0).uniform(size=(3, 40)) ** 3
    for ours, method in ((benjamini_hochberg, "bh"), (benjamini_yekutieli, "by")):
        expected = false_discovery_control(p, axis=-1, method=method)
        np.testing.assert_allclose(ours(np.log(p)), expected, rtol=1e-12)  # rounding of logarithms


def test_a_question_without_an_answer_is_no_test() -> None:
    p = np.array([0.001, 0.02, 0.5])
    with_hole = np.array([0.001, np.nan, 0.02, 0.5])
    found = benjamini_yekutieli(np.log(with_hole))
    np.testing.assert_array_equal(found[[0, 2, 3]], benjamini_yekutieli(np.log(p)))
    assert np.isnan(found[1])


def test_no_answer_at_all_stays_missing() -> None:
    assert np.isnan(benjamini_yekutieli(np.full(4, np.nan))).all()


def test_p_values_below_the_smallest_number_keep_their_order() -> None:
    q = benjamini_hochberg(np.array([-2000.0, -1500.0, -1.0]))
    assert q[0] == 0.0
    assert q[1] == 0.0
    assert q[2] == pytest.approx(np.exp(-1.0))


def test_one_wild_estimator_neither_makes_nor_hides_a_discovery() -> None:
    log_p = np.log([[0.9, 1e-9], [1e-6, 0.6], [1e-5, 0.7]])
    combined, middle = middle_of_estimators(log_p)
    assert combined[0] < np.log(1e-4)
    assert combined[1] > np.log(0.5)
    assert middle.tolist() == [2, 1]


def test_combined_p_values_of_dependent_estimators_hold_their_level() -> None:
    rng = np.random.default_rng(1)
    shared = rng.normal(size=20_000)
    z = 0.9 * shared + np.sqrt(1 - 0.81) * rng.normal(size=(3, 20_000))
    from scipy.stats import norm

    combined, _ = middle_of_estimators(np.log(2) + norm.logsf(np.abs(z)))
    # .05 plus three standard errors of a share of 20,000
    assert np.mean(combined <= np.log(0.05)) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 20_000)


def test_a_single_estimator_is_left_as_it_is() -> None:
    log_p = np.log([[0.03, np.nan]])
    combined, middle = middle_of_estimators(log_p)
    assert combined[0] == pytest.approx(np.log(0.03))
    assert np.isnan(combined[1])
    assert middle.tolist() == [0, 0]
