"""The panel says how many loci have an instrument by the run's own rule."""

from __future__ import annotations

import pytest
import torch

from deepmr import interrogate
from deepmr.inference.question import Question
from deepmr.instruments import ByModeratedZ
from deepmr.workflow.judgement import judge_pair


class Linear(torch.nn.Module):
    """Two tasks that count G, the second by half."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        g = self.size * x.sum(dim=2)[:, 2]
        return torch.stack([g, 0.5 * g], dim=1)


@pytest.mark.parametrize(("least", "share", "state"), [(0.5, 1.0, "pass"), (5.0, 0.0, "fail")])
def test_no_instrument_is_a_failed_assumption(least, share, state):
    found = interrogate(
        [Linear(z) for z in (0.95, 1.0, 1.05)],
        ["X", "Y"],
        ["ACGTACGT", "GGGATTCA"],
        "X",
        "Y",
        rule=ByModeratedZ(min_effect=least),
        controls="none",
    )
    first = found.findings.judgement.panel[0]
    assert (first.name, first.state, first.number.value) == ("instruments", state, share)
    assert bool(first.advice) == (state == "fail")
    assert [check.name for check in found.findings.judgement.panel].count("instruments") == 1


def test_without_answers_no_instruments_are_checked():
    found = interrogate(
        [Linear(1.0), Linear(1.1)], ["X", "Y"], ["ACGTACGT"], "X", "Y", controls="none"
    ).findings
    bare = judge_pair(found.effects, found.names, Question(controls="none"))
    assert bare.panel
    assert "instruments" not in {check.name for check in bare.panel}
