"""Figures: what is drawn is what the result says, read back from the artists."""

import numpy as np
import pytest

from deepmr.effects import EffectSizes, MemberEffects
from deepmr.estimate import Estimate
from deepmr.genome import Interval
from deepmr.mr.result import MREstimate
from deepmr.plot import (
    busiest_window,
    directions,
    effect_grid,
    effect_map,
    learning_curve,
    mr_scatter,
    to_png,
    true_versus_estimated,
)


def labels(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def line(ax, label):
    return next(entry for entry in ax.get_lines() if entry.get_label() == label)


def estimate(method: str, value: float, intercept: float | None = None) -> MREstimate:
    def scalar(number):
        return Estimate(value=np.asarray(number), se=np.asarray(0.1))

    return MREstimate(
        method=method,
        n_instruments=np.asarray(3),
        effect=scalar(value),
        pleiotropy=None if intercept is None else scalar(intercept),
    )


def sizes() -> EffectSizes:
    x = np.array([-4.0, -2.0, 0.1, np.nan, 1.0])
    return EffectSizes.from_arrays(
        x, np.full(5, 0.1), 0.5 * x, np.full(5, 0.2), mask=[True, True, False, False, True]
    )


def test_scatter_counts_instruments_and_draws_each_slope_through_its_intercept():
    ax = mr_scatter(
        sizes(),
        [estimate("ivw", 0.5), estimate("egger", 0.6, 0.2), estimate("weighted_median", np.nan)],
        exposure="GATA1",
        outcome="TAL1",
        unit="logit",
        true_value=0.51,
    )
    assert labels(ax) == [
        *(
            "not an instrument (1)",
            "instrument (3)",
            "noiseless slope 0.51",
            "ivw 0.5",
            "egger 0.6",
        ),
    ]
    assert ax.get_xlabel() == "Effect on GATA1 (logit)"
    x, y = line(ax, "ivw 0.5").get_data()
    np.testing.assert_allclose(y, 0.5 * x)
    x, y = line(ax, "egger 0.6").get_data()
    np.testing.assert_allclose(y, [0.6 * -4 - 0.2, -0.2, np.nan, 0.2, 0.6 + 0.2])
    np.testing.assert_array_equal(x, [-4, 0, np.nan, 0, 1])


def test_scatter_of_a_locus_without_instruments_is_still_a_figure():
    none = EffectSizes.from_arrays([0.1], [0.1], [0.1], [0.1], mask=[False])
    assert to_png(mr_scatter(none, [estimate("ivw", np.nan)]))


def test_scatter_refuses_many_loci():
    many = EffectSizes.from_arrays(np.zeros((2, 3)), *[np.ones((2, 3))] * 3)
    with pytest.raises(ValueError, match=r"one locus, got effects of shape \(2, 3\)"):
        mr_scatter(many)


def members(length: int = 6) -> MemberEffects:
    """Reference ACGTAC; the effect of base b at offset o on task t is 100 t + 10 o + b."""
    ref = np.arange(length).repeat(3) % 4
    alt = (ref + np.tile([1, 2, 3], length)) % 4
    offset = np.arange(length).repeat(3)
    mean = np.stack([10.0 * offset + alt, 100 + 10.0 * offset + alt])
    value = mean[:, None] + np.array([-1.0, 0.0, 1.0])[:, None]
    return MemberEffects(
        value=value, tasks=("A", "B"), offset=offset, ref=ref, alt=alt, mask=offset != 4
    )


def test_grid_holds_each_mean_effect_in_its_place_and_nothing_elsewhere():
    grid = effect_grid(members(), "B")
    expected = 100 + 10.0 * np.arange(6) + np.arange(4)[:, None]
    expected[np.arange(6) % 4, np.arange(6)] = np.nan
    expected[:, 4] = np.nan
    np.testing.assert_array_equal(grid, expected)


def test_map_shows_both_tasks_at_their_chromosomes_positions():
    axes = effect_map(members(), ["A", "B"], locus=Interval("chr3", 1000, 1006), window=(2, 6))
    assert [ax.get_title(loc="left") for ax in axes] == ["A", "B"]
    image = axes[1].images[0]
    np.testing.assert_array_equal(
        image.get_array().filled(np.nan), effect_grid(members(), "B")[:, 2:]
    )
    assert image.get_extent()[:2] == [1001.5, 1005.5]
    low, high = image.get_clim()
    assert low == -high == -np.nanmax(effect_grid(members(), "B")[:, 2:])
    letters = [(text.get_position(), text.get_text()) for text in axes[0].texts]
    assert letters == [((1002, 2), "G"), ((1003, 3), "T"), ((1005, 1), "C")]
    assert axes[-1].get_xlabel() == "Position on chr3"


def test_map_of_a_locus_with_no_effect_at_all_is_still_a_figure():
    flat = members()
    flat.value[:] = 0.0
    assert to_png(effect_map(flat, ["A"])[0])


def test_map_refuses_many_loci_unknown_tasks_and_too_few_axes():
    one = members()
    two = MemberEffects(
        value=np.stack([one.value] * 2),
        tasks=one.tasks,
        **{name: np.stack([getattr(one, name)] * 2) for name in ("offset", "ref", "alt", "mask")},
    )
    with pytest.raises(ValueError, match=r"one locus, got effects of \(2,\) loci"):
        effect_map(two, ["A"])
    with pytest.raises(LookupError, match="no effects were kept for 'C'"):
        effect_map(one, ["C"])
    with pytest.raises(ValueError, match="needs axes for 2 tasks, got 1"):
        effect_map(one, ["A", "B"], axes=effect_map(one, ["A"]))


def test_busiest_window_finds_the_stretch_with_the_effects():
    quiet = members(50)
    quiet.value[:] = 0.0
    quiet.value[0, :, (quiet.offset >= 20) & (quiet.offset < 25)] = 1.0
    start, stop = busiest_window(quiet, ["A", "B"], width=5)
    assert (start, stop) == (20, 25)
    assert busiest_window(quiet, ["A"], width=500) == (0, 50)


def test_truth_figure_counts_the_intervals_that_cover():
    effect = Estimate(value=np.array([0.0, 1.0, 2.0, np.nan]), se=np.full(4, 0.1))
    ax = true_versus_estimated(effect, np.array([0.1, 1.5, np.nan, 1.0]), method="ivw")
    assert labels(ax) == ["interval covers it (1 of 2)", "interval misses it (1)", "equal"]


def test_one_wide_interval_does_not_squeeze_the_others():
    effect = Estimate(value=np.array([0.0, 1.0, 0.5]), se=np.array([0.1, 0.1, 1e6]))
    ax = true_versus_estimated(effect, np.array([0.0, 1.0, 0.5]))
    assert np.diff(ax.get_ylim()) < 2


def test_truth_figure_without_any_truth_is_still_a_figure():
    nothing = np.array([np.nan])
    assert to_png(true_versus_estimated(Estimate(value=nothing, se=np.ones(1)), nothing))


def test_truth_of_other_shape_is_refused():
    with pytest.raises(ValueError, match=r"one number for each of \(2,\) estimates, got \(1,\)"):
        true_versus_estimated(Estimate(value=np.zeros(2), se=np.ones(2)), np.zeros(1))


def meta(value=(0.5, 0.6, 0.0)) -> dict[str, np.ndarray]:
    value = np.array(value)
    return {
        "exposure": np.array(["A", "A", "B"], dtype=object),
        "outcome": np.array(["B", "B", "A"], dtype=object),
        "method": np.array(["ivw", "ivw", "ivw"], dtype=object),
        "pooling": np.array(["reml_hk", "common", "reml_hk"], dtype=object),
        "value": value,
        "ci_lower": value - 0.1,
        "ci_upper": value + 0.1,
        "prediction_lower": value - 0.3,
        "prediction_upper": value + 0.3,
        "true_value": np.array([0.55, 0.55, np.nan]),
    }


def test_directions_draw_the_intervals_of_both_ways_round():
    ax = directions(meta(), exposure="A", outcome="B")
    assert [text.get_text() for text in ax.texts] == ["A → B", "B → A"]
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "ivw, reml hk",
        "ivw, common",
        "ivw, reml hk",
    ]
    drawn = [segment[:, 0].tolist() for bars in ax.collections for segment in bars.get_segments()]
    expected = [pair for v in (0.5, 0.6, 0.0) for pair in ([v - 0.3, v + 0.3], [v - 0.1, v + 0.1])]
    np.testing.assert_allclose(drawn, expected)


def test_directions_say_what_a_slope_stands_for():
    ax = directions(meta(), exposure="A", outcome="B", notes=("", "of shared variants"))
    texts = [text.get_text() for text in ax.texts]
    assert "A → B" in texts
    assert texts[texts.index("B → A") + 1] == "of shared variants"


def test_directions_say_where_there_is_no_estimate_and_refuse_other_questions():
    ax = directions(meta((0.5, 0.6, np.nan)), exposure="A", outcome="B")
    assert "no estimate" in [text.get_text() for text in ax.texts]
    with pytest.raises(LookupError, match="no pooled effect of A on C"):
        directions(meta(), exposure="A", outcome="C")


def metrics() -> dict[str, np.ndarray]:
    return {
        "member": np.array([0.0, 0, 0, 1, 1, np.nan]),
        "epoch": np.array([1.0, 0, 2, 0, 1, np.nan]),
        "split": np.array(["validation"] * 6, dtype=object),
        "task": np.array([None] * 6, dtype=object),
        "metric": np.array(["loss"] * 6, dtype=object),
        "value": np.array([1.0, 2.0, 3.0, 9.0, 8.0, 0.0]),
    }


def test_learning_curve_numbers_epochs_from_one_and_marks_each_members_best():
    ax = learning_curve(metrics())
    curves = [entry for entry in ax.get_lines() if len(entry.get_xdata()) > 1]
    assert [curve.get_xdata().tolist() for curve in curves] == [[1, 2, 3], [1, 2]]
    assert curves[0].get_ydata().tolist() == [2, 1, 3]
    marks = [e.get_data() for e in ax.get_lines() if e.get_marker() == "o" and len(e.get_xdata())]
    assert [(float(x[0]), float(y[0])) for x, y in marks] == [(2, 1), (2, 8)]


def test_learning_curve_lists_the_metrics_there_are():
    with pytest.raises(LookupError, match="no 'auroc' by epoch; it has: loss"):
        learning_curve(metrics(), metric="auroc")
