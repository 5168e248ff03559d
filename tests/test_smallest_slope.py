"""A slope that is certainly not 0 may still be too small to matter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from deepmr.estimate import Estimate, p_beyond
from deepmr.inference.question import Question
from deepmr.report.terminal import summary_table

SLOPE = Estimate(value=np.array([0.02, -0.3]), se=np.array([0.004, 0.05]), df=np.array([4.0, 4.0]))


def test_with_no_smallest_slope_it_is_the_usual_p_value() -> None:
    np.testing.assert_allclose(p_beyond(SLOPE, 0.0), SLOPE.p_value, rtol=1e-10)
    normal = Estimate(value=SLOPE.value, se=SLOPE.se)
    np.testing.assert_allclose(p_beyond(normal, 0.0), normal.p_value, rtol=1e-10)


def test_it_is_the_largest_p_value_within_the_range() -> None:
    found = p_beyond(SLOPE, 0.05)
    for value, se, p in zip(SLOPE.value, SLOPE.se, found, strict=True):
        at = np.linspace(-0.05, 0.05, 201)
        # A true slope of b gives a value at least as far from the range in either direction.
        reach = abs(value) - 0.05
        each = stats.t.sf((0.05 + reach - at) / se, 4) + stats.t.sf((0.05 + reach + at) / se, 4)
        assert p == pytest.approx(min(each.max(), 1.0), rel=1e-6)


def test_at_the_smallest_slope_it_is_wrong_at_most_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    value = 0.05 + 0.02 * rng.normal(size=20_000)
    found = p_beyond(Estimate(value=value, se=np.full(20_000, 0.02)), 0.05)
    # standard error of a share of .05 among 20,000: .0015
    assert (found < 0.05).mean() == pytest.approx(0.05, abs=0.005)


def test_a_negative_smallest_slope_is_refused() -> None:
    with pytest.raises(ValueError, match="smallest_slope must be a number of at least 0, got -1"):
        Question(smallest_slope=-1.0)


@pytest.mark.parametrize(("p_smallest", "said"), [(0.9, True), (0.001, False)])
def test_the_terminal_says_when_a_slope_is_too_small_to_matter(
    p_smallest: float, said: bool
) -> None:
    row = {
        "exposure": "A", "outcome": "B", "method": "slope", "pooling": "reml", "n_loci": 50,
        "value": 0.02, "ci_lower": 0.01, "ci_upper": 0.03, "p_value": 1e-6, "neg_log10_p": 6.0,
        "p_smallest": p_smallest, "i2": 0.0, "prediction_lower": 0.0, "prediction_upper": 0.1,
        "true_value": np.nan, "structure": "forward",
    }  # fmt: skip
    text = summary_table({name: np.array([value]) for name, value in row.items()})
    assert ("smallest slope of interest" in " ".join(text.split())) == said
