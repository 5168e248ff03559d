"""Numbers: rounded to what the uncertainty allows, never to something that misleads."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepmr.report.number import interval_text, number_text, p_text, percent_text, typeset


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ((0.5, 0.4, 0.6), ("0.50", "0.40", "0.60")),
        ((-1e-9, -0.1, 0.1), ("0.00", "-0.10", "0.10")),
        ((12.345, -1000.0, 1024.0), ("12", "-1000", "1024")),
        ((1e-9, 0.5e-9, 1.5e-9), ("1e-9", "5e-10", "1.5e-9")),
        ((math.nan, math.nan, math.nan), ("-", "-", "-")),
        ((0.5, -math.inf, math.inf), ("0.5", "-inf", "inf")),
        ((0.5, 0.5, 0.5), ("0.5", "0.5", "0.5")),
        ((3e7, 2e7, 4e7), ("3e7", "2e7", "4e7")),
    ],
)
def test_an_interval_gets_the_decimals_its_width_supports(numbers, texts):
    assert interval_text(*numbers) == texts


@given(st.floats(-1e5, 1e5), st.floats(1e-4, 1e4), st.floats(0, 1, allow_nan=False))
def test_rounding_moves_no_number_by_more_than_a_twentieth_of_the_half_width(lower, width, share):
    value = lower + share * width
    for text, number in zip(
        interval_text(value, lower, lower + width), (value, lower, lower + width), strict=True
    ):
        # Half a unit of the last decimal, which is at most a tenth of the half-width; 1e-9 for
        # the rounding of numbers up to 1e5 in binary.
        assert abs(float(text) - number) <= width / 40 + 1e-9


@given(st.floats(0, 5000))
def test_a_p_value_reads_back_within_its_rounding(neg_log10_p):
    text = p_text(neg_log10_p)
    mantissa, _, exponent = text.partition("e")
    if exponent:
        back = -(math.log10(float(mantissa)) + int(exponent))
        # One digit: at worst 1.5 read as 1 or 2, log10(1.5) away.
        assert abs(back - neg_log10_p) <= math.log10(1.5) + 1e-9
    else:
        assert abs(float(text) - 10**-neg_log10_p) <= 0.005 + 1e-12


def test_a_small_p_value_is_never_shown_as_zero():
    assert all("e" in p_text(x) or float(p_text(x)) > 0 for x in (0.0, 1.0, 2.0, 2.99, 3.0, 50.0))


def test_percentages_and_missing_numbers():
    assert percent_text(0.005) == "0 %"
    assert number_text(math.nan) == "-"


def test_typesetting_leaves_nothing_of_the_plain_form():
    assert typeset("-1.5e-12") == "\N{MINUS SIGN}1.5\N{MULTIPLICATION SIGN}10⁻¹²"
    assert typeset("-") == "\N{EN DASH}"
