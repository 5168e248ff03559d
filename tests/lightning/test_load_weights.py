"""Weights as the field saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from deepmr.lightning.training import load_weights


def _network(attribute: str = "body") -> nn.Module:
    network = nn.Module()
    network.add_module(attribute, nn.Conv1d(4, 2, 5))
    network.add_module("head", nn.Linear(2, 2))
    return network


def _under(prefix: str, state: Any) -> dict[str, Any]:
    return {f"{prefix}{key}": value for key, value in state.items()}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: _under("module.", s),
        lambda s: _under("_orig_mod.module.", s),
        lambda s: {"state_dict": _under("model.", s)},
        lambda s: {"state_dict": _under("network.", s) | {"loss.weight": torch.ones(1)}},
        lambda s: {"model_state_dict": s, "epoch": 3},
        lambda s: {"model": _under("net.", s)},
    ],
)
@pytest.mark.parametrize("attribute", ["body", "network", "model"])
def test_prefixes_and_levels_are_taken_off_only_where_the_keys_fit(
    tmp_path: Path, wrap: Any, attribute: str
) -> None:
    true = _network(attribute)
    torch.save(wrap(true.state_dict()), tmp_path / "a.pt")
    loaded = load_weights(_network(attribute), tmp_path / "a.pt")
    for key, value in true.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[key])


def test_torchscript_and_lists_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.jit.script(nn.Linear(2, 2)).save(path)
    with pytest.raises(ValueError, match=r"torch\.save\(net\.state_dict\(\)") as caught:
        load_weights(_network(), path)
    assert "\n" not in str(caught.value)
    torch.save([torch.ones(1)], path)
    with pytest.raises(ValueError, match="must hold a dictionary of weights"):
        load_weights(_network(), path)
