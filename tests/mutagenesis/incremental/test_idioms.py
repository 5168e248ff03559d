"""Idioms of published networks: each has rules, or ends the incremental part where it must.

Expected of each: how many nodes run in full, and what is said of them. Effects are compared with a
float64 forward pass of every mutant.
"""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from deepmr.mutagenesis import Dense, Incremental, build_engine, saturation

LENGTH = 40


class Parts(nn.Module):
    """The layers that the networks below are made of."""

    def __init__(self):
        super().__init__()
        self.scan = nn.Conv1d(4, 8, 5, padding=2)
        self.next = nn.Conv1d(8, 8, 3, padding=1)
        self.image = nn.Conv2d(4, 8, (1, 5))
        self.image_next = nn.Conv2d(8, 8, (1, 3), stride=(1, 2), padding=(0, 1))
        self.image_norm = nn.BatchNorm2d(8)
        self.image_pool = nn.MaxPool2d((1, 2))
        self.group_norm = nn.GroupNorm(2, 8)
        self.layer_norm = nn.LayerNorm(8)
        self.squeeze, self.excite = nn.Linear(8, 4), nn.Linear(4, 8)
        self.weigh = nn.Linear(8, 8)
        self.read = nn.Linear(8, 2)
        self.register_buffer("order", torch.tensor([3, 0, 2, 1, 7, 6, 5, 4]))

    def features(self, sequence):
        return torch.relu(self.next(torch.relu(self.scan(sequence))))


class NumpyIntegers(Parts):
    def forward(self, x):
        cut = np.int64(2)
        values = torch.relu(self.scan(x))
        values = values[:, :, cut:-cut] + self.next(values)[:, :, np.int32(2) : np.int64(-2)]
        return self.read(F.pad(values, (np.int64(1), np.int64(0))).mean(-1))


class OptionalArguments(Parts):
    def forward(self, x, X_ctl=None, scale=2.0):  # noqa: N803 - bpnet-lite's name
        values = self.features(x)
        if X_ctl is not None:
            values = torch.cat([values, X_ctl], 1)
        return self.read(values.mean(-1)) * scale


class Shapes(Parts):
    def forward(self, x):
        assert x.shape[1] == 4
        values = self.scan(x)
        if values.shape[-1] > 100 or values.ndim != 3:
            raise ValueError
        for _ in range(values.size(2) // 20):
            values = torch.relu(self.next(values))
        batch, _, length = values.shape
        middle = values[..., (length - 20) // 2 : (length - 20) // 2 + 20]
        return self.read(middle.reshape(batch, 8, -1).mean(-1))


class ChannelPicks(Parts):
    def forward(self, x):
        values = self.scan(x[:, [0, 2, 1, 3]])  # A, G, C, T
        kept, gate = values.chunk(2, dim=1)
        values = torch.cat([kept * torch.sigmoid(gate), values[:, 4:8]], 1)
        values = torch.index_select(values, 1, self.order)
        first, second = torch.split(values, [3, 5], 1)
        return self.read(torch.relu(torch.cat([second, first], 1)).mean(-1))


class Image(Parts):
    def forward(self, x):
        values = F.relu(self.image(x.unsqueeze(2)))
        values = self.image_pool(self.image_norm(values))
        return self.read(F.relu(self.image_next(values)).squeeze(2).amax(-1))


class ChannelNorm(Parts):
    """Swapped axes, a norm over channels, a linear layer at each position, a residual sum."""

    def forward(self, x):
        values = torch.relu(self.scan(x)).transpose(1, 2)
        values = values + F.gelu(self.weigh(self.layer_norm(values)))
        return self.read(torch.relu(self.next(values.permute(0, 2, 1))).mean(-1))


class ChannelsLastPool(Parts):
    def forward(self, x):
        return self.read(torch.relu(self.scan(x)).transpose(1, 2).mean(dim=1))


class ChannelsLastAttention(Parts):
    """What follows the swapped axes has no rule, and must get them in that order."""

    def forward(self, x):
        values = torch.tanh(self.scan(x)).transpose(1, 2)
        return self.read((torch.softmax(self.weigh(values), dim=1) * values).sum(1))


class InPlace(Parts):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            self.scan, nn.ReLU(inplace=True), self.next, nn.SiLU(inplace=True)
        )

    def forward(self, x):
        return self.read(self.body(x).mean(-1))


class SqueezeExcite(Parts):
    def forward(self, x):
        values = self.features(x)
        batch, channels, _ = values.size()
        gate = torch.relu(self.squeeze(values.mean(2).view(batch, channels)))
        gate = torch.sigmoid(self.excite(gate)).view(batch, channels, 1)
        return self.read((values * gate.expand_as(values)).mean(-1))


class GroupNorm(Parts):
    def forward(self, x):
        return self.read(torch.relu(self.group_norm(self.features(x))).mean(-1))


class StrandSymmetric(Parts):
    def forward(self, x):
        there, back = self.features(x), self.features(x.flip(1, 2)).flip(2)
        return self.read((there + back).mean(-1))


class SoftmaxPool(Parts):
    """The attention pool of Enformer, over pairs of positions."""

    def forward(self, x):
        values = self.features(x)
        pairs = values.view(values.shape[0], 8, values.shape[2] // 2, 2)
        logits = self.weigh(pairs.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.read(torch.relu((pairs * logits.softmax(-1)).sum(-1)).mean(-1))


RULED = [
    NumpyIntegers, OptionalArguments, Shapes, ChannelPicks, Image, ChannelNorm, ChannelsLastPool,
    InPlace,
]  # fmt: skip
ENDED = {
    ChannelsLastAttention: (2, "softmax"),
    SqueezeExcite: (2, "expand_as"),
    GroupNorm: (2, "group_norm"),
    StrandSymmetric: (2, "flip"),
    SoftmaxPool: (2, "view"),
}
"""Networks with how many layers run incrementally at least, and the node that ends them."""


def measured(kind):
    torch.manual_seed(1)
    network = kind().eval()
    network.image_norm.running_mean.normal_()
    codes = np.random.default_rng(0).integers(0, 5, (2, LENGTH)).astype(np.uint8)
    variants = saturation(codes)
    exact = Dense(network, length=LENGTH, precision="float64")(codes, variants).difference
    engine = Incremental(network, length=LENGTH, precision="float64")
    effects = engine(codes, variants).difference
    # a dozen float64 operations on numbers below 10, relative to the largest effect
    assert np.abs(effects - exact).max() < 1e-12 * np.abs(exact).max()
    return engine


@pytest.mark.parametrize("kind", RULED)
def test_an_idiom_with_rules_runs_incrementally_throughout(kind):
    assert measured(kind).fallback_reasons == ()


@pytest.mark.parametrize("kind", ENDED)
def test_an_idiom_without_rules_ends_the_incremental_part_where_it_stands(kind):
    engine = measured(kind)
    layers, name = ENDED[kind]
    assert len(engine._network.position_layers) >= layers
    assert len(engine.fallback_reasons) == 1
    assert engine.fallback_reasons[0].startswith(name)


def test_where_and_why_the_incremental_part_ends_is_said_once(caplog):
    with caplog.at_level("WARNING"):
        engine = build_engine(GroupNorm().eval(), length=LENGTH, engine="incremental")
        codes = np.zeros((1, LENGTH), dtype=np.uint8)
        engine(codes, saturation(codes))
        engine(codes, saturation(codes))
    said = [one for one in caplog.messages if "runs incrementally up to: group_norm" in one]
    assert len(said) == len(caplog.messages) == 1


class BatchDependent(Parts):
    def forward(self, x):
        return self.read(self.features(x).mean(-1)) * (1 if x.shape[0] > 0 else 2)


def test_a_flow_that_depends_on_the_batch_runs_densely():
    engine = build_engine(BatchDependent().eval(), length=LENGTH)
    assert engine.settings["engine"] == "dense"
