"""What the scores of predictions are called in the report, and which values of them are better."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["score_name"]

_LOW, _HIGH, _ONE = "lower", "higher", "near 1"

_NAMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "auroc": ("area under the ROC curve", _HIGH),
        "auprc": ("area under the precision-recall curve", _HIGH),
        "brier": ("Brier score", _LOW),
        "calibration_error": ("calibration error of probabilities", _LOW),
        "calibration_slope": ("slope of measured on predicted", _ONE),
        "mse": ("mean squared error", _LOW),
        "nll": ("negative log-likelihood", _LOW),
        "pearson": ("Pearson correlation", _HIGH),
        "r2": ("R²", _HIGH),
        "spearman": ("Spearman rank correlation", _HIGH),
    }
)


def score_name(name: str) -> tuple[str, str]:
    """Return a score's name for a reader, and which of its values are better.

    Args:
        name: Name of the metric in ``metrics.parquet``.

    Returns:
        The name, and ``lower``, ``higher``, ``near 1`` or, of a score not known here, a dash.

    Example:
        >>> score_name("nll"), score_name("my_score")
        (('negative log-likelihood', 'lower'), ('my score', '–'))
    """
    return _NAMES.get(name, (name.replace("_", " "), "\N{EN DASH}"))
