"""Loci of the gallery: which are shown, and which motif matches are named."""

from __future__ import annotations

import numpy as np
import pytest

from deepmr.effects import MemberEffects
from deepmr.motifs import Motif, MotifLibrary
from deepmr.report.gallery import MOST_SHOWN, choose_loci
from deepmr.workflow.locus_view import motif_sites, reference_codes


def test_the_gallery_shows_a_twentieth_of_each_kind_at_most_twelve_and_none_twice():
    rng = np.random.default_rng(0)
    for n, each in ((5, 1), (40, 2), (300, 4), (10_000, 4)):
        value, se = rng.normal(size=n), rng.uniform(0.1, 1.0, size=n)
        chosen = choose_loci(value, se)
        assert len(chosen) == len({row for row, _ in chosen}) == 3 * each <= MOST_SHOWN <= 20
        kinds = [kind for _, kind in chosen]
        assert kinds == ["typical"] * each + ["deviant"] * each + ["certain"] * each


def test_kinds_are_what_they_are_called():
    value = np.r_[np.linspace(0.9, 1.1, 19), 9.0, np.nan]
    se = np.r_[np.full(19, 0.5), 0.6, np.nan]
    se[0] = 0.01
    kinds = {kind: row for row, kind in choose_loci(value, se)}
    assert value[kinds["typical"]] == pytest.approx(np.nanmedian(value), abs=0.02)
    assert kinds["deviant"] == 19
    assert kinds["certain"] == 0


def test_without_a_slope_the_first_locus_is_shown():
    assert choose_loci(np.full(3, np.nan), np.full(3, np.nan)) == [(0, "first")]


def effects(length: int = 6) -> MemberEffects:
    offset = np.repeat(np.arange(length), 3)
    ref = np.repeat(np.array([0, 2, 0, 3, 1, 1])[:length], 3)
    alt = np.concatenate([[b for b in range(4) if b != r] for r in ref[::3]])
    value = np.stack([np.full((2, 3 * length), -1.0), np.full((2, 3 * length), -0.5)])
    return MemberEffects(
        value=value, tasks=("X", "Y"), offset=offset, ref=ref, alt=alt,
        mask=np.ones(3 * length, dtype=bool),
    )  # fmt: skip


def test_the_reference_is_read_from_the_substitutions():
    assert reference_codes(effects(), 7).tolist() == [0, 2, 0, 3, 1, 1, 4]


def test_only_matches_that_overlap_an_instrument_are_named():
    row = [[0.97, 0.01, 0.01, 0.01], [0.01, 0.01, 0.97, 0.01], [0.97, 0.01, 0.01, 0.01]]
    library = MotifLibrary(motifs=(Motif(name="AGA", probabilities=np.array(row)),))
    codes = np.array([[0, 2, 0, 3, 1, 1]], dtype=np.uint8)
    (found,) = motif_sites(library, codes, [np.array([1])], p=0.05)
    assert [(site.name, site.start, site.end) for site in found] == [("AGA", 0, 3)]
    assert motif_sites(library, codes, [np.array([4])], p=0.05) == [[]]
    assert motif_sites(None, codes, [np.array([1])]) == [[]]
