"""What the source makes of real data; needs the folder ``encode_subset`` (see its README)."""

from __future__ import annotations

import gzip
import os
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from deepmr.data.encode import EncodeSource, encode_source
from deepmr.data.genome import EncodedGenome

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "encode_subset"
SUBSET = Path(os.environ.get("DEEPMR_ENCODE_SUBSET", _BESIDE))
SPLITS = {
    "train": ["chr20"],
    "validation": ["chr4", "chr17"],
    "calibration": ["chr22"],
    "test": ["chr3", "chr5"],
}
pytestmark = [
    pytest.mark.skipif(
        not SUBSET.is_dir(), reason="encode_subset is not here; name it in DEEPMR_ENCODE_SUBSET"
    ),
    pytest.mark.filterwarnings("ignore:without a label in the training split"),
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> EncodeSource:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPMR_CACHE", str(tmp_path_factory.mktemp("cache")))
        made = encode_source(SUBSET, splits=SPLITS, negatives=None)
        made.prepare()
    return made


@cache
def listed(task: str) -> list[tuple[str, int, int]]:
    text = gzip.decompress((SUBSET / "peaks" / f"{task}.narrowPeak.gz").read_bytes()).decode()
    rows = [line.split("\t") for line in text.splitlines()]
    return [(row[0], int(row[1]), int(row[2])) for row in rows]


def test_tasks_without_training_labels_drop_out_by_name(source: EncodeSource) -> None:
    assert len(source.tasks) == 12
    assert not {"K562_DNase", "K562_H3K27ac"} & set(source.tasks.names)


@pytest.mark.parametrize("name", ["train", "validation", "calibration", "test"])
def test_labels_of_ten_random_bins_agree_with_the_overlap_by_hand(
    source: EncodeSource, name: str
) -> None:
    split = source.split(name)
    positive = np.flatnonzero(split.targets(np.arange(len(split)))[0].any(axis=1))
    generator = np.random.default_rng(len(split))
    # Five bins with a peak and five of any kind: ten of any kind would hardly hold a peak.
    some = generator.choice(positive, 5, replace=False)
    index = np.concatenate([some, generator.choice(len(split), 5, replace=False)])
    target, mask = split.targets(index)
    assert mask.all()
    for row, place in enumerate(index):
        chrom, low = split.chrom[place], split.start[place] + 400
        for column, task in enumerate(source.tasks.names):
            covered = [
                min(end, low + 200) - max(start, low)
                for contig, start, end in listed(task)
                if contig == chrom
            ]
            assert target[row, column] == (max(covered, default=0) > 100)


# Consensus motifs and their enrichment within 50 bp of a peak's middle, against positions of like
# GC content, as the data's README states it; half of it must be found, strand and place right.
@pytest.mark.parametrize(
    ("task", "motif", "enrichment"),
    [
        ("K562_CTCF", "CCA[CG][CT]AG[AG][GT]GGC", 49),
        ("K562_CEBPB", "TT[AG]C[AG]CAA", 34),
        ("K562_JUND", "TGA[CG]TCA", 18),
        ("K562_TEAD4", "[AT]GATA[AG]", 53 / 14),
        ("K562_EP300", "[AT]GATA[AG]", 48 / 14),
    ],
)
def test_windows_on_peaks_hold_the_motif_in_their_middle(
    source: EncodeSource, task: str, motif: str, enrichment: float
) -> None:
    genome = source.genome
    peaks = listed(task)
    contig = genome.locate(np.asarray([peak[0] for peak in peaks]))
    middle = np.asarray([(peak[1] + peak[2]) // 2 for peak in peaks])
    on_peaks = found(genome, contig, middle, motif)
    generator = np.random.default_rng(0)
    wide = genome.windows(contig, middle - 50, 100)
    wanted = np.isin(wide, [1, 2]).mean(axis=1)
    # Positions of like GC content: of 40 random ones, the nearest to each peak's.
    other = generator.integers(1000, genome.lengths[contig][:, None] - 1000, (len(peaks), 40))
    repeated = np.repeat(contig, 40)
    strong = np.isin(genome.windows(repeated, other.ravel() - 50, 100), [1, 2]).mean(axis=1)
    nearest = np.abs(strong.reshape(-1, 40) - wanted[:, None]).argsort(axis=1)[:, :4]
    matched = np.take_along_axis(other, nearest, axis=1)
    elsewhere = found(genome, np.repeat(contig, 4), matched.ravel(), motif)
    assert on_peaks > 0.5 * enrichment * max(elsewhere, 1 / matched.size)


def found(genome: EncodedGenome, contig: np.ndarray, middle: np.ndarray, motif: str) -> float:
    """Return the share of windows that hold a motif on either strand within 50 bp."""
    pattern = re.compile(motif)
    letters = np.frombuffer(b"ACGTN", dtype=np.uint8)
    codes = genome.windows(contig, middle - 50, 100)
    hits = 0
    for row in codes:
        other = np.where(row < 4, 3 - np.minimum(row, 3), 4)[::-1]
        texts = (letters[strand].tobytes().decode() for strand in (row, other))
        hits += any(pattern.search(text) for text in texts)
    return hits / len(codes)


def test_training_batches_hold_the_motif_on_either_strand(source: EncodeSource) -> None:
    split = source.split("train")
    target, _ = split.targets(np.arange(len(split)))
    column = source.tasks.names.index("K562_CTCF")
    bound = np.flatnonzero(target[:, column])
    free = np.random.default_rng(0).choice(np.flatnonzero(~target.any(axis=1)), 2000)
    forward = re.compile("CCA[CG][CT]AG[AG][GT]GGC")
    for seed in (None, 1):
        shares = []
        for index in (bound, free):
            codes, _, _ = split.gather(index, seed=seed)
            texts = np.frombuffer(b"ACGTN", dtype=np.uint8)[codes[:, 400:600]]
            shares.append(np.mean([bool(forward.search(row.tobytes().decode())) for row in texts]))
        # Of 2,000 windows none may hold it, so that one is the least that can be told from none.
        assert shares[0] > 20 * max(shares[1], 1 / 2000)


def test_candidate_loci_stand_in_the_test_split(source: EncodeSource) -> None:
    for exposure in ("TEAD4", "JUND"):
        chrom, start, end = source.candidate_loci("pair", exposure=exposure, outcome="EP300")
        assert {name.split("_")[0] for name in chrom} == {"chr3", "chr5"}
        assert len(chrom) > 50
        assert not source.seen(chrom, start, end).any()
        assert (source.sequences(chrom, start, end) < 4).all()
