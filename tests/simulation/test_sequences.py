"""Planted motifs and variants."""

import numpy as np
import pytest

from deepmr.simulation import Grammar, draw_sequences, draw_variants


def test_motifs_are_planted_in_a_quarter_each_and_never_overlap() -> None:
    grammar = Grammar(confounding="sequence")
    drawn = draw_sequences(np.random.default_rng(0), 2_000, 60, grammar)
    exposure, outcome = drawn.exposure_start >= 0, drawn.outcome_start >= 0
    for first, second in [(False, False), (True, False), (False, True), (True, True)]:
        assert np.sum((exposure == first) & (outcome == second)) == 500
    starts = np.stack([drawn.exposure_start, drawn.outcome_start, drawn.confounder_start])
    widths = [grammar.exposure.width, grammar.outcome.width, grammar.motifs["SOX2_1"].width]
    covered = np.zeros((2_000, 60), dtype=int)
    for start, width in zip(starts, widths, strict=True):
        assert np.all(start[start >= 0] + width <= 60)
        for j in range(width):
            rows = np.flatnonzero(start >= 0)
            covered[rows, start[rows] + j] += 1
    assert covered.max() == 1


def test_every_arrangement_is_equally_likely() -> None:
    # 26 bases of motif in 28: three gaps share two free bases in 6 ways, times two orders.
    grammar = Grammar()
    drawn = draw_sequences(np.random.default_rng(1), 24_000, 28, grammar)
    both = drawn.has_both
    pairs, counts = np.unique(
        np.stack([drawn.exposure_start[both], drawn.outcome_start[both]]),
        axis=1,
        return_counts=True,
    )
    assert pairs.shape[1] == 12
    # Chi-square with 11 degrees of freedom exceeds 31.3 once in a thousand.
    assert np.sum((counts - 500) ** 2 / 500) < 31.3


def test_what_was_planted_is_bound() -> None:
    grammar = Grammar()
    drawn = draw_sequences(np.random.default_rng(2), 400, 100, grammar)
    bound = grammar.exposure.occupancy(drawn.codes)
    planted = drawn.exposure_start >= 0
    # Measured .999 and .09 over 12,000 sequences; wide of both.
    assert bound[planted].mean() > 0.95
    assert bound[~planted].mean() < 0.2


def test_no_confounder_is_planted_unless_the_sequence_confounds() -> None:
    for confounding in ("none", "independent"):
        drawn = draw_sequences(np.random.default_rng(3), 40, 100, Grammar(confounding=confounding))
        assert np.all(drawn.confounder_start == -1)


def test_variants_differ_from_their_parents_in_one_base() -> None:
    parents = draw_sequences(np.random.default_rng(4), 50, 100, Grammar())
    before = parents.codes.copy()
    children, parent = draw_variants(np.random.default_rng(5), parents, 200)
    np.testing.assert_array_equal((children.codes != parents.codes[parent]).sum(axis=1), 1)
    assert children.codes.max() <= 3
    np.testing.assert_array_equal(parents.codes, before)
    np.testing.assert_array_equal(children.exposure_start, parents.exposure_start[parent])


def test_motifs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"10 \+ 16 bases do not fit into 25"):
        draw_sequences(np.random.default_rng(6), 8, 25, Grammar())
