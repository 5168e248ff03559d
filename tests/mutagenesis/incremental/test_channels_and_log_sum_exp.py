"""A single channel, and sums of exponentials over positions, propagate as deltas, exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deepmr.mutagenesis import Dense, Incremental, saturation
from deepmr.mutagenesis.model_state import in_float64

LENGTH = 23


class _Network(nn.Module):
    def __init__(self, head: Callable[[Tensor], Tensor], scale: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.first = nn.Conv1d(4, 9, 5, padding=2)
        self.second = nn.Conv1d(9, 3, 3, padding=1)
        self.head = head
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(torch.relu(self.first(x))) * self.scale)


def _counts_of_a_profile(x: Tensor) -> Tensor:
    inside = x[:, :2, 4:9].logsumexp(dim=(1, 2)) - x.logsumexp(dim=(1, 2))
    return torch.stack([inside, x.sum(dim=(1, 2)), x.mean(dim=(-2, -1))], dim=1)


def _own_arithmetic(x: Tensor) -> Tensor:
    first, last = torch.tanh(x[:, 0]), x[:, -1, :]
    return torch.stack(
        [
            (first * last).sum(-1),
            (first - last / 2).mean(dim=1),
            torch.logsumexp(-last, 1),
            x[:, 1].amax(1),
        ],
        dim=1,
    )


HEADS: dict[str, Callable[[Tensor], Tensor]] = {
    "one channel is returned": lambda x: x[:, 1],
    "one channel is averaged": lambda x: x[:, 1].mean(dim=1, keepdim=True),
    "one channel gets its axis back": lambda x: torch.relu(x[:, 2]).unsqueeze(1).amax(2),
    "one channel is squeezed": lambda x: x[:, 0:1].squeeze(1).sum(-1, keepdim=True),
    "channels are combined": _own_arithmetic,
    "a profile's counts": _counts_of_a_profile,
    "channels of one position": lambda x: torch.tanh(x[:, :2, 11:12].flatten(1)) * 2,
    "each channel by itself": lambda x: x.logsumexp(2),
    "softplus of all channels, summed": lambda x: F.softplus(x).sum((1, 2)).unsqueeze(1),
    "softplus of all channels, averaged": lambda x: F.softplus(x).mean((1, 2)).unsqueeze(1),
    "softplus of one channel": lambda x: F.softplus(x[:, 1:2].squeeze(1)),
    "exponentials of one channel": lambda x: torch.exp(x[:, 0]),
    "one channel is clamped": lambda x: x[:, 0:1].squeeze(1).clamp(min=0),
    "one channel is scaled": lambda x: x[:, 0:1].squeeze(1) * 2,
    "one channel is turned": lambda x: -x[:, 0],
    "a part of one channel": lambda x: x[:, 0, 3:9] * 2,
    "one position of one channel": lambda x: x[:, 1:2, 7:8].squeeze(-1).sigmoid(),
    "two channels are added": lambda x: torch.tanh(x[:, 0]) + x[:, 1],
    "steep softplus": lambda x: F.softplus(60 * x).sum(2),
}


def _effects(network: nn.Module, precision: str) -> tuple[np.ndarray, np.ndarray, Incremental]:
    codes = np.random.default_rng(5).integers(0, 4, (2, LENGTH)).astype(np.uint8)
    engine = Incremental(network, length=LENGTH, precision=precision, chunk=7)
    exact = Dense(network, length=LENGTH, precision="float64")
    variants = saturation(codes)
    return engine(codes, variants).difference, exact(codes, variants).difference, engine


@pytest.mark.parametrize("name", HEADS)
def test_effects_are_those_of_forward_passes(name: str) -> None:
    found, exact, engine = _effects(_Network(HEADS[name]).eval(), "float64")
    assert engine.fallback_reasons == ()
    assert np.abs(exact).max() > 1e-3
    # sums of tens of numbers of about 1, in float64
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", HEADS)
def test_effects_in_float32_are_those_of_forward_passes(name: str) -> None:
    found, exact, _ = _effects(_Network(HEADS[name]).eval(), "float32")
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-5 * np.abs(exact).max())


@pytest.mark.parametrize("name", ["a profile's counts", "each channel by itself"])
def test_a_sum_of_exponentials_that_loses_nearly_all_is_still_right_in_float32(name: str) -> None:
    """Scores of hundreds: one position holds the sum, and a mutant may take it away."""
    found, exact, _ = _effects(_Network(HEADS[name], scale=400.0).eval(), "float32")
    assert exact.min() < -20, "or the test shows nothing"
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, exact, rtol=0, atol=2e-6 * np.abs(exact).max())


class _KeepsPositions(nn.Module):
    """As Borzoi's attention: positions in float32, kept as a plain attribute at the first call."""

    def __init__(self) -> None:
        super().__init__()
        self.positions: Tensor | None = None
        self.read = nn.Linear(LENGTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.positions is None:
            self.positions = (torch.arange(LENGTH, device=x.device) / 7).float()
        seen = x.sum(1) * 0.3 + (x[:, 0] * self.positions).to(torch.float32)
        return self.read(torch.tanh(seen))


def test_a_network_that_makes_constants_of_float32_is_computed_in_float64() -> None:
    network = _KeepsPositions().eval()
    codes = np.zeros((1, LENGTH), dtype=np.uint8)
    network(torch.zeros(1, 4, LENGTH))
    assert in_float64(network).positions.dtype == torch.float64
    assert network.positions.dtype == torch.float32
    found = Dense(network, length=LENGTH, precision="float64").predict(codes)
    weight, bias = (one.detach().double().numpy() for one in network.read.parameters())
    expected = np.tanh(0.3 + network.positions.double().numpy()) @ weight.T + bias
    assert found.dtype == np.float64
    # positions were rounded once, when they were made
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-15 * LENGTH)
