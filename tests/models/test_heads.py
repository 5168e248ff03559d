"""Heads: column order, statistics."""

import pytest
import torch
from torch import nn

from deepmr.models import Heads, set_output_statistics


def test_columns_come_in_the_order_of_the_tasks() -> None:
    heads = Heads(3, exposures=[2, 0], outcomes=[1])
    with torch.no_grad():
        for head in (heads.exposure, heads.outcome):
            head[-1].weight.zero_()
        heads.exposure[-1].bias.copy_(torch.tensor([20.0, 0.0]))
        heads.outcome[-1].bias.fill_(10.0)
    assert heads(torch.zeros(1, 3)).tolist() == [[0.0, 10.0, 20.0]]


def test_a_head_sees_no_gradient_from_the_other() -> None:
    heads = Heads(3, exposures=[0], outcomes=[1], hidden=[4])
    heads(torch.ones(1, 3))[0, 0].backward()
    assert all(p.grad.abs().sum() > 0 for p in heads.exposure[-1].parameters())
    assert all(p.grad.abs().sum() == 0 for p in heads.outcome.parameters())


@pytest.mark.parametrize(("exposures", "outcomes"), [([0, 1], []), ([], [0, 1])])
def test_one_head_may_hold_every_task(exposures: list[int], outcomes: list[int]) -> None:
    assert Heads(3, exposures, outcomes)(torch.zeros(2, 3)).shape == (2, 2)


@pytest.mark.parametrize(
    ("exposures", "outcomes"), [([], []), ([0], [0]), ([0], [2]), ([-1, 0], [1])]
)
def test_positions_that_are_no_partition_are_refused(
    exposures: list[int], outcomes: list[int]
) -> None:
    with pytest.raises(ValueError, match="must cover the outputs 0 to n - 1, each once"):
        Heads(3, exposures, outcomes)


def test_statistics_shift_and_scale_raw_outputs_and_travel_with_the_weights() -> None:
    heads = Heads(3, [0], [1])
    plain = heads(torch.ones(1, 3))
    assert set_output_statistics(
        nn.Sequential(heads), torch.tensor([5.0, -1.0]), torch.tensor([2.0, 3.0])
    )
    expected = plain * torch.tensor([2.0, 3.0]) + torch.tensor([5.0, -1.0])
    torch.testing.assert_close(heads(torch.ones(1, 3)), expected)
    copy = Heads(3, [0], [1])
    copy.load_state_dict(heads.state_dict())
    torch.testing.assert_close(copy(torch.ones(1, 3)), expected)


def test_a_model_without_heads_is_left_alone() -> None:
    assert not set_output_statistics(nn.Linear(2, 1), torch.zeros(1), torch.ones(1))


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_an_impossible_scale_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="output s"):
        Heads(3, [0], []).set_output_statistics(torch.zeros(1), torch.tensor([scale]))
