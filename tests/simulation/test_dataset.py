"""Whole data sets: parts, streams, reproducibility."""

from dataclasses import replace

import numpy as np
import pytest

from deepmr.simulation import Sizes, draw_grammar, draw_motif_variants, simulate

SMALL = Sizes(train=60, variants=40, calibration=12, test=20, length=50)


def test_parts_are_disjoint_and_complete() -> None:
    data = simulate(1, sizes=SMALL)
    rows = np.concatenate([data.rows[name] for name in ("train", "validation", "calibration")])
    rows = np.concatenate([rows, data.rows["test"]])
    np.testing.assert_array_equal(np.sort(rows), np.arange(132))


def test_variants_stay_in_the_part_of_their_parents() -> None:
    data = simulate(1, sizes=SMALL)
    codes = data.sequences.codes
    difference = (codes[60:100, None] != codes[None, :60]).sum(axis=-1)
    parent = difference.argmin(axis=1)
    np.testing.assert_array_equal(difference.min(axis=1), 1)
    validation = np.isin(np.arange(100), data.rows["validation"])
    np.testing.assert_array_equal(validation[60:], validation[parent])
    assert validation[:60].sum() == 9


def test_the_same_seed_gives_the_same_data_and_another_does_not() -> None:
    first, again, other = (simulate(seed, sizes=SMALL) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.counts, again.counts)
    np.testing.assert_array_equal(first.sequences.codes, again.sequences.codes)
    assert np.any(first.sequences.codes != other.sequences.codes)


def test_changing_one_part_leaves_the_others_as_they_were() -> None:
    plain = simulate(1, sizes=SMALL)
    larger = simulate(1, sizes=Sizes(train=60, variants=45, calibration=13, test=20, length=50))
    for part in (slice(0, 60),):
        np.testing.assert_array_equal(plain.sequences.codes[part], larger.sequences.codes[part])
    np.testing.assert_array_equal(
        plain.sequences.codes[plain.rows["test"]], larger.sequences.codes[larger.rows["test"]]
    )
    np.testing.assert_array_equal(
        plain.counts[plain.rows["test"]], larger.counts[larger.rows["test"]]
    )


def test_variants_inside_motifs_change_a_planted_site_and_nothing_else() -> None:
    sizes = Sizes(train=60, variants=40, motif_variants=80, calibration=12, test=20, length=50)
    plain, added = simulate(1, sizes=SMALL), simulate(1, sizes=sizes)
    for before, after in (
        (np.arange(100), np.arange(100)),
        (plain.rows["test"], added.rows["test"]),
    ):
        np.testing.assert_array_equal(plain.sequences.codes[before], added.sequences.codes[after])
        np.testing.assert_array_equal(plain.counts[before], added.counts[after])
    inside = np.arange(100, 180)
    assert len(added.counts) == 132 + 80
    codes = added.sequences.codes
    difference = (codes[inside, None] != codes[None, :60]).sum(axis=-1)
    np.testing.assert_array_equal(difference.min(axis=1), 1)
    parent = difference.argmin(axis=1)
    column = (codes[inside] != codes[parent]).argmax(axis=1)
    planted, width = added.sequences, {}
    width["exposure_start"] = added.grammar.exposure.width
    width["outcome_start"] = added.grammar.outcome.width
    hit = np.zeros(80, dtype=bool)
    for name, size in width.items():
        start = getattr(planted, name)[inside]
        hit |= (start >= 0) & (column >= start) & (column < start + size)
    assert hit.all()
    validation = np.isin(np.arange(180), added.rows["validation"])
    np.testing.assert_array_equal(validation[inside], validation[parent])


def test_variants_inside_motifs_need_a_motif() -> None:
    grammar = draw_grammar(np.random.default_rng(0))
    bare = simulate(1, sizes=SMALL).sequences
    nowhere = np.full(len(bare), -1)
    bare = replace(bare, exposure_start=nowhere, outcome_start=nowhere, confounder_start=nowhere)
    with pytest.raises(ValueError, match="no sequence holds a motif"):
        draw_motif_variants(np.random.default_rng(0), bare, 3, grammar)


def test_fixing_the_effect_leaves_the_sequences_as_they_were() -> None:
    free, fixed = simulate(1, sizes=SMALL), simulate(1, sizes=SMALL, effect=1.0)
    np.testing.assert_array_equal(free.sequences.codes, fixed.sequences.codes)
    assert fixed.grammar.effect == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": 0}, "train must be at least 1, got 0"),
        ({"variants": -1}, "variants must not be negative, got -1"),
        ({"motif_variants": -1}, "motif_variants must not be negative, got -1"),
        ({"validation_fraction": 1.0}, "validation_fraction must leave sequences"),
    ],
)
def test_impossible_sizes_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sizes(**change)
