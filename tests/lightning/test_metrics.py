"""Scores by task, and what is undefined."""

from __future__ import annotations

import math

import pytest
import torch

from deepmr.lightning.metrics import TaskMetrics, task_metrics
from deepmr.losses import MultiTaskLoss
from deepmr.tasks import Task, TaskTable


def test_a_task_without_positives_has_no_auroc_but_a_loss() -> None:
    scores = task_metrics("binary", torch.tensor([-3.0, -2.0]), torch.zeros(2))
    assert math.isnan(scores["auroc"])
    assert math.isnan(scores["auprc"])
    assert scores["brier"] < 0.05
    assert scores["nll"] > 0


def test_ranking_sees_differences_that_a_sigmoid_in_single_precision_ties() -> None:
    logit = torch.tensor([30.0, 31.0, 32.0, 33.0])
    assert task_metrics("binary", logit, torch.tensor([0.0, 0.0, 1.0, 1.0]))["auroc"] == 1.0


def test_known_numbers_of_a_count_task() -> None:
    target = torch.tensor([1.0, 2.0, 3.0, 4.0])
    scores = task_metrics("count", 2 * target, target)
    assert scores["pearson"] == pytest.approx(1.0)
    assert scores["mse"] == pytest.approx(7.5)  # mean of 1, 4, 9, 16


def test_masked_labels_do_not_count() -> None:
    tasks = TaskTable((Task("A", "A"), Task("B", "B", kind="count")))
    loss = MultiTaskLoss(tasks)
    metrics = TaskMetrics(tasks, loss)
    raw = torch.tensor([[5.0, 1.0], [-5.0, 2.0], [9.0, 50.0]])
    target = torch.tensor([[1.0, 1.0], [0.0, 2.0], [0.0, 0.0]])
    mask = torch.tensor([[True, True], [True, True], [False, False]])
    metrics.update(raw[:2], target[:2], mask[:2])
    metrics.update(raw[2:], target[2:], mask[2:])
    values = metrics.compute()
    assert values["A", "auroc"] == 1.0
    assert values["B", "mse"] == 0.0
    assert values["all", "loss"] == pytest.approx(float(loss(raw, target, mask)))
