"""The whole question in one call, on networks whose effects can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import deepmr


class Counts(nn.Module):
    """Exposure: the number of Gs; outcome: about twice that, as each member has it."""

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(shift))

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        total = sequence.sum(dim=2)
        return torch.stack([(1 + self.shift) * total[:, 2], 2 * total[:, 2]], dim=1)


TASKS = [deepmr.Task("X", "X"), deepmr.Task("Y", "Y")]
SEQUENCES = ["ACGTACGTACGT", "AAGGTTCCAAGG", "GGGACTACTACT"]


def test_a_known_slope_is_found_in_both_directions() -> None:
    nets = [Counts(shift) for shift in (-0.02, 0.0, 0.02)]
    nets[0].train()
    result = deepmr.interrogate(nets, TASKS, SEQUENCES, "X", "Y")
    slope = result.meta["method"] == "slope"
    # the members' slopes are 2 / (1 + shift), and (1 + shift) / 2 the other way round
    slopes = 2 / (1 + np.array([-0.02, 0.0, 0.02]))
    np.testing.assert_allclose(
        result.meta["value"][slope], [slopes.mean(), (1 / slopes).mean()], rtol=1e-5
    )
    assert "X -> Y" in str(result)
    assert nets[0].training, "the model leaves as it came"


def test_a_part_of_the_sequences_can_be_asked() -> None:
    nets = [Counts(shift) for shift in (-0.02, 0.0, 0.02)]
    result = deepmr.interrogate(nets, TASKS, SEQUENCES, "X", "Y", region=(2, 8), every=3)
    assert result.effects.offset[0].tolist() == [2, 2, 2, 5, 5, 5]
    with pytest.raises(ValueError, match="must lie within the locus of 12 bases"):
        deepmr.interrogate(nets, TASKS, SEQUENCES, "X", "Y", region=(2, 13))


def test_pairs_of_counts_add_up() -> None:
    codes = np.array([[0, 1, 2, 3]], dtype=np.uint8)
    engine = deepmr.build_engine(Counts(0.0), length=4)
    pairs = deepmr.pair_effects(engine, codes[0], region=(0, 4))
    assert pairs.joint.shape == (2, 9 * 6)
    assert not pairs.interaction.any()


def test_sequences_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long, got lengths 3, 4"):
        deepmr.interrogate([Counts(0.0), Counts(0.1)], TASKS, ["ACG", "ACGT"], "X", "Y")


def test_a_single_network_without_dropout_is_refused() -> None:
    with pytest.raises(ValueError, match="no dropout"):
        deepmr.interrogate(Counts(0.0), TASKS, SEQUENCES, "X", "Y")


def test_importing_the_statistics_leaves_torch_alone() -> None:
    import subprocess
    import sys

    code = "import sys, deepmr.mr, deepmr.meta, deepmr.inference; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_is_there() -> None:
    for name in deepmr.__all__:
        assert getattr(deepmr, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = deepmr.nonsense
