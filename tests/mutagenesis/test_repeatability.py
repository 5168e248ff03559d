"""A network whose output is not a function of the sequence alone is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepmr.mutagenesis import build_engine, saturation
from deepmr.mutagenesis.repeatability import check_repeatable


class _Recurrent(nn.Module):
    def __init__(self, *, batch_first: bool, dropout: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.LSTM(4, 8, batch_first=batch_first)
        self.out = nn.Linear(8, 2)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layer(x.transpose(1, 2))[0].mean(1)
        return self.out(F.dropout(hidden, 0.3) if self.dropout else hidden)


def test_functional_dropout_that_stays_on_is_refused() -> None:
    with pytest.raises(ValueError, match="two passes over the same sequence differ"):
        build_engine(_Recurrent(batch_first=True, dropout=True), length=30)


def test_a_network_that_mixes_its_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="mixes the sequences of a batch"):
        build_engine(_Recurrent(batch_first=False), length=30)


def test_a_network_of_the_sequence_alone_passes_and_no_random_number_is_used() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    check_repeatable(_seeded(), length=30)
    assert torch.equal(torch.rand(1), expected)


def _seeded() -> nn.Module:
    state = torch.random.get_rng_state()
    network = _Recurrent(batch_first=True)
    torch.random.set_rng_state(state)
    return network


class _Factor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.scan = nn.Conv1d(4, 8, 9, padding=4)
        self.out = nn.Linear(8, 2)

    def forward(self, x: Tensor, factor: Tensor | None = None, scale: float = 2.0) -> Tensor:
        hidden = self.out(torch.relu(self.scan(x)).amax(-1))
        return hidden * scale if factor is None else hidden * factor


def test_optional_arguments_keep_their_defaults_in_the_incremental_engine() -> None:
    codes = np.random.default_rng(0).integers(0, 4, (2, 64)).astype(np.uint8)
    variants = saturation(codes)
    one, two = (
        build_engine(_Factor(), length=64, engine=engine, precision="float64", check=0)(
            codes, variants
        ).difference
        for engine in ("incremental", "dense")
    )
    np.testing.assert_allclose(one, two, atol=1e-12)  # float64 sums in another order


@pytest.mark.parametrize("network", [nn.Linear(4, 2), nn.Conv2d(4, 2, 3), nn.Linear(7, 2)])
def test_a_network_of_another_input_shape_is_told_the_shape(network: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"\(1, 4, 30\)|\(batch, 4, length\)"):
        build_engine(nn.Sequential(network, nn.Flatten()), length=30)
