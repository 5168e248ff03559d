"""The benchmark's arithmetic, on members whose errors are planted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.uncertainty import __main__ as command
from benchmarks.uncertainty.evidence import Measured, Networks, measure
from benchmarks.uncertainty.verdict import against_others, against_truth, agreement
from benchmarks.uncertainty.ways import ENSEMBLES, REAL, SIMULATED, TRAININGS, Way
from deepmr.effects import MemberEffects
from deepmr.uncertainty import Augmented, Ensemble, Trained

TASKS = ("GATA1", "TAL1")
N_LOCI, N_VARIANTS = 40, 60


def _truth() -> np.ndarray:
    exposure = np.random.default_rng(0).normal(0, 5, (N_LOCI, N_VARIANTS))
    return np.stack([exposure, 0.5 * exposure], axis=1)


def _members(
    *, seed: int, members: int = 5, scale: float = 1.0, shared: float = 0.0
) -> MemberEffects:
    """Independent members; ``scale`` stretches what they say of their spread, not their error."""
    rng = np.random.default_rng(seed)
    error = rng.normal(size=(N_LOCI, 2, members, N_VARIANTS))
    mean = error.mean(axis=2, keepdims=True)
    place = np.broadcast_to(np.arange(N_VARIANTS) // 3, (N_LOCI, N_VARIANTS)).copy()
    return MemberEffects(
        value=_truth()[:, :, None] + mean + scale * (error - mean),
        tasks=TASKS,
        offset=place,
        ref=np.zeros_like(place),
        alt=np.ones_like(place),
        mask=np.ones(place.shape, bool),
        shared=shared,
    )


def _measured(members: MemberEffects) -> Measured:
    return Measured(members=members, training_seconds=50.0, mutagenesis_seconds=2.0)


def test_right_and_short_errors_are_told_apart() -> None:
    in_motif = np.ones((N_LOCI, 2, N_VARIANTS), dtype=bool)
    right = against_truth(_measured(_members(seed=1)), _truth(), in_motif)
    short = against_truth(_measured(_members(seed=1, scale=0.5)), _truth(), in_motif)
    # 2,000 effects: the median of |z| is known to about 3 %
    assert right["scale GATA1"] == pytest.approx(1.0, abs=0.1)
    assert short["scale GATA1"] == pytest.approx(2 * right["scale GATA1"])
    assert right["beyond TAL1"] == pytest.approx(0.05, abs=0.02)
    assert short["rmse TAL1"] == pytest.approx(right["rmse TAL1"]), "the effects are the same"
    assert right["rmse TAL1"] == pytest.approx(np.sqrt(1 / 5), rel=0.1)
    assert (right["members"], right["training_seconds"]) == (5, 50.0)
    assert right["n_loci"] == N_LOCI
    assert right["local_covered"] >= 0.85 * N_LOCI


def test_agreement_is_the_ratio_and_the_rank_correlation_of_spreads() -> None:
    one = _members(seed=1)
    assert agreement(one, one) == pytest.approx(
        {"ratio GATA1": 1.0, "rank GATA1": 1.0, "ratio TAL1": 1.0, "rank TAL1": 1.0}
    )
    half = agreement(_members(seed=1, scale=0.5), one)
    assert half["ratio TAL1"] == pytest.approx(0.5)
    other = agreement(_members(seed=2, members=3), one)
    # members of one law, however many: no bias from their number
    assert other["ratio GATA1"] == pytest.approx(1.0, abs=0.05)
    assert abs(other["rank GATA1"]) < 0.1, "independent noise has no ranks in common"


def test_a_network_is_held_against_others_by_the_spread_of_trainings() -> None:
    """Thirty draws about a network that errs by 1, with spread 1: as far off as the others say."""
    rng = np.random.default_rng(3)
    draws = _members(seed=4, members=30, shared=1.0)
    offset = rng.normal(size=(N_LOCI, 2, 1, N_VARIANTS))
    off = MemberEffects(**{n: getattr(draws, n) for n in draws.__slots__} | {
        "value": draws.value - draws.value.mean(axis=2, keepdims=True)
        + _truth()[:, :, None] + offset
    })  # fmt: skip
    found = against_others(off, _members(seed=5, members=4))
    assert found["scale GATA1"] == pytest.approx(1.0, abs=0.1)
    # the error of the mean of thirty draws is none at all: sqrt((1 + 1/30) / (1/30)) = 5.6 short
    alone = MemberEffects(**{n: getattr(off, n) for n in off.__slots__} | {"shared": 0.0})
    assert against_others(alone, _members(seed=5, members=4))["scale GATA1"] == pytest.approx(
        np.sqrt(31) * found["scale GATA1"]
    )


def test_effects_are_measured_once(tmp_path: Path) -> None:
    torch.manual_seed(0)
    networks = Networks(
        trained=[
            Trained(
                network=nn.Sequential(nn.Flatten(), nn.Linear(40, 3), nn.Tanh(), nn.Linear(3, 2))
            )
            for _ in range(3)
        ],
        length=10,
        tasks=("TAL1", "GATA1"),
        seconds=23.0,
    )
    codes = np.random.default_rng(0).integers(0, 4, (2, 10)).astype(np.uint8)
    every = Way(name="all", training="seeds", uncertainty=Ensemble())
    one = Way(name="views", training="run", uncertainty=Augmented(network=0), alone=True)
    first = measure(every, networks, codes, tmp_path / "all.npz", TASKS)
    assert first.training_seconds == 23.0
    assert first.members.value.shape == (2, 2, 3, 30)
    networks.trained.clear()
    again = measure(every, networks, codes, tmp_path / "all.npz", TASKS)
    np.testing.assert_array_equal(first.members.value, again.members.value)
    assert again.mutagenesis_seconds == first.mutagenesis_seconds
    with pytest.raises(ValueError, match="position of one of 0 networks"):
        measure(one, networks, codes, tmp_path / "views.npz", TASKS)


def test_results_are_extended_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_motif = np.ones((N_LOCI, 2, N_VARIANTS), dtype=bool)

    def simulated(way: Way, scenario: str, seed: int, cache: Path) -> dict:
        seconds = np.nan if way.training in ENSEMBLES else 50.0
        found = replace(_measured(_members(seed=seed)), training_seconds=seconds)
        record = against_truth(found, _truth(), in_motif)
        return {"way": way.name, "scenario": scenario, "seed": seed, **record}

    monkeypatch.setattr(command, "_simulated", simulated)
    out = tmp_path / "r.json"
    given = ["--cache", str(tmp_path), "--json", str(out)]
    assert command.main([*given, "--seed", "1", "--scenario", "none"]) == 0
    assert command.main([*given, "--seed", "2", "--scenario", "none"]) == 0
    content = json.loads(out.read_text())
    assert len(content["simulated"]) == 2 * len(SIMULATED)
    assert len(content["commands"]) == 2
    table = command.show_simulated(content["simulated"])
    assert len(table.splitlines()) == 2 + len(SIMULATED)
    assert "| 5 seeds | 5 | 2 | " in table
    costs = [line.split(" | ")[-2] for line in table.splitlines()[2:]]
    assert costs == ["250.0"] * 4 + ["50.0"] * 5, "an ensemble costs five times one network"


def test_real_ways_are_compared_with_the_first_and_one_network_with_the_others() -> None:
    measured = {way.name: _measured(_members(seed=k)) for k, way in enumerate(REAL)}
    records = command.real_records(measured)
    assert len(records) == len(REAL) + 1
    assert records[REAL[0].name]["ratio GATA1"] == 1.0
    asked = [name for name, record in records.items() if "scale GATA1" in record]
    assert asked == [way.name for way in REAL if way.alone]
    rows = [
        {"way": name, "exposure": "GATA1", "outcome": "TAL1", **record}
        for name, record in records.items()
    ]
    assert len(command.show_real(rows).splitlines()) == 2 + len(rows)


def test_every_way_has_its_training() -> None:
    assert {way.training for way in SIMULATED} == {*TRAININGS, *ENSEMBLES}
