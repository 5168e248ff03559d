import numpy as np
import pytest
from verdict.planted import planted

from deepmr.verdict import (
    effect_scale,
    locus_maximum,
    pair_statistics,
    resampled_evidence,
)
from deepmr.verdict.panel import Check, PredictionQuality, assumption_panel
from deepmr.verdict.verdict import Measure


def _panel(
    tasks, *, direction: int = 0, n_members: int = 5, reliability=1.0, quality=(), edit=None
):
    effects = planted(tasks, noise=0.005)
    if edit is not None:
        edit(effects)
    statistics = pair_statistics(effects, scale=effect_scale(locus_maximum(effects)))
    evidence = resampled_evidence(statistics)
    checks = assumption_panel(
        evidence,
        pair=0,
        direction=direction,
        reliability=reliability,
        n_members=n_members,
        quality=quality,
    )
    return {one.name: one for one in checks}


CAUSAL = {"X": {"a": 1.0}, "Y": {"a": 0.6, "b": 0.8}}


def test_causal_direction_passes_and_the_reverse_shows_pleiotropy():
    assert _panel(CAUSAL)["pleiotropy"].state == "pass"
    reverse = _panel(CAUSAL, direction=1)
    assert reverse["pleiotropy"].state == "fail"
    assert reverse["pleiotropy"].advice


def test_what_is_not_known_is_unknown_rather_than_passed():
    panel = _panel(CAUSAL)
    assert panel["prediction quality"].state == "unknown"
    good = PredictionQuality(explained=0.9, calibration_slope=1.05)
    poor = PredictionQuality(explained=0.1, calibration_slope=1.05)
    assert _panel(CAUSAL, quality=(good, good))["prediction quality"].state == "pass"
    assert _panel(CAUSAL, quality=(good, poor))["prediction quality"].state == "fail"
    assert _panel(CAUSAL, quality=(good, good))["calibration"].state == "pass"


@pytest.mark.parametrize(("members", "state"), [(5, "pass"), (3, "doubt"), (2, "fail")])
def test_ensemble_size_is_judged_by_its_number(members, state):
    assert _panel(CAUSAL, n_members=members)["ensemble size"].state == state


def test_bent_dose_response_fails_linearity_and_a_straight_one_passes():
    def bend(effects):
        x = effects.value[:, 0]
        effects.value[:, 1] = np.sign(x) * x**4

    assert _panel(CAUSAL)["linearity"].state == "pass"
    assert _panel(CAUSAL, edit=bend)["linearity"].state == "fail"


def test_sites_with_different_slopes_fail_leaving_one_out():
    assert (
        _panel({"X": {"a": 1.0, "b": 0.8}, "Y": {"a": 1.0, "b": 0.1}})["leave one site out"].state
        == "fail"
    )


def test_check_refuses_another_word():
    with pytest.raises(ValueError, match="pass, doubt, fail or unknown"):
        Check(name="x", state="maybe", number=Measure(value=1.0), meaning="")
