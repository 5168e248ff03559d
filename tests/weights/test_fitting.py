"""A state dict is fitted to a network, or refused naming what differs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, weight_norm

from deepmr.weights import Checkpoint, load_into, refuse_equal
from deepmr.weights.checkpoint import State
from tests.weights.layouts import network_like, small_state


def _load(network: nn.Module, state: State) -> tuple[str, ...]:
    return load_into(network, Checkpoint(path=Path("net.pt"), content=state))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_cast_up_and_said(dtype: torch.dtype) -> None:
    state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in small_state().items()}
    network = network_like(small_state())
    (note,) = _load(network, state)
    assert str(dtype)[6:] in note
    for key, value in network.state_dict().items():
        assert value.dtype == small_state()[key].dtype
        assert torch.equal(value, state[key].to(value.dtype))


def test_full_precision_is_not_remarked_on() -> None:
    assert _load(network_like(small_state()), small_state()) == ()


OLD, NEW, PLAIN = "weight_norm", "parametrizations", "plain"


def _normed(spelling: str) -> nn.Module:
    torch.manual_seed(3)
    network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.ReLU())
    if spelling == OLD:
        with pytest.warns(FutureWarning, match="deprecated"):
            weight_norm(network[0])
    elif spelling == NEW:
        parametrizations.weight_norm(network[0])
    return network


@pytest.mark.parametrize(("saved", "built"), [(OLD, PLAIN), (NEW, PLAIN), (OLD, NEW), (NEW, OLD)])
def test_weight_norm_computes_the_same_in_any_spelling(saved: str, built: str) -> None:
    source = _normed(saved)
    with torch.no_grad():  # a length other than the norm with which the layer began
        for name, parameter in source.named_parameters():
            if name.endswith(("weight_g", "original0")):
                parameter.mul_(torch.tensor([0.5, 2.0, 3.0])[:, None, None])
    x = torch.randn(2, 4, 9)
    target = _normed(built)
    assert not torch.allclose(target(x), source(x))
    _load(target, source.state_dict())
    # One rounding of float32 in g v / |v|, whose square sums 20 terms.
    torch.testing.assert_close(target(x), source(x), rtol=1e-5, atol=1e-6)


def test_a_convolution_of_height_one_is_read_as_one_along_the_sequence() -> None:
    flat, tall = nn.Conv1d(4, 3, 5), nn.Conv2d(4, 3, (1, 5))
    _load(flat, tall.state_dict())
    x = torch.randn(2, 4, 9)
    torch.testing.assert_close(flat(x), tall(x[:, :, None]).squeeze(2))


def test_a_transposed_matrix_is_not_read_as_if_it_were_none() -> None:
    with pytest.raises(ValueError, match=r"weight is \(3, 2\) where the network has \(2, 3\)"):
        _load(nn.Linear(3, 2, bias=False), {"weight": torch.ones(3, 2)})


def test_tensors_with_two_names_may_be_there_once() -> None:
    network = nn.Module()
    network.stem = nn.Linear(2, 2)
    network.trunk = nn.Sequential(network.stem)
    _load(network, {"stem.weight": torch.full((2, 2), 5.0), "stem.bias": torch.ones(2)})
    assert network.trunk[0].weight[0, 0].item() == 5.0


def test_what_differs_is_named_in_one_line() -> None:
    state = small_state()
    state["other.weight"] = state.pop("head.weight")
    with pytest.raises(ValueError, match=r"it lacks head\.weight; it has besides other") as caught:
        _load(network_like(small_state()), state)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_without_tensors_is_refused() -> None:
    with pytest.raises(ValueError, match="it lacks"):
        load_into(nn.Linear(1, 1), Checkpoint(path=Path("a.pt"), content={"epoch": 3}))


def test_weights_that_are_not_finite_are_refused() -> None:
    state = small_state()
    state["body.0.bias"][1] = torch.nan
    with pytest.raises(ValueError, match=r"not finite \(body\.0\.bias\)"):
        _load(network_like(small_state()), state)


def test_a_network_whose_state_dict_is_overwritten_is_loaded() -> None:
    network = nn.Linear(1, 1)
    network.state_dict = {"weight": torch.zeros(1, 1)}  # as puffin.Puffin leaves itself
    _load(network, {"weight": torch.ones(1, 1), "bias": torch.ones(1)})
    assert network.weight.item() == 1.0


def test_members_with_equal_weights_are_refused_by_name_whatever_their_counters() -> None:
    first, second, third = (network_like(small_state()) for _ in range(3))
    third.head.weight.data += 1
    second.get_submodule("body.1").num_batches_tracked += 1
    refuse_equal({Path("a.pt"): first, Path("c.pt"): third})
    with pytest.raises(ValueError, match=r"b\.pt equals a\.pt"):
        refuse_equal({Path("a.pt"): first, Path("c.pt"): third, Path("b.pt"): second})
