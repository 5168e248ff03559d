"""The grammar: counts, true effects, readings."""

import numpy as np
import pytest
from scipy import stats

from deepmr.anscombe import anscombe
from deepmr.simulation import CONFOUNDING, Grammar, draw_grammar, variant_order

RNG = np.random.default_rng(11)
CODES = RNG.integers(0, 4, (6, 50)).astype(np.uint8)


@pytest.mark.parametrize("confounding", CONFOUNDING)
def test_expected_counts_follow_the_published_formula(confounding: str) -> None:
    grammar = Grammar(amplitude=90.0, effect=2.0, confounding=confounding)
    q_exposure = grammar.exposure.occupancy(CODES)
    q_outcome = grammar.outcome.occupancy(CODES)
    confounds = confounding in ("sequence", "both")
    q_confounder = grammar.motifs["SOX2_1"].occupancy(CODES) * confounds
    counts = grammar.expected_counts(CODES)
    np.testing.assert_allclose(counts[:, 0], 1 + 90 * q_exposure + 20 * q_confounder)
    np.testing.assert_allclose(counts[:, 1], 1 + 180 * q_exposure * q_outcome + 30 * q_confounder)


@pytest.mark.parametrize("confounding", CONFOUNDING)
def test_substitution_effects_are_differences_of_noiseless_readings(confounding: str) -> None:
    grammar = Grammar(effect=3.0, confounding=confounding)
    effects = grammar.substitution_effects(CODES)
    offset, alternative = variant_order(CODES)
    assert effects.shape == (6, 2, 150)
    for row, variant in [(0, 0), (1, 149), (3, 76), (5, 31)]:
        changed = CODES.copy()
        changed[row, offset[variant]] = alternative[row, variant]
        expected = (grammar.noiseless(changed) - grammar.noiseless(CODES))[row]
        # Counts reach 300 and their roots 35; a few units in the last place of those.
        np.testing.assert_allclose(effects[row, :, variant], expected, atol=1e-11)


def test_variants_ascend_by_offset_and_skip_the_reference() -> None:
    offset, alternative = variant_order(np.array([[2, 0]], dtype=np.uint8))
    assert offset.tolist() == [0, 0, 0, 1, 1, 1]
    assert alternative.tolist() == [[0, 1, 3, 1, 2, 3]]


def test_without_cooperation_the_outcome_does_not_move() -> None:
    effects = Grammar(effect=0.0).substitution_effects(CODES)
    np.testing.assert_array_equal(effects[:, 1], 0.0)
    assert np.abs(effects[:, 0]).max() > 0.1


def test_a_coin_outside_the_sequence_averages_two_levels() -> None:
    plain = Grammar(effect=1.0)
    confounded = Grammar(effect=1.0, confounding="independent")
    counts = plain.expected_counts(CODES)
    np.testing.assert_allclose(
        confounded.noiseless(CODES), (anscombe(counts) + anscombe(counts + 25.0)) / 2
    )


def test_noiseless_is_where_readings_average_to() -> None:
    grammar = Grammar(effect=1.0, confounding="both")
    rng = np.random.default_rng(0)
    codes = np.repeat(CODES[:1], 40_000, axis=0)
    counts = grammar.observe(rng, codes)
    mean = grammar.expected_counts(CODES[:1])[0] + 12.5
    # The coin's variance is 12.5 squared; five standard errors.
    bound = 5 * np.sqrt((mean + 12.5**2) / 40_000)
    assert np.all(np.abs(counts.mean(axis=0) - mean) < bound)


def test_the_coin_is_shared_by_exposure_and_outcome() -> None:
    grammar = Grammar(effect=1.0, confounding="independent")
    codes = np.repeat(CODES[:1], 4_000, axis=0)
    shared = np.corrcoef(grammar.observe(np.random.default_rng(0), codes).T)[0, 1]
    alone = np.corrcoef(Grammar(effect=1.0).observe(np.random.default_rng(0), codes).T)[0, 1]
    assert shared > 0.5
    assert abs(alone) < 5 / np.sqrt(4_000)


def test_anscombe_stabilises_a_poisson_count() -> None:
    rng = np.random.default_rng(1)
    # Known to hold within about 5 % from a mean of 4 on (Anscombe 1948); 1 % is sampling error.
    for mean in (4.0, 30.0, 300.0):
        readings = anscombe(rng.poisson(mean, 40_000).astype(np.float64))
        assert np.var(readings) == pytest.approx(1.0, abs=0.06)


def test_noiseless_readings_lie_near_the_mean_of_transformed_counts() -> None:
    mean = np.array([1.0, 1.5, 2.0, 3.0, 10.0, 30.0, 100.0])
    counts = np.arange(400)
    transformed = stats.poisson.pmf(counts, mean[:, None]) @ anscombe(counts.astype(np.float64))
    gap = anscombe(mean) - transformed
    assert np.all((gap > 0) & (gap < 0.2))
    assert np.all(gap[mean >= 10] < 0.1)


def test_drawn_effects_form_two_clusters() -> None:
    drawn = np.array([draw_grammar(np.random.default_rng(k)).effect for k in range(400)])
    assert drawn.min() >= 0
    high = drawn > 5
    assert 0.4 < high.mean() < 0.6  # four binomial standard errors
    # Means over about 200 draws of standard deviation .5; five standard errors, and the floor
    # at 0 (which lifts the lower mean by .004) within them.
    assert drawn[~high].mean() == pytest.approx(1.0, abs=0.18)
    assert drawn[high].mean() == pytest.approx(10.0, abs=0.18)


def test_fixing_the_effect_leaves_the_amplitude_as_drawn() -> None:
    free = draw_grammar(np.random.default_rng(5))
    fixed = draw_grammar(np.random.default_rng(5), effect=1.0)
    assert fixed.effect == 1.0
    assert fixed.amplitude == free.amplitude


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"one of none, independent, sequence, both; got 'all'"):
        Grammar(confounding="all")


def test_a_negative_effect_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        Grammar(effect=-1.0)
