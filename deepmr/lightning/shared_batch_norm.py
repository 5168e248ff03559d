"""Batch norm over the batch of all processes, on any device."""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn

__all__ = ["SharedBatchNorm1d", "share_batch_norm"]


class _Sum(torch.autograd.Function):
    """Sum over processes; the gradient is the sum of their gradients."""

    @staticmethod
    def forward(_: object, value: Tensor) -> Tensor:
        total = value.detach().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: object, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        distributed.all_reduce(total)
        return total


class SharedBatchNorm1d(nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` whose statistics in training are those of all processes' batches.

    Several processes then train as one on the whole batch. PyTorch's own `SyncBatchNorm` does this
    on GPUs alone.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (PyTorch's name)
        """Normalise a batch.

        Args:
            input: ``(batch, channel)`` or ``(batch, channel, length)``.
        """
        if not (self.training and self.track_running_stats and distributed.is_initialized()):
            return super().forward(input)
        self._check_input_dim(input)
        over = [0, *range(2, input.ndim)]
        shape = (1, -1, *(1 for _ in range(2, input.ndim)))
        count = input.new_tensor([input.numel() / input.shape[1]])
        total = _Sum.apply(torch.cat([input.sum(over), count]))
        n = total[-1].detach()
        mean = total[:-1] / n
        centred = input - mean.view(shape)
        variance = _Sum.apply(centred.square().sum(over)) / n
        self._track(mean.detach(), variance.detach() * n / (n - 1).clamp_min(1))
        normal = centred * torch.rsqrt(variance + self.eps).view(shape)
        return normal * self.weight.view(shape) + self.bias.view(shape) if self.affine else normal

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def share_batch_norm(network: nn.Module) -> None:
    """Let the batch norms of a network share their statistics between processes.

    Parameters, buffers and their names stay as they are.

    Args:
        network: Changed in place.

    Example:
        >>> network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
        >>> share_batch_norm(network)
        >>> type(network[1]).__name__, list(network.state_dict())[2]
        ('SharedBatchNorm1d', '1.weight')
    """
    for module in network.modules():
        if type(module) is nn.BatchNorm1d:
            module.__class__ = SharedBatchNorm1d
