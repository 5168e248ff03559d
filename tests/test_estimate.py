"""The atoms of every result."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from deepmr.estimate import Estimate, Heterogeneity


def test_p_values_stay_positive_and_finite_far_out() -> None:
    z = np.array([0.0, 1.96, 10.0, 35.0, 100.0])
    estimate = Estimate(value=z, se=np.ones(5))
    assert (estimate.p_value[:4] > 0).all()
    assert np.isfinite(estimate.neg_log10_p).all()
    assert estimate.p_value[0] == 1.0
    # two-sided 1.96 is .05 to the rounding of 1.96
    assert estimate.p_value[1] == pytest.approx(0.05, abs=1e-4)
    assert estimate.neg_log10_p[4] > 2000


def test_intervals_are_student_s_where_degrees_of_freedom_are_finite() -> None:
    estimate = Estimate(value=np.zeros(2), se=np.ones(2), df=np.array([4.0, np.inf]))
    _, upper = estimate.interval(0.9)
    np.testing.assert_allclose(upper, [stats.t.ppf(0.95, 4), stats.norm.ppf(0.95)])


def test_a_stored_confidence_set_is_reported_as_its_hull() -> None:
    bounds = np.array([[[1.0, 2.0], [3.0, 4.0]], [[np.nan, np.nan], [np.nan, np.nan]]])
    estimate = Estimate(value=np.zeros(2), se=np.ones(2), bounds=bounds)
    lower, upper = estimate.interval()
    assert lower[0] == 1.0
    assert upper[0] == 4.0
    assert np.isnan(lower[1])
    with pytest.raises(ValueError, match=r"stored at level 0\.95, got 0\.9"):
        estimate.interval(0.9)


def test_one_element_of_a_batch_is_itself() -> None:
    estimate = Estimate(value=np.arange(3.0), se=np.ones(3), df=np.array(4.0))
    one = estimate.at(2)
    assert one.value == 2.0
    assert one.df == 4.0
    np.testing.assert_allclose(one.interval(), [part[2] for part in estimate.interval()])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"se": np.array(-1.0)}, "must not be negative"),
        ({"df": np.array(0.0)}, "must be positive"),
        ({"df": np.ones(3)}, "must broadcast"),
    ],
)
def test_impossible_estimates_are_refused(wrong: dict[str, np.ndarray], says: str) -> None:
    given = {"value": np.array(1.0), "se": np.array(1.0)} | wrong
    with pytest.raises(ValueError, match=says):
        Estimate(**given)


def test_heterogeneity_without_degrees_of_freedom_has_no_p_value() -> None:
    one = Heterogeneity(q=np.array([10.0, 3.0]), df=np.array([5.0, 0.0]))
    np.testing.assert_allclose(one.p_value[0], stats.chi2.sf(10, 5))
    assert np.isnan(one.p_value[1])
    assert one.i2[0] == 0.5
    assert one.h2[0] == 2.0
