"""Faster ways to the same numbers: whole convolutions, and soft ORs by one product of odds."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from deepmr.models import MotifScanner
from deepmr.mutagenesis import Dense, Incremental, saturation
from deepmr.mutagenesis.incremental.layers import convolution
from deepmr.mutagenesis.incremental.layers.global_pooling import SoftplusSumPool, sum_of_softplus


class Wide(nn.Module):
    """Dilated convolutions that reach beyond both ends, with a pooling and a sum between."""

    def __init__(self):
        super().__init__()
        self.scan = nn.Conv1d(4, 16, 7, padding=3)
        self.dilated = nn.Conv1d(16, 16, 3, padding=8, dilation=8)
        self.narrow = nn.Conv1d(16, 24, 5)
        self.plain = nn.Conv1d(24, 16, 4)
        self.read = nn.Linear(16, 2)

    def forward(self, x):
        values = F.relu(self.scan(x))
        values = values + F.relu(self.dilated(values))
        values = self.plain(F.max_pool1d(F.relu(self.narrow(values)), 2))
        return self.read(values.square().mean(-1))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_whole_convolutions_agree_with_products_tap_by_tap(precision, monkeypatch):
    torch.manual_seed(0)
    network = Wide().eval()
    codes = np.random.default_rng(0).integers(0, 5, (2, 60)).astype(np.uint8)
    variants = saturation(codes)
    exact = Dense(network, length=60, precision="float64")(codes, variants).difference
    used = []
    inner = F.conv2d
    monkeypatch.setattr(F, "conv2d", lambda *args, **kw: used.append(1) or inner(*args, **kw))
    errors = []
    for least in (0, 1 << 60):
        monkeypatch.setattr(convolution, "_LEAST_PRODUCTS", least)
        used.clear()
        found = Incremental(network, length=60, precision=precision)(codes, variants).difference
        assert bool(used) == (least == 0)
        errors.append(np.abs(found - exact).max() / np.abs(exact).max())
    # float32 as promised; bfloat16 keeps 8 bits, and no more roundings are made by the whole
    assert max(errors) < (1e-5 if precision == "float32" else 2e-2)


def test_a_soft_or_is_one_product_of_odds():
    torch.manual_seed(0)
    network = MotifScanner(60, [0], [1]).eval()
    codes = np.random.default_rng(0).integers(0, 5, (3, 60)).astype(np.uint8)
    variants = saturation(codes)
    exact = Dense(network, length=60, precision="float64")(codes, variants).difference
    # as promised: float32's effects within 1e-5; float64's keep PyTorch's own softplus
    for precision, joined, tolerance in (("float32", True, 1e-5), ("float64", False, 1e-12)):
        engine = Incremental(network, length=60, precision=precision)
        layers = engine._network.global_layers
        assert any(isinstance(one, SoftplusSumPool) for one in layers) is joined
        found = engine(codes, variants).difference
        np.testing.assert_allclose(found, exact, rtol=0, atol=tolerance * np.abs(exact).max())


@pytest.mark.parametrize("shift", [-30.0, -10.0, 0.0, 15.0])
@pytest.mark.parametrize("positions", [1, 2, 7, 19])
def test_sums_of_softplus_keep_float32_whether_odds_are_tiny_or_large(shift, positions):
    values = torch.randn((positions, 3, 5, 8), generator=torch.Generator().manual_seed(0)) + shift
    exact = F.softplus(values.double()).sum(0)
    relative = ((sum_of_softplus(values.clone()).double() - exact).abs() / exact).max()
    # x log2(e) is rounded once, which shifts odds by |x| half steps; 2 steps a joining are added
    steps = abs(shift) + 5 + 2 * positions
    assert float(relative) < steps * torch.finfo(torch.float32).eps


def test_sums_of_softplus_do_not_overflow():
    values = torch.full((3, 1), 60.0)
    assert sum_of_softplus(values).tolist() == [180.0]


@pytest.mark.parametrize("softplus", [nn.Softplus(beta=2.0), nn.Softplus(threshold=2.0)])
def test_a_scaled_softplus_is_left_as_it_is(softplus):
    torch.manual_seed(0)

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scan, self.softplus = nn.Conv1d(4, 8, 5), softplus

        def forward(self, x):
            return self.softplus(self.scan(x)).sum(-1)

    engine = Incremental(Scaled().eval(), length=20)
    assert not any(isinstance(one, SoftplusSumPool) for one in engine._network.global_layers)
