"""The loss of a batch that several processes share."""

from __future__ import annotations

import pytest
import torch

from deepmr.lightning.module import share_of_loss
from deepmr.losses import MultiTaskLoss
from deepmr.tasks import Task, TaskTable


@pytest.mark.parametrize("processes", [2, 3])
def test_the_mean_over_processes_is_the_loss_of_the_whole_batch_and_so_are_gradients(
    processes: int,
) -> None:
    """Labels are missing unevenly: one task in a single process, one everywhere."""
    torch.manual_seed(0)
    loss = MultiTaskLoss(
        TaskTable(tuple(Task(f"t{k}", kind="signal") for k in range(4))), outcomes=["t1"],
        outcome_weight=3.0,
    )  # fmt: skip
    raw = torch.randn(24, 4, dtype=torch.float64, requires_grad=True)
    target = torch.randn(24, 4, dtype=torch.float64)
    mask = torch.rand(24, 4) < 0.6
    mask[:, 2] = torch.arange(24) % processes == 0
    mask[:, 3] = False
    whole = loss(raw, target, mask)
    (expected,) = torch.autograd.grad(whole, raw)
    labels = mask.sum(dim=0)
    shares = [
        share_of_loss(loss, raw[rank::processes], target[rank::processes], mask[rank::processes],
                      labels, processes)
        for rank in range(processes)
    ]  # fmt: skip
    mean = torch.stack(shares).mean()
    (found,) = torch.autograd.grad(mean, raw)
    naive = sum(
        loss(raw[r::processes], target[r::processes], mask[r::processes]) for r in range(processes)
    )
    torch.testing.assert_close(mean, whole, rtol=1e-6, atol=0)  # the weights are float32
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-9)
    assert abs(float(naive / processes - whole)) > 1e-3, "the mean of means is another number"
