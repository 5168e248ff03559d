"""What stands for a model's uncertainty."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deepmr.uncertainty import choose_members


def _net(rate: float) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(40, 8), nn.Dropout(rate), nn.Linear(8, 2))


def test_two_networks_are_an_ensemble_and_one_is_asked_through_its_dropout() -> None:
    nets = [_net(0.5), _net(0.5)]
    members, spread = choose_members(nets)
    assert spread == "ensemble"
    assert members == nets
    members, spread = choose_members(nets[:1], draws=4, seed=1)
    assert spread == "dropout"
    assert len(members) == 4
    x = torch.rand(3, 4, 10)
    outputs = torch.stack([member.eval()(x) for member in members])
    assert outputs.std(dim=0).max() > 0, "draws differ"
    torch.testing.assert_close(members[0](x), members[0](x), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"method": "dropout"}, "no dropout"),
        ({"method": "ensemble"}, "at least 2 networks, got 1"),
        ({"method": "swag"}, "one of auto, ensemble, dropout, got 'swag'"),
        ({"draws": 1}, "draws must be at least 2"),
    ],
)
def test_what_cannot_give_an_error_is_refused(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        choose_members([_net(0.0)], **settings)
