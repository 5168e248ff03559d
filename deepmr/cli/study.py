"""A search by Optuna: its study is stored, resumed, and its objective is a candidate's mean."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from deepmr.cli.search_space import Choices, Interval, Space
from deepmr.workflow.sweep_table import Candidate

__all__ = ["run_study"]

_AGAIN = "again"
"""Mark of a trial: the number of the killed or failed one whose settings it repeats."""

_RESUMED = "resumed"
"""Mark of a trial: the number of the interrupted one that it goes on with."""

_INTERRUPTED = "interrupted"


@runtime_checkable
class _Runner(Protocol):
    folder: Path

    def run(self, space: Space, settings: Sequence[Mapping[str, str]]) -> list[Candidate]: ...

    def gather(self, space: Space, settings: Sequence[Mapping[str, str]]) -> list[Candidate]: ...


def run_study(space: Space, search: Any, runner: _Runner) -> list[Candidate]:
    """Search until ``n_trials`` candidates are settled, those of earlier sessions included.

    A trial that was interrupted goes on; one that was killed, or failed in an earlier session, is
    run again once and marked with the number of the first (user attribute ``again``).

    Args:
        space: The search space.
        search: Settings, a `deepmr.cli.sweep.Search`.
        runner: Runs the jobs of candidates (``run``), reads what became of them (``gather``), and
            has the ``folder`` where the study lies unless ``search.storage`` names another place.

    Returns:
        A candidate for each settled trial, with its jobs.

    Raises:
        ValueError: If ``direction`` is none, or an interval cannot be searched.
    """
    if search.direction == "none":
        raise ValueError(
            "hparams_search=optuna needs hydra.sweeper.direction=minimize or maximize; the value "
            "of an interrogation, its pooled effect, is no quality to optimize"
        )
    study = _open(search, runner.folder)
    _take_up(study)
    distributions = {key: _distribution(one) for key, one in space.varied.items()}
    while (left := search.n_trials - len(_settled(study))) > 0:
        _run_batch(study, distributions, space, runner, min(left, search.n_jobs))
    chosen = {_key(trial): _settings(trial) for trial in _settled(study)}
    return runner.gather(space, list(chosen.values()))


def _open(search: Any, folder: Path) -> Any:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage: Any = search.storage
    if storage is None:  # a file of lines: safe on network file systems, unlike a database
        storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            study_name=folder.name,
            storage=storage,
            direction=search.direction,
            load_if_exists=True,
        )
        # a resumed sampler with the same seed would propose its first candidates again
        study.sampler = optuna.samplers.TPESampler(
            seed=search.seed + len(study.trials), constant_liar=search.n_jobs > 1
        )
    return study


def _take_up(study: Any) -> None:
    """Queue what an earlier session left: interrupted trials, and lost or failed ones once."""
    repeated = _repeated(study)
    states = _states()
    for trial in study.trials:
        running = trial.state == states.RUNNING
        if trial.number in repeated or not (running or trial.state == states.FAIL):
            continue
        if running:
            study.tell(trial.number, state=states.FAIL)
        if not trial.params:
            continue
        if trial.user_attrs.get(_INTERRUPTED):
            marks = {_RESUMED: trial.number}
        elif _AGAIN not in trial.user_attrs:
            marks = {_AGAIN: trial.number}
            print(f"trial {trial.number} was {'killed' if running else 'failed'}: run again once")
        else:
            continue
        kept = {k: v for k, v in trial.user_attrs.items() if k == _AGAIN}
        study.enqueue_trial(trial.params, user_attrs={**kept, **marks})


def _states() -> Any:
    from optuna.trial import TrialState

    return TrialState


def _repeated(study: Any) -> set[int | None]:
    """Return the numbers of trials that another one repeats or goes on with."""
    return {trial.user_attrs.get(mark) for trial in study.trials for mark in (_AGAIN, _RESUMED)}


def _settled(study: Any) -> list[Any]:
    """Return the trials that count: those with an end, and without another in their place."""
    repeated = _repeated(study)
    return [
        trial
        for trial in study.trials
        if trial.state in (_states().COMPLETE, _states().FAIL)
        and trial.params
        and trial.number not in repeated
    ]


def _run_batch(
    study: Any,
    distributions: Mapping[str, Any],
    space: Space,
    runner: _Runner,
    n: int,
) -> None:
    trials = [study.ask(dict(distributions)) for _ in range(n)]
    try:
        candidates = runner.run(space, [_settings(trial) for trial in trials])
    except BaseException:
        for trial in trials:
            trial.set_user_attr(_INTERRUPTED, True)
        raise
    for trial, candidate in zip(trials, candidates, strict=True):
        if candidate.complete:
            study.tell(trial, candidate.mean)
        else:
            study.tell(trial, state=_states().FAIL)


def _settings(trial: Any) -> dict[str, str]:
    return {key: str(value) for key, value in trial.params.items()}


def _key(trial: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(_settings(trial).items()))


def _distribution(dimension: Choices | Interval) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Choices):
        return CategoricalDistribution(dimension.values)
    if dimension.whole:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)
