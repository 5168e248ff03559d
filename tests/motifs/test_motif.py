"""The motif type: log-odds, strands, information, consensus."""

import re

import numpy as np
import pytest

from deepmr.motifs import UNIFORM, Motif


def sharp(word: str, p: float = 0.97, **fields: object) -> Motif:
    """Return a motif of one preferred base a position."""
    rows = np.full((len(word), 4), (1 - p) / 3)
    rows[np.arange(len(word)), ["ACGT".index(base) for base in word]] = p
    rows /= rows.sum(axis=1, keepdims=True)
    return Motif(name=word, probabilities=rows, **fields)  # type: ignore[arg-type]


def test_pseudocounts_are_added_to_the_counts_by_the_background() -> None:
    background = np.array([0.3, 0.2, 0.2, 0.3])
    motif = Motif(
        name="X", probabilities=np.array([[1.0, 0, 0, 0]]), background=background, n_sites=8.0
    )
    # 8 sites, all A, and 2 counts divided by the background: (8.6, .4, .4, .6) / 10.
    np.testing.assert_allclose(motif.smoothed(2.0), [[0.86, 0.04, 0.04, 0.06]], rtol=1e-14)
    np.testing.assert_allclose(
        motif.log_odds(2.0), np.log2([[0.86 / 0.3, 0.2, 0.2, 0.2]]), rtol=1e-13
    )


def test_unknown_number_of_sites_counts_as_twenty() -> None:
    rows = np.array([[0.5, 0.5, 0, 0]])
    known = Motif(name="X", probabilities=rows, n_sites=20.0)
    np.testing.assert_array_equal(
        Motif(name="X", probabilities=rows).smoothed(1.0), known.smoothed(1.0)
    )


def test_log_odds_of_the_reverse_complement_are_the_flipped_log_odds() -> None:
    motif = sharp("GATTC", background=np.array([0.4, 0.3, 0.2, 0.1]), n_sites=30.0)
    other = motif.reverse_complement()
    np.testing.assert_array_equal(other.log_odds(), motif.log_odds()[::-1, ::-1])
    assert other.consensus == "GAATC"
    np.testing.assert_array_equal(other.reverse_complement().probabilities, motif.probabilities)


def test_information_is_relative_entropy_to_the_background() -> None:
    rows = np.array([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0, 0.5, 0]])
    motif = Motif(name="X", probabilities=rows)
    np.testing.assert_allclose(motif.information(), [2.0, 0.0, 1.0], atol=1e-15)
    biased = Motif(name="X", probabilities=rows, background=np.array([0.125, 0.375, 0.125, 0.375]))
    np.testing.assert_allclose(biased.information()[[0, 2]], [3.0, 2.0], rtol=1e-14)


def test_consensus_follows_cavener() -> None:
    rows = [[0.7, 0.1, 0.1, 0.1], [0.52, 0.3, 0.1, 0.08], [0.4, 0.05, 0.4, 0.15], [0.25] * 4]
    assert Motif(name="X", probabilities=np.array(rows)).consensus == "AMRN"


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("GATA1", "GATA1"),
        ("GATA1_HUMAN.H11MO.0.A", "GATA1"),
        ("GATA1(Zf)/K562-GATA1-ChIP-Seq/Homer", "GATA1"),
        ("GATA1::TAL1", "GATA1::TAL1"),
        ("NKX2-5", "NKX2-5"),
        ("_odd", "_odd"),
    ],
)
def test_target_is_the_part_of_the_name_that_names_the_protein(name: str, target: str) -> None:
    assert Motif(name=name, probabilities=np.full((1, 4), 0.25)).target == target


def test_arrays_are_copied_and_cannot_be_written() -> None:
    rows = np.full((2, 4), 0.25)
    motif = Motif(name="X", probabilities=rows)
    rows[0] = 9.0
    assert motif.probabilities[0, 0] == 0.25
    for array in (motif.probabilities, motif.background, UNIFORM):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"probabilities": np.full((2, 4), 0.3)}, "motif X: the probabilities at a position must"),
        ({"probabilities": np.array([[1.5, -0.5, 0, 0]])}, "must be 0 or more and sum to 1"),
        ({"probabilities": np.array([[np.nan, 0.5, 0, 0]])}, "must be 0 or more and sum to 1"),
        ({"probabilities": np.full((2, 3), 1 / 3)}, "(length, 4) with columns A, C, G, T, got"),
        ({"probabilities": np.zeros((0, 4))}, "got shape (0, 4)"),
        ({"background": np.array([1.0, 0, 0, 0])}, "background must be 4 positive probabilities"),
        ({"n_sites": 0.0}, "n_sites must be positive, got 0.0"),
        ({"name": ""}, "a motif needs a name"),
    ],
)
def test_what_is_no_motif_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Motif(**({"name": "X", "probabilities": np.full((1, 4), 0.25)} | fields))  # type: ignore[arg-type]


def test_infinite_log_odds_are_refused() -> None:
    motif = Motif(name="X", probabilities=np.array([[1.0, 0, 0, 0]]))
    with pytest.raises(ValueError, match=r"motif X holds probabilities of zero.*pseudocount above"):
        motif.log_odds(0.0)
    with pytest.raises(ValueError, match="pseudocount must be 0 or more, got -1"):
        motif.log_odds(-1.0)
