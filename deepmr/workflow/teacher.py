"""A trained ensemble as teacher: what it predicts, and its mutation effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from torch import Tensor, nn

from deepmr.data.source import Split
from deepmr.lightning.prediction import predict_split
from deepmr.mutagenesis import build_engine, saturation
from deepmr.mutagenesis.member_effects import member_effects
from deepmr.workflow.scale import EffectScale

__all__ = ["Teacher"]

_LOCI = 16  # mutated together: bounds the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """The mean of an ensemble, after each member's link and calibration.

    Args:
        members: Trained networks.
        scale: From their raw outputs to logits, the Anscombe scale, or the signal.
        length: Bases they read.
    """

    members: Sequence[nn.Module]
    scale: EffectScale
    length: int

    def predict(self, split: Split) -> Float64[np.ndarray, "window task"]:
        """Return the mean calibrated prediction of every window."""
        raw, _, _ = predict_split(
            self.members,
            split,
            _raw,
            batch_size=256,
            device="cuda" if torch.cuda.is_available() else "cpu",
            title="predicting with the teacher",
        )
        return np.asarray(self.scale(raw).mean(axis=0))

    def effects(
        self, codes: UInt8[np.ndarray, "locus length"]
    ) -> Float64[np.ndarray, "locus task variant"]:
        """Return the effects of every substitution on `predict`, all tasks."""
        engines = [build_engine(member, length=self.length) for member in self.members]
        parts = []
        for start in range(0, len(codes), _LOCI):
            part = codes[start : start + _LOCI]
            variants = saturation(part)
            raw = [engine(part, variants) for engine in engines]
            effects, _ = member_effects(raw, variants, self.scale, self.scale.tasks.names)
            parts.append(effects.value.mean(axis=2))
        return np.concatenate(parts)


def _raw(output: Tensor) -> Tensor:
    return output
