"""Two-way pooling: what members share is counted once."""

from __future__ import annotations

import numpy as np
import pytest

from deepmr.inference.two_way import two_way
from deepmr.meta import random_effects


def _slopes(rng, batch, n_loci, n_members, locus, member, residual):
    return (
        locus * rng.normal(size=(batch, n_loci, 1))
        + member * rng.normal(size=(batch, 1, n_members))
        + residual * rng.normal(size=(batch, n_loci, n_members))
    )


@pytest.mark.parametrize(
    ("n_loci", "locus", "member", "residual"),
    [
        (100, 0.3, 0.1, 0.2),
        (100, 0.3, 0.0, 0.2),
        (100, 0.0, 0.1, 0.2),
        (20, 0.3, 0.5, 0.2),
        (5, 0.3, 0.1, 0.2),
    ],
)
def test_interval_covers_at_its_level_whoever_decides(n_loci, locus, member, residual):
    slopes = _slopes(np.random.default_rng(7), 1000, n_loci, 5, locus, member, residual)
    low, high = two_way(slopes).pooled.interval()
    covered = np.mean((low <= 0) & (high >= 0))
    # 1,000 draws: a binomial error of 0.007, three of which are allowed below; Satterthwaite's
    # degrees of freedom are cautious where members and loci share the blame
    assert 0.928 <= covered <= 0.985


def test_independent_pooling_is_far_too_sure_where_members_share_errors():
    slopes = _slopes(np.random.default_rng(1), 400, 500, 5, 0.3, 0.1, 0.2)
    naive = random_effects(slopes.mean(-1), slopes.std(-1, ddof=1) / np.sqrt(5))
    low, high = naive.pooled.interval()
    assert np.mean((low <= 0) & (high >= 0)) < 0.6
    low, high = two_way(slopes).pooled.interval()
    assert np.mean((low <= 0) & (high >= 0)) > 0.92


def test_variance_components_are_recovered():
    slopes = _slopes(np.random.default_rng(2), 2000, 50, 5, 0.3, 0.1, 0.2)
    r = two_way(slopes)
    # means over 2,000 draws of estimates whose own spread is below 0.01
    assert np.mean(r.components["member"]) == pytest.approx(0.1**2, rel=0.08)
    assert np.mean(r.components["residual"]) == pytest.approx(0.2**2, rel=0.02)
    assert np.mean(r.tau2) == pytest.approx(0.3**2, rel=0.05)


def test_a_shift_shared_by_all_loci_widens_the_interval_by_its_full_size():
    slopes = _slopes(np.random.default_rng(3), 1, 200, 5, 0.1, 0.0, 0.05)[0]
    shift = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    before, after = two_way(slopes), two_way(slopes + shift)
    assert float(after.pooled.value) == pytest.approx(float(before.pooled.value), abs=1e-12)
    shared = np.sqrt(shift.var(ddof=1) / 5)
    assert float(after.pooled.se) == pytest.approx(shared, rel=0.05)
    assert 3.5 < float(after.pooled.df) < 4.8
    assert float(after.tau2) == pytest.approx(float(before.tau2), rel=1e-6)


def test_fixed_loci_leave_only_the_members():
    slopes = _slopes(np.random.default_rng(4), 1, 30, 4, 0.5, 0.1, 0.05)[0]
    r = two_way(slopes, se=np.full(30, 1e3), loci="fixed")  # equal weights
    per_member = slopes.mean(axis=0)
    assert float(r.pooled.se) == pytest.approx(per_member.std(ddof=1) / 2, rel=1e-4)
    assert float(r.pooled.df) == 3.0


def test_one_locus_is_a_t_interval_over_its_members():
    slopes = np.array([[0.1, 0.4, 0.3, 0.2]])
    r = two_way(slopes)
    assert float(r.pooled.value) == pytest.approx(0.25)
    assert float(r.pooled.se) == pytest.approx(slopes.std(ddof=1) / 2)
    assert float(r.pooled.df) == 3.0


def test_a_locus_that_a_member_has_no_slope_for_is_absent():
    slopes = _slopes(np.random.default_rng(5), 1, 6, 3, 0.3, 0.1, 0.1)[0]
    holed = np.vstack([slopes, slopes[:1]])
    holed[-1, 1] = np.nan
    assert float(two_way(holed).pooled.se) == pytest.approx(float(two_way(slopes).pooled.se))
    assert int(two_way(holed).n_loci) == 6
    assert int(two_way(np.full((2, 3), np.nan)).n_loci) == 0
    assert np.isnan(two_way(np.full((2, 3), np.nan)).pooled.value)


def test_a_batch_equals_its_members():
    slopes = _slopes(np.random.default_rng(6), 4, 12, 5, 0.3, 0.1, 0.1)
    batch = two_way(slopes)
    for row in range(4):
        alone = two_way(slopes[row])
        assert float(batch.pooled.se[row]) == pytest.approx(float(alone.pooled.se), rel=1e-9)
        assert float(batch.pooled.df[row]) == pytest.approx(float(alone.pooled.df), rel=1e-9)


def test_one_member_is_refused():
    with pytest.raises(ValueError, match="at least 2 members, got 1"):
        two_way(np.zeros((4, 1)))


def test_equal_weights_pool_the_plain_mean_where_precise_loci_differ_from_vague_ones():
    rng = np.random.default_rng(11)
    vague = np.arange(200) % 2 == 1
    truth = np.where(vague, 2.0, 1.0)
    slopes = truth[:, None] + np.where(vague, 0.9, 0.1)[:, None] * rng.normal(size=(400, 200, 5))
    equal = two_way(slopes, weights="equal", loci="fixed").pooled
    weighted = two_way(slopes, weights="random_effects", loci="fixed").pooled
    np.testing.assert_allclose(equal.value, slopes.mean(axis=(-2, -1)))
    low, high = equal.interval()
    # 400 draws at .95: a binomial error of .011; the weighted mean leans to the precise loci.
    assert 0.915 <= np.mean((low <= 1.5) & (high >= 1.5)) <= 0.985
    low, high = weighted.interval()
    assert np.mean((low <= 1.5) & (high >= 1.5)) < 0.6
