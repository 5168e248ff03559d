"""Rules that choose instruments: precision rather than magnitude, honest with few members."""

import numpy as np
import pytest
from scipy import special, stats

from deepmr.effects import EffectSizes, MemberEffects
from deepmr.instruments import (
    All,
    AllOf,
    ByModeratedZ,
    ByPosition,
    ByZ,
    TopK,
    moderate,
    moderated_variance,
    select,
)

RULES = [All(), ByZ(), ByModeratedZ(), TopK(k=3), AllOf(rules=[ByZ(), TopK(k=5)])]


def effects(beta, se, **options):
    return EffectSizes.from_arrays(beta, se, beta, se, **options)


def null_ensemble(n_loci=300, n_variants=300, members=5, spread=0.7, seed=0):
    """Members that see nothing but noise, whose size differs between variants."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(0.0, spread, (n_loci, n_variants)))
    value = rng.normal(size=(n_loci, 2, members, n_variants)) * scale[:, None, None, :]
    zero = np.zeros((n_loci, n_variants), int)
    return MemberEffects(
        value=value, tasks=("x", "y"), offset=zero, ref=zero, alt=zero, mask=zero == 0
    ).summarise("x", "y")


def test_strength_is_precision_not_magnitude():
    e = effects([5.0, 1.0], [5.0, 0.1])
    assert ByZ(min_z=3.0)(e).tolist() == [False, True]
    assert TopK(k=1)(e).tolist() == [False, True]
    assert TopK(k=1, by="magnitude")(e).tolist() == [True, False]


def test_a_small_effect_on_which_all_members_agree_can_be_left_out():
    e = effects([0.2, 0.5, 0.8, 3.0], [0.01, 0.01, 0.01, 2.9])
    assert ByModeratedZ(min_z=3.0)(e).tolist() == [True, True, True, False]
    assert ByModeratedZ(min_z=3.0, min_effect=0.5)(e).tolist() == [False, True, True, False]
    with pytest.raises(ValueError, match=r"min_effect must be 0 or more, got -1"):
        ByModeratedZ(min_effect=-1.0)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_rule_never_takes_a_masked_variant_and_its_presence_changes_nothing(rule):
    rng = np.random.default_rng(0)
    beta, se = rng.normal(0, 4, 30), rng.uniform(0.5, 1.5, 30)
    mask = rng.random(30) < 0.6
    chosen = rule(effects(beta, se, mask=mask))
    assert not np.any(chosen & ~mask)
    np.testing.assert_array_equal(chosen[mask], rule(effects(beta[mask], se[mask])))


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_batch_equals_its_loci(rule):
    e = null_ensemble(n_loci=4, n_variants=40)
    batch = rule(e)
    for locus in range(4):
        one = effects(e.beta_exposure[locus], e.se_exposure[locus])
        object.__setattr__(one, "df", 4.0)
        np.testing.assert_array_equal(batch[locus], rule(one))


def test_select_narrows_the_mask_and_keeps_the_rest():
    e = effects([0.1, 2.0, 3.0], [0.1, 0.1, 0.1], mask=[True, True, False])
    narrowed = select(e, ByZ(min_z=3.0))
    assert narrowed.mask.tolist() == [False, True, False]
    assert narrowed.beta_exposure is e.beta_exposure


@pytest.mark.parametrize("spread", [0.0, 0.7, 2.0])
def test_moderated_z_keeps_its_promise_under_the_null_where_plain_z_does_not(spread):
    e = null_ensemble(spread=spread)
    promised = 2 * stats.norm.sf(3.0)
    # 90,000 variants: a binomial error of 1.7e-4 on 2.7e-3; lognormal scales are not quite the
    # inverse chi-square prior, hence a factor of 1.5 either way.
    assert promised / 1.5 < ByModeratedZ(min_z=3.0)(e).mean() < promised * 1.5
    assert ByZ(min_z=3.0)(e).mean() > 10 * promised


def test_moderation_finds_one_variance_where_there_is_one():
    e = null_ensemble(spread=0.0, n_loci=50)
    variance, df = moderated_variance(e.se_exposure**2, 4.0, e.mask)
    assert np.median(df) > 100
    # The true variance of a mean of five is 1/5; 300 variants of 4 df know it to 4 %, and the
    # loci are 50.
    assert np.median(variance) == pytest.approx(0.2, rel=0.05)


def test_moderation_recovers_a_planted_prior():
    rng = np.random.default_rng(3)
    prior_df, prior = 6.0, 2.0
    sigma2 = prior_df * prior / rng.chisquare(prior_df, 200_000)
    observed = sigma2 * rng.chisquare(4.0, sigma2.size) / 4.0
    variance, df = moderated_variance(observed, 4.0, np.ones(sigma2.size, bool))
    # Moments of 200,000 logs: the prior's degrees of freedom come out within a few percent.
    assert float(df) == pytest.approx(4.0 + prior_df, rel=0.05)
    expected = (prior_df * prior + 4.0 * observed) / (prior_df + 4.0)
    np.testing.assert_allclose(variance, expected, rtol=0.03)


def test_known_errors_are_left_as_they_are():
    variance = np.array([1.0, 2.0, 3.0])
    moderated, df = moderated_variance(variance, np.inf, np.ones(3, bool))
    np.testing.assert_array_equal(moderated, variance)
    assert np.isinf(df)


def test_with_known_errors_both_z_rules_agree():
    rng = np.random.default_rng(1)
    e = effects(rng.normal(0, 3, 100), np.ones(100))
    np.testing.assert_array_equal(ByZ()(e), ByModeratedZ()(e))


def test_a_huge_effect_passes_and_no_effect_does_not():
    e = effects([1e300, 0.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0])
    assert ByZ()(e).tolist() == [True, False, True, False]
    object.__setattr__(e, "df", 4.0)
    assert ByModeratedZ()(e).tolist()[:2] == [True, False]


def test_inverse_trigamma_is_the_inverse():
    from deepmr.moderated_variance import _inverse_trigamma

    x = np.array([1e-3, 0.1, 1.0, 7.0, 1e4])
    np.testing.assert_allclose(_inverse_trigamma(special.polygamma(1, x)), x, rtol=1e-8)
    assert np.isinf(_inverse_trigamma(np.array([0.0, -1.0]))).all()


def test_positions_are_half_open():
    e = effects(np.ones(4), np.ones(4))
    offset = np.array([9, 10, 19, 20])
    assert ByPosition(start=10, end=20)(e, offset=offset).tolist() == [False, True, True, False]
    with pytest.raises(ValueError, match="variants' offsets"):
        ByPosition(start=0, end=1)(e)


def test_moderate_changes_errors_only():
    e = null_ensemble(n_loci=2)
    m = moderate(e)
    assert m.beta_exposure is e.beta_exposure
    assert np.std(np.log(m.se_exposure)) < np.std(np.log(e.se_exposure))


def test_mistakes_are_named():
    for make, message in [
        (lambda: ByZ(min_z=-1.0), "min_z must not be negative, got -1.0"),
        (lambda: TopK(k=0), "k must be at least 1, got 0"),
        (lambda: ByPosition(start=5, end=5), "end must be greater than start, got 5 and 5"),
        (lambda: AllOf(rules=[]), "at least one rule"),
    ]:
        with pytest.raises(ValueError, match=message):
            make()
