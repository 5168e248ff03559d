"""One calibrator a task, with the rule for tasks that cannot be calibrated."""

import json

import numpy as np
import pytest
from scipy import special

from deepmr.calibration import ByKind, CalibratorTable, Histogram, Identity, fit_calibrators
from deepmr.tasks import Task, TaskTable

TASKS = TaskTable(
    (Task("a", "A"), Task("rare", "R"), Task("none", "N"), Task("n", "C", kind="count"))
)


def sample(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    raw = rng.normal(0.0, 2.0, (n, 4))
    target = (rng.random((n, 4)) < special.expit(raw / 2)).astype(float)
    target[:, 1] = 0.0
    target[:3, 1] = 1.0
    target[:, 2] = np.nan
    target[:, 3] = raw[:, 3] + rng.normal(0.0, 1.0, n)
    return raw, target


def fit(specification=None):
    raw, target = sample()
    with pytest.warns(UserWarning, match=r"2 of 4 tasks keep uncalibrated"):
        return fit_calibrators(specification or ByKind(), TASKS, raw, target)


def test_tasks_that_cannot_be_calibrated_keep_raw_predictions_with_the_reason():
    table = fit()
    raw, _ = sample(seed=1)
    calibrated = table.transform(raw)
    np.testing.assert_array_equal(calibrated[:, 1:], raw[:, 1:])
    assert np.all(np.abs(calibrated[:, 0]) < np.abs(raw[:, 0]))
    record = table.to_record()["tasks"]
    assert "3 positives and 1997 negatives" in record["rare"]["reason"]
    assert "no labelled samples" in record["none"]["reason"]


def test_masked_labels_change_nothing():
    raw, target = sample()
    mask = ~np.isnan(target)
    mask[::2] = False
    wrong = np.where(mask, target, 1.0 - np.nan_to_num(target))
    with pytest.warns(UserWarning, match="uncalibrated"):
        one = fit_calibrators(ByKind(), TASKS, raw, wrong, mask=mask)
    with pytest.warns(UserWarning, match="uncalibrated"):
        two = fit_calibrators(ByKind(), TASKS, raw[1::2], target[1::2])
    assert one.to_record() == two.to_record() or one.of("a") == two.of("a")
    assert one.of("n") == two.of("n")


def test_a_table_survives_json():
    table = fit()
    restored = CalibratorTable.from_record(json.loads(json.dumps(table.to_record())))
    assert restored == table


def test_effects_refuse_steps_by_name():
    table = fit(ByKind(binary=Histogram()))
    table.require_effects("n", "rare")
    with pytest.raises(ValueError, match="strictly increasing calibrator, got steps for a"):
        table.require_effects("n", "a")


def test_choosing_no_calibration_warns_about_nothing(recwarn):
    raw, target = sample()
    keep = [0, 3]
    none = ByKind(binary=Identity(), count=Identity(), signal=Identity())
    tasks = TASKS.subset(["a", "n"])
    table = fit_calibrators(none, tasks, raw[:, keep], target[:, keep])
    np.testing.assert_array_equal(table.transform(raw[:, keep]), raw[:, keep])
    assert not recwarn


def test_mistakes_are_named():
    table = fit()
    with pytest.raises(ValueError, match="calibrators are for 4 tasks, got predictions of 3"):
        table.transform(np.zeros((2, 3)))
    with pytest.raises(LookupError, match="no calibrator for 'b'; there are: a, rare"):
        table.of("b")
    with pytest.raises(ValueError, match="schema_version 1"):
        CalibratorTable.from_record({"schema_version": 9, "tasks": {}})
    with pytest.raises(ValueError, match="binary, count or signal; got 'colour'"):
        ByKind().of("colour")
    with pytest.raises(ValueError, match="min_class must be at least 1"):
        ByKind(min_class=0)
