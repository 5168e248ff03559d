"""Occupancy, and its change by substitutions against rescanning every mutant."""

import numpy as np
import pytest

from deepmr.motifs import Binding, Motif, motif_doses, occupancy, occupancy_changes
from deepmr.mutagenesis.variants import saturation
from deepmr.simulation import BACKGROUND, load_motifs
from tests.motifs import toy

RESPONSES = ["independent", "exclusive", "log", "linear"]
BINDINGS = [
    Binding(response=response, threshold=threshold, strands=strands)
    for response in RESPONSES
    for threshold, strands in ((0.0, "both"), (3.0, "forward"))
]


@pytest.mark.parametrize("binding", BINDINGS, ids=str)
def test_occupancy_is_its_definition(binding: Binding) -> None:
    motif = toy.random_motif(1, 7, background=(0.3, 0.2, 0.2, 0.3))
    codes = toy.random_codes(2, 5, 40, unknown=0.03)
    truth = [toy.occupancy(motif, row, binding) for row in codes]
    # The definition's 1 - prod loses digits: 40 factors of relative error 1e-16.
    np.testing.assert_allclose(
        occupancy(motif, codes, binding=binding), truth, rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("length", [1, 2, 7, 31])
@pytest.mark.parametrize("width", [1, 6, 9])
@pytest.mark.parametrize("binding", BINDINGS, ids=str)
def test_changes_are_those_of_rescanned_mutants(binding: Binding, width: int, length: int) -> None:
    motif = toy.random_motif(width, width, background=(0.3, 0.2, 0.2, 0.3))
    codes = toy.random_codes(3, 4, length, unknown=0.05 if length > 2 else 0.0)
    variants = saturation(codes)
    got = occupancy_changes(motif, codes, variants.offset, variants.alt, binding=binding)
    for k in range(variants.n_variants):
        mutants = codes.copy()
        rows = np.flatnonzero(variants.mask[:, k])
        mutants[rows, variants.offset[rows, k]] = variants.alt[rows, k]
        before = occupancy(motif, codes, binding=binding)
        after = occupancy(motif, mutants, binding=binding)
        # Sums of at most 62 windows in another order, and differences of numbers of this size.
        np.testing.assert_allclose(
            got[:, k], after - before, rtol=1e-12, atol=1e-14 * max(1.0, before.max(), after.max())
        )
    assert not got[~variants.mask].any()


def test_changes_of_listed_variants_are_those_of_the_whole_table() -> None:
    motif, codes = toy.random_motif(1, 6), toy.random_codes(2, 3, 30)
    everything = saturation(codes)
    table = occupancy_changes(motif, codes, everything.offset, everything.alt)
    pick = np.random.default_rng(0).permuted(np.tile(np.arange(90), (3, 1)), axis=1)[:, :20]
    offset = np.take_along_axis(everything.offset, pick, axis=1)
    alt = np.take_along_axis(everything.alt, pick, axis=1)
    np.testing.assert_array_equal(
        occupancy_changes(motif, codes, offset, alt), np.take_along_axis(table, pick, axis=1)
    )


@pytest.mark.parametrize("name", ["GATA_disc1", "TAL1_known1", "SOX2_1"])
def test_independent_binding_on_one_strand_is_that_of_the_simulation(name: str) -> None:
    known = load_motifs()[name]
    motif = Motif(name=name, probabilities=known.probability, background=BACKGROUND)
    codes = toy.random_codes(5, 8, 100)
    binding = Binding(strands="forward", pseudocount=0.0)
    np.testing.assert_allclose(
        occupancy(motif, codes, binding=binding), known.occupancy(codes), rtol=1e-11
    )
    variants = saturation(codes)
    table = known.substituted_occupancy(codes)
    truth = np.take_along_axis(
        table.reshape(8, -1), variants.offset * 4 + variants.alt, axis=1
    ) - known.occupancy(codes).reshape(-1, 1)
    # Occupancies up to 1, two ways of summing 100 windows.
    np.testing.assert_allclose(
        occupancy_changes(motif, codes, variants.offset, variants.alt, binding=binding),
        truth,
        rtol=0,
        atol=1e-13,
    )


def test_losing_the_one_strong_site_keeps_the_digits_of_the_weak_ones() -> None:
    # 30 bases of a certain motif: odds of 2^59 lost; what remains is of order one.
    rng = np.random.default_rng(0)
    word = rng.integers(0, 4, 30)
    rows = np.full((30, 4), 1e-9)
    rows[np.arange(30), word] = 1 - 3e-9
    motif = Motif(name="long", probabilities=rows, n_sites=1e6)
    codes = np.concatenate([rng.integers(0, 4, 20), word, rng.integers(0, 4, 20)])
    codes = codes.astype(np.uint8)[None]
    binding = Binding(response="log")
    mutant = codes.copy()
    mutant[0, 35] = (codes[0, 35] + 1) % 4
    got = occupancy_changes(
        motif, codes, np.array([[35]]), mutant[:, 35:36].astype(np.int64), binding=binding
    )
    truth = occupancy(motif, mutant, binding=binding) - occupancy(motif, codes, binding=binding)
    np.testing.assert_allclose(got[0], truth, rtol=1e-12)


@pytest.mark.parametrize("response", RESPONSES)
def test_repeats_of_a_long_repetitive_motif_neither_overflow_nor_lose_the_change(
    response: str,
) -> None:
    rows = np.tile([1.0, 0, 0, 0], (60, 1))
    motif = Motif(name="poly-A", probabilities=rows, n_sites=1000.0)
    codes = np.zeros((1, 200), dtype=np.uint8)
    binding = Binding(response=response)  # type: ignore[arg-type]
    mutant = codes.copy()
    mutant[0, 100] = 2
    got = occupancy_changes(motif, codes, np.array([[100]]), np.array([[2]]), binding=binding)
    before, after = (occupancy(motif, c, binding=binding) for c in (codes, mutant))
    assert np.isfinite(got).all()
    np.testing.assert_allclose(got[0], after - before, rtol=1e-12, atol=1e-14)


def test_many_loci_are_scanned_in_pieces_without_a_seam() -> None:
    motif, codes = toy.random_motif(1, 6), toy.random_codes(2, 400, 100)
    variants = saturation(codes)
    whole = occupancy_changes(motif, codes, variants.offset, variants.alt)
    for row in (0, 162, 163, 164, 399):
        one = slice(row, row + 1)
        np.testing.assert_array_equal(
            whole[one],
            occupancy_changes(motif, codes[one], variants.offset[one], variants.alt[one]),
        )


def test_doses_are_the_changes_of_each_motif() -> None:
    motifs = [toy.random_motif(seed, 5 + seed) for seed in range(3)]
    codes = toy.random_codes(2, 4, 30)
    variants = saturation(codes)
    got = motif_doses(motifs, codes, variants.offset, variants.alt)
    for motif, change in zip(motifs, got, strict=True):
        np.testing.assert_array_equal(
            change, occupancy_changes(motif, codes, variants.offset, variants.alt)
        )


def test_both_strands_see_the_reverse_complement_equally() -> None:
    motif, codes = toy.random_motif(4, 8), toy.random_codes(2, 4, 50)
    flipped = np.ascontiguousarray(3 - codes[:, ::-1])
    np.testing.assert_allclose(occupancy(motif, codes), occupancy(motif, flipped), rtol=1e-13)


def test_a_motif_longer_than_the_sequence_is_not_bound() -> None:
    motif, codes = toy.random_motif(1, 9), toy.random_codes(1, 2, 5)
    variants = saturation(codes)
    assert not occupancy(motif, codes).any()
    assert not occupancy_changes(motif, codes, variants.offset, variants.alt).any()


def test_no_loci_have_no_changes() -> None:
    none = np.zeros((0, 6), dtype=np.int64)
    got = motif_doses([toy.random_motif(1, 4)], np.zeros((0, 9), dtype=np.uint8), none, none)
    assert got.shape == (1, 0, 6)


def test_variants_and_settings_out_of_range_are_refused() -> None:
    motif, codes = toy.random_motif(1, 4), toy.random_codes(1, 1, 8)
    zero = np.array([[0]])
    with pytest.raises(ValueError, match="must lie within the locus of 8 bases, got 8 to 8"):
        occupancy_changes(motif, codes, np.array([[8]]), zero)
    with pytest.raises(ValueError, match=r"alternative bases must be 0 to 3 .*, got 4 to 4"):
        occupancy_changes(motif, codes, zero, np.array([[4]]))
    with pytest.raises(ValueError, match=r"binding.threshold must lie within -100 to 100 bits"):
        Binding(threshold=float("nan"))
    with pytest.raises(ValueError, match=r"binding.pseudocount must be 0 or more, got -1"):
        Binding(pseudocount=-1.0)
