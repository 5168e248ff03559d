"""Tails and quantiles equal those of scipy.stats to the bit, also at the edges."""

import numpy as np
import pytest
from scipy import stats

from deepmr import distributions as ours

X = np.concatenate(
    [
        [-np.inf, -1e300, -50.0, -1.0, -1e-300, -0.0, 0.0, 5e-324, 1e-300, 1e-17, 1e-9],
        np.random.default_rng(0).normal(0.0, 3.0, 200),
        np.geomspace(1e-3, 1e3, 60),
        [1e6, 1e300, np.inf, np.nan],
    ]
)
DF = np.concatenate([[0.3, 1.0, 1.5, 2.0, 3.0, 4.0, 9.0, 29.5, 1e3, 1e6, 1e12], [np.nan]])


def same(got, expected):
    np.testing.assert_array_equal(got, expected)


def test_t_log_tail_is_scipys():
    x, df = X[:, None], DF[None]
    with np.errstate(all="ignore"):
        same(ours.t_log_tail(x, df), stats.t.logsf(x, df))


def test_chi2_log_tail_is_scipys():
    x, df = X[:, None], DF[None]
    with np.errstate(all="ignore"):
        same(ours.chi2_log_tail(x, df), stats.chi2.logsf(x, df))


def test_f_log_tail_is_scipys():
    x, a, b = X[:, None, None], DF[None, :, None], DF[None, None]
    with np.errstate(all="ignore"):
        same(ours.f_log_tail(x, a, b), stats.f.logsf(x, a, b))


def test_normal_log_tail_is_scipys():
    same(ours.normal_log_tail(X), stats.norm.logsf(X))


@pytest.mark.parametrize("p", [1e-12, 0.025, 0.5, 0.75, 0.975, 0.995, 1 - 1e-12])
def test_quantiles_are_scipys(p):
    same(ours.normal_quantile(p), stats.norm.ppf(p))
    same(ours.t_quantile(p, DF), stats.t.ppf(p, DF))
    same(ours.chi2_quantile(p, DF), stats.chi2.ppf(p, DF))


@pytest.mark.parametrize("x", [-1.0, 0.0, 1e-9, 0.5, 3.0, 700.0, np.inf, np.nan])
def test_chi2_tail_is_scipys(x):
    same(ours.chi2_tail(x, 1), stats.chi2.sf(x, 1))


@pytest.mark.parametrize("df", [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 7.0, 1e3, np.inf])
def test_deviation_of_t_is_scipys(df):
    same(ours.t_deviation(df), stats.norm.std() if np.isinf(df) else stats.t.std(df))
