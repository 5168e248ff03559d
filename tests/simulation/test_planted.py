"""Planting any number of motifs."""

import numpy as np
import pytest

from deepmr.simulation import load_motifs, plant

MOTIFS = [load_motifs("all")[name] for name in ("CTCF", "MYC", "SP1")]


def test_motifs_are_present_with_their_probability_and_never_overlap() -> None:
    n, present = 4_000, np.array([0.2, 0.5, 0.8])
    codes, starts = plant(np.random.default_rng(0), n, 100, MOTIFS, present=present, copies=2)
    assert codes.shape == (n, 100)
    share = (starts >= 0).any(axis=2).mean(axis=0)
    # Five binomial standard errors.
    assert np.all(np.abs(share - present) < 5 * np.sqrt(present * (1 - present) / n))
    twice = (starts >= 0).all(axis=2).mean(axis=0)
    assert np.all(np.abs(twice - present / 2) < 5 * np.sqrt(0.25 / n))
    covered = np.zeros((n, 100), dtype=int)
    for k, motif in enumerate(MOTIFS):
        for copy in range(2):
            rows = np.flatnonzero(starts[:, k, copy] >= 0)
            for j in range(motif.width):
                covered[rows, starts[rows, k, copy] + j] += 1
    assert covered.max() == 1


def test_what_is_planted_is_a_site() -> None:
    codes, starts = plant(
        np.random.default_rng(1), 500, 60, MOTIFS[:1], present=np.array([0.5]), copies=1
    )
    scores = MOTIFS[0].scores(codes)
    there = starts[:, 0, 0] >= 0
    planted = scores[np.flatnonzero(there), starts[there, 0, 0]]
    # An average site of CTCF has a score of 11, a background window one of about -14.
    assert np.median(planted) > 8 > np.median(scores[~there].max(axis=1))


def test_sites_lie_anywhere() -> None:
    _, starts = plant(
        np.random.default_rng(2), 3_000, 60, MOTIFS[1:], present=np.array([1.0, 1.0]), copies=1
    )
    # MYC has 8 bases: starts reach both ends, and their mean lies in the middle (standard
    # deviation about 15, five standard errors).
    first = starts[:, 0, 0]
    assert first.min() == 0
    assert first.max() == 52
    assert abs(first.mean() - 26) < 5 * 16 / np.sqrt(3_000)


def test_a_motif_longer_than_the_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match=r"motif CTCF has 15 bases and does not fit into 10"):
        plant(np.random.default_rng(0), 5, 10, MOTIFS, present=np.full(3, 0.5))


def test_motifs_that_never_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"3 motifs in up to 1 copies hardly ever fit into 20"):
        plant(np.random.default_rng(0), 50, 20, MOTIFS, present=np.ones(3))
