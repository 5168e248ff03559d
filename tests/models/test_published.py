"""Networks of papers: their sizes, and the names of their released weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from deepmr.models import Basset, Beluga, DanQ, DeepSEA
from deepmr.weights import Checkpoint, load_into


@pytest.mark.parametrize("build", [DeepSEA, Beluga, Basset, DanQ])
def test_a_sequence_too_short_is_refused(build: Callable[..., nn.Module]) -> None:
    with pytest.raises(ValueError, match="needs longer sequences than 20 bases"):
        build(20, 3)


def _dense(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Identity(), nn.Linear(before, after))


def _released_deepsea() -> nn.Module:
    def block(before: int, after: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, (1, 8)), nn.Threshold(0, 1e-6)]

    def pooled() -> list[nn.Module]:
        return [nn.MaxPool2d((1, 4)), nn.Dropout(0.2)]

    return nn.Sequential(
        *block(4, 4), *pooled(), *block(4, 5), *pooled(), *block(5, 6), nn.Dropout(0.5),
        nn.Flatten(), _dense(6 * 8, 7), nn.Threshold(0, 1e-6), _dense(7, 3), nn.Sigmoid(),
    )  # fmt: skip


def _released_beluga() -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in ((4, 4), (4, 5), (5, 6)):
        layers += [nn.Conv2d(before, after, (1, 8)), nn.ReLU()]
        layers += [nn.Conv2d(after, after, (1, 8)), nn.ReLU()]
        if after < 6:
            layers += [nn.Dropout(0.2), nn.MaxPool2d((1, 4))]
    dense = [nn.Dropout(0.5), nn.Flatten(), _dense(12, 7), nn.ReLU(), _dense(7, 3)]
    network = nn.Module()
    network.model = nn.Sequential(nn.Sequential(*layers), nn.Sequential(*dense), nn.Sigmoid())
    network.forward = network.model.forward
    return network


def _released_basset() -> nn.Module:
    layers: list[nn.Module] = []
    for before, after, width, pool in ((4, 4, 19, 3), (4, 5, 11, 4), (5, 6, 7, 4)):
        layers += [nn.Conv2d(before, after, (width, 1)), nn.BatchNorm2d(after), nn.ReLU()]
        layers += [nn.MaxPool2d((pool, 1))]
    layers.append(nn.Flatten())
    for before in (6, 7):
        layers += [_dense(before, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Dropout(0.3)]
    return nn.Sequential(*layers, _dense(7, 3), nn.Sigmoid())


RELEASED: dict[str, tuple[Callable[[], nn.Module], nn.Module, int, int]] = {
    "deepsea": (_released_deepsea, DeepSEA(284, 3, channels=[4, 5, 6], hidden=7), 284, 2),
    "beluga": (_released_beluga, Beluga(326, 3, channels=[4, 5, 6], hidden=7), 326, 2),
    "basset": (_released_basset, Basset(200, 3, channels=[4, 5, 6], hidden=7), 200, 3),
}


@pytest.mark.parametrize("name", RELEASED)
def test_weights_under_their_released_names_compute_the_released_probabilities(name: str) -> None:
    torch.manual_seed(1)
    release, own, length, axis = RELEASED[name]
    released = release()
    for module in released.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    load_into(own, Checkpoint(path=Path("net.pth"), content=released.state_dict()))
    bases = torch.randint(4, (3, length))
    x = nn.functional.one_hot(bases, 4).mT.float()
    expected = released.eval()(x.unsqueeze(axis))
    # DeepSEA's rectifier returns 1e-6 for 0: seven hidden units with weights below 1 move 1e-5.
    torch.testing.assert_close(own.eval()(x).sigmoid(), expected, rtol=0, atol=1e-5)
    assert expected.std() > 1e-3


def test_danq_says_the_same_of_a_sequence_whatever_stands_beside_it() -> None:
    torch.manual_seed(0)
    network = DanQ(100, 3, filters=4, recurrent=3, hidden=7).eval()
    x = torch.rand(4, 4, 100)
    torch.testing.assert_close(network(x)[:1], network(x[:1]), rtol=1e-5, atol=1e-6)
