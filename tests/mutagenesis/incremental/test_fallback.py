"""Networks written in other ways: whatever the tracer meets, the numbers are those of the model."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from deepmr.mutagenesis import Dense, Incremental, saturation


class Gate(nn.Module):
    """In-place sums, a parameter as a factor, channels weighted by a pooled gate."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(4, 6, 5, padding=2)
        self.second = nn.Conv1d(6, 6, 3, padding=1)
        self.factor = nn.Parameter(torch.randn(6, 1))
        self.norm = nn.BatchNorm1d(6)
        self.gate = nn.Linear(6, 6)
        self.read = nn.Linear(6, 2)

    def forward(self, sequence):
        values = F.relu(self.first(sequence), inplace=True)
        kept = values
        values = self.second(values)
        values += kept
        values = self.norm(values * self.factor + self.factor)
        gate = torch.sigmoid(self.gate(values.mean(2)))
        return self.read((values * gate.unsqueeze(-1)).amax(dim=-1))


class Reused(nn.Module):
    """One convolution in two places; differences, quotients, crops; a view that asks for sizes."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(4, 6, 5)
        self.again = nn.Conv1d(6, 6, 3)
        self.read = nn.Linear(12, 2)

    def forward(self, sequence):
        values = torch.tanh(self.first(sequence))
        values = values[:, :, 1:-1] - self.again(values) / 2
        values = values[:, :, 1:-1] - (-self.again(values)).exp()
        values = F.max_pool1d(values, 4, 2, 1)
        best = values.view(values.size(0), values.size(1), -1).max(-1)[0]
        return self.read(torch.cat([best, values.sum(-1)], 1))


class GroupNormed(nn.Module):
    """A norm over positions right behind a fused convolution."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(4, 6, 5, stride=2)
        self.norm = nn.GroupNorm(2, 6)
        self.read = nn.Linear(6 * 18, 2)

    def forward(self, sequence):
        return self.read(self.norm(F.gelu(self.first(sequence))).flatten(1))


class BothStrands(nn.Module):
    """The reverse complement read inside the network."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(4, 6, 5)
        self.read = nn.Linear(6, 2)

    def one(self, sequence):
        return self.read(torch.relu(self.first(sequence)).mean(-1))

    def forward(self, sequence):
        return (self.one(sequence) + self.one(sequence.flip(1, 2))) / 2


class TwoDimensional(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(4, 6, (1, 5))
        self.read = nn.Linear(6 * 36, 2)

    def forward(self, sequence):
        values = F.relu(self.first(sequence.unsqueeze(2)))
        return self.read(values.view(sequence.size(0), -1))


class Logistic(nn.Module):
    def __init__(self):
        super().__init__()
        self.read = nn.Linear(160, 2)

    def forward(self, sequence):
        return torch.sigmoid(self.read(sequence.reshape(sequence.shape[0], -1)))


class Attentive(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(4, 8, 5, padding=2)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.read = nn.Linear(8, 2)

    def forward(self, sequence):
        values = F.relu(self.first(sequence)).transpose(1, 2)
        values = values + self.attention(values, values, values, need_weights=False)[0]
        return self.read(values.mean(1))


class Reparametrised(nn.Module):
    def __init__(self):
        super().__init__()
        convolution = nn.Conv1d(4, 8, 5, padding=2)
        self.first = nn.utils.parametrizations.weight_norm(convolution)
        self.read = nn.Linear(8, 2)

    def forward(self, sequence):
        values = F.leaky_relu(self.first(sequence), 0.2)
        return self.read(torch.mean(F.dropout(values, 0.3, self.training), dim=-1))


NETWORKS = {
    Gate: 1, Reused: 0, GroupNormed: 1, BothStrands: 1, TwoDimensional: 0, Logistic: 0,
    Attentive: 1, Reparametrised: 0,
}  # fmt: skip
"""Networks, and how many of their nodes no rule treats."""


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("n_loci", [1, 3])
def test_any_network_keeps_its_numbers(kind, n_loci):
    torch.manual_seed(0)
    network = kind().eval()
    codes = np.random.default_rng(0).integers(0, 5, (n_loci, 40)).astype(np.uint8)
    variants = saturation(codes)
    exact = Dense(network, length=40, precision="float64")(codes, variants).difference
    engine = Incremental(network, length=40, precision="float64")
    assert len(engine.fallback_reasons) == NETWORKS[kind]
    effects = engine(codes, variants).difference
    assert np.abs(exact).max() > 1e-3
    # some ten float64 operations on numbers below 10
    np.testing.assert_allclose(effects, exact, atol=1e-13)
