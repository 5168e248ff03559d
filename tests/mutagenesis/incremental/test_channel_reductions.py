"""Softmax, log-odds and profiles at the end of a network propagate deltas; numbers stay."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from deepmr.models import Adapter
from deepmr.mutagenesis import Dense, Incremental, saturation

LENGTH = 40
ROUNDED = 1e-11  # of float64 effects of order 1 through two convolutions


class Classes(nn.Module):
    """Scores, or probabilities, of three classes at each position."""

    def __init__(self, last: nn.Module | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv1d(4, 5, 3, padding=1), nn.ReLU(), nn.Conv1d(5, 3, 5))
        for module in (self.body[0], self.body[2]):
            module.weight.data *= 3  # effects of order 1
        self.last = last or nn.Identity()

    def forward(self, x):
        return self.last(self.body(x))


class Around(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.classes, self.function = Classes(), function

    def forward(self, x):
        return self.function(self.classes(x))


def _compared(network: nn.Module) -> tuple[str, ...]:
    network = network.eval()
    codes = np.random.default_rng(1).integers(0, 4, (2, LENGTH)).astype(np.uint8)
    variants = saturation(codes)
    engine = Incremental(network, length=LENGTH, precision="float64")
    whole = Dense(network, length=LENGTH, precision="float64")(codes, variants)
    found = engine(codes, variants)
    assert np.abs(whole.difference).max() > 0.01
    np.testing.assert_allclose(found.difference, whole.difference, rtol=0, atol=ROUNDED)
    return engine.fallback_reasons


@pytest.mark.parametrize("activation", ["softmax", "log_softmax"])
@pytest.mark.parametrize("channel", [0, 1, [0, 2]])
@pytest.mark.parametrize("positions", ["start", "centre(4)"])
def test_log_odds_run_in_full_for_no_mutant(activation, channel, positions) -> None:
    last = nn.Softmax(dim=1) if activation == "softmax" else None
    entry = {"channel": channel, "positions": positions, "activation": activation}
    if positions != "start":
        entry["reduce"] = "mean"
    assert _compared(Adapter(Classes(last), {"A": entry, "B": {**entry, "channel": 1}})) == ()


@pytest.mark.parametrize(
    "function",
    [
        lambda y: y.softmax(dim=1).mean(dim=2),
        lambda y: torch.log_softmax(y, 1).amax(dim=2),
        lambda y: y.logsumexp(dim=1, keepdim=True).mean(dim=-1),
        lambda y: y.sum(dim=1, keepdim=True).flatten(1),
        lambda y: torch.cat([y[:, :1].flatten(1), y[:, 1:].amax(dim=(1,), keepdim=True)[:, 0]], 1),
        lambda y: y.clamp(min=0.1).flatten(1),
        lambda y: torch.clamp(y, -0.2, max=0.3).mean(dim=2).logsumexp(dim=1, keepdim=True),
    ],
)  # fmt: skip
def test_channels_are_combined_at_each_position(function) -> None:
    reasons = _compared(Around(function))
    assert len(reasons) <= 1  # amax()[:, 0] drops the axis, which has no rule


def test_a_softmax_over_positions_has_no_rule_and_keeps_its_numbers() -> None:
    assert _compared(Around(lambda y: y.softmax(dim=2).flatten(1)))
