"""Designed sequences in an interrogation, on networks whose structure is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import deepmr
from deepmr.calibration import CalibratorTable
from deepmr.effect_shard import EffectsInMemory
from deepmr.effects import MemberEffects
from deepmr.inference.question import Question
from deepmr.interrogation_result import Interrogation
from deepmr.networks import Networks
from deepmr.tasks import TaskTable
from deepmr.verdict import DesignPlan, Measure, Verdict
from deepmr.workflow import designed_sequences
from deepmr.workflow.designed_sequences import _predictor, revise_by_designed
from deepmr.workflow.judgement import judge_pair
from deepmr.workflow.measurement import Compute
from tests.conftest import Script

MOTIFS = ("GATAAGCG", "CACCTGTT", "TTCCGGAA")
SEQUENCES, LENGTH = 60, 80


class Known(nn.Module):
    """Motifs' best matches, and both tasks as ``weight @`` them; then Y adds ``slope`` times X.

    Args:
        weight: Of each motif (columns) for each task (rows).
        slope: Of X's action on Y.
        seed: Of the small differences between members.
    """

    def __init__(self, weight: list[list[float]], slope: float, seed: int) -> None:
        super().__init__()
        noise = torch.Generator().manual_seed(seed)
        letters = torch.tensor([["ACGT".index(base) for base in motif] for motif in MOTIFS])
        kernel = nn.functional.one_hot(letters, 4).transpose(1, 2).float()
        kernel = kernel + 0.01 * torch.randn(kernel.shape, generator=noise)
        self.kernel = nn.Parameter(kernel)
        self.weight = nn.Parameter(torch.tensor(weight))
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        match = nn.functional.conv1d(x, self.kernel).amax(dim=-1)
        read = nn.functional.relu(match - 6.0) @ self.weight.T
        return torch.stack([read[:, 0], read[:, 1] + self.slope * read[:, 0]], dim=1)


def _members(weight: list[list[float]], slope: float) -> list[nn.Module]:
    return [Known(weight, slope, seed) for seed in range(3)]


ACTING = _members([[1.0, 0.0, 0.0], [0.0, 0.8, 0.0]], 0.7)
"""X reads the first motif and acts on Y, which has a motif of its own."""

COMMON = _members([[1.0, 0.0, 1.0], [0.7, 0.8, 0.0]], 0.0)
"""Both read the first motif, and each has one of its own."""


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    """Sequences with one or two of the motifs each."""
    rng = np.random.default_rng(0)
    made = rng.integers(0, 4, (SEQUENCES, LENGTH))
    for row, one in enumerate(made):
        for slot, motif in enumerate(rng.permutation(3)[: 1 + row % 2]):
            start = 10 + 35 * slot + int(rng.integers(0, 15))
            one[start : start + 8] = ["ACGT".index(base) for base in MOTIFS[motif]]
    return made


def _asked(networks: Any, codes: np.ndarray, designed: str, **other: Any) -> Interrogation:
    return deepmr.interrogate(
        networks, ["X", "Y"], codes, "X", "Y", controls="none", designed=designed,
        compute=Compute(progress=False), **other,
    )  # fmt: skip


@pytest.fixture(scope="module")
def acting(codes: np.ndarray) -> Interrogation:
    return _asked(ACTING, codes, "none")


@pytest.fixture(scope="module")
def common(codes: np.ndarray) -> Interrogation:
    return _asked(COMMON, codes, "none")


def _revised(
    asked: Interrogation, structure: str, *, reliable: bool = True, **changed: Any
) -> Verdict:
    """Let designed sequences revise a verdict that the effects might have given."""
    found = asked.findings
    given = Verdict(
        exposure="X",
        outcome="Y",
        structure=structure,
        evidence={"is_reliable": Measure(value=float(reliable))},
    )
    settings = {
        "designed": "auto",
        "scale": np.ones(2),
        "networks": found.networks,
        "loci": found.loci,
        "compute": Compute(progress=False),
        **changed,
    }
    return revise_by_designed(given, found.effects, **settings)


def test_they_bear_out_an_action_that_the_effects_left_open(
    acting: Interrogation, capsys: pytest.CaptureFixture[str]
) -> None:
    revised = _revised(acting, "undecided")
    assert revised.structure == "forward"
    assert revised.reasons[0].startswith("In designed sequences every kind of site that moves X")
    said = capsys.readouterr().out.strip()
    assert said.startswith("designed sequences: about ")
    assert said.endswith("with 3 forward passes each, on cpu")


def test_they_refute_an_action_where_there_is_a_common_cause(common: Interrogation) -> None:
    for direction in ("forward", "reverse"):
        revised = _revised(common, direction)
        assert revised.structure == "shared"
        assert "In designed sequences, sites that move" in revised.reasons[0]


def test_a_true_direction_stays_and_the_evidence_is_kept(
    codes: np.ndarray, acting: Interrogation
) -> None:
    before, asked = acting.verdict, _asked(ACTING, codes, "all")
    record = asked.findings.judgement.to_record()
    added = set(record["evidence"]) - set(before.evidence)
    assert added == {
        "designed_agreement_forward",
        "designed_agreement_reverse",
        "designed_explained_exposure",
        "designed_explained_outcome",
        "designed_kinds",
    }
    assert record["evidence"]["designed_kinds"]["value"] == 2.0
    assert record["evidence"]["designed_explained_outcome"]["value"] > 0.9
    assert asked.verdict.structure == "forward"


@pytest.mark.parametrize(
    ("structure", "reliable"), [("none", True), ("shared", True), ("undecided", False)]
)
def test_auto_leaves_other_verdicts_alone(
    acting: Interrogation, capsys: pytest.CaptureFixture[str], structure: str, reliable: bool
) -> None:
    revised = _revised(acting, structure, reliable=reliable)
    assert (revised.structure, revised.reasons) == (structure, ())
    assert capsys.readouterr().out == ""


def test_a_table_of_effects_says_that_there_is_no_network(acting: Interrogation) -> None:
    judged = judge_pair(
        acting.findings.effects, ("X", "Y"), Question(controls="none", designed="all")
    )
    assert judged.verdict.structure == acting.verdict.structure
    assert judged.verdict.reasons[:-1] == acting.verdict.reasons
    assert judged.verdict.reasons[-1].startswith("Designed sequences were not measured: ")
    assert "no network" in judged.verdict.reasons[-1]


def test_loci_with_unknown_bases_are_left_out(
    acting: Interrogation, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = []
    plan = designed_sequences.plan_designed

    def noted(effects: MemberEffects, codes: np.ndarray, **settings: Any) -> DesignPlan:
        planned.append((len(effects.value), codes))
        return plan(effects, codes, **settings)

    monkeypatch.setattr(designed_sequences, "plan_designed", noted)
    loci = acting.findings.loci
    some = loci.codes.copy()
    some[:4, 0] = 4
    assert _revised(acting, "undecided", loci=replace(loci, codes=some)).structure == "forward"
    assert planned[0][0] == SEQUENCES - 4
    np.testing.assert_array_equal(planned[0][1], some[4:])
    some[:, 0] = 4
    reason = _revised(acting, "undecided", loci=replace(loci, codes=some)).reasons[-1]
    assert reason.endswith("to find the sites that move a task, there are 0.")


def test_short_loci_and_silent_tasks_are_said(codes: np.ndarray) -> None:
    short = _asked(ACTING, codes[:, :41], "all").verdict.reasons[-1]
    assert "they need loci of at least 42 bases, these have 41" in short
    silent = _asked(_members([[0.0] * 3] * 2, 0.0), codes, "all").verdict.reasons[-1]
    assert "no variant moves either task" in silent


def test_predictions_are_on_the_scale_of_the_effects(
    codes: np.ndarray, acting: Interrogation
) -> None:
    tasks = TaskTable.of(["X", "Y"])
    networks = Networks.of(
        ACTING,
        tasks,
        scale="probability",
        link=lambda raw: raw - 1.0,
        calibrators=CalibratorTable.identity(tasks, reason="of the test"),
    )
    predict = _predictor(networks, ("Y", "X"), Compute(), LENGTH)
    asked = deepmr.interrogate(networks, None, codes[:4], "Y", "X", controls="none")
    effects = asked.findings.effects
    assert isinstance(effects, EffectsInMemory)
    np.testing.assert_allclose(
        predict(codes[:4].astype(np.uint8)), effects.shard.reference, atol=1e-6
    )


def test_a_bad_value_is_said_before_anything_is_measured(codes: np.ndarray) -> None:
    with pytest.raises(ValueError, match="must be none, auto or all, got 'some'"):
        _asked(ACTING, codes, "some")


@pytest.mark.parametrize(("value", "shown"), [("some", "'some'"), ("null", "'None'")])
def test_a_bad_value_on_the_command_line_gets_one_line(
    script: Script, tmp_path: Path, value: str, shown: str
) -> None:
    outcome = script(
        "interrogate",
        "exposure=GATA1",
        "outcome=TAL1",
        f"verdict.designed={value}",
        f"paths.output={tmp_path}",
    )
    assert outcome.status == 1
    assert f"verdict.designed must be none, auto or all, got {shown}" in outcome.error
