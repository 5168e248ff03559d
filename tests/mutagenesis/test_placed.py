"""Loci on their own strand, read at places of their own, equal a loop over them one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from deepmr.adapted import fitting_regions, placement
from deepmr.loci import BedRegions, Loci
from deepmr.models import Adapter
from deepmr.mutagenesis import Allele, AlleleList, Placement, build_engine, saturation
from deepmr.mutagenesis.dense import mutate
from deepmr.sequence import complement_codes, encode, one_hot
from deepmr.uncertainty import ForwardPass, Members

LENGTH, FLANK = 30, 4
ROUNDED = 1e-5  # float32 outputs of order 1 to 10


class Cropped(nn.Module):
    """Scores of three classes at every base but the flanks, as a splicing network gives them."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.convolution = nn.Conv1d(4, 3, 2 * FLANK + 1)
        self.convolution.weight.data = torch.randn(3, 4, 2 * FLANK + 1, generator=generator)
        self.convolution.bias.data.zero_()

    def forward(self, x):
        return self.convolution(x)


OUTPUTS = {
    "acceptor": {"channel": 1, "positions": "start", "activation": "log_softmax"},
    "all": {"channel": 0, "positions": "all", "reduce": "mean", "kind": "signal"},
    "donor": {
        "channel": 2, "positions": "end(-1:2)", "reduce": "max", "activation": "log_softmax"
    },
}  # fmt: skip


def _adapter(strand: str = "bed", outputs: dict | None = None, seed: int = 0) -> Adapter:
    form = {"length": LENGTH - 2 * FLANK, "flank": FLANK, "strand": strand}
    return Adapter(Cropped(seed), outputs or OUTPUTS, input=form).eval()


def _members(*adapters: Adapter) -> Members:
    return Members(
        members=tuple((ForwardPass(network=one),) for one in adapters), spread="ensemble"
    )


def _loci() -> Loci:
    strand = np.array([1, -1, -1, 0, 1], dtype=np.int8)
    start = np.array([100, 200, 300, 400, 500])
    first, size = np.array([8, 9, 7, 12, 10]), np.array([10, 12, 15, 8, 11])
    return Loci(
        chrom=np.array(["chr1"] * 5),
        start=start,
        end=start + LENGTH,
        codes=np.random.default_rng(1).integers(0, 4, (5, LENGTH)).astype(np.uint8),
        regions=BedRegions(
            strand=strand,
            start=start + first,
            end=start + first + size,
            thick_start=start + first + 2,
            thick_end=start + first + 3,
        ),
    )


def _log_odds(scores: np.ndarray, channel: int) -> np.ndarray:
    others = np.delete(scores, channel, axis=0)
    return scores[channel] - np.log(np.exp(others).sum(axis=0))


def _by_hand(codes: np.ndarray, row: int, network: nn.Module) -> list[float]:
    """Read one sequence with the sentences of the documentation, in float64."""
    regions = _loci().regions
    first = int(regions.start[row] - _loci().start[row])
    last = int(regions.end[row] - _loci().start[row]) - 1
    if regions.strand[row] == -1:
        codes = complement_codes(codes)
        first, last = LENGTH - 1 - last, LENGTH - 1 - first
    with torch.no_grad():
        scores = network.double()(one_hot(torch.from_numpy(codes[None]), torch.float64))[0].numpy()
    acceptor, donor = first - FLANK, last - FLANK
    return [
        _log_odds(scores, 1)[acceptor],
        scores[0].mean(),
        _log_odds(scores, 2)[donor - 1 : donor + 2].max(),
    ]


@pytest.mark.parametrize("engine", ["incremental", "dense"])
def test_effects_equal_a_loop_over_loci_mutants_and_strands(engine: str) -> None:
    loci, adapter = _loci(), _adapter()
    placed = placement(_members(adapter), loci)
    variants = saturation(loci.codes)
    found = placed.on(build_engine(adapter, length=LENGTH, engine=engine))(loci.codes, variants)
    network = Cropped()
    for row in range(len(loci)):
        reference = np.array(_by_hand(loci.codes[row], row, network))
        np.testing.assert_allclose(found.reference[row], reference, atol=ROUNDED)
        for column in range(0, variants.n_variants, 7):
            rows, columns = np.array([row]), np.array([column])
            mutant = mutate(loci.codes, variants, rows, columns)[0]
            effect = np.array(_by_hand(mutant, row, network)) - reference
            np.testing.assert_allclose(found.difference[row, :, column], effect, atol=ROUNDED)


def test_whole_sequences_of_a_locus_are_read_at_its_places() -> None:
    loci, adapter = _loci(), _adapter()
    engine = build_engine(adapter, length=LENGTH, engine="dense")
    one = placement(_members(adapter), loci).rows(slice(2, 3)).on(engine)
    others = np.random.default_rng(2).integers(0, 4, (4, LENGTH)).astype(np.uint8)
    expected = [_by_hand(codes, 2, Cropped()) for codes in others]
    np.testing.assert_allclose(one.predict(others), expected, atol=ROUNDED)


def test_a_few_loci_at_a_time_give_the_same_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loci, adapter = _loci(), _adapter()
    placed = placement(_members(adapter), loci)
    engine = build_engine(adapter, length=LENGTH, engine="dense", chunk=1)
    variants = saturation(loci.codes, every=5)
    together = placed.on(engine)(loci.codes, variants)
    monkeypatch.setattr("deepmr.mutagenesis.placed._BYTES", 1)
    apart = placed.on(engine)(loci.codes, variants)
    np.testing.assert_array_equal(together.difference, apart.difference)
    np.testing.assert_array_equal(together.reference, apart.reference)


def test_an_insertion_on_the_reverse_strand_is_that_of_the_reverse_complement() -> None:
    loci = _loci()
    outputs = {"all": OUTPUTS["all"]}
    adapter = _adapter(outputs=outputs)
    placed = placement(_members(adapter), loci)
    assert placed.column is None
    letter = "ACGT"[loci.codes[1, 12]]
    alleles = ((), (Allele(locus=1, offset=12, ref=letter, alt=letter + "GG"),), (), (), ())
    beyond = np.zeros((5, 0), dtype=np.uint8)
    batch = AlleleList(alleles=alleles, beyond=beyond).of(0, loci.codes)
    found = batch.measure(placed.on(build_engine(adapter, length=LENGTH)), loci.codes)
    mutant = np.concatenate([loci.codes[1, :13], encode("GG"), loci.codes[1, 13:-2]])

    def read(codes: np.ndarray) -> float:
        return _by_hand(codes, 1, Cropped())[1]

    assert found.difference[1, 0, 0] == pytest.approx(
        read(mutant) - read(loci.codes[1]), abs=ROUNDED
    )


def test_insertions_are_refused_where_they_would_move_the_places() -> None:
    loci, adapter = _loci(), _adapter()
    placed = placement(_members(adapter), loci)
    alleles = [Allele(locus=0, offset=3, ref="ACGT"[loci.codes[0, 3]], alt="AAA")]
    engine = placed.on(build_engine(adapter, length=LENGTH))
    with pytest.raises(ValueError, match="insertions and deletions move the places"):
        engine.allele_effects(loci.codes, alleles)


def test_loci_too_short_for_their_region_are_told_apart() -> None:
    loci, adapter = _loci(), _adapter()
    wide = BedRegions(
        strand=loci.regions.strand,
        start=loci.start + np.array([8, 9, 2, 12, 10]),  # 2 lies in the flank
        end=loci.regions.end,
        thick_start=loci.regions.thick_start,
        thick_end=loci.regions.thick_end,
    )
    fits = fitting_regions([adapter], wide, loci.start, LENGTH)
    assert fits.tolist() == [True, True, False, True, True]


def test_thick_places_are_read_on_the_strand() -> None:
    regions = _loci().regions
    assert (regions.base("thick_start") == regions.thick_start).all()  # one base: both its ends
    assert (regions.base("thick_end") == regions.thick_start).all()


def test_loci_without_a_bed_file_are_refused() -> None:
    loci = _loci()
    bare = Loci(chrom=loci.chrom, start=loci.start, end=loci.end, codes=loci.codes)
    with pytest.raises(ValueError, match="come from no BED file"):
        placement(_members(_adapter()), bare)
    forward = _adapter("forward", {"all": OUTPUTS["all"]})
    assert placement(_members(forward), bare) is None


def test_a_placement_of_other_loci_is_refused() -> None:
    placed = Placement(reverse=np.zeros(2, dtype=bool), column=None)
    engine = placed.on(build_engine(_adapter("forward", {"all": OUTPUTS["all"]}), length=LENGTH))
    codes = np.zeros((3, LENGTH), dtype=np.uint8)
    with pytest.raises(ValueError, match="placement of 2 loci does not fit 3"):
        engine(codes, saturation(codes))


def test_strands_and_places_are_part_of_the_identity_of_stored_effects() -> None:
    one = Placement(reverse=np.array([False, True]), column=np.array([[0], [1]]))
    other = Placement(reverse=np.array([False, True]), column=np.array([[1], [1]]))
    turned = Placement(reverse=np.array([True, True]), column=np.array([[0], [1]]))
    assert len({one.identity, other.identity, turned.identity}) == 3


@pytest.mark.parametrize("averaged", [{"strands": "both"}, {"shifts": (-1, 0, 1)}])
def test_averaged_strands_and_shifts_are_refused_where_loci_have_places_of_their_own(
    averaged: dict,
) -> None:
    engine = build_engine(_adapter(), length=LENGTH, **averaged)
    with pytest.raises(ValueError, match=r"mutagenesis\.strands and mutagenesis\.shifts average"):
        Placement(reverse=np.array([False]), column=None).on(engine)
