"""Reliability diagrams say what the curves say."""

import numpy as np
import pytest

from deepmr.calibration import CalibrationCurve
from deepmr.plot import reliability, to_png

RAW = CalibrationCurve(
    confidence=np.array([0.001, 0.2, 0.9]),
    frequency=np.array([0.0, 0.4, 0.7]),
    count=np.array([1000, 50, 10]),
)


@pytest.mark.parametrize("log", [False, True])
def test_bins_counts_and_wilson_intervals_are_drawn(log):
    ax = reliability({"raw": RAW, "calibrated": RAW}, task="K562_GATA1", log=log)
    bars = ax.containers[0]
    x, y = bars.lines[0].get_data()
    np.testing.assert_allclose(x, RAW.confidence)
    np.testing.assert_allclose(y[1:], RAW.frequency[1:])
    low, high = RAW.interval()
    for segment, bottom, top in zip(
        bars.lines[2][0].get_segments()[1:], low[1:], high[1:], strict=True
    ):
        np.testing.assert_allclose(segment[:, 1], [bottom, top])
    strip = ax.child_axes[0]
    heights = [segment[:, 1].max() for segment in strip.collections[0].get_segments()]
    assert heights == [1000, 50, 10]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["raw (1,060 samples)", "calibrated (1,060 samples)"]
    assert ax.get_title(loc="left") == "K562 GATA1"
    assert to_png(ax, dpi=50).startswith(b"\x89PNG")


def test_logarithmic_axes_show_the_smallest_prediction():
    ax = reliability({"raw": RAW}, log=True)
    assert ax.get_xlim()[0] == pytest.approx(0.001)
    assert ax.get_xscale() == "log"


def test_no_curve_is_refused():
    with pytest.raises(ValueError, match="at least one curve"):
        reliability({})
