"""Matches: exact p-values, both strands, thresholds, variants inside them."""

import inspect
import re

import numpy as np
import pytest

from deepmr.motifs import Motif, find_matches, score_distribution, variants_in_matches
from tests.motifs import toy

BACKGROUNDS = [(0.25, 0.25, 0.25, 0.25), (0.35, 0.2, 0.15, 0.3)]


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_p_value_is_the_background_probability_of_all_words_that_score_as_high(
    background: tuple[float, ...],
) -> None:
    motif = toy.random_motif(1, 6, background=background)
    distribution = score_distribution(motif)
    words = toy.all_words(6)
    steps = distribution.table[np.arange(6), words].sum(axis=1)
    probability = np.array(background)[words].prod(axis=1)
    for chosen in np.random.default_rng(0).choice(len(words), 40, replace=False):
        truth = probability[steps >= steps[chosen]].sum()
        # Two sums of at most 4,096 positive terms.
        np.testing.assert_allclose(distribution.p_value(steps[[chosen]]), truth, rtol=1e-11)
    np.testing.assert_allclose(
        distribution.p_value(np.array([distribution.lowest - 5])), 1.0, rtol=1e-12
    )


@pytest.mark.parametrize("p", [1e-3, 0.01, 0.2, 1.0])
def test_threshold_is_the_lowest_score_whose_p_value_is_small_enough(p: float) -> None:
    distribution = score_distribution(toy.random_motif(2, 7))
    least = distribution.threshold(p)
    assert distribution.p_value(np.array([least]))[0] <= p
    if least > distribution.lowest:
        assert distribution.p_value(np.array([least - 1]))[0] > p


def test_matches_are_the_windows_that_reach_the_threshold_on_either_strand() -> None:
    motif = toy.random_motif(3, 8, background=BACKGROUNDS[1])
    codes = toy.random_codes(4, 6, 150, unknown=0.01)
    found = find_matches(motif, codes, p=0.01)
    distribution = score_distribution(motif)
    # Eight entries rounded to 0.001 bits: a window within 0.004 of the threshold may go either way.
    cutoff, slack = distribution.threshold(0.01) / 1000, 0.004
    scores = {
        (locus, start, 1 - 2 * strand): score
        for locus, row in enumerate(codes)
        for start, both in enumerate(toy.window_scores(motif, row))
        for strand, score in enumerate(both)
    }
    got = dict(
        zip(
            zip(found.locus.tolist(), found.start.tolist(), found.strand.tolist(), strict=True),
            found.score,
            strict=True,
        )
    )
    assert {key for key, score in scores.items() if score >= cutoff + slack} <= set(got)
    assert set(got) <= {key for key, score in scores.items() if score >= cutoff - slack}
    assert len(got) > 10
    np.testing.assert_allclose(list(got.values()), [scores[key] for key in got], atol=slack)
    np.testing.assert_array_equal(found.end - found.start, 8)
    np.testing.assert_array_equal(
        found.p, distribution.p_value(np.round(found.score * 1000).astype(np.int64))
    )


def test_columns_are_ordered_by_locus_start_and_strand() -> None:
    found = find_matches(toy.random_motif(5, 6), toy.random_codes(5, 4, 80), p=0.2)
    order = np.lexsort((-found.strand.astype(int), found.start, found.locus))
    np.testing.assert_array_equal(order, np.arange(len(found)))


def test_as_many_random_windows_match_as_the_p_value_says() -> None:
    background = np.array(BACKGROUNDS[1])
    motif = toy.random_motif(6, 12, background=BACKGROUNDS[1])
    codes = np.random.default_rng(7).choice(4, (1000, 111), p=background).astype(np.uint8)
    n = len(find_matches(motif, codes, p=1e-3, strands="forward"))
    # 100,000 windows; neighbours depend on each other little: four Poisson standard errors.
    assert abs(n - 100) < 40


def test_the_reverse_complement_has_the_mirrored_matches() -> None:
    motif = toy.random_motif(8, 9, background=BACKGROUNDS[1])
    codes = toy.random_codes(9, 3, 200)
    one = find_matches(motif, codes, p=0.01)
    other = find_matches(motif.reverse_complement(), codes, p=0.01)
    assert sorted(zip(one.locus, one.start, one.strand, strict=True)) == sorted(
        zip(other.locus, other.start, -other.strand, strict=True)
    )


def test_windows_with_an_unknown_base_are_no_matches() -> None:
    motif = toy.random_motif(1, 4)
    codes = np.array([[0, 1, 2, 4, 3, 0, 1, 2]], dtype=np.uint8)
    assert find_matches(motif, codes, p=1.0, strands="forward").start.tolist() == [4]


def test_relative_score_counts_from_the_lowest_to_the_highest_possible_one() -> None:
    motif = toy.random_motif(2, 5)
    codes = toy.all_words(5)
    found = find_matches(motif, codes, p=1.0, relative=0.8, strands="forward")
    table = score_distribution(motif).table
    steps = table[np.arange(5), codes].sum(axis=1)
    relative = (steps - steps.min()) / (steps.max() - steps.min())
    np.testing.assert_array_equal(found.locus, np.flatnonzero(relative >= 0.8))
    best = find_matches(motif, codes, p=1.0, relative=1.0, strands="forward")
    np.testing.assert_array_equal(best.locus, np.flatnonzero(steps == steps.max()))


def test_a_motif_longer_than_the_sequence_has_no_matches() -> None:
    assert len(find_matches(toy.random_motif(1, 9), toy.random_codes(1, 2, 8))) == 0


@pytest.mark.parametrize("margin", [0, 3])
def test_variants_in_matches_are_those_at_the_positions_of_a_match(margin: int) -> None:
    motif = toy.random_motif(3, 8)
    codes = toy.random_codes(4, 5, 60)
    rng = np.random.default_rng(0)
    offset = rng.integers(0, 60, (5, 90))
    got = variants_in_matches(motif, codes, offset, p=0.005, margin=margin)
    found = find_matches(motif, codes, p=0.005)
    spans = list(zip(found.locus, found.start - margin, found.end + margin, strict=True))
    truth = [
        [any(k == locus and a <= at < b for k, a, b in spans) for at in row]
        for locus, row in enumerate(offset)
    ]
    np.testing.assert_array_equal(got, truth)
    assert 0.02 < got.mean() < 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 0.0}, "motif short: a p-value threshold lies in (0, 1], got 0.0"),
        ({"p": 1e-4}, "motif short: no site of this motif reaches p <= 0.0001: its best score has "
                      "p = 0.0625; raise the threshold"),
        ({"p": 0.1, "relative": 1.5}, "a relative score lies in 0 to 1, got 1.5"),
        ({"p": 0.1, "strands": "reverse"}, "strands is both or forward, got 'reverse'"),
    ],
)  # fmt: skip
def test_impossible_thresholds_are_refused(options: dict[str, object], message: str) -> None:
    motif = Motif(name="short", probabilities=np.array([[0.97, 0.01, 0.01, 0.01]] * 2))
    codes = np.zeros((1, 5), dtype=np.uint8)
    unchecked = inspect.unwrap(find_matches)  # without the type checker, as outside tests
    with pytest.raises(ValueError, match=re.escape(message)):
        unchecked(motif, codes, **options)


def test_offsets_and_codes_out_of_range_are_refused() -> None:
    motif, codes = toy.random_motif(1, 4), toy.random_codes(1, 2, 8)
    with pytest.raises(ValueError, match="offset must lie within the locus of 8 bases, got 0 to 8"):
        variants_in_matches(motif, codes, np.array([[0], [8]]), p=0.1)
    with pytest.raises(ValueError, match=r"base codes must be 0 to 3 .* or 4 .*, got 5"):
        find_matches(motif, np.full((1, 8), 5, dtype=np.uint8), p=0.1)
    with pytest.raises(ValueError, match="margin must be 0 or more bases, got -1"):
        variants_in_matches(motif, codes, np.array([[0], [1]]), p=0.1, margin=-1)
