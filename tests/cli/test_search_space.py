"""What a sweep varies, fixes and repeats."""

from __future__ import annotations

import itertools
import math

import pytest
from omegaconf import OmegaConf

from deepmr.cli.search_space import Interval, Space
from tests.conftest import REPOSITORY

SPACE = {"optimizer.lr": "tag(log, interval(1e-4, 1e-1))", "model.filters": "choice(8, 16)"}


def test_seeds_and_members_repeat_a_candidate_and_are_never_searched() -> None:
    space = Space.parse(SPACE, ["seed=1,2,3", "members=0,1"])
    assert set(space.varied) == {"optimizer.lr", "model.filters"}
    jobs = list(space.jobs({"model.filters": "8", "optimizer.lr": "0.01"}))
    assert len(jobs) == 6
    assert ("model.filters=8", "optimizer.lr=0.01", "seed=3", "members=1") in jobs


def test_the_command_line_narrows_or_fixes_the_space() -> None:
    space = Space.parse(SPACE, ["model.filters=32", "optimizer.lr=0.1,0.2", "hparams_search=grid"])
    assert space.fixed == ("model.filters=32",)
    assert space.grid(3) == [{"optimizer.lr": "0.1"}, {"optimizer.lr": "0.2"}]


def test_seeds_in_an_interval_are_refused() -> None:
    with pytest.raises(ValueError, match="seed repeats each candidate; list its values"):
        Space.parse({}, ["seed=interval(0,5)"])


def test_random_candidates_are_the_same_at_every_call_and_the_first_stay_as_n_grows() -> None:
    space = Space.parse(SPACE, [])
    few = space.random(4, seed=0)
    assert few == space.random(9, seed=0)[:4]
    assert few != space.random(4, seed=1)
    assert all(1e-4 <= float(one["optimizer.lr"]) <= 1e-1 for one in few)


def test_levels_of_a_log_interval_are_even_in_the_logarithm_and_hold_both_ends() -> None:
    levels = [float(one) for one in Interval(low=1e-4, high=1e-1, log=True).levels(4)]
    steps = [math.log10(b / a) for a, b in itertools.pairwise(levels)]
    assert (levels[0], levels[-1]) == (1e-4, 1e-1)
    assert steps == pytest.approx([1, 1, 1], abs=1e-3)  # values are written with four digits


def test_a_grid_that_never_ends_is_refused() -> None:
    space = Space.parse({f"x{k}": "interval(0.0,1.0)" for k in range(9)}, [])
    with pytest.raises(ValueError, match="19,683 candidates; fix some settings"):
        space.grid(3)


TRAINED = {"cnn", "deepsea", "deepsea_small", "paper", "residual"}
"""Models that `train.py` trains; the others are read from their authors' weights."""


def test_every_model_that_is_trained_has_a_search_space_that_can_be_read() -> None:
    models = {path.stem for path in (REPOSITORY / "conf/model").glob("*.yaml")}
    spaces = REPOSITORY / "conf/hparams_search/space"
    assert {path.stem for path in spaces.glob("*.yaml")} == TRAINED <= models
    for path in spaces.glob("*.yaml"):
        content = {str(k): str(v) for k, v in OmegaConf.load(path).items()}
        assert set(Space.parse(content, []).varied) == set(content)
