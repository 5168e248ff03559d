"""The whole question in one call, on networks whose effects can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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


PAIR = (deepmr.Task("X", "X"), deepmr.Task("Y", "Y"))
TASKS = list(PAIR)
SEQUENCES = ["ACGTACGTACGT", "AAGGTTCCAAGG", "GGGACTACTACT"]


def test_a_known_slope_is_found_in_both_directions() -> None:
    nets = [Counts(shift) for shift in (-0.02, 0.0, 0.02)]
    nets[0].train()
    result = deepmr.interrogate(nets, TASKS, SEQUENCES, "X", "Y")
    slope = result.meta["method"] == "slope"
    # the ensemble's slope is 2 over the mean of 1 + shift, here 2 / 1; of two members, 2 over their
    # mean of 1 + shift. The jackknife is 3 x all - 2 x the mean of two; linear the other way round
    of_two = 2 / (1 + np.array([-0.01, 0.0, 0.01]))
    np.testing.assert_allclose(
        result.meta["value"][slope], [3 * 2.0 - 2 * of_two.mean(), 0.5], rtol=1e-5
    )
    assert "X -> Y" in str(result)
    assert nets[0].training, "the model leaves as it came"


def test_a_part_of_the_sequences_can_be_asked() -> None:
    nets = [Counts(shift) for shift in (-0.02, 0.0, 0.02)]
    result = deepmr.interrogate(nets, TASKS, SEQUENCES, "X", "Y", region=(2, 8), every=3)
    assert result.effects.offset[0].tolist() == [2, 2, 2, 5, 5, 5]
    with pytest.raises(ValueError, match="must lie within the locus of 12 bases"):
        deepmr.interrogate(nets, TASKS, SEQUENCES, "X", "Y", region=(2, 13))


def test_the_smallest_slope_of_interest_is_the_callers() -> None:
    nets = [Counts(shift) for shift in (-0.02, 0.0, 0.02)]

    def p_values(smallest: float) -> np.ndarray:
        result = deepmr.interrogate(
            nets, TASKS, SEQUENCES, "X", "Y", controls="none", smallest_slope=smallest
        )
        return result.meta["p_smallest"][result.meta["method"] == "slope"]

    # the slope is 2, and a half the other way round
    assert (p_values(0.05) < 0.05).all()
    assert (p_values(5.0) > 0.9).all()


def test_saving_again_says_in_python_how_to_replace_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nets = [Counts(shift) for shift in (-0.02, 0.0, 0.02)]
    result = deepmr.interrogate(nets, TASKS, SEQUENCES, "X", "Y", controls="none")
    result.save(tmp_path / "mine")
    for again in (result, replace(result, findings=replace(result.findings, pair=PAIR[::-1]))):
        with pytest.raises(FileExistsError, match="overwrite=True") as caught:
            again.save(tmp_path / "mine")
        assert "name=" not in str(caught.value)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match="not a run of Deep MR; choose another folder"):
        result.save(tmp_path / "other", overwrite=True)
    result.save(tmp_path / "mine", overwrite=True)
    assert "verdict" in capsys.readouterr().out


def test_pairs_of_counts_add_up() -> None:
    codes = np.array([[0, 1, 2, 3]], dtype=np.uint8)
    engine = deepmr.build_engine(Counts(0.0), length=4)
    pairs = deepmr.pair_effects(engine, codes[0], region=(0, 4))
    assert pairs.joint.shape == (2, 9 * 6)
    assert not pairs.interaction.any()


def test_sequences_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long, got lengths 3, 4"):
        deepmr.interrogate([Counts(0.0), Counts(0.1)], TASKS, ["ACG", "ACGT"], "X", "Y")


class Scanner(nn.Module):
    """Exposure: two motifs; outcome: a half of it, and a motif of its own."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.scan = nn.Conv1d(4, 3, 6)
        self.size = size
        one_hot = {base: row for row, base in enumerate("ACGT")}
        with torch.no_grad():
            self.scan.weight.fill_(-1.0)
            self.scan.bias.fill_(-5.0)
            for row, motif in enumerate(("GATAAG", "CAGCTG", "TTCCGG")):
                for at, base in enumerate(motif):
                    self.scan.weight[row, one_hot[base], at] = 1.0

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        a, b, c = torch.relu(self.scan(sequence)).amax(dim=2).unbind(1)
        x = self.size * (a + b)
        return torch.stack([x, 0.5 * x + self.size * c], dim=1)


def _motif_loci(n: int) -> list[str]:
    rng = np.random.default_rng(0)
    loci = []
    for row in range(n):
        bases = ["ACGT"[k] for k in rng.integers(0, 4, 60)]
        for at, motif in ((8, "GATAAG"), (26, "CAGCTG"), (44, "TTCCGG")):
            if row % 4 != at // 18 % 3:
                bases[at : at + 6] = motif
        loci.append("".join(bases))
    return loci


def test_a_single_network_without_dropout_is_asked_what_it_says() -> None:
    result = deepmr.interrogate(Scanner(4.0), TASKS, _motif_loci(60), "X", "Y")
    slope = result.meta["method"] == "slope"
    assert result.meta["value"][slope][0] == pytest.approx(0.5, abs=0.05)
    assert "1 members" not in str(result)
    assert result.verdict.structure == "forward"
    notes = " ".join(result.findings.notes)
    assert "what this model says" in notes
    assert "what training again would say is another question" in notes
    with pytest.raises(ValueError, match="asks what training again would say"):
        deepmr.interrogate(
            Counts(0.0), TASKS, SEQUENCES, "X", "Y", inference=deepmr.inference.PerMember()
        )


def test_one_network_is_guarded_by_its_untrained_twin() -> None:
    # Weights a hundredth as large as before: no larger than those drawn at random.
    weak = Scanner(4.0)
    with torch.no_grad():
        weak.scan.weight.mul_(0.01)
        weak.scan.bias.mul_(0.01)
    question = {"rule": deepmr.instruments.All(), "controls": "none"}
    result = deepmr.interrogate(weak, TASKS, _motif_loci(60), "X", "Y", **question)
    assert result.verdict.structure == "undecided"
    assert "times those of its untrained twin, needed 3.0" in result.verdict.reasons[0]
    held = deepmr.interrogate(Counts(0.0), TASKS, SEQUENCES, "X", "Y")
    assert "no untrained twin of it could be measured" in held.verdict.reasons[0]


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
