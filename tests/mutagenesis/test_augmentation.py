import numpy as np
import pytest
import torch
from torch import nn

from deepmr.mutagenesis import (
    Augmentation,
    AugmentationAverage,
    Dense,
    augmentations,
    build_engine,
    saturation,
)
from deepmr.sequence import encode, one_hot, reverse_complement

CODES = np.stack([encode("ACGTNACGTATG"), encode("TTGTTGGGCCAA")])


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(4, 5, 3), nn.Tanh(), nn.Flatten(), nn.Linear(50, 2), nn.Sigmoid()
    )


class BothStrands(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, sequence):
        return (self.model(sequence) + self.model(reverse_complement(sequence))) / 2


def test_averaging_strands_is_averaging_predictions():
    model = network()
    averaged = build_engine(model, length=12, engine="dense", precision="float64", strands="both")
    inside = Dense(BothStrands(model), length=12, precision="float64")
    variants = saturation(CODES)
    # both are float64; a few roundings of numbers below 1
    np.testing.assert_allclose(
        averaged(CODES, variants).difference, inside(CODES, variants).difference, atol=1e-15
    )
    np.testing.assert_allclose(
        averaged(CODES, variants).reference, inside(CODES, variants).reference, atol=1e-15
    )


def test_a_shifted_locus_is_read_with_unknown_flanks():
    model = network().double().eval()
    engine = AugmentationAverage(
        [(Dense(model.float(), length=12, precision="float64"), Augmentation(shift=2))]
    )
    variants = saturation(CODES[:1])
    effects = engine(CODES[:1], variants)
    shifted = one_hot(torch.from_numpy(CODES[0].copy()), torch.float64).roll(2, -1)
    shifted[:, :2] = 0
    mutant = shifted.clone()
    mutant[:, 3] = torch.tensor([1.0, 0, 0, 0])
    with torch.no_grad():
        model.double()
        expected = (model(mutant[None]) - model(shifted[None]))[0].numpy()
    column = int(np.flatnonzero((variants.offset[0] == 1) & (variants.alt[0] == 0))[0])
    np.testing.assert_allclose(effects.difference[0, :, column], expected, atol=1e-15)
    assert not effects.difference[0][:, variants.offset[0] >= 10].any()


def test_unknown_strands_are_refused():
    with pytest.raises(ValueError, match="strands must be forward or both, got 'reverse'"):
        build_engine(network(), length=12, strands="reverse")
    with pytest.raises(ValueError, match="at least one number of bases"):
        build_engine(network(), length=12, shifts=())
    with pytest.raises(ValueError, match="shifts must differ, got 1, 0, 1"):
        augmentations(shifts=(1, 0, 1))
    with pytest.raises(
        ValueError, match="at least one pair of an engine and an augmentation, got none"
    ):
        AugmentationAverage([])


def test_averaging_networks_is_averaging_their_effects():
    torch.manual_seed(1)
    engines = [
        Dense(network(), length=12),
        Dense(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), length=12),
    ]
    variants = saturation(CODES)
    one, two = (engine(CODES, variants).difference for engine in engines)
    both = AugmentationAverage([(engine, Augmentation()) for engine in engines])(
        CODES, variants
    ).difference
    # one rounding of float32 at numbers below 1
    np.testing.assert_allclose(both, (one + two) / 2, atol=1e-7)
