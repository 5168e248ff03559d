import numpy as np
import pytest
import torch
from torch import nn

from deepmr.mutagenesis import Dense, build_engine, saturation, substitutions
from deepmr.sequence import encode


class Weigher(nn.Module):
    """Two outputs: a weighted sum of the bases, and its square; effects by hand."""

    def __init__(self, length):
        super().__init__()
        weight = torch.arange(4 * length, dtype=torch.float32).reshape(4, length)
        self.weight = nn.Parameter(weight / 8)

    def forward(self, sequence):
        score = (sequence * self.weight).sum((1, 2))
        return torch.stack([score, score**2], dim=1)


def by_hand(codes, variants, length):
    weight = np.arange(4 * length).reshape(4, length) / 8
    known = codes < 4
    score = (weight[np.minimum(codes, 3), np.arange(length)] * known).sum(1)
    delta = weight[variants.alt, variants.offset] - weight[variants.ref, variants.offset]
    delta = np.where(variants.mask, delta, 0.0)
    square = (score[:, None] + delta) ** 2 - score[:, None] ** 2
    return np.stack([score, score**2], 1), np.stack([delta, square], 1)


def test_effects_are_those_worked_out_by_hand():
    codes = np.stack([encode("ACGTNACGTA"), encode("TTTTTGGGGG")])
    variants = saturation(codes)
    effects = Dense(Weigher(10), length=10, chunk=7)(codes, variants)
    reference, difference = by_hand(codes, variants, 10)
    # sums of multiples of 1/8 below 2**20 are exact in float32
    assert np.array_equal(effects.reference, reference.astype(np.float32))
    assert np.array_equal(effects.difference, difference.astype(np.float32))


def test_chunks_do_not_change_the_order():
    codes = np.stack([encode("ACGTNACGTA"), encode("TTTTTGGGGG")])
    variants = saturation(codes, region=[(0, 3), (6, 9)], every=2)
    one = Dense(Weigher(10), length=10, chunk=1)(codes, variants)
    all_ = Dense(Weigher(10), length=10, chunk=1000)(codes, variants)
    assert np.array_equal(one.difference, all_.difference)


def test_masked_variants_have_no_effect():
    codes = np.stack([encode("NNNN")])
    effects = Dense(Weigher(4), length=4)(codes, saturation(codes))
    assert effects.difference.shape == (1, 2, 12)
    assert not effects.difference.any()


def test_listed_substitutions_are_those_of_saturation():
    codes = np.stack([encode("ACGTA"), encode("GGGGG")])
    engine = Dense(Weigher(5), length=5)
    every = engine(codes, saturation(codes)).difference
    listed = engine(codes, substitutions(codes, [[(0, 1), (4, 3)], [(2, 0)]])).difference
    assert np.array_equal(listed[0], every[0][:, [0, 14]])
    assert np.array_equal(listed[1], np.stack([every[1][:, 6], [0, 0]], 1))


class Tripwire(nn.Module):
    def __init__(self):
        super().__init__()
        self.frozen = nn.BatchNorm1d(4)
        self.thaw = nn.Dropout(0.5)
        self.calls = 0
        self.limit = 10**9

    def forward(self, sequence):
        self.calls += 1
        if self.calls > self.limit:
            raise RuntimeError("tripped")
        return self.thaw(self.frozen(sequence)).sum(2)


def test_a_model_leaves_as_it_came_even_when_it_fails():
    model = Tripwire()
    model.train()
    model.frozen.eval()
    hook = model.register_forward_hook(lambda *_: None)
    model.frozen.weight.grad = torch.ones(4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    engine = Dense(model, length=6, chunk=2)
    codes = np.zeros((1, 6), dtype=np.uint8)
    engine(codes, saturation(codes))
    model.limit = model.calls + 2
    precision = torch.get_float32_matmul_precision()
    with pytest.raises(RuntimeError, match="tripped"):
        engine(codes, saturation(codes))
    assert model.training
    assert model.thaw.training
    assert not model.frozen.training
    assert torch.equal(model.frozen.weight.grad, torch.ones(4))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert len(model._forward_hooks) == 1
    assert torch.is_grad_enabled()
    assert torch.get_float32_matmul_precision() == precision
    hook.remove()


def test_what_does_not_fit_is_refused():
    codes = np.zeros((1, 6), dtype=np.uint8)
    engine = Dense(Weigher(6), length=6)
    with pytest.raises(ValueError, match="built for loci of 6 bases, got 5"):
        engine(codes[:, :5], saturation(codes))
    with pytest.raises(ValueError, match="variants of 2 loci do not fit 1"):
        engine(codes, saturation(np.zeros((2, 6), dtype=np.uint8)))
    with pytest.raises(ValueError, match="made for other sequences"):
        engine(codes, saturation(np.ones((1, 6), dtype=np.uint8)))
    with pytest.raises(ValueError, match=r"to \(batch, task\), got \(1, 4, 6\)"):
        Dense(nn.Identity(), length=6)
    with pytest.raises(ValueError, match="engine must be auto, incremental or dense"):
        build_engine(Weigher(6), length=6, engine="fast")
