"""Contract of an inference method: ensemble effects to causal estimates with intervals.

Intervals, local and pooled, account for errors that variants and loci share through the members.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import EffectSizes, MemberEffects
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.instruments import Rule
from deepmr.meta import MetaAnalysisResult
from deepmr.mr import MREstimate

__all__ = ["Estimator", "Inference", "LocalInference", "Pooling", "check_pooling"]

Estimator = Callable[[EffectSizes], MREstimate]
"""An MR estimator with its options filled in, such as `deepmr.mr.inverse_variance_weighted`."""

Pooling = Callable[..., MetaAnalysisResult]
"""A meta-analysis ``(value, se) -> MetaAnalysisResult`` over the trailing axis, NaN for missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalInference:
    """Causal effects of a batch of loci, with the per-member slopes that pooling needs.

    Args:
        estimate: Causal effect of each locus with its interval.
        instruments: Variants that the estimate was computed from; a known true value refers to
            the same. Under cross-fitting, those that any member used.
        slopes: Causal effect by member, or its jackknife pseudo-values; None (the default) where
            the method works on ensemble means alone.
        between_sites: Position-clustered residual variance of each locus's slope; None (the
            default) where the interval does not contain it.
    """

    estimate: MREstimate
    instruments: Bool[np.ndarray, "*batch variant"]
    slopes: Float64[np.ndarray, "*batch member"] | None = None
    between_sites: Float64[np.ndarray, "*batch"] | None = None

    @staticmethod
    def join(parts: Sequence[LocalInference]) -> LocalInference:
        """Join shards along their last batch axis (the loci).

        Shards may differ in their number of variants: instruments are padded with False.

        Args:
            parts: Results of one method, in the order of the loci.

        Raises:
            ValueError: If there is no part, or parts come from different methods.
        """
        if not parts:
            raise ValueError("joining local results needs at least one shard, got none")
        methods = {part.estimate.method for part in parts}
        if len(methods) > 1:
            raise ValueError(
                f"shards must come from one method, got {', '.join(sorted(methods))}; "
                "join each method's shards on their own"
            )
        width = max(part.instruments.shape[-1] for part in parts)
        padded = [
            np.pad(
                part.instruments,
                [(0, 0)] * (part.instruments.ndim - 1) + [(0, width - part.instruments.shape[-1])],
            )
            for part in parts
        ]
        slopes = [part.slopes for part in parts if part.slopes is not None]
        between = [part.between_sites for part in parts if part.between_sites is not None]
        return LocalInference(
            estimate=_join_estimates([part.estimate for part in parts]),
            instruments=np.concatenate(padded, axis=-2),
            slopes=np.concatenate(slopes, axis=-2) if len(slopes) == len(parts) else None,
            between_sites=np.concatenate(between, axis=-1) if len(between) == len(parts) else None,
        )


@runtime_checkable
class Inference(Protocol):
    """Inference method: from member effects to local and pooled causal effects."""

    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> LocalInference:
        """Estimate the causal effect of each locus of a shard.

        Args:
            members: Effects of every member, with the loci on the last batch axis.
            exposure: Name of the exposure's task.
            outcome: Name of the outcome's task.
            rule: Instrument selection rule.
            estimator: MR estimator.
        """
        ...

    def pool(self, local: LocalInference, *, pooling: Pooling) -> MetaAnalysisResult:
        """Pool over loci, counting errors common to all loci once.

        Args:
            local: Results of all loci (see `LocalInference.join`), loci on the last batch axis.
            pooling: The meta-analysis, which supplies tau2, weights and heterogeneity.
        """
        ...


def check_pooling(pooling: Pooling, inference: str) -> None:
    """Refuse a meta-analysis without between-locus variance, before effects are computed.

    Args:
        pooling: The meta-analysis that would pool the loci.
        inference: The inference that reads that variance, as on the command line.

    Raises:
        ValueError: If the pooling reports no tau2.
    """
    probe = pooling(np.array([0.0, 1.0, 3.0]), np.full(3, 0.5))
    if np.isnan(probe.tau2):
        raise ValueError(
            f"inference={inference} needs the variance between loci (tau2), and meta="
            f"{probe.method} has none; choose meta=random_effects, or (with several members) "
            "inference=summary"
        )


def _join_estimates(parts: Sequence[MREstimate]) -> MREstimate:
    pleiotropy = [part.pleiotropy for part in parts if part.pleiotropy is not None]
    heterogeneity = [part.heterogeneity for part in parts if part.heterogeneity is not None]
    names = parts[0].flags
    return MREstimate(
        method=parts[0].method,
        n_instruments=np.concatenate([part.n_instruments for part in parts], axis=-1),
        effect=_join_effects([part.effect for part in parts]),
        pleiotropy=_join_effects(pleiotropy) if len(pleiotropy) == len(parts) else None,
        heterogeneity=Heterogeneity(
            q=np.concatenate([one.q for one in heterogeneity], axis=-1),
            df=np.concatenate([one.df for one in heterogeneity], axis=-1),
        )
        if len(heterogeneity) == len(parts)
        else None,
        flags={
            name: np.concatenate([part.flags[name] for part in parts], axis=-1) for name in names
        },
    )


def _join_effects(parts: Sequence[Estimate]) -> Estimate:
    log_p = [part.log_p for part in parts if part.log_p is not None]
    bounds = [part.bounds for part in parts if part.bounds is not None]
    width = max((one.shape[-2] for one in bounds), default=0)
    padded = [
        np.pad(
            one,
            [(0, 0)] * (one.ndim - 2) + [(0, width - one.shape[-2]), (0, 0)],
            constant_values=np.nan,
        )
        for one in bounds
    ]
    return Estimate(
        value=np.concatenate([part.value for part in parts], axis=-1),
        se=np.concatenate([part.se for part in parts], axis=-1),
        df=np.concatenate([np.broadcast_to(part.df, part.value.shape) for part in parts], axis=-1),
        bounds=np.concatenate(padded, axis=-3) if len(bounds) == len(parts) else None,
        log_p=np.concatenate(log_p, axis=-1) if len(log_p) == len(parts) else None,
    )
