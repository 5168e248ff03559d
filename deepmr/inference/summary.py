"""The classical way: the ensemble's means and standard errors as if they were GWAS summaries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepmr.effects import MemberEffects
from deepmr.inference.contract import Estimator, LocalInference, Pooling
from deepmr.instruments import Rule, select
from deepmr.meta.result import MetaAnalysisResult
from deepmr.mr.result import MREstimate

__all__ = ["Summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Run the estimator on mean effects and their standard errors, then pool independent loci.

    This is what was published. It takes every variant's error, and every locus's, for an
    independent draw, although all come from the same few networks: its intervals are far too
    narrow. Kept for comparison, and for single-network effects with errors from dropout.

    References:
        Malina, Cizin and Knowles 2022, doi:10.1371/journal.pcbi.1009880.
    """

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

    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> LocalInference:
        """Return the effect of each locus.

        Raises:
            ValueError: If there are fewer than two members.
        """
        effects = members.summarise(exposure, outcome)
        effects = select(effects, rule, offset=members.offset)
        return LocalInference(estimate=estimator(effects), instruments=effects.mask)

    def pool(self, local: LocalInference, *, pooling: Pooling) -> MetaAnalysisResult:
        """Pool loci as if they were independent."""
        effect = local.estimate.effect
        return pooling(np.asarray(effect.value), np.asarray(effect.se))
