"""A study by Optuna that is killed and given again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from deepmr.cli.search_space import Space
from deepmr.cli.study import _open, run_study
from deepmr.cli.sweep import Search
from deepmr.workflow.sweep_table import Candidate, JobRecord

pytest.importorskip("optuna", reason="optuna is not installed: pip install 'deepmr[sweeps]'")

SPACE = Space.parse({"x": "interval(-1.0, 1.0)"}, ["seed=0,1"])


def _search(n_trials: int, **changes: object) -> Search:
    settings = {
        "method": "optuna",
        "direction": "minimize",
        "n_jobs": 1,
        "levels": 3,
        "seed": 0,
        "storage": None,
    }
    return Search(**{**settings, "n_trials": n_trials, **changes})


class _Runner:
    """Squares x; ends the session at one of its calls, fails where x is refused."""

    def __init__(self, folder: Path, *, ends_at: int = -1, refused: Sequence[str] = ()) -> None:
        self.folder, self.ends_at, self.refused = folder, ends_at, refused
        self.asked: list[str] = []

    def run(self, space: Space, settings: Sequence[Mapping[str, str]]) -> list[Candidate]:
        if len(self.asked) == self.ends_at:
            raise SystemExit(143)
        self.asked += [one["x"] for one in settings]
        return self.gather(space, settings)

    def gather(self, space: Space, settings: Sequence[Mapping[str, str]]) -> list[Candidate]:
        return [
            Candidate(settings=one, jobs=tuple(self._job(job, one["x"]) for job in space.jobs(one)))
            for one in settings
        ]

    def _job(self, overrides: tuple[str, ...], x: str) -> JobRecord:
        if x in self.refused:
            return JobRecord(overrides=overrides, state="failed", error="refused")
        return JobRecord(overrides=overrides, state="finished", value=float(x) ** 2)


def test_an_interrupted_study_goes_on_with_the_trial_that_was_cut_short(tmp_path: Path) -> None:
    first = _Runner(tmp_path, ends_at=3)
    with pytest.raises(SystemExit):
        run_study(SPACE, _search(6), first)
    cut = _open(_search(6), tmp_path).trials[-1]
    second = _Runner(tmp_path)
    candidates = run_study(SPACE, _search(6), second)
    assert len(second.asked) == 3, "three of six were done before"
    assert float(second.asked[0]) == cut.params["x"]
    assert len(candidates) == 6
    assert {one.settings["x"] for one in candidates} == {*first.asked, *second.asked}
    assert len({*first.asked, *second.asked}) == 6, "a resumed sampler repeats nothing"


def test_a_killed_trial_is_run_again_once_and_marked(tmp_path: Path) -> None:
    from optuna.distributions import FloatDistribution
    from optuna.trial import TrialState

    study = _open(_search(1), tmp_path)
    killed = study.ask({"x": FloatDistribution(-1, 1)})
    again = _open(_search(1), tmp_path)
    runner = _Runner(tmp_path, refused=[str(killed.params["x"])])
    run_study(SPACE, _search(1), runner)
    assert runner.asked == [str(killed.params["x"])]
    trials = again.trials
    assert trials[1].user_attrs == {"again": 0}
    assert trials[1].state == TrialState.FAIL
    once_more = _Runner(tmp_path)
    run_study(SPACE, _search(1), once_more)
    assert once_more.asked == [], "once is enough"


def test_more_trials_extend_a_finished_study(tmp_path: Path) -> None:
    run_study(SPACE, _search(2), _Runner(tmp_path))
    runner = _Runner(tmp_path)
    assert len(run_study(SPACE, _search(5), runner)) == 5
    assert len(runner.asked) == 3


def test_the_search_finds_the_minimum_better_than_its_first_draws(tmp_path: Path) -> None:
    runner = _Runner(tmp_path)
    candidates = run_study(SPACE, _search(40), runner)
    values = [abs(float(x)) for x in runner.asked]
    assert len(candidates) == 40
    assert sum(values[20:]) < 0.6 * sum(values[:20])  # TPE after its ten random draws


def test_without_a_direction_there_is_nothing_to_optimize(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pooled effect, is no quality to optimize"):
        run_study(SPACE, _search(2, direction="none"), _Runner(tmp_path))
