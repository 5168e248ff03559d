"""Motifs: scanning, occupancy, sampling."""

import numpy as np
import pytest

from deepmr.simulation import BACKGROUND, Motif, load_motifs


def naive_occupancy(motif: Motif, codes: np.ndarray) -> float:
    """Return 1 - prod(1 - p), window by window, as the paper writes it."""
    missed = 1.0
    for start in range(len(codes) - motif.width + 1):
        score = 0.0
        for j in range(motif.width):
            base = codes[start + j]
            score += np.log(motif.probability[j, base] / BACKGROUND[base])
        missed *= 1.0 - 1.0 / (1.0 + np.exp(-score))
    return 1.0 - missed


@pytest.fixture
def codes() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 4, (5, 40)).astype(np.uint8)


@pytest.mark.parametrize("name", ["GATA_disc1", "TAL1_known1", "SOX2_1"])
def test_occupancy_is_one_minus_the_product_of_misses(name: str, codes: np.ndarray) -> None:
    motif = load_motifs()[name]
    expected = [naive_occupancy(motif, row) for row in codes]
    # The naive form loses digits where occupancy is small: 1 - (1 - p) is exact to 1e-16.
    np.testing.assert_allclose(motif.occupancy(codes), expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", ["GATA_disc1", "TAL1_known1", "SOX2_1"])
def test_substituted_occupancy_is_that_of_the_substituted_sequence(
    name: str, codes: np.ndarray
) -> None:
    motif = load_motifs()[name]
    found = motif.substituted_occupancy(codes)
    for row, column, base in [(0, 0, 1), (1, 39, 2), (2, 17, 0), (3, 9, 3), (4, 30, 1)]:
        changed = codes.copy()
        changed[row, column] = base
        # Sums of about 40 terms in another order: a few units in the last place of the total.
        np.testing.assert_allclose(
            found[row, column, base], motif.occupancy(changed)[row], rtol=1e-12, atol=1e-13
        )


def test_setting_a_base_to_itself_changes_nothing(codes: np.ndarray) -> None:
    motif = load_motifs()["GATA_disc1"]
    found = np.take_along_axis(motif.substituted_occupancy(codes), codes[..., None], axis=2)
    np.testing.assert_allclose(
        found[..., 0], np.broadcast_to(motif.occupancy(codes)[:, None], codes.shape), atol=1e-13
    )


def test_many_sequences_are_scanned_in_pieces_without_a_seam() -> None:
    codes = np.random.default_rng(4).integers(0, 4, (300, 30)).astype(np.uint8)
    motif = load_motifs()["GATA_disc1"]
    whole = motif.substituted_occupancy(codes)
    np.testing.assert_array_equal(whole[299], motif.substituted_occupancy(codes[299:])[0])
    np.testing.assert_array_equal(whole[255], motif.substituted_occupancy(codes[255:256])[0])


def test_samples_follow_the_matrix() -> None:
    motif = load_motifs()["TAL1_known1"]
    n = 40_000
    drawn = motif.sample(np.random.default_rng(0), n)
    frequency = (drawn[..., None] == np.arange(4)).mean(axis=0)
    # Five binomial standard errors: one in a thousand over 64 cells.
    bound = 5 * np.sqrt(motif.probability * (1 - motif.probability) / n) + 1e-9
    assert np.all(np.abs(frequency - motif.probability) < bound)


def test_motifs_are_probabilities_of_the_published_widths() -> None:
    assert {name: motif.width for name, motif in load_motifs().items()} == {
        "GATA_disc1": 10,
        "TAL1_known1": 16,
        "SOX2_1": 15,
    }


def test_a_zero_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="motif X must have positive probabilities"):
        Motif(name="X", probability=np.array([[1.0, 0.0, 0.0, 0.0]]))


def test_rows_that_are_no_distribution_are_refused() -> None:
    with pytest.raises(ValueError, match="rows of motif X must sum to one"):
        Motif(name="X", probability=np.full((2, 4), 0.3))
