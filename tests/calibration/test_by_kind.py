"""How much of a calibrator to trust, by what it does on another chromosome."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from deepmr.calibration import (
    ByKind,
    CalibratorTable,
    FittedAffine,
    HeldOut,
    Isotonic,
    Temperature,
    choose_strength,
    fit_calibrators,
)
from deepmr.tasks import Task, TaskTable

TASKS = TaskTable(tuple(Task(name=f"t{k}", target=f"T{k}") for k in range(4)))


def sample(rng: np.random.Generator, slope: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return logits and labels whose log odds are ``slope`` times them."""
    logit = 2.0 * rng.normal(size=(n, len(TASKS)))
    return logit, (rng.random(logit.shape) < expit(slope * logit)).astype(np.float64)


def fit(rng: np.random.Generator, here: float, there: float, strength: str = "validation"):
    """Calibrate where logits deserve the slope ``here``; validate where they deserve ``there``."""
    logit, target = sample(rng, here)
    other, labels = sample(rng, there)
    held_out = HeldOut(prediction=other, target=labels, mask=np.ones(labels.shape, bool))
    spec = ByKind(binary=Temperature(), strength=strength)
    return fit_calibrators(spec, TASKS, logit, target, held_out=held_out)


def slopes(table) -> np.ndarray:
    return np.array([one.slope for one in table.calibrators])


def test_what_both_splits_say_is_applied_in_full() -> None:
    full = slopes(fit(np.random.default_rng(0), 0.5, 0.5, strength="full"))
    weak = slopes(fit(np.random.default_rng(0), 0.5, 0.5))
    # 4 x 4,000 samples know the mean log slope, -.69, to .015: the strength to a fortieth.
    assert np.all(np.log(weak) / np.log(full) > 0.92)


def test_what_validation_denies_is_left_out() -> None:
    table = fit(np.random.default_rng(1), 0.5, 1.1)
    np.testing.assert_array_equal(slopes(table), 1.0)


def test_half_a_shift_is_half_applied_to_all_tasks_alike() -> None:
    rng = np.random.default_rng(2)
    full = slopes(fit(rng, 0.5, 0.7, strength="full"))
    rng = np.random.default_rng(2)
    weak = slopes(fit(rng, 0.5, 0.7))
    strength = np.log(weak) / np.log(full)
    np.testing.assert_allclose(strength, strength[0])
    assert strength[0] == pytest.approx(np.log(0.7) / np.log(0.5), abs=0.05)


def test_the_strength_is_written_down_and_read_back() -> None:
    table = fit(np.random.default_rng(5), 0.5, 0.7)
    record = table.to_record()
    (strength,) = {one["strength"] for one in record["tasks"].values()}
    assert 0.0 < strength < 1.0
    assert CalibratorTable.from_record(record) == table


def test_a_task_without_enough_of_a_class_has_no_say() -> None:
    logit, target = sample(np.random.default_rng(3), 1.0, n=50)
    none = np.zeros_like(target)
    fitted = [FittedAffine(slope=0.5, intercept=0.0, method="temperature")] * len(TASKS)
    assert choose_strength(fitted, logit, none, np.ones(target.shape, bool)) == 1.0


def test_a_strength_needs_the_other_split_and_a_line() -> None:
    logit, target = sample(np.random.default_rng(4), 1.0, n=200)
    with pytest.raises(ValueError, match="needs predictions of the validation split"):
        fit_calibrators(ByKind(strength="validation"), TASKS, logit, target)
    held_out = HeldOut(prediction=logit, target=target, mask=np.ones(target.shape, bool))
    curved = ByKind(binary=Isotonic(), strength="validation")
    with pytest.raises(ValueError, match="a line on the logit scale"):
        fit_calibrators(curved, TASKS, logit, target, held_out=held_out)
