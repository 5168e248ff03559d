"""Base class of inference methods that estimate one slope per member at every locus."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

from deepmr.effects import MemberEffects
from deepmr.inference.between_sites import SharedError, position_variance, unseen_variance
from deepmr.inference.combine import (
    combine,
    require_members,
    with_shared_error,
)
from deepmr.inference.contract import Estimator, LocalInference, Pooling
from deepmr.inference.diagnostics import with_honest_diagnostics
from deepmr.inference.member_pair import MemberPair, MemberSlopes
from deepmr.inference.two_way import LociWeights, PooledOver, pool_slopes
from deepmr.instruments import Rule
from deepmr.meta import MetaAnalysisResult

__all__ = ["OverMembers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverMembers(ABC):
    """Per-member slopes at every locus, pooled with the variance between members counted once.

    Args:
        loci: Population of the pooled interval: ``sampled`` (default), the population that the
            loci were drawn from; ``fixed``, exactly these loci, so that only members vary.
        loci_weights: ``equal`` (default) makes the pooled effect the mean of the local effects;
            ``random_effects`` weighs by precision, which is narrower but estimates another mean
            where precise loci have other effects than imprecise ones (docs/validity.md).
        shared: Shared error variance (ratio to the variance between members): the error of the
            members' mean has variance (1 / members + shared) times theirs. ``auto`` (default)
            estimates it, and the part between sites, from the run's held-out errors of prediction
            where a noise floor is known, else takes a fixed rule (`SharedError`). A number counts
            alone, without a part between sites.

    Raises:
        ValueError: If ``loci`` or ``loci_weights`` is unknown, or ``shared`` is negative.

    Example:
        >>> from deepmr.inference import PerMember
        >>> one = PerMember(shared=0.4)
        >>> isinstance(one, OverMembers), one.loci, one.error.shared
        (True, 'sampled', 0.4)
    """

    name: ClassVar[str]

    loci: PooledOver = "sampled"
    loci_weights: LociWeights = "equal"
    shared: float | Literal["auto"] | SharedError = "auto"

    def __post_init__(self) -> None:
        for name, words in (("loci", PooledOver), ("loci_weights", LociWeights)):
            value = getattr(self, name)
            if value not in get_args(words):
                raise ValueError(
                    f"inference.{name} is one of {', '.join(get_args(words))}; got {value!r}"
                )
        if isinstance(self.shared, str) and self.shared != "auto":
            raise ValueError(f"inference.shared is a number or auto, got {self.shared!r}")
        _ = self.error  # which checks its numbers

    @property
    def error(self) -> SharedError:
        """The part of a slope's variance that the members' spread does not show."""
        if isinstance(self.shared, SharedError):
            return self.shared
        if isinstance(self.shared, str):
            return SharedError.estimated([])
        return SharedError(
            shared=float(self.shared), between_sites=0.0, pooled=0.0, source="inference.shared"
        )

    def with_errors(self, ratios: Sequence[float]) -> OverMembers:
        """Return the same inference with ``shared=auto`` estimated from errors of prediction.

        Args:
            ratios: `prediction_error_ratio` of the tasks whose noise floor is known.
        """
        if self.shared != "auto":
            return self
        return replace(self, shared=SharedError.estimated(list(ratios)))

    @property
    @abstractmethod
    def fewest_members(self) -> int:
        """Fewest members that the method is defined for."""

    @property
    def ignored(self) -> frozenset[str]:
        """Settings of the question without effect under this method, to be refused.

        ``adjustment`` of the meta-analysis; ``weights`` of the estimators where every variant has
        the same error; ``estimator`` where the method is a regression of its own.
        """
        return frozenset({"adjustment"})

    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> LocalInference:
        """Estimate the causal effect of each locus, with per-member slopes.

        Args:
            members: Effects of every member.
            exposure: Name of the exposure's task.
            outcome: Name of the outcome's task.
            rule: Instrument selection rule.
            estimator: MR estimator; not used where ``ignored`` holds ``estimator``.

        Raises:
            ValueError: If there are fewer members than ``fewest_members``.
        """
        require_members(members, self.fewest_members, self.name)
        pair = MemberPair(members=members, exposure=exposure, outcome=outcome, rule=rule)
        error = self.error
        local = combine(self.slopes(pair, estimator), shared=max(error.shared, members.shared))
        local = with_honest_diagnostics(local, members, (exposure, outcome), estimator)
        if error.between_sites == error.relative == 0.0:
            return local
        x, y = pair.x.mean(axis=-2), pair.y.mean(axis=-2)
        between = position_variance(x, y, local.instruments, members.offset)
        between = between + unseen_variance(x, y, local.instruments)
        return with_shared_error(local, between, error.between_sites, relative=error.relative)

    @abstractmethod
    def slopes(self, pair: MemberPair, estimator: Estimator) -> MemberSlopes:
        """Estimate the slope, or jackknife pseudo-value, of each member at every locus.

        Args:
            pair: Member effects on exposure and outcome.
            estimator: MR estimator.
        """

    def pool(self, local: LocalInference, *, pooling: Pooling) -> MetaAnalysisResult:
        """Pool over loci by the two-way model, counting the variance between members once.

        Args:
            local: Results of all loci.
            pooling: Meta-analysis that supplies tau2 and heterogeneity.
        """
        return pool_slopes(
            local,
            pooling=pooling,
            loci=self.loci,
            weights=self.loci_weights,
            between_sites=self.error.pooled,
            relative=self.error.relative_pooled,
        )
