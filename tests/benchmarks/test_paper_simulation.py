"""The benchmark's arithmetic: verdicts on planted effects, tables, resumption."""

import json

import numpy as np
import pytest

from benchmarks.paper_simulation import __main__ as command
from benchmarks.paper_simulation.evidence import NETWORKS, Evidence, Round, gather
from benchmarks.paper_simulation.table import cells, clustered_interval, exact_interval, show
from benchmarks.paper_simulation.verdict import judge, methods, verdicts
from deepmr.effects import MemberEffects
from deepmr.instruments import ByModeratedZ

NAMES = ("published_ivw", "published_robust_egger", "default", "default_in_motif")


def planted(slope: float, error: float, n_loci: int = 40, seed: int = 0) -> Evidence:
    """Members that see a known slope; 30 variants in each motif, which do not overlap."""
    rng = np.random.default_rng(seed)
    in_motif = np.zeros((n_loci, 2, 60), dtype=bool)
    in_motif[:, 0, :30] = in_motif[:, 1, 30:] = True
    exposure = rng.normal(0, 5, (n_loci, 60)) * in_motif[:, 0]
    outcome = slope * exposure + rng.normal(0, 5, (n_loci, 60)) * in_motif[:, 1]
    truth = np.stack([exposure, outcome], axis=1)
    noise = error * rng.normal(size=(n_loci, 2, 5, 60))
    position = np.broadcast_to(np.arange(60) // 3, (n_loci, 60))
    base = np.zeros((n_loci, 60), dtype=np.int64)
    return Evidence(
        members=MemberEffects(
            value=truth[:, :, None, :] + noise,
            tasks=("GATA1", "TAL1"),
            offset=position,
            ref=base,
            alt=base + 1,
            mask=np.ones((n_loci, 60), dtype=bool),
        ),
        truth=truth,
        in_motif=in_motif,
        effect=slope,
        validation_mse=np.ones((5, 2)),
        noise_floor=np.ones(2),
        seconds=1.0,
    )


@pytest.mark.parametrize("name", NAMES)
def test_independent_errors_are_covered_by_every_method(name: str) -> None:
    record = judge(planted(0.5, 0.1), name, reverse=False)
    assert record["n_loci"] == 40
    # 40 loci at 95 % or more: fewer than 33 would happen once in a thousand.
    assert record["local_covered"] >= 33
    assert record["pooled_truth"] == pytest.approx(0.5)
    assert record["pooled_value"] == pytest.approx(0.5, abs=0.02)


def test_the_methods_are_these_and_the_default_is_the_shipped_one() -> None:
    assert tuple(methods()) == NAMES
    assert methods()["default"].rule == ByModeratedZ(min_z=3.0, min_effect=0.5)


def test_without_an_effect_the_truth_is_zero_and_few_loci_reject() -> None:
    record = judge(planted(0.0, 0.1), "default", reverse=False)
    assert record["n_null"] == 40
    assert record["null_rejected"] <= 7  # as above, at 5 %


def test_the_reverse_question_uses_the_outcomes_motif_alone() -> None:
    record = judge(planted(0.5, 0.1), "default_in_motif", reverse=True)
    assert record["n_instruments"] == 30
    assert record["pooled_truth"] == 0.0
    assert record["n_null"] == 40


def test_errors_shared_by_all_variants_break_the_published_interval_only() -> None:
    evidence = planted(0.5, 0.0)
    rng = np.random.default_rng(1)
    members = evidence.members
    # Each member has a slope of its own, the same at all loci.
    tilt = 1 + 0.3 * rng.normal(size=5)
    value = members.value.copy()
    value[:, 1] *= tilt[:, None]
    tilted = Evidence(
        members=MemberEffects(
            value=value,
            tasks=members.tasks,
            offset=members.offset,
            ref=members.ref,
            alt=members.alt,
            mask=members.mask,
        ),
        truth=evidence.truth,
        in_motif=evidence.in_motif,
        effect=0.5,
        validation_mse=evidence.validation_mse,
        noise_floor=evidence.noise_floor,
        seconds=1.0,
    )
    published = judge(tilted, "published_ivw", reverse=False)
    ours = judge(tilted, "default_in_motif", reverse=False)
    assert not published["pooled_covers"]
    assert ours["pooled_covers"]
    width = [(r["pooled_upper"] - r["pooled_lower"]) / 2 for r in (published, ours)]
    # t(4) times the standard error of five members' slopes, against that over 40 loci.
    assert width[1] > 5 * width[0]


def test_intervals_of_shares() -> None:
    assert exact_interval(0, 10)[0] == 0.0
    assert exact_interval(10, 10)[1] == 1.0
    assert exact_interval(48, 50) == pytest.approx((0.8629, 0.9951), abs=1e-4)
    low, high = clustered_interval(np.array([0.9, 1.0, 0.95]))
    # mean .95, sd .05, t(2) = 4.303: .95 +- .1242, cut at 1.
    assert low == pytest.approx(0.8258, abs=1e-4)
    assert high == 1.0
    assert np.isnan(clustered_interval(np.array([0.9]))).all()


def record(scenario: str, seed: int, effect: float) -> dict[str, object]:
    """Return one row of results."""
    about = {
        "scenario": scenario,
        "seed": seed,
        "drawn": True,
        "effect": effect,
        "network": "default",
        "members": 5,
        "method": "default",
        "direction": "forward",
        "seconds": 1.0,
        "validation_mse": [1.0, 1.0],
        "noise_floor": [1.0, 1.0],
    }
    return about | judge(planted(effect, 0.1, n_loci=10, seed=seed), "default", reverse=False)


def test_a_table_has_a_cell_per_scenario_and_one_over_all() -> None:
    rows = [record(s, k, r) for s in ("none", "both") for k, r in enumerate((0.4, 0.6, 0.5))]
    table = cells(rows)
    assert [(cell["scenario"], cell["n_rounds"]) for cell in table] == [
        ("none", 3),
        ("both", 3),
        ("all", 6),
    ]
    assert all(cell["provisional"] for cell in table)
    assert table[2]["correlation_low"] > 0.9
    assert table[2]["correlation_high"] is None
    assert "default / default / forward / effect drawn" in show(table)


def test_finished_rounds_are_kept_and_not_run_again(tmp_path, monkeypatch) -> None:
    ran: list[str] = []

    class Inline:
        """Run jobs at once, in this process."""

        def __init__(self, **_: object) -> None: ...

        def __enter__(self) -> "Inline":
            return self

        def __exit__(self, *_: object) -> None: ...

        def submit(self, _function, one: Round, *_: object):
            ran.append(one.name)
            error = RuntimeError("disk full") if one.seed == 7 and len(ran) == 2 else None
            return Result([record(one.scenario, one.seed, 0.5)], error)

    class Result:
        """A finished future."""

        def __init__(self, rows, error) -> None:
            self.rows, self.error = rows, error

        def result(self):
            if self.error:
                raise self.error
            return self.rows

    monkeypatch.setattr(command, "ProcessPoolExecutor", Inline)
    monkeypatch.setattr(command, "as_completed", list)
    out = tmp_path / "results.json"
    options = ["--rounds", "2", "--seed", "6", "--scenario", "none", "--network", "default"]
    options += ["--json", str(out), "--cache", str(tmp_path)]
    assert command.main(options) == 1  # one round failed, the other was written
    assert len(json.loads(out.read_text())["rounds"]) == 1
    assert command.main(options) == 0
    assert ran == ["none-drawn-6-default-5", "none-drawn-7-default-5", "none-drawn-7-default-5"]
    assert len(json.loads(out.read_text())["rounds"]) == 2


@pytest.mark.parametrize("network", NETWORKS)
def test_a_round_is_made_once_from_the_shipped_configuration(network: str, tmp_path) -> None:
    sizes = ("data.n_train=60", "data.n_variants=10", "data.n_test=20", "data.length=50")
    options = (*sizes, "data.n_calibration=12", "trainer.max_epochs=1")
    one = Round(scenario="both", seed=3, network=network, members=2, options=options)
    evidence = gather(one, tmp_path)
    assert evidence.members.value.shape == (5, 2, 2, 150)
    # One epoch learns nothing much: members stay above the floor, which is near Poisson's 1.
    assert np.all(evidence.validation_mse > evidence.noise_floor)
    assert np.all(evidence.noise_floor > 0.8)
    written = list(tmp_path.glob("*.npz"))
    again = gather(one, tmp_path)
    assert list(tmp_path.glob("*.npz")) == written
    np.testing.assert_array_equal(again.truth, evidence.truth)
    assert again.seconds == evidence.seconds
    names = [record["method"] for record in verdicts(one, tmp_path, 1)]
    assert names == [name for name in NAMES for _ in (False, True)]


def test_the_default_is_judged_under_other_settings_by_name() -> None:
    evidence = planted(1.0, 0.1, n_loci=30, seed=3)
    plain = judge(evidence, "default", reverse=False)
    narrow = judge(evidence, "default inference.shared=0", reverse=False)
    # the error of a mean of five: its variance is (1 / 5 + .4) with the shared part, 1 / 5 without
    ratio = narrow["local_half_width"] / plain["local_half_width"]
    assert ratio == pytest.approx((0.2 / 0.6) ** 0.5)
    with pytest.raises(LookupError, match="got 'published_ivw inference"):
        judge(evidence, "published_ivw inference.shared=0", reverse=False)
