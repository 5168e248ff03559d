"""Expected duration of the estimators, said before the start where it exceeds mutagenesis."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from deepmr.effect_sizes import EffectSizes, SampleSizes
from deepmr.inference.over_members import OverMembers
from deepmr.inference.question import Question
from deepmr.mr import MREstimate, value_only
from deepmr.workflow.cost import duration_text

__all__ = ["estimator_seconds", "slower_than_mutagenesis"]

_TIMED = 300
"""Largest number of variants of the locus that is timed; beyond it times grow in proportion."""

_BRIEF = 0.05


def _locus(n_variants: int) -> EffectSizes:
    rng = np.random.default_rng(0)
    x = rng.normal(0.0, 0.1, (1, n_variants))
    error = np.full(x.shape, 0.02)
    y = 0.5 * x + error * rng.standard_normal(x.shape)
    size = np.asarray(10_000.0)
    return EffectSizes(
        beta_exposure=x,
        se_exposure=error,
        beta_outcome=y,
        se_outcome=error,
        mask=np.ones(x.shape, bool),
        sample_sizes=SampleSizes(exposure=size, outcome=size),
    )


def estimator_seconds(
    question: Question, *, n_loci: int, n_variants: int, n_members: int
) -> dict[str, float]:
    """Time each estimator on one simulated locus, and return its expected seconds in both directions.

    Inference over members asks for the value of every member; other inference for one value with
    its error.

    Args:
        question: The estimators and the inference.
        n_loci: Number of loci.
        n_variants: Largest number of variants of a locus.
        n_members: Number of members.

    Example:
        >>> found = estimator_seconds(Question(), n_loci=10, n_variants=30, n_members=2)
        >>> sorted(found)
        ['egger', 'slope', 'weighted_median']
    """  # noqa: E501
    over_members = isinstance(question.inference, OverMembers)
    locus = _locus(min(max(n_variants, 2), _TIMED))
    times = 2 * n_loci * (n_members if over_members else 1)
    scale = max(n_variants / _TIMED, 1.0) * times
    return {
        name: scale * _seconds(value_only(one) if over_members else one, locus)
        for name, one in question.estimators.items()
    }


def _seconds(estimator: Callable[..., MREstimate], locus: EffectSizes) -> float:
    """Return the seconds of a call; of a brief one, which may have been its first, the second's."""
    for _ in range(2):
        start = time.perf_counter()
        estimator(locus)
        seconds = time.perf_counter() - start
        if seconds > _BRIEF:
            break
    return seconds


def slower_than_mutagenesis(estimation: dict[str, float], mutagenesis: float) -> str:
    """Return a sentence on the estimators that will take longer than mutagenesis; empty for none.

    What takes less than ten seconds is not spoken of.

    Args:
        estimation: Expected seconds by estimator, from `estimator_seconds`.
        mutagenesis: Expected seconds of mutagenesis.

    Example:
        >>> slower_than_mutagenesis({"egger": 1.0, "constrained_ml": 300.0}, 20.0)
        'estimation will take longer than mutagenesis: constrained_ml about 5 min'
    """
    least = max(mutagenesis, 10.0)
    slow = [f"{name} {duration_text(s)}" for name, s in estimation.items() if s > least]
    return f"estimation will take longer than mutagenesis: {', '.join(slow)}" if slow else ""
