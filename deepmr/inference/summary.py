"""Classical inference: ensemble means and standard errors treated as GWAS summary statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepmr.effects import MemberEffects
from deepmr.inference.contract import Estimator, LocalInference, Pooling
from deepmr.instruments import Rule, select
from deepmr.meta import MetaAnalysisResult

__all__ = ["Summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Run the estimator on ensemble means and standard errors, then pool loci as independent.

    The published method. It treats the errors of variants and of loci as independent, although
    all come from the same few networks: its intervals are far too narrow. Kept for comparison, and
    for single-network effects with standard errors from dropout.

    References:
        Malina, Cizin and Knowles 2022, doi:10.1371/journal.pcbi.1009880.
    """

    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> LocalInference:
        """Estimate the causal effect of each locus from ensemble means and standard errors.

        Args:
            members: Effects of every member.
            exposure: Name of the exposure's task.
            outcome: Name of the outcome's task.
            rule: Instrument selection rule.
            estimator: MR estimator.

        Raises:
            ValueError: If there are fewer than two members.
        """
        effects = members.summarise(exposure, outcome)
        effects = select(effects, rule, offset=members.offset)
        return LocalInference(estimate=estimator(effects), instruments=effects.mask)

    def pool(self, local: LocalInference, *, pooling: Pooling) -> MetaAnalysisResult:
        """Pool loci as independent estimates.

        Args:
            local: Results of all loci.
            pooling: Meta-analysis over loci.
        """
        effect = local.estimate.effect
        return pooling(np.asarray(effect.value), np.asarray(effect.se))
