"""Similarity of motifs, and decoys."""

import numpy as np
import pytest

from deepmr.motifs import Motif, decoys, similarity
from deepmr.simulation import load_motifs
from tests.motifs import toy


def naive(a: Motif, b: Motif) -> float:
    """Return the best Pearson correlation of padded matrices over all shifts and both strands."""
    best = -1.0
    n, m = a.length, b.length
    for rows in (b.probabilities, b.probabilities[::-1, ::-1]):
        for shift in range(-m + 1, n):
            x, y = np.full((2, n + 2 * m, 4), 0.25)
            x[m : m + n] = a.probabilities
            y[m + shift : m + shift + m] = rows
            best = max(best, float(np.corrcoef(x.ravel(), y.ravel())[0, 1]))
    return best


@pytest.mark.parametrize("lengths", [(5, 5), (4, 9), (9, 4), (1, 6)])
def test_similarity_is_the_best_correlation_of_aligned_columns(lengths: tuple[int, int]) -> None:
    a, b = toy.random_motif(1, lengths[0]), toy.random_motif(2, lengths[1])
    np.testing.assert_allclose(similarity(a, b), naive(a, b), rtol=1e-12)
    np.testing.assert_allclose(similarity(b, a), similarity(a, b), rtol=1e-12)


def test_a_motif_is_equal_to_itself_its_reverse_and_its_padded_self() -> None:
    motif = toy.random_motif(3, 8)
    padded = np.concatenate([np.full((3, 4), 0.25), motif.probabilities, np.full((2, 4), 0.25)])
    for other in (motif, motif.reverse_complement(), Motif(name="p", probabilities=padded)):
        np.testing.assert_allclose(similarity(motif, other), 1.0, rtol=1e-12)


def test_a_motif_without_information_resembles_nothing() -> None:
    flat = Motif(name="flat", probabilities=np.full((5, 4), 0.25))
    assert similarity(flat, toy.random_motif(1, 5)) == 0.0


@pytest.mark.parametrize("name", ["GATA_disc1", "TAL1_known1", "SOX2_1"])
def test_decoys_keep_columns_and_information_but_not_the_likeness(name: str) -> None:
    motif = Motif(name=name, probabilities=load_motifs()[name].probability, n_sites=40.0)
    found = decoys(motif, 6, seed=1)
    assert len({decoy.probabilities.tobytes() for decoy in found}) == 6
    for decoy in found:
        assert decoy.n_sites == 40.0
        np.testing.assert_array_equal(
            np.sort(decoy.probabilities, axis=0), np.sort(motif.probabilities, axis=0)
        )
        np.testing.assert_allclose(decoy.information().sum(), motif.information().sum(), rtol=1e-13)
        assert similarity(motif, decoy) <= 0.6


def test_decoys_are_unlike_other_motifs_too() -> None:
    motif = toy.random_motif(1, 8)
    free = decoys(motif, 4, seed=0)
    other = free[0]
    held = decoys(motif, 4, seed=0, unlike=[other])
    assert max(similarity(other, decoy) for decoy in held) <= 0.6
    # The first decoy, equal to the motif to avoid, is gone; the unlike ones stay in their order.
    kept = [d.probabilities.tobytes() for d in free[1:] if similarity(other, d) <= 0.6]
    assert [d.probabilities.tobytes() for d in held][: len(kept)] == kept


def test_decoys_are_a_function_of_their_seed() -> None:
    motif = toy.random_motif(1, 10)
    one, same, other = (decoys(motif, 2, seed=seed)[1].probabilities for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_motifs_that_cannot_be_shuffled_are_refused() -> None:
    motif = Motif(name="AAAA", probabilities=np.tile([0.97, 0.01, 0.01, 0.01], (4, 1)))
    with pytest.raises(ValueError, match=r"motif AAAA has 0 shuffled forms .*, 3 were asked for"):
        decoys(motif, 3, seed=0)
    with pytest.raises(ValueError, match="number of decoys must be 0 or more, got -1"):
        decoys(motif, -1, seed=0)
