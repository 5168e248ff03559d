"""Figures of loci whose slopes have no error at all: a given model without any effect across."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import deepmr
from deepmr.workflow.figures import draw_figures

LENGTH, LOCI = 10, 12  # funnel, radial and Baujat plots are drawn from 10 loci on


class Apart(nn.Module):
    """Two tasks that read different positions: every slope is exactly 0, with an error of 0."""

    def forward(self, x):
        half = LENGTH // 2
        return torch.stack([x[:, 2, :half].sum(1), x[:, 1, half:].sum(1)], dim=1)


def test_plots_of_precision_are_left_out_where_no_slope_has_an_error() -> None:
    drawn = np.random.default_rng(0).choice(list("ACGT"), (LOCI, LENGTH))
    sequences = ["".join(row) for row in drawn]
    result = deepmr.interrogate(Apart(), ["X", "Y"], sequences, "X", "Y", controls="none")
    first = result.findings.answers[0].local.estimate.effect
    assert int(np.isfinite(first.value).sum()) >= 10
    assert not (first.se > 0).any()
    assert "radial" not in draw_figures(result.findings)
