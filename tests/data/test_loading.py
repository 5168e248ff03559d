"""The loader that training uses, on real windows: workers, ranks and processes change nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from deepmr.data.encode import EncodeSource
from deepmr.lightning.datamodule import EpochSampler, SplitDataset

from .conftest import SPLITS, write_genome

pytestmark = pytest.mark.filterwarnings("ignore:without a label in the training split")
Make = Callable[..., EncodeSource]


def batches(
    source: EncodeSource, *, workers: int = 0, rank: int = 0, world: int = 1, train: bool = True
) -> list[torch.Tensor]:
    split = source.split("train")
    sampler = EpochSampler(len(split), 8, seed=3, member=0, train=train, rank=rank, world=world)
    loader = DataLoader(SplitDataset(split), sampler=sampler, batch_size=None, num_workers=workers)
    return [codes for codes, _, _ in loader]


def test_number_of_workers_changes_nothing(source: Make) -> None:
    made = source(jitter=5)
    alone, helped = batches(made), batches(made, workers=2)
    assert len(alone) == 5
    assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True))


def test_two_ranks_share_the_batches_of_one_without_repeats(source: Make) -> None:
    made = source(jitter=5)
    whole = batches(made)
    shares = [batches(made, rank=rank, world=2) for rank in (0, 1)]
    for batch, *parts in zip(whole, *shares, strict=True):
        joined = torch.cat(parts)
        assert sorted(map(bytes, joined.numpy())) == sorted(map(bytes, batch.numpy()))


def test_every_window_is_judged_once_over_all_ranks(source: Make) -> None:
    made = source()
    parts = [batches(made, rank=rank, world=3, train=False) for rank in range(3)]
    everything = torch.cat([batch for part in parts for batch in part]).numpy()
    split = made.split("train")
    expected, _, _ = split.gather(np.arange(len(split)))
    assert sorted(map(bytes, everything)) == sorted(map(bytes, expected))


def test_motif_planted_on_peaks_comes_out_in_the_middle_on_the_right_strand(
    tiny_root: Path, source: Make
) -> None:
    motif = "AGATAAGGTTACCA"
    generator = np.random.default_rng(5)
    text = {}
    for name, size in {"chr1": 20_000, "chr2": 4000, "chr3": 4000, "chr4": 4000}.items():
        text[name] = "".join(generator.choice(list("ACGT"), size))
    middles = [("chr1", at + 100) for at in range(1000, 19_000, 400)]
    middles += [(name, 2100) for name in ("chr2", "chr3", "chr4")]
    for name, middle in middles:  # the motif begins at the middle of its bin
        text[name] = text[name][:middle] + motif + text[name][middle + len(motif) :]
    write_genome(tiny_root / "genome.fa", text)
    peaks = "".join(f"{name}\t{middle - 100}\t{middle + 100}\n" for name, middle in middles)
    (tiny_root / "tal1.bed").write_text(peaks)
    (tiny_root / "tracks.tsv").write_text("task\ttarget\tfile\nTAL1\tTAL1\ttal1.bed\n")
    split = source(splits=SPLITS).split("train")
    target, _ = split.targets(np.arange(len(split)))
    bound = np.flatnonzero(target[:, 0])
    assert bound.size == 45
    letters = np.frombuffer(b"ACGTN", dtype=np.uint8)

    def texts(seed: int | None) -> list[str]:
        return [letters[row].tobytes().decode() for row in split.gather(bound, seed=seed)[0]]

    assert all(row[200 : 200 + len(motif)] == motif for row in texts(None))
    other = motif.translate(str.maketrans("ACGT", "TGCA"))[::-1]
    turned = [row[200 - len(motif) : 200] == other for row in texts(1)]
    kept = [row[200 : 200 + len(motif)] == motif for row in texts(1)]
    assert all(a != b for a, b in zip(turned, kept, strict=True))
    assert 10 < sum(turned) < 35  # of 45 fair coins, outside once in 5,000 seeds
    free = np.flatnonzero(target[:, 0] == 0)
    codes, _, _ = split.gather(free)
    # A window beside a peak may show the motif in its context, never in its middle.
    assert not any(
        letters[row].tobytes().decode()[200 : 200 + len(motif)] == motif for row in codes
    )


def test_two_processes_prepare_one_data_set(tiny_root: Path) -> None:
    code = (
        "import warnings; warnings.simplefilter('ignore'); "
        "from deepmr.data.encode import encode_source; "
        f"s = encode_source({str(tiny_root)!r}, splits={SPLITS!r}, context=400); "
        "s.prepare(); print(s.fingerprint, len(s.split('train')), s.split('train').start.sum())"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    first, second = (process.communicate()[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert first == second
    assert first.strip()
