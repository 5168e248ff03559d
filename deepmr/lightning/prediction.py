"""Predictions of trained members over a whole split."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64
from torch import Tensor, nn

from deepmr.data.source import Split
from deepmr.progress import Progress
from deepmr.sequence import one_hot

__all__ = ["predict_split"]


@torch.inference_mode()
def predict_split(
    members: Sequence[nn.Module],
    split: Split,
    to_effect_scale: Callable[[Tensor], Tensor],
    *,
    batch_size: int,
    device: torch.device | str = "cpu",
    title: str = "predicting",
) -> tuple[
    Float64[np.ndarray, "member sample task"],
    Float32[np.ndarray, "sample task"],
    Bool[np.ndarray, "sample task"],
]:
    """Predict every window of a split with every member.

    Args:
        members: Trained networks; left on the CPU, in evaluation mode.
        split: The windows.
        to_effect_scale: Link from raw outputs to the effect scale (logit, Anscombe).
        batch_size: Number of windows in a forward pass.
        device: Device of the forward passes; ``cpu`` by default.
        title: Label of the progress bar.

    Returns:
        Predictions on the effect scale, targets, and the mask of measured targets.
    """
    predictions, targets, masks = [], [], []
    for member in members:
        member.eval().to(device)
    progress = Progress(title, -(-len(split) // batch_size), "batch")
    for start in range(0, len(split), batch_size):
        index = np.arange(start, min(start + batch_size, len(split)))
        codes, target, mask = split.gather(index)
        sequence = one_hot(torch.from_numpy(codes).to(device))
        predictions.append(
            np.stack(
                [to_effect_scale(member(sequence)).double().cpu().numpy() for member in members]
            )
        )
        targets.append(target)
        masks.append(mask)
        progress.advance(1)
    progress.close()
    for member in members:
        member.to("cpu")
    return np.concatenate(predictions, axis=1), np.concatenate(targets), np.concatenate(masks)
