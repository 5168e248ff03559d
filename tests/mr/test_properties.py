"""What must hold for any data: order, alleles, units, batches and masks do not matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from deepmr import mr
from deepmr.effects import EffectSizes
from deepmr.mr.diagnostics.strength import strength_kernel as instrument_strength_kernel
from deepmr.mr.numerics.blocks import by_blocks

# Bootstraps are kept short: the draws are the same on both sides of every comparison.
SHORT = {"iterations": 20}
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "ivw": (mr.inverse_variance_weighted, {}),
    "ivw_second_order": (mr.inverse_variance_weighted, {"weights": "second_order"}),
    "ivw_penalized": (mr.inverse_variance_weighted, {"penalized": True}),
    "ivw_robust": (mr.inverse_variance_weighted, {"robust": True}),
    "egger": (mr.egger, {}),
    "simple_median": (mr.simple_median, {"error": "sampling_distribution"}),
    "weighted_median": (mr.weighted_median, {"error": "sampling_distribution"}),
    "penalized_median": (mr.penalized_weighted_median, {"error": "sampling_distribution"}),
    "weighted_mode": (mr.weighted_mode, {"iterations": 0}),
    "maximum_likelihood": (mr.maximum_likelihood, {}),
    "raps": (mr.raps, {}),
    "raps_huber": (mr.raps, {"loss": "huber", "over_dispersion": False}),
    "debiased_ivw": (mr.debiased_ivw, {}),
    "penalized_debiased_ivw": (mr.penalized_debiased_ivw, {}),
    "contamination_mixture": (mr.contamination_mixture, {}),
    "bayesian_mode": (mr.bayesian_mode, {}),
    "lasso": (mr.lasso, {}),
    "constrained_ml": (mr.constrained_ml, {"sample_size": 1000.0}),
    "presso": (mr.presso, {"iterations": 0}),
    "grip": (mr.grip, {}),
}
EACH = pytest.mark.parametrize("name", CASES)
# Sums over instruments are rounded in another order: 1e-9 is a thousandfold of what that does.
# Iterative estimators stop when steps fall below their own tolerance instead.
TOLERANCE = {"constrained_ml": 1e-5, "ivw_robust": 1e-6, "raps": 1e-7, "raps_huber": 1e-7}
SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=5, deadline=None)


def data(seed: int, *, loci: int = 1, n: int = 12) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shape = (loci, n)
    x = rng.uniform(0.05, 0.5, shape) * rng.choice([-1, 1], shape)
    sx, sy = rng.uniform(0.01, 0.03, shape), rng.uniform(0.02, 0.06, shape)
    y = rng.uniform(-1, 1, (loci, 1)) * x + rng.normal(0, 1, shape) * sy * 1.2
    return {
        "beta_exposure": x + sx * rng.normal(0, 1, shape),
        "se_exposure": sx,
        "beta_outcome": y,
        "se_outcome": sy,
    }


def run(name: str, columns: dict[str, np.ndarray], **options: Any) -> tuple[np.ndarray, np.ndarray]:
    estimator, chosen = CASES[name]
    result = estimator(EffectSizes.from_arrays(**columns, **options), **chosen)
    low, high = result.effect.interval()
    return result.effect.value, high - low


def same(name: str, got: Any, wanted: Any, *, scale: float = 1.0) -> None:
    rtol = TOLERANCE.get(name, 1e-9)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, np.asarray(b) * scale, rtol=rtol, atol=rtol * abs(scale))


@EACH
@FEW
@given(seed=SEEDS)
def test_order_of_instruments_does_not_matter(name: str, seed: int) -> None:
    columns = data(seed)
    order = np.random.default_rng(seed).permutation(12)
    same(name, run(name, {k: v[:, order] for k, v in columns.items()}), run(name, columns))


@EACH
@FEW
@given(seed=SEEDS)
def test_flipping_alleles_does_not_matter(name: str, seed: int) -> None:
    columns = data(seed)
    sign = np.random.default_rng(seed).choice([-1.0, 1.0], 12)
    flipped = {k: v * sign if k.startswith("beta") else v for k, v in columns.items()}
    same(name, run(name, flipped), run(name, columns))


# These two are not free of units by construction: constrained_ml stops at absolute steps of
# 1e-7, as R's does, and the others' distances from 0 scale along.
@EACH
@FEW
@given(seed=SEEDS, factor=st.sampled_from([0.5, 2.0, 4.0]))
def test_estimate_scales_with_the_outcome(name: str, seed: int, factor: float) -> None:
    columns = data(seed)
    scaled = {k: v * factor if "outcome" in k else v for k, v in columns.items()}
    same(name, run(name, scaled), run(name, columns), scale=factor)


@EACH
@FEW
@given(seed=SEEDS, factor=st.sampled_from([0.5, 2.0, 4.0]))
def test_estimate_scales_inversely_with_the_exposure(name: str, seed: int, factor: float) -> None:
    columns = data(seed)
    scaled = {k: v * factor if "exposure" in k else v for k, v in columns.items()}
    same(name, run(name, scaled), run(name, columns), scale=1 / factor)


@EACH
@FEW
@given(seed=SEEDS)
def test_a_batch_equals_its_members_one_by_one(name: str, seed: int) -> None:
    columns = data(seed, loci=3)
    together = run(name, columns)
    for k in range(3):
        alone = run(name, {key: value[k] for key, value in columns.items()})
        same(name, [part[k] for part in together], alone)


@EACH
@FEW
@given(seed=SEEDS)
def test_masked_instruments_equal_absent_ones(name: str, seed: int) -> None:
    columns = data(seed, loci=2)
    mask = np.ones((2, 12), bool)
    mask[:, [1, 5, 10]] = False
    spoiled = {k: np.where(mask, v, np.nan) for k, v in columns.items()}
    absent = {k: v[:, mask[0]] for k, v in columns.items()}
    same(name, run(name, spoiled, mask=mask), run(name, absent))


@pytest.mark.parametrize("error", ["bootstrap", "sampling_distribution"])
def test_median_error_of_a_batch_equals_its_members(error: str) -> None:
    columns = data(3, loci=4)
    whole = mr.weighted_median(EffectSizes.from_arrays(**columns), error=error, iterations=50)
    for k in range(4):
        one = {key: value[k] for key, value in columns.items()}
        alone = mr.weighted_median(EffectSizes.from_arrays(**one), error=error, iterations=50)
        np.testing.assert_allclose(whole.effect.se[k], alone.effect.se, rtol=1e-9)


@pytest.mark.parametrize("z", [1.0, 10.0, 35.0])
def test_p_values_stay_positive_and_finite(z: float) -> None:
    effects = EffectSizes.from_arrays([0.5], [0.001], [0.02 * z], [0.02])
    result = mr.inverse_variance_weighted(effects)
    assert result.effect.z == pytest.approx(z)
    assert 0 < float(result.effect.p_value) < 1
    assert np.isfinite(result.effect.neg_log10_p)


def test_blocks_do_not_change_results() -> None:
    effects = EffectSizes.from_arrays(**data(1, loci=7))
    whole, pieces = (by_blocks(effects, instrument_strength_kernel, elements=k) for k in (999, 13))
    for name in whole:
        np.testing.assert_array_equal(pieces[name], whole[name])


def test_several_batch_axes() -> None:
    columns = {k: v.reshape(2, 3, 12) for k, v in data(2, loci=6).items()}
    result = mr.inverse_variance_weighted(EffectSizes.from_arrays(**columns))
    assert result.effect.value.shape == (2, 3)
    assert result.flags["heterogeneity"].shape == (2, 3)


@pytest.mark.parametrize("seed", [107, 47, 135, 120, *range(8)])
def test_the_bayesian_modes_numbers_are_those_of_its_posterior_on_a_fine_grid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 12))
    x = rng.normal(0, 0.3, n)
    y = 0.5 * x + rng.normal(0, 0.02, n) * rng.choice([1, 5])
    effects = EffectSizes.from_arrays(x, np.full(n, 0.02), y, np.full(n, 0.02))
    found = mr.bayesian_mode(effects).effect
    b, variance = y / x, 0.02**2 / x**2 + y**2 * 0.02**2 / x**4
    wide = variance + (1.5 * np.std(b, ddof=1)) ** 2
    reach = 12 * np.sqrt(wide.max())  # the tails beyond are below exp(-72)
    theta = np.concatenate([np.linspace(-reach, reach, 40_001), np.linspace(-1, 2, 40_001)])
    theta = np.unique(np.append(theta, 0.0))
    valid, other = (
        -0.5 * (b - theta[:, None]) ** 2 / v - 0.5 * np.log(v) for v in (variance, wide)
    )
    height = np.logaddexp(valid, other).sum(axis=1)
    mass = np.logaddexp(height[1:], height[:-1]) + np.log(np.diff(theta) / 2)
    mass -= special.logsumexp(mass)
    middle, weight = (theta[1:] + theta[:-1]) / 2, np.exp(mass)
    below = theta[1:] <= 0
    tail = min(special.logsumexp(mass[below]), special.logsumexp(mass[~below]))
    # Both are trapezoids; a thousand nodes in the bulk are good to better than 1 %.
    assert float(found.log_p_value) == pytest.approx(np.log(2) + tail, rel=0.01, abs=0.01)
    deviation = np.sqrt(weight @ (middle - weight @ middle) ** 2)
    assert float(found.se) == pytest.approx(deviation, rel=0.01)
    step = float(np.max(np.diff(theta[np.abs(theta) < 1])))  # the mode here is a node of the grid
    assert float(found.value) == pytest.approx(theta[np.argmax(height)], abs=2 * step)
