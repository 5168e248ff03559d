"""The noise of students' data: its mean is the teacher's prediction, its shape the real data's."""

import numpy as np
import pytest
from scipy import stats

from deepmr.data.noise import ResidualPool, draw_counts, draw_labels, unbiased_count


def pool(rng, n=4000, neighbours=50, bias=0.0):
    """Donors whose noise grows with the first task, with one cause behind both tasks' noise."""
    prediction = rng.uniform(0, 10, (n, 2))
    common = rng.normal(size=n) * (0.2 + 0.3 * prediction[:, 0])
    target = prediction + bias + np.stack([common, 2 * common], axis=1)
    return ResidualPool(prediction, target, np.ones((n, 2), bool), neighbours=neighbours)


def test_the_mean_of_what_is_drawn_is_the_prediction_though_donors_are_biased() -> None:
    rng = np.random.default_rng(0)
    donors = pool(rng, bias=3.0)
    at = np.tile([[5.0, 5.0]], (20_000, 1))
    drawn = donors.draw(rng, at)
    # sd 1.7 and 3.4 over 20,000 draws: errors of .012 and .024; five of them.
    assert np.abs(drawn.mean(axis=0) - 5.0).max() < 0.12


def test_noise_has_the_size_it_has_at_such_predictions_and_stays_common_to_tasks() -> None:
    rng = np.random.default_rng(1)
    donors = pool(rng)
    for level in (1.0, 5.0, 9.0):
        at = np.tile([[level, 5.0]], (20_000, 1))
        noise = donors.draw(rng, at) - at
        # 50 donors: their sd is known to 10 %, and their predictions differ by a unit or so.
        assert noise[:, 0].std() == pytest.approx(0.2 + 0.3 * level, rel=0.35)
        np.testing.assert_allclose(noise[:, 1], 2 * noise[:, 0], atol=1e-9)


def test_the_variance_lost_by_centring_is_made_up_for() -> None:
    rng = np.random.default_rng(2)
    prediction = np.zeros((3, 1))
    residual = np.array([[-1.0], [0.0], [1.0]])
    donors = ResidualPool(prediction, residual, np.ones((3, 1), bool), neighbours=3)
    drawn = donors.draw(rng, np.zeros((50_000, 1)))
    # The unbiased variance of the three residuals is 1; a variance from 50,000 draws errs by .004.
    assert drawn.var() == pytest.approx(1.0, abs=0.02)


def test_donors_must_be_complete_and_enough() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(30, 2))
    mask = np.ones((30, 2), bool)
    mask[:20, 1] = False
    wild = np.where(mask, values, 1e9)
    donors = ResidualPool(values, wild, mask, neighbours=10)
    assert np.abs(donors.draw(rng, values)).max() < 1e3
    with pytest.raises(ValueError, match=r"at least 11 held-out windows .* got 10"):
        ResidualPool(values, wild, mask, neighbours=11)
    with pytest.raises(ValueError, match=r"data.neighbours must be at least 2, got 1"):
        ResidualPool(values, wild, mask, neighbours=1)


@pytest.mark.parametrize("mean", [1.5, 2.5, 4.0, 10.0, 60.0])
def test_poisson_counts_have_the_asked_mean_after_the_transform(mean: float) -> None:
    rate = float(unbiased_count(np.asarray(mean)))
    counts = np.arange(int(rate + 20 * np.sqrt(rate) + 30))
    exact = np.sum(stats.poisson.pmf(counts, rate) * 2 * np.sqrt(counts + 0.375))
    # The closed form errs by 5e-3 of a count, most at few counts; the plain inverse by .15 there.
    assert exact == pytest.approx(mean, abs=0.02)


def test_counts_around_a_mean_count_keep_that_mean() -> None:
    rng = np.random.default_rng(4)
    mean = np.full(100_000, 2 * np.sqrt(3.0 + 0.375))
    drawn = draw_counts(rng, mean, of_counts=True)
    # sd 1.73 over 100,000 draws: .0055; four of them.
    assert np.mean((drawn / 2) ** 2 - 0.375) == pytest.approx(3.0, abs=0.022)
    impossible = np.array([0.5, -1.0])
    np.testing.assert_allclose(draw_counts(rng, impossible, of_counts=False), 2 * np.sqrt(0.375))


def test_labels_have_the_asked_probability() -> None:
    rng = np.random.default_rng(5)
    drawn = draw_labels(rng, np.full(100_000, np.log(0.2 / 0.8)))
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert drawn.mean() == pytest.approx(0.2, abs=0.006)  # four standard errors
