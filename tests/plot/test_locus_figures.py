"""Figures of single loci: what is drawn is what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from deepmr.effects import MemberEffects
from deepmr.genome import Interval
from deepmr.meta import random_effects
from deepmr.plot import (
    MotifSite,
    base_contributions,
    dose_response,
    forest,
    leave_one_out,
    locus_response,
    locus_tracks,
    sequence_logo,
    threshold_curve,
    to_svg,
)


def effects(length: int = 150, seed: int = 0) -> MemberEffects:
    rng = np.random.default_rng(seed)
    ref = rng.integers(0, 4, length)
    alt = np.concatenate([[b for b in range(4) if b != r] for r in ref])
    x = np.zeros(3 * length)
    x[90:120] = rng.normal(-2.0, 0.3, 30)
    noise = rng.normal(0.0, 0.05, (2, 3, 3 * length))
    return MemberEffects(
        value=np.stack([x, 0.5 * x])[:, None] + noise,
        tasks=("GATA1", "TAL1"),
        offset=np.repeat(np.arange(length), 3),
        ref=np.repeat(ref, 3),
        alt=alt,
        mask=np.ones(3 * length, dtype=bool),
    )


def texts(axes) -> str:
    return " ".join(text.get_text() for one in axes for text in one.texts)


def test_a_letter_is_as_high_as_its_base_contributes():
    base, height = np.array([0, 1, 2, 3, -1]), np.array([2.0, -1.0, np.nan, 0.5, 4.0])
    axes = sequence_logo(base, height)
    boxes = [patch.get_path().get_extents() for patch in axes.patches]
    assert [(round(b.y0, 9), round(b.y1, 9)) for b in boxes] == [(0, 2), (-1, 0), (0, 0.5)]
    assert [round((b.x0 + b.x1) / 2, 6) for b in boxes] == [0, 1, 3]


def test_contributions_are_minus_the_mean_of_the_substitutions():
    one = effects()
    base, height = base_contributions(one, "GATA1")
    mean = one.of("GATA1").mean(axis=0).reshape(-1, 3).mean(axis=1)
    np.testing.assert_allclose(height, -mean, atol=1e-12)  # float64 sums of three
    assert (base == one.ref[::3]).all()


def test_tracks_mark_instruments_and_name_motifs_in_the_window():
    one = effects()
    used = np.abs(one.of("GATA1").mean(axis=0)) > 1.0
    sites = [
        MotifSite(name="GATA1", start=30, end=41),
        MotifSite(name="TAL1::TCF3", start=33, end=45, strand=-1),
        MotifSite(name="FAR", start=149, end=150),
    ]
    axes = locus_tracks(
        one, ("GATA1", "TAL1"), instruments=used, motifs=sites,
        locus=Interval("chr1", 1000, 1150), units=("logits", "logits"), window=(20, 60),
    )  # fmt: skip
    said = texts(axes)
    assert "GATA1 +" in said
    assert "TAL1::TCF3 \N{MINUS SIGN}" in said
    assert "FAR" not in said
    (marks,) = [line for line in axes[1].lines if line.get_marker() == "v"]
    assert marks.get_xdata().tolist() == [1000 + k for k in range(30, 40)]
    assert axes[-1].get_xlabel() == "Position on chr1 (bases)"
    assert to_svg(axes[0]) == to_svg(axes[0]), "the same figure, the same bytes"


def test_a_locus_without_substitutions_has_stems_instead_of_letters():
    one = effects(40)
    listed = MemberEffects(
        value=one.value, tasks=one.tasks, offset=one.offset, ref=-np.ones_like(one.ref),
        alt=-np.ones_like(one.alt), mask=one.mask,
    )  # fmt: skip
    axes = locus_tracks(listed, ("GATA1", "TAL1"))
    assert not any(ax.patches for ax in axes)
    assert to_svg(axes[0]).startswith(b"<?xml")


def test_without_an_instrument_the_figure_says_so():
    one = effects()
    none = np.zeros(one.mask.shape, dtype=bool)
    assert "no instrument here" in texts(locus_tracks(one, one.tasks, instruments=none))
    left, right = locus_response(one, *one.tasks, instruments=none)
    assert "no instrument" in texts([right])
    assert b"nan" not in to_svg(left).lower()


def test_dose_response_points_are_means_of_groups_of_instruments():
    x = np.array([[-3.0, -1.0, 1.0, 3.0] * 2, [-3.0, -1.0, 1.0, 3.0] * 2])
    axes = dose_response(x, 2.0 * x)
    means = axes.lines[-1]
    np.testing.assert_allclose(means.get_ydata(), 2.0 * means.get_xdata())
    assert means.get_xdata().tolist() == [-2.0, 2.0]


def test_forest_names_each_locus_with_its_weight():
    value, se = np.array([0.4, 0.6, 0.5]), np.full(3, 0.1)
    pooled = random_effects(value, se)
    axes = forest(value, se, pooled, names=list("abc"), weights=np.array([0.5, 0.3, 0.2]))
    said = texts([axes])
    for part in ("50.0 %", "30.0 %", "20.0 %", "0.40 (0.20 to 0.60)", "weight"):
        assert part in said
    with pytest.raises(ValueError, match="a weight a locus, got 2 for 3"):
        forest(value, se, pooled, weights=np.ones(2))


def test_leave_one_out_is_the_weighted_mean_of_the_others():
    value, weight = np.array([1.0, 2.0, 6.0]), np.array([0.5, 0.25, 0.25])
    axes = leave_one_out(value, weight, (0.0, 5.0), names=list("abc"))
    points = axes.lines[-1].get_xdata()
    labels = [label.get_text() for label in axes.get_yticklabels()]
    found = dict(zip(labels, points, strict=True))
    expected = {"a": 4.0, "b": (0.5 + 1.5) / 0.75, "c": 1.0 / 0.75}
    assert found == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="at least 2 loci"):
        leave_one_out(value[:1], weight[:1], (0.0, 1.0))


def test_a_threshold_curve_needs_a_slope_a_threshold():
    with pytest.raises(ValueError, match="slope and interval at each of 2 thresholds"):
        threshold_curve(np.array([0.1, 0.2]), {"X": np.zeros((3, 3))})
