"""What every inference that combines one slope a member has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import get_args

import numpy as np

from deepmr.effects import MemberEffects
from deepmr.inference.contract import Estimator, LocalInference, Pooling
from deepmr.inference.pool import pool_slopes
from deepmr.inference.two_way import Loci, LociWeights
from deepmr.instruments import Rule
from deepmr.meta.result import MetaAnalysisResult
from deepmr.mr.result import MREstimate

__all__ = ["SHARED_ERROR", "OverMembers"]

SHARED_ERROR = 0.4
"""Variance of the error that all members share, over the variance between members: one value for
every inference over members, in yamls and notebooks alike. Fixed on development rounds of the
simulation (docs/validity.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverMembers(ABC):
    """One slope a member at every locus; pooling counts the variance between members once.

    Args:
        loci: What the pooled interval is about: ``sampled``, the population the loci were drawn
            from; ``fixed``, the mean over exactly these loci, whose error is the members' alone.
        loci_weights: ``equal`` makes the pooled effect the mean of the local ones;
            ``random_effects`` is narrower, and about another mean where precise loci have
            other effects than vague ones (docs/validity.md).
        shared: Variance that all members share, relative to the variance between them; the error
            of their mean then has variance (1 / members + shared) times theirs. Members that
            differ by their seed alone share the error of their training set, and no spread shows
            it: a development set must (docs/validity.md). For members on resamples
            (``bootstrap=true``) a smaller one does: their spread shows it in part.

    Raises:
        ValueError: If a word is unknown or ``shared`` is negative.
    """

    loci: Loci = "sampled"
    loci_weights: LociWeights = "equal"
    shared: float = SHARED_ERROR

    def __post_init__(self) -> None:
        for name, words in (("loci", Loci), ("loci_weights", LociWeights)):
            value = getattr(self, name)
            if value not in get_args(words):
                raise ValueError(
                    f"inference.{name} is one of {', '.join(get_args(words))}; got {value!r}"
                )
        if not self.shared >= 0:
            raise ValueError(
                f"inference.shared must not be negative, got {self.shared}; it is a variance"
            )

    def check_pooling(self, pooling: Pooling) -> None:
        """Refuse, before any work, a meta-analysis without a variance between loci.

        Raises:
            ValueError: If the pooling reports no tau2.
        """
        probe = pooling(np.array([0.0, 1.0, 3.0]), np.full(3, 0.5))
        if np.isnan(probe.tau2):
            raise ValueError(
                f"pooling over members needs the variance between loci (tau2), and meta="
                f"{probe.method} has none; choose meta=random_effects, or inference=summary"
            )

    @property
    def ignored(self) -> frozenset[str]:
        """Settings of the question without effect here, for a refusal.

        ``adjustment`` of the meta-analysis; ``weights`` of the estimators where every variant has
        the same error; ``estimator`` where the method is a regression of its own.
        """
        return frozenset({"adjustment"})

    def __call__(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> MREstimate:
        """Return the effect of each locus."""
        return self.local(members, exposure, outcome, rule=rule, estimator=estimator).estimate

    @abstractmethod
    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> LocalInference:
        """Return the effect of each locus, with the members' slopes."""

    def pool(self, local: LocalInference, *, pooling: Pooling) -> MetaAnalysisResult:
        """Pool over loci, counting the variance between members once."""
        return pool_slopes(local, pooling=pooling, loci=self.loci, weights=self.loci_weights)
