"""The diagnostic of effects' standard errors."""

import numpy as np
import pytest

from deepmr.inference import effect_z_scores
from tests.inference.synthetic import ensemble


def draw(rng, members=5, shared=0.0, n=20_000):
    value = rng.normal(size=(members, n)) + shared * rng.normal(size=n)
    return value.mean(axis=0), value.std(axis=0, ddof=1) / np.sqrt(members), np.zeros(n)


@pytest.mark.parametrize("members", [2, 3, 5, 30])
def test_independent_members_give_t_scores(members):
    value, se, truth = draw(np.random.default_rng(0), members)
    z = effect_z_scores(value, se, truth, df=members - 1.0)
    # 20,000 independent scores: .0015 on the share, and about 1 % on the median.
    assert z.beyond == pytest.approx(0.05, abs=0.006)
    assert z.inflation == pytest.approx(1.0, abs=0.05)
    if members >= 5:  # t with 4 degrees of freedom has no fourth moment: its SD converges slowly
        assert z.sd == pytest.approx(z.expected_sd, rel=0.1)


def test_an_error_that_all_members_share_shows():
    value, se, truth = draw(np.random.default_rng(1), shared=1.0)
    z = effect_z_scores(value, se, truth, df=4.0)
    # Mean squared error 1 + 1/5, of which the members' spread explains 1/5.
    assert z.shared_bias == pytest.approx(1 - 0.2 / 1.2, abs=0.02)
    assert z.inflation > 2
    assert z.beyond > 0.2


def test_a_members_summary_keeps_the_promise():
    members, _ = ensemble(np.random.default_rng(2), n_loci=300, noise=0.3)
    effects = members.summarise("x", "y")
    clean, _ = ensemble(np.random.default_rng(2), n_loci=300, noise=0.0)
    z = effect_z_scores(
        effects.beta_exposure, effects.se_exposure, clean.of("x")[:, 0], df=effects.df
    )
    assert z.n == 300 * 60
    assert z.beyond == pytest.approx(0.05, abs=0.006)


def test_what_is_masked_or_without_error_does_not_count():
    value, se, truth = (
        np.array([1.0, 9.0, 9.0, np.nan]),
        np.array([1.0, 0.0, 1.0, 1.0]),
        np.zeros(4),
    )
    mask = np.array([True, True, False, True])
    assert effect_z_scores(value, se, truth, df=4.0, mask=mask).n == 1
    with pytest.raises(ValueError, match="positive standard error, got none"):
        effect_z_scores(value, np.zeros(4), truth, df=4.0)
