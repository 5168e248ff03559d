"""Calibration of trained networks, without training."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import deepmr
from deepmr.files import sha256
from deepmr.io.manifest import changed_outputs
from deepmr.io.tables import read_table
from tests.conftest import Outcome

QUIET = ("trainer.accelerator=cpu", "trainer.enable_progress_bar=false")


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run the installed command."""

    def call(*words: str) -> Outcome:
        from deepmr.cli import main

        monkeypatch.setattr(sys, "argv", ["deepmr", *words])
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
        capfd.readouterr()
        status = 0
        try:
            main.main()
        except SystemExit as end:
            status = int(end.code or 0)
        said = capfd.readouterr()
        return Outcome(status, said.out, said.err)

    return call


def test_a_run_s_calibrator_is_changed_without_training(
    runs: Path, command: Callable[..., Outcome], tmp_path: Path
) -> None:
    run = runs / "train/tiny"
    before = {path: sha256(path) for path in sorted(run.rglob("*")) if path.is_file()}
    words = ("calibrate", f"run={run}", "calibrator=conformal", *QUIET, f"paths.output={tmp_path}")
    done = command(*words, "name=mine")
    assert done.status == 0, done.err
    folder = tmp_path / "calibrate/tiny/mine"
    assert changed_outputs(folder) == []
    assert {path: sha256(path) for path in before} == before, "nothing of the run changed"
    record = json.loads((folder / "calibrator.json").read_text())
    assert record["weights"] == [sha256(run / f"members/{k}/best.ckpt") for k in range(3)]
    assert set(record["splits"]) == {"calibration", "test"}, "counts need no validation split"
    assert {one["type"] for one in record["tasks"].values()} == {"conformal"}
    scores = read_table(folder / "scores.parquet")
    assert set(scores["stage"]) == {"before", "after"}
    assert "coverage" in done.out
    again = command(*words, "name=mine")
    assert again.status == 1
    assert "is finished" in again.error
    assert command(*words, "name=mine", "overwrite=true").status == 0
    asked = deepmr.load_run(run, calibrator=folder)
    assert {one["type"] for one in asked.scale.calibrators.to_record()["tasks"].values()} == {
        "conformal"
    }


def test_a_calibrator_of_other_weights_is_refused_in_one_line(
    runs: Path, command: Callable[..., Outcome], tmp_path: Path
) -> None:
    run = runs / "train/tiny"
    words = ("calibrate", f"run={run}", *QUIET, f"paths.output={tmp_path}", "name=mine")
    assert command(*words).status == 0
    file = tmp_path / "calibrate/tiny/mine/calibrator.json"
    ask = ("interrogate", f"run={run}", "exposure=GATA1", "outcome=TAL1", "loci.n=4", *QUIET,
           "variants.every=10", "logger=none", "controls=none",
           f"paths.output={tmp_path}")  # fmt: skip
    good = command(*ask, f"calibrator={file}", "name=good")
    assert good.status == 0, good.err
    page = (tmp_path / "interrogate/tiny/good/report.html").read_text()
    assert "Calibrated post hoc, without training" in page
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"weights": ["0" * 64] * 3}))
    assert (
        "was fitted to other weights (sha256 000000000000"
        in command(*ask, f"calibrator={file.parent}", "name=bad").error
    )
    bare = {key: value for key, value in record.items() if key != "weights"}
    file.write_text(json.dumps(bare))
    assert "does not say which weights" in command(*ask, f"calibrator={file}", "name=bad").error
    assert "there is no calibrator.json" in command(*ask, "calibrator=none", "name=bad").error


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "calibrate takes run=RUN or checkpoint=FILE"),
        (["run=nowhere"], "run nowhere does not exist"),
        (["checkpoint=net.pt", "model=cnn"], "checkpoint= needs held-out labels as well"),
        (["checkpoint=net.pt", "run=x"], "one of them"),
        (["run=nowhere", "calibrator=isotone"], "did you mean isotonic?"),
        (["run=nowhere", "batchsize=3"], "did you mean batch_size?"),
    ],
)
def test_bad_input_gets_one_line(
    command: Callable[..., Outcome], tmp_path: Path, words: list[str], says: str
) -> None:
    done = command("calibrate", *words, f"paths.output={tmp_path}")
    assert done.status == 1
    assert says in done.error
    assert not (tmp_path / "calibrate").exists()


MOTIF = "TGAGTCATTCCG"
OWN = """
import torch
from torch import nn

class SigmoidNet(nn.Module):
    def __init__(self, tasks=2):
        super().__init__()
        self.scan = nn.Conv1d(4, tasks, 12)

    def forward(self, sequence):
        return torch.sigmoid(self.scan(sequence).amax(dim=2))
"""
YAML = """
_target_: deepmr.models.Adapter
network:
  _target_: my_sigmoid_networks.SigmoidNet
outputs:
  JUND: {channel: 0, activation: sigmoid}
  CTCF: {channel: 1, activation: sigmoid}
"""


@pytest.fixture
def peaks(tmp_path: Path) -> Path:
    """A genome whose motif is a peak four times of five, and a peak without motif one of ten."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "genome"
    folder.mkdir()
    fasta, beds = [], {"JUND": [], "CTCF": []}
    for name in ("chr1", "chr2", "chr3", "chr4"):
        bases = rng.choice(list("ACGT"), 80_000)
        for middle in range(900, 79_000, 1000):
            planted = rng.random() < 0.5
            if planted:
                bases[middle : middle + len(MOTIF)] = list(MOTIF)
            for lines in beds.values():
                if rng.random() < (0.8 if planted else 0.1):
                    lines.append(f"{name}\t{middle - 100}\t{middle + 112}\n")
        text = "".join(bases)
        fasta += [f">{name}", *(text[at : at + 60] for at in range(0, len(text), 60))]
    (folder / "genome.fa").write_text("\n".join(fasta) + "\n")
    rows = ["task\ttarget\tkind\tfile"]
    for target, lines in beds.items():
        (folder / f"{target}.bed").write_text("".join(lines))
        rows.append(f"{target}\t{target}\tbinary\t{target}.bed")
    (folder / "tracks.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def own_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of a motif scanner that is far too sure of itself, and its yaml."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code/my_sigmoid_networks.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    (tmp_path / "conf/model").mkdir(parents=True)
    (tmp_path / "conf/model/mine.yaml").write_text(YAML)
    monkeypatch.setenv("DEEPMR_CONF", str(tmp_path / "conf"))
    motif = torch.zeros(4, 12)
    for at, base in enumerate(MOTIF):
        motif["ACGT".index(base), at] = 1.0
    weight = torch.stack([2.0 * motif, 1.5 * motif])
    # 12 matches of 12 are a logit of 6 and 4.5, 8 (a chance match) one of -2 and -1.5: too sure
    state = {"scan.weight": weight, "scan.bias": torch.tensor([-18.0, -13.5])}
    torch.save(state, tmp_path / "net.pt")
    return tmp_path / "net.pt"


def test_a_sigmoid_network_is_calibrated_on_held_out_peaks_and_interrogated_on_its_logits(
    peaks: Path, own_network: Path, command: Callable[..., Outcome], tmp_path: Path
) -> None:
    data = ("data=encode", f"data.root={peaks}", "data.splits.train=[chr1]",
            "data.splits.validation=[chr2]", "data.splits.calibration=[chr3]",
            "data.splits.test=[chr4]", "data.context=300", "data.negatives=2")  # fmt: skip
    network = ("model=mine", f"checkpoint={own_network}")
    digest = sha256(own_network)
    done = command("calibrate", *network, *data, "calibrator=vector", *QUIET,
                   f"paths.output={tmp_path}", "name=peaks")  # fmt: skip
    assert done.status == 0, done.err
    assert sha256(own_network) == digest
    folder = tmp_path / "calibrate/mine-net/peaks"
    record = json.loads((folder / "calibrator.json").read_text())
    assert record["weights"] == [digest]
    assert record["splits"] == {"calibration": ["chr3"], "test": ["chr4"]}
    scores = read_table(folder / "scores.parquet")
    nll = {
        (scores["task"][row], scores["stage"][row]): scores["value"][row]
        for row in np.flatnonzero(scores["score"] == "nll")
    }
    change = json.loads((folder / "manifest.json").read_text())["nll_change"]
    for task in ("JUND", "CTCF"):
        value, lower, upper = change[task]
        assert lower < value < upper < 0, "the paired interval excludes no change"
        assert nll[task, "after"] - nll[task, "before"] == pytest.approx(value, rel=1e-9)
    assert "NLL lower in 2 of 2 binary tasks" in done.out
    asked = command("interrogate", *network, *data, *QUIET, "exposure=JUND", "outcome=CTCF",
                    "loci.n=6", "logger=none", "controls=none", "variants.every=10",
                    "instruments.min_effect=0.1", f"calibrator={folder}", "name=calibrated",
                    f"paths.output={tmp_path}")  # fmt: skip
    assert asked.status == 0, asked.err
    asked_folder = tmp_path / "interrogate/mine-net/calibrated"
    assert "as it came, without calibration" not in (asked_folder / "report.html").read_text()
    loci = read_table(asked_folder / "loci.parquet")
    raw = _logits(own_network, peaks, loci)
    for column, task in (("reference_exposure", "JUND"), ("reference_outcome", "CTCF")):
        line = record["tasks"][task]
        expected = line["slope"] * raw[task] + line["intercept"]
        # a float32 sigmoid, inverted, keeps a logit of up to 6 to 6e-8 / (1 - p) = 2e-5
        np.testing.assert_allclose(loci[column], expected, atol=1e-3)


def _logits(weights: Path, root: Path, loci: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the network's logits of the loci, from its weights by definition."""
    contigs = {
        record.split("\n", 1)[0]: record.split("\n", 1)[1].replace("\n", "")
        for record in (root / "genome.fa").read_text().split(">")[1:]
    }
    places = zip(loci["chrom"], loci["start"], loci["end"], strict=True)
    codes = [["ACGT".index(base) for base in contigs[c][a:b]] for c, a, b in places]
    sequence = nn.functional.one_hot(torch.tensor(codes), 4).double().transpose(1, 2)
    state = torch.load(weights, weights_only=True)
    weight, bias = state["scan.weight"].double(), state["scan.bias"].double()
    found = nn.functional.conv1d(sequence, weight, bias).amax(dim=2)
    return {"JUND": found[:, 0].numpy(), "CTCF": found[:, 1].numpy()}


def test_outputs_that_are_probabilities_are_refused_until_it_is_said(
    peaks: Path, own_network: Path, command: Callable[..., Outcome], tmp_path: Path
) -> None:
    (tmp_path / "conf/model/plain.yaml").write_text(
        "_target_: my_sigmoid_networks.SigmoidNet\ntasks: 2\n"
    )
    (tmp_path / "tasks.tsv").write_text("name\tkind\nJUND\tbinary\nCTCF\tbinary\n")
    words = ("calibrate", "model=plain", f"checkpoint={own_network}", "data=encode",
             f"data.root={peaks}", "data.splits.train=[chr1]", "data.splits.validation=[chr2]",
             "data.splits.calibration=[chr3]", "data.splits.test=[chr4]", "data.context=300",
             *QUIET, f"paths.output={tmp_path}")  # fmt: skip
    done = command(*words, f"tasks={tmp_path / 'tasks.tsv'}")
    assert "all outputs for JUND lie between 0 and 1" in done.error
    (tmp_path / "other.tsv").write_text("name\tkind\nA\tbinary\nB\tbinary\n")
    other = command(*words, f"tasks={tmp_path / 'other.tsv'}")
    assert "no output can be compared with labels" in other.error
    (tmp_path / "kinds.tsv").write_text("name\tkind\nJUND\tsignal\nCTCF\tbinary\n")
    kinds = command(*words, f"tasks={tmp_path / 'kinds.tsv'}")
    assert "JUND is a signal task of the network and a binary one of the data" in kinds.error
