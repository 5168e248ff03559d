"""What float32 layers behind the position axis, and work in place, must not cost."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from deepmr.mutagenesis import Dense, Incremental, saturation

LENGTH = 60
ACTIVATIONS = [
    nn.GELU(), nn.SiLU(), nn.Sigmoid(), nn.Tanh(), nn.Softplus(), nn.ELU(), nn.Mish(),
    nn.GELU(approximate="tanh"), torch.expm1, torch.exp, nn.PReLU(),
]  # fmt: skip


def _name(activation: object) -> str:
    """The same in every process: a function's repr holds its address."""
    return getattr(activation, "__name__", str(activation))


class Headed(nn.Module):
    def __init__(self, activation, shift=0.0):
        super().__init__()
        self.scan = nn.Conv1d(4, 15, 7)
        self.hidden = nn.Linear(15, 13)
        self.read = nn.Linear(13, 2)
        self.activation = activation
        with torch.no_grad():
            self.hidden.bias += shift

    def forward(self, x):
        return self.read(self.activation(self.hidden(F.relu(self.scan(x)).amax(-1))))


def relative_error(network, precision):
    codes = np.random.default_rng(0).integers(0, 4, (3, LENGTH)).astype(np.uint8)
    variants = saturation(codes)
    exact = Dense(network, length=LENGTH, precision="float64")(codes, variants).difference
    engine = Incremental(network, length=LENGTH, precision=precision)
    effects = engine(codes, variants).difference
    assert engine.fallback_reasons == ()
    return np.abs(effects - exact).max() / np.abs(exact).max()


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=_name)
@pytest.mark.parametrize(("precision", "bound"), [("float32", 1e-5), ("float64", 1e-12)])
def test_heads_stay_within_the_promised_error(activation, precision, bound):
    torch.manual_seed(0)
    assert relative_error(Headed(activation).eval(), precision) < bound


@pytest.mark.parametrize("activation", [nn.GELU(), nn.SiLU()], ids=str)
def test_a_gelu_far_from_zero_does_not_cancel(activation):
    # at 100 float32 steps are 7.6e-6; the largest effects are some tenths, so subtracting two
    # values would miss the bound of 1e-5 that the ReLU's part, without subtraction, keeps
    torch.manual_seed(0)
    network = Headed(activation, shift=100.0).eval()
    with torch.no_grad():
        network.hidden.weight.mul_(0.1)
    assert relative_error(network, "float32") < 1e-5


class Blind(nn.Module):
    """Sees the middle of the sequence alone."""

    def __init__(self, activation):
        super().__init__()
        self.inner = Headed(activation)

    def forward(self, x):
        return self.inner(x[:, :, 20:-20])


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=_name)
@pytest.mark.parametrize("n_loci", [1, 3])
def test_what_a_network_cannot_see_has_no_effect_at_all(activation, n_loci):
    torch.manual_seed(0)
    codes = np.random.default_rng(0).integers(0, 4, (n_loci, LENGTH)).astype(np.uint8)
    variants = saturation(codes)
    effects = Incremental(Blind(activation).eval(), length=LENGTH)(codes, variants).difference
    outside = (variants.offset[0] < 20) | (variants.offset[0] >= LENGTH - 20)
    assert bool((effects[:, :, outside] == 0).all())
    assert bool((effects[:, :, ~outside] != 0).any())


class Branches(nn.Module):
    """Convolutions whose output one sum reads, a sum and a pooling, or two sums."""

    def __init__(self):
        super().__init__()
        self.scan = nn.Conv1d(4, 15, 7, padding=3)
        self.first, self.second, self.third = (nn.Conv1d(15, 15, 3, padding=1) for _ in range(3))
        self.read = nn.Linear(45, 2)

    def forward(self, x):
        values = F.relu(self.scan(x))
        once = values + F.relu(self.first(values))
        read_twice = F.gelu(self.second(once))
        total = once - read_twice
        doubled = F.max_pool1d(self.third(total), 2)
        doubled = torch.tanh(doubled + doubled)
        pooled = [doubled.mean(-1), total.amax(-1), read_twice.mean(-1)]
        return self.read(torch.cat(pooled, 1))


@pytest.mark.parametrize("chunk", [None, 60])
def test_layers_that_work_in_place_overwrite_nothing_that_others_read(chunk):
    torch.manual_seed(0)
    network = Branches().eval()
    codes = np.random.default_rng(0).integers(0, 5, (2, LENGTH)).astype(np.uint8)
    variants = saturation(codes)
    exact = Dense(network, length=LENGTH, precision="float64")(codes, variants).difference
    engine = Incremental(network, length=LENGTH, precision="float64", chunk=chunk)
    for _ in range(2):  # again: the first call must leave references as they were
        effects = engine(codes, variants).difference
        np.testing.assert_allclose(effects, exact, atol=1e-13)


@pytest.mark.parametrize("every", [1, 7])
def test_flattened_layers_agree_by_window_and_by_position(every, monkeypatch):
    from deepmr.mutagenesis.incremental.layers import flattened_linear

    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv1d(4, 15, 7), nn.MaxPool1d(2), nn.GELU(), nn.Flatten(), nn.Linear(15 * 27, 11)
    ).eval()
    codes = np.random.default_rng(0).integers(0, 5, (3, LENGTH)).astype(np.uint8)
    variants = saturation(codes, every=every)
    found = []
    for most in (1 << 20, 0):
        monkeypatch.setattr(flattened_linear, "_WINDOW_BYTES", most)
        monkeypatch.setattr(flattened_linear, "_LARGEST_WINDOW", most)
        engine = Incremental(network, length=LENGTH, precision="float64")
        found.append(engine(codes, variants).difference)
        assert (engine._network.global_layers[0]._window is None) == (most == 0)
    assert np.abs(found[0]).max() > 1e-3
    np.testing.assert_allclose(*found, atol=1e-14)
