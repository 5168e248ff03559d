"""Scores: exact identities, planted miscalibration, intervals that cover."""

import numpy as np
import pytest
from scipy import special, stats
from sklearn.metrics import brier_score_loss, log_loss

from deepmr.calibration import (
    ByKind,
    Conformal,
    Quantile,
    Temperature,
    Variance,
    binary_scores,
    fit_calibrators,
    predictive_scores,
    reliability_curve,
    score_tasks,
)
from deepmr.calibration.curve import CalibrationCurve
from deepmr.calibration.scores import bootstrap_score, sum_blocks
from deepmr.tasks import Task, TaskTable


def draw(slope=1.0, shift=0.0, n=4000, seed=0, centre=-1.0):
    rng = np.random.default_rng(seed)
    logit = rng.normal(centre, 2.0, n)
    return logit, (rng.random(n) < special.expit(slope * logit + shift)).astype(float)


def by_name(scores):
    return {score.name: score for score in scores}


def test_nll_and_brier_are_sklearns():
    logit, target = draw()
    scores = by_name(binary_scores(logit, target, draws=10))
    probability = special.expit(logit)
    assert scores["nll"].value == pytest.approx(log_loss(target, probability), rel=1e-12)
    assert scores["brier"].value == pytest.approx(brier_score_loss(target, probability), rel=1e-12)


@pytest.mark.parametrize("slope", [0.3, 1.0, 3.0])
def test_the_brier_score_is_exactly_the_sum_of_its_parts(slope):
    scores = by_name(binary_scores(*draw(slope), draws=10))
    parts = [scores[f"brier_{part}"].value for part in ("reliability", "resolution", "uncertainty")]
    assert parts[0] - parts[1] + parts[2] == pytest.approx(scores["brier"].value, abs=1e-14)
    assert parts[0] >= 0


def test_calibration_errors_by_hand():
    # Two bins: 4 samples at .25 with 2 positives, 4 at .75 with 3.
    logit = special.logit(np.repeat([0.25, 0.75], 4))
    target = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    scores = by_name(binary_scores(logit, target, bins=2, draws=10))
    assert scores["ece_width"].value == pytest.approx(0.5 * 0.25)
    assert scores["ece_mass"].value == pytest.approx(0.5 * 0.25)


def test_debiasing_removes_part_of_what_noise_adds_to_a_calibrated_forecast():
    plain, debiased = [], []
    for seed in range(40):
        scores = by_name(binary_scores(*draw(n=600, seed=seed), draws=2))
        plain.append(scores["ece_mass"].value)
        debiased.append(scores["ece_debiased"].value)
    # 15 bins of 40 show a gap of about .045 by chance alone. The correction is estimated from the
    # same gaps, so it removes some 40 % of that, not all.
    assert np.mean(plain) > 0.03
    assert np.mean(debiased) < 0.7 * np.mean(plain)


def test_debiasing_keeps_a_planted_error():
    logit, target = draw(slope=0.4, n=60_000)
    curve = reliability_curve(special.expit(logit), special.expit(0.4 * logit), bins=15)
    truth = np.sum(curve.count * np.abs(curve.confidence - curve.frequency)) / logit.size
    # The binomial error of a bin of 4,000 is .008, averaged over 15 bins.
    assert by_name(binary_scores(logit, target, draws=2))["ece_debiased"].value == pytest.approx(
        truth, abs=0.006
    )


def test_slope_and_intercept_recover_what_was_planted():
    scores = by_name(binary_scores(*draw(slope=0.5, n=20_000), draws=2))
    slope = scores["slope"]
    assert slope.lower < 0.5 < slope.upper
    assert slope.upper - slope.lower < 0.1
    shifted = by_name(binary_scores(*draw(shift=-1.0, n=20_000), draws=2))["intercept"]
    assert shifted.lower < -1.0 < shifted.upper


def test_slope_error_is_the_spread_over_samples():
    found = [by_name(binary_scores(*draw(n=500, seed=s), draws=2))["slope"] for s in range(200)]
    half = np.mean([(s.upper - s.lower) / 2 / stats.norm.ppf(0.975) for s in found])
    # The spread of 200 estimates is known to 5 %.
    assert half == pytest.approx(np.std([s.value for s in found]), rel=0.2)


def test_bootstrap_intervals_cover_the_long_run():
    names = ("nll", "brier", "sharpness")
    truth = by_name(binary_scores(*draw(n=400_000, seed=99), draws=2))
    hits = dict.fromkeys(names, 0)
    for seed in range(200):
        scores = by_name(binary_scores(*draw(n=400, seed=seed), draws=200))
        for name in names:
            hits[name] += scores[name].lower <= truth[name].value <= scores[name].upper
    # 200 rounds: a binomial error of .015; percentile intervals run a little short.
    for name in names:
        assert hits[name] / 200 == pytest.approx(0.95, abs=0.05), name


def test_blocks_keep_the_likeness_of_neighbours():
    rng = np.random.default_rng(0)
    alike = np.repeat(rng.normal(size=400), 50)  # 20,000 samples, 400 of them different
    columns = np.stack([np.ones_like(alike), alike], axis=1)

    def width(blocks):
        score = bootstrap_score(
            "mean",
            sum_blocks(columns, blocks=blocks),
            lambda s: s[:, 1] / s[:, 0],
            draws=500,
            seed=0,
        )
        return score.upper - score.lower

    # The mean of 400 has a 95 % interval .196 wide; pretending to 20,000 gives .028.
    assert width(400) == pytest.approx(0.196, rel=0.15)
    assert width(20_000) < 0.04


def test_degenerate_samples_have_missing_scores_not_wrong_ones():
    scores = by_name(binary_scores(np.array([-1.0, 0.5, 2.0]), np.ones(3), draws=5))
    assert np.isnan(scores["slope"].value)
    assert np.isnan(scores["intercept"].value)
    assert np.isfinite(scores["nll"].value)
    constant = by_name(binary_scores(np.zeros(4), np.array([0.0, 1.0, 0.0, 1.0]), draws=5))
    assert np.isnan(constant["slope"].value)
    assert constant["ece_mass"].value == 0.0
    separable = by_name(binary_scores(np.array([-1.0, 1.0]), np.array([0.0, 1.0]), draws=5))
    assert np.isnan(separable["slope"].value)
    with pytest.raises(ValueError, match="at least one sample"):
        binary_scores(np.zeros(0), np.zeros(0))


def test_extreme_logits_stay_finite():
    logit, target = np.array([-800.0, 800.0, 800.0]), np.array([0.0, 1.0, 0.0])
    assert by_name(binary_scores(logit, target, draws=5))["nll"].value == pytest.approx(800 / 3)


def test_a_curve_counts_every_sample_once():
    logit, target = draw()
    for strategy in ("mass", "width"):
        curve = reliability_curve(special.expit(logit), target, strategy=strategy)
        assert curve.count.sum() == target.size
        assert np.all(curve.count > 0)
        assert np.sum(curve.count * curve.frequency) == pytest.approx(target.sum())
        low, high = curve.interval()
        assert np.all((low >= 0) & (low <= curve.frequency) & (curve.frequency <= high))
        assert np.all(high <= 1)


def test_wilson_by_hand():
    curve = CalibrationCurve(
        confidence=np.array([0.5]), frequency=np.array([0.0]), count=np.array([10])
    )
    low, high = curve.interval()
    z2 = stats.norm.ppf(0.975) ** 2
    assert (low[0], high[0]) == (0.0, pytest.approx(z2 / (10 + z2)))


def test_ties_share_a_bin():
    curve = reliability_curve(np.full(10, 0.3), np.repeat([0.0, 1.0], 5), bins=5)
    assert curve.count.tolist() == [10]


def test_logits_are_no_probabilities():
    with pytest.raises(ValueError, match="are these logits"):
        reliability_curve(np.array([-1.0]), np.array([0.0]))
    with pytest.raises(ValueError, match="at least 1 bin"):
        reliability_curve(np.array([0.5]), np.array([0.0]), bins=0)


def real(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    mean = rng.normal(10, 3, n)
    return mean, mean + 2.0 * rng.normal(size=n)


def test_a_calibrated_gaussian_scores_as_theory_says():
    fitted = Variance().fit(*real())
    scores = by_name(predictive_scores(fitted, *real(20_000, seed=1)))
    entropy = 0.5 * np.log(2 * np.pi * np.e * 4.0)
    assert scores["nll"].value == pytest.approx(entropy, abs=0.02)  # sd .71 / sqrt(20,000)
    assert scores["coverage"].value == pytest.approx(0.95, abs=0.012)
    assert scores["quantile_error"].value < 0.015
    assert scores["sharpness"].value == pytest.approx(2 * 1.96 * 2.0, rel=0.03)
    assert scores["mse"].value == pytest.approx(4.0, rel=0.05)


def test_an_overconfident_distribution_is_found_out():
    rng = np.random.default_rng(2)
    mean, target = real()
    narrow = Variance().fit(mean, mean + rng.normal(size=mean.size))
    calibrated = Variance().fit(mean, target)
    one, two = (by_name(predictive_scores(c, *real(seed=1))) for c in (narrow, calibrated))
    assert one["coverage"].value < 0.75  # 1.96 sd of half the size: .67
    assert one["nll"].value > two["nll"].value
    assert one["quantile_error"].value > 5 * two["quantile_error"].value
    assert one["mse"] == two["mse"]


@pytest.mark.parametrize("calibrator", [Quantile(), Conformal()], ids=lambda c: type(c).__name__)
def test_every_predictive_calibrator_can_be_scored(calibrator):
    scores = by_name(predictive_scores(calibrator.fit(*real()), *real(seed=1)))
    assert scores["coverage"].value == pytest.approx(0.95, abs=0.02)
    assert ("nll" in scores) == isinstance(calibrator, Quantile)


TASKS = TaskTable((Task("a", "A"), Task("b", "B"), Task("n", "N", kind="count"), Task("z", "Z")))


def test_the_table_has_both_stages_of_every_task_with_labels():
    def sample(seed):
        logits = [draw(slope=0.4, seed=10 * seed + k) for k in range(2)]
        mean, target = real(seed=seed)
        prediction = np.stack([logits[0][0], logits[1][0], mean, mean], axis=1)
        labels = np.stack([logits[0][1], logits[1][1], target, np.full(4000, np.nan)], axis=1)
        return prediction, labels

    with pytest.warns(UserWarning, match="1 of 4 tasks"):
        table = fit_calibrators(ByKind(), TASKS, *sample(0))
    rows = score_tasks(table, TASKS, *sample(1), draws=20)
    assert {(row.task, row.stage) for row in rows} == {
        (task, stage) for task in "abn" for stage in ("raw", "calibrated")
    }
    for score, tasks in (("nll", 3), ("ece_mass", 2), ("coverage", 1)):
        assert sum(row.score == score and row.stage == "raw" for row in rows) == tasks
    nll = {(row.task, row.stage): row.value for row in rows if row.score == "nll"}
    assert all(nll[task, "calibrated"] < nll[task, "raw"] for task in "abn")
    assert rows[0].to_record()["task"] == "a"


def test_monotone_calibration_leaves_ranks_alone():
    logit, target = draw(slope=0.4)
    calibrated = Temperature().fit(logit, target).transform(logit)
    np.testing.assert_array_equal(np.argsort(calibrated), np.argsort(logit))
