"""A network of binary tasks that ends in a sigmoid is noticed; one of logits is not."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import deepmr
from deepmr import Task


class _Net(nn.Module):
    def __init__(self, seed: int, *, sigmoid: bool) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(2, 4, 5, generator=generator))
        self.sigmoid = sigmoid

    def forward(self, x: Tensor) -> Tensor:
        raw = 3 * nn.functional.conv1d(x, self.weight).mean(-1)
        return torch.sigmoid(raw) if self.sigmoid else raw


@pytest.mark.parametrize("scale", ["logit", "probability"])
@pytest.mark.parametrize(
    ("sigmoid", "kind"), [(True, "binary"), (True, "signal"), (False, "binary")]
)
def test_outputs_that_are_all_probabilities_are_said_in_log_and_report(
    caplog: pytest.LogCaptureFixture, scale: str, sigmoid: bool, kind: str
) -> None:
    if kind == "signal" and scale == "probability":
        pytest.skip("signals have no probabilities")
    letters = np.random.default_rng(0).choice(list("ACGT"), (4, 40))
    with caplog.at_level(logging.WARNING):
        result = deepmr.interrogate(
            [_Net(seed, sigmoid=sigmoid) for seed in range(3)],
            [Task("A", kind=kind), Task("B", kind=kind)],
            ["".join(one) for one in letters], "A", "B", controls="none", scale=scale,
        )  # fmt: skip
    expected = sigmoid and kind == "binary"
    assert ("between 0 and 1" in caplog.text) == expected
    assert any("between 0 and 1" in note for note in result.findings.notes) == expected
