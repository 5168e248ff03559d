"""Numbers as people read them: no more digits than the uncertainty allows."""

from __future__ import annotations

import math
import re

__all__ = [
    "MISSING",
    "interval_text",
    "matching_text",
    "number_text",
    "p_text",
    "percent_text",
    "typeset",
]

MISSING = "-"
_MINUS, _DASH, _TIMES = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number_text(value: float, *, digits: int = 3) -> str:
    """Return a number to a few significant digits.

    Example:
        >>> number_text(-0.51234), number_text(1234567.0), number_text(float("nan"))
        ('-0.512', '1.23e6', '-')
    """
    if math.isnan(value):
        return MISSING
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def interval_text(value: float, lower: float, upper: float) -> tuple[str, str, str]:
    """Return an estimate and its bounds to the decimals that the interval's width supports.

    Two significant digits of the half-width; all three numbers get the same decimals.

    Example:
        >>> interval_text(0.50712, 0.49523, 0.51901)
        ('0.507', '0.495', '0.519')
        >>> interval_text(1234.5, 1100.0, 1369.0)
        ('1234', '1100', '1369')
    """
    width = (upper - lower) / 2
    plain = math.isfinite(width) and width > 0 and abs(value) < 1e6
    decimals = max(1 - math.floor(math.log10(width)), 0) if plain else 7
    if decimals > 6:
        return number_text(value), number_text(lower), number_text(upper)
    return _fixed(value, decimals), _fixed(lower, decimals), _fixed(upper, decimals)


def matching_text(value: float, like: str) -> str:
    """Return a number to the decimals of another one's text, to stand beside it.

    Example:
        >>> matching_text(1.18, "1.140"), matching_text(1.18, "2e-9"), matching_text(3.7, "4")
        ('1.180', '1.18', '4')
    """
    if math.isnan(value) or not re.fullmatch(r"-?\d+(\.\d+)?", like):
        return number_text(value)
    return _fixed(value, len(like.partition(".")[2]))


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text if text.strip("-0.") else text.lstrip("-")


def p_text(neg_log10_p: float) -> str:
    """Return a p-value from minus its decimal logarithm, which does not underflow.

    Example:
        >>> [p_text(x) for x in (0.0, 1.0, 2.5, 412.3, float("nan"))]
        ['1.00', '0.10', '0.003', '5e-413', '-']
    """
    if math.isnan(neg_log10_p):
        return MISSING
    if math.isinf(neg_log10_p):
        return "0"
    if neg_log10_p < 1.3:
        return f"{10**-neg_log10_p:.2f}"
    if neg_log10_p < 3:
        return f"{10**-neg_log10_p:.3f}"
    exponent = math.ceil(neg_log10_p)
    mantissa = round(10 ** (exponent - neg_log10_p))
    return f"1e-{exponent - 1}" if mantissa == 10 else f"{mantissa}e-{exponent}"


def percent_text(fraction: float) -> str:
    """Return a fraction as a percentage.

    Example:
        >>> percent_text(0.7234), percent_text(float("nan"))
        ('72 %', '-')
    """
    return MISSING if math.isnan(fraction) else f"{100 * fraction:.0f} %"


def typeset(text: str) -> str:
    """Return one of this module's texts with proper signs and raised exponents, for a page.

    Example:
        >>> typeset("5e-413"), typeset("-inf")
        ('5×10⁻⁴¹³', '−∞')
    """
    if text == MISSING:
        return _DASH
    power = re.sub(r"e(-?\d+)$", lambda found: f"{_TIMES}10{found[1].translate(_RAISED)}", text)
    return power.replace("inf", "∞").replace("-", _MINUS)
