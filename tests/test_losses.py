"""The multi-task loss: kinds, masks, weights, scales."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from deepmr.losses import MultiTaskLoss
from deepmr.tasks import Task, TaskTable

MIXED = TaskTable(
    (Task("b", "b", kind="binary"), Task("c", "c", kind="count"), Task("s", "s", kind="signal"))
)
COUNTS = TaskTable((Task("x", "x", kind="count"), Task("y", "y", kind="count")))


def batch(n: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return raw outputs, targets and a full mask of the mixed tasks."""
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(n, 3, generator=generator)
    label = (torch.rand(n, generator=generator) < 0.5).float()
    count = 2 * torch.sqrt(torch.poisson(torch.full((n,), 9.0), generator=generator) + 0.375)
    target = torch.stack([label, count, torch.randn(n, generator=generator)], dim=1)
    return raw, target, torch.ones(n, 3, dtype=torch.bool)


def test_each_kind_has_its_own_loss() -> None:
    raw, target, mask = batch()
    found = MultiTaskLoss(MIXED).per_task(raw, target, mask)
    expected = [
        F.binary_cross_entropy_with_logits(raw[:, 0], target[:, 0]),
        F.mse_loss(raw[:, 1], target[:, 1]),
        F.mse_loss(raw[:, 2], target[:, 2]),
    ]
    torch.testing.assert_close(found, torch.stack(expected))


def test_poisson_loss_is_least_at_the_true_rate() -> None:
    loss = MultiTaskLoss(COUNTS, count="poisson")
    target = 2 * torch.sqrt(torch.tensor([[3.0, 8.0], [5.0, 0.0]]) + 0.375)
    raw = torch.log(torch.tensor([4.0, 4.0])).repeat(2, 1).requires_grad_()
    loss(raw, target, torch.ones(2, 2, dtype=torch.bool)).backward()
    # Both tasks have a mean count of 4: the gradient summed over samples vanishes (to float32).
    torch.testing.assert_close(raw.grad.sum(dim=0), torch.zeros(2), atol=1e-6, rtol=0)


def test_a_missing_label_counts_for_nothing_even_if_it_is_nan() -> None:
    raw, target, mask = batch()
    mask[2, 0] = mask[4, 1] = mask[0, 2] = False
    reference = MultiTaskLoss(MIXED)(raw, target, mask)
    target[~mask] = torch.nan
    raw.requires_grad_()
    loss = MultiTaskLoss(MIXED)(raw, target, mask)
    torch.testing.assert_close(loss, reference)
    loss.backward()
    assert torch.isfinite(raw.grad).all()
    assert (raw.grad[~mask] == 0).all()


def test_a_task_with_few_labels_weighs_as_much_as_one_with_many() -> None:
    loss = MultiTaskLoss(COUNTS)
    mask = torch.ones(10, 2, dtype=torch.bool)
    mask[1:, 1] = False
    raw = torch.zeros(10, 2)
    target = torch.ones(10, 2) * torch.tensor([1.0, 3.0])
    torch.testing.assert_close(loss(raw, target, mask), torch.tensor((1.0 + 9.0) / 2))


def test_a_task_without_labels_in_a_batch_drops_out_of_its_mean() -> None:
    mask = torch.tensor([[True, False]])
    loss = MultiTaskLoss(COUNTS)
    assert loss(torch.zeros(1, 2), torch.full((1, 2), 2.0), mask).item() == pytest.approx(4.0)
    assert torch.isnan(loss.per_task(torch.zeros(1, 2), torch.zeros(1, 2), mask)[1])


def test_a_batch_without_any_label_gives_zero_and_no_gradient() -> None:
    raw = torch.zeros(2, 2, requires_grad=True)
    loss = MultiTaskLoss(COUNTS)(raw, torch.full((2, 2), torch.nan), torch.zeros(2, 2).bool())
    loss.backward()
    assert loss.item() == 0
    assert (raw.grad == 0).all()


def test_heads_are_weighted() -> None:
    loss = MultiTaskLoss(COUNTS, outcomes=["y"], exposure_weight=1.0, outcome_weight=3.0)
    target = torch.tensor([[2.0, 1.0]])
    found = loss(torch.zeros(1, 2), target, torch.ones(1, 2).bool())
    assert found.item() == pytest.approx((1 * 4 + 3 * 1) / 4)


def test_positives_are_weighted() -> None:
    tasks = TaskTable((Task("b", "b"),))
    plain, heavy = MultiTaskLoss(tasks), MultiTaskLoss(tasks, positive_weight=[5.0])
    mask = torch.ones(1, 1).bool()
    for label, factor in ((1.0, 5.0), (0.0, 1.0)):
        target = torch.full((1, 1), label)
        ratio = heavy(torch.zeros(1, 1), target, mask) / plain(torch.zeros(1, 1), target, mask)
        assert ratio.item() == pytest.approx(factor)


def test_output_statistics_are_those_of_the_labelled_targets() -> None:
    _, target, mask = batch(50)
    mask[::3, :] = False
    target[~mask] = torch.nan
    shift, scale = MultiTaskLoss(MIXED).output_statistics(target, mask)
    known = [target[mask[:, k], k].numpy().astype(np.float64) for k in range(3)]
    prevalence = (known[0].sum() + 0.5) / (known[0].size + 1)
    expected = [np.log(prevalence / (1 - prevalence)), known[1].mean(), known[2].mean()]
    np.testing.assert_allclose(shift, expected, rtol=1e-6)  # stored as float32
    np.testing.assert_allclose(scale, [1.0, known[1].std(), known[2].std()], rtol=1e-6)


def test_squared_errors_are_taken_in_units_of_the_training_variance() -> None:
    loss = MultiTaskLoss(COUNTS)
    target = torch.tensor([[0.0, 0.0], [2.0, 20.0]])
    mask = torch.ones(2, 2).bool()
    shift, _ = loss.output_statistics(target, mask)
    torch.testing.assert_close(
        loss.per_task(shift.expand(2, 2), target, mask), torch.tensor([1.0, 1.0])
    )


def test_without_standardisation_errors_are_plain() -> None:
    loss = MultiTaskLoss(COUNTS, standardise=False)
    target = torch.tensor([[0.0, 0.0], [2.0, 20.0]])
    shift, scale = loss.output_statistics(target, torch.ones(2, 2).bool())
    assert shift.tolist() == [0.0, 0.0]
    assert scale.tolist() == [1.0, 1.0]
    found = loss.per_task(torch.zeros(2, 2), target, torch.ones(2, 2).bool())
    assert found.tolist() == [2.0, 200.0]


def test_a_task_that_never_is_positive_has_finite_statistics() -> None:
    tasks = TaskTable((Task("b", "b"),))
    shift, scale = MultiTaskLoss(tasks).output_statistics(
        torch.zeros(9, 1), torch.ones(9, 1).bool()
    )
    assert shift.item() == pytest.approx(np.log(0.5 / 9.5))
    assert scale.item() == 1


def test_raw_outputs_reach_the_effect_scale() -> None:
    raw = torch.tensor([[0.3, 7.0, -2.0]])
    torch.testing.assert_close(MultiTaskLoss(MIXED).to_effect_scale(raw), raw)
    log_rate = torch.log(torch.tensor([[1.0, 9.0]]))
    torch.testing.assert_close(
        MultiTaskLoss(COUNTS, count="poisson").to_effect_scale(log_rate),
        2 * torch.sqrt(torch.tensor([[1.375, 9.375]])),
    )


def test_poisson_statistics_are_log_rates() -> None:
    target = 2 * torch.sqrt(torch.tensor([[2.0, 0.0], [6.0, 0.0]]) + 0.375)
    shift, scale = MultiTaskLoss(COUNTS, count="poisson").output_statistics(
        target, torch.ones(2, 2).bool()
    )
    assert shift[0].item() == pytest.approx(np.log(4.0), abs=1e-5)
    assert torch.isfinite(shift).all()
    assert scale.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": "gauss"}, "loss.count is one of mse, poisson; got 'gauss'"),
        ({"exposure_weight": -1.0}, "loss weights must not be negative"),
        ({"exposure_weight": 0.0}, "every task has weight 0"),
        ({"positive_weight": [1.0]}, "positive_weight must be a positive number for each of 2"),
        ({"positive_weight": [1.0, 0.0]}, "positive_weight must be a positive number"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiTaskLoss(COUNTS, **options)


def test_an_unknown_outcome_is_refused() -> None:
    with pytest.raises(LookupError, match="outcomes must be tasks of the model, got z"):
        MultiTaskLoss(COUNTS, outcomes=["z"])


def test_an_unlabelled_task_and_a_non_finite_label_are_refused() -> None:
    loss = MultiTaskLoss(COUNTS)
    with pytest.raises(ValueError, match=r"positions \[1\] have no training label"):
        loss.output_statistics(torch.zeros(2, 2), torch.tensor([[True, False]] * 2))
    with pytest.raises(ValueError, match="labelled targets must be finite"):
        loss.output_statistics(torch.full((2, 2), torch.nan), torch.ones(2, 2).bool())


@pytest.mark.parametrize("count", ["mse", "poisson"])
def test_a_step_never_asks_the_device_for_a_number(count: str) -> None:
    raw, target, mask = (part.to("meta") for part in batch())
    loss = MultiTaskLoss(MIXED, count=count).to("meta")
    assert loss(raw, target, mask).is_meta  # which has no numbers: asking it for one raises
    assert loss.to_effect_scale(raw).is_meta
