"""Figures of a meta-analysis: every size draws, and what is drawn is what was pooled."""

from __future__ import annotations

import numpy as np
import pytest

from deepmr.meta import common_effect, median_effect, random_effects, trim_and_fill
from deepmr.plot.baujat import baujat
from deepmr.plot.forest import forest
from deepmr.plot.funnel import funnel
from deepmr.plot.prediction import prediction
from deepmr.plot.radial import radial
from deepmr.plot.style import new_axes, to_png

FIGURES = (forest, funnel, baujat, radial, prediction)


def _loci(n_loci: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n_loci)
    se = 0.08 * np.exp(rng.normal(0, 0.7, n_loci))
    return rng.normal(0.4, np.sqrt(0.15**2 + se**2)), se


@pytest.mark.parametrize("n_loci", [1, 3, 30, 3000])
@pytest.mark.parametrize("figure", FIGURES)
def test_every_number_of_loci_is_drawn_on_the_axes_given(figure, n_loci):
    value, se = _loci(n_loci)
    ax = new_axes()
    assert figure(value, se, random_effects(value, se), ax=ax) is ax
    assert len(to_png(ax, dpi=40)) > 1000


@pytest.mark.parametrize("figure", FIGURES)
def test_a_missing_locus_leaves_no_mark(figure):
    value, se = _loci(12)
    holed = np.append(value, [np.nan, 0.1]), np.append(se, [0.1, np.nan])
    pictures = [
        to_png(figure(*loci, random_effects(*loci)), dpi=40) for loci in ((value, se), holed)
    ]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("figure", [forest, funnel, radial, prediction, baujat])
def test_a_batch_is_refused(figure):
    value, se = _loci(4)
    batch = random_effects(np.stack([value, value]), np.stack([se, se]))
    with pytest.raises(ValueError, match="batch of shape"):
        figure(value, se, batch)


def test_forest_names_rows_and_says_what_was_pooled():
    value, se = np.array([0.2, 0.1, 0.6]), np.array([0.1, 0.1, 0.1])
    ax = forest(value, se, common_effect(value, se), names=["chr1:1-2", "chr2:1-2", "chr3:1-2"])
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["pooled", "95 % PI", "chr2:1-2", "chr1:1-2", "chr3:1-2"]
    assert ax.get_title(loc="left").startswith("pooled 0.30 (95 % interval 0.19 to 0.41), 3 loci")


def test_forest_without_a_pooled_slope_says_so():
    value, se = np.full(3, np.nan), np.full(3, np.nan)
    ax = forest(value, se, common_effect(value, se))
    assert ax.get_title(loc="left") == "no pooled slope: 0 loci with an estimate"
    assert ax.get_xlim() == (-1.0, 1.0)


def test_forest_of_thousands_still_draws_every_locus():
    value, se = _loci(3000)
    ax = forest(value, se, random_effects(value, se))
    lines = max(len(c.get_segments()) for c in ax.collections if hasattr(c, "get_segments"))
    assert lines == 3000
    assert len(ax.get_yticklabels()) == 2


@pytest.mark.parametrize("figure", [forest, funnel, radial])
def test_a_pooling_without_tau2_or_a_finite_interval_is_drawn_all_the_same(figure):
    value, se = _loci(3)
    assert len(to_png(figure(value, se, median_effect(value, se)), dpi=40)) > 1000


def test_funnel_shows_what_trim_and_fill_added():
    value = np.array([0.0, 0.1, 0.3, 0.5, 0.9, 1.1])
    se = np.array([0.1, 0.1, 0.2, 0.3, 0.4, 0.5])
    filled = trim_and_fill(value, se, tau2="zero")
    added = np.stack([filled.value[6:], filled.se[6:]])
    added = added[:, np.isfinite(added[0])]
    ax = funnel(value, se, common_effect(value, se), filled=added)
    sizes = [len(c.get_offsets()) for c in ax.collections if len(c.get_offsets()) > 1]
    assert sorted(sizes) == [int(filled.n_filled), 6]


def test_radial_counts_the_loci_in_its_band():
    value, se = _loci(3000)
    title = radial(value, se, random_effects(value, se)).get_title(loc="left")
    share = float(title.split("%")[0])
    assert 93 <= share <= 97  # 95 by construction; 3,000 draws leave 0.4 percent points


def test_names_must_be_one_a_locus():
    value, se = _loci(3)
    with pytest.raises(ValueError, match="a name a locus, got 1 for 3 loci"):
        forest(value, se, random_effects(value, se), names=["a"])
    with pytest.raises(ValueError, match="a name a locus, got 1 for 3 loci"):
        baujat(value, se, names=["a"])
