"""Member effects on one exposure and one outcome, and the per-member slopes estimated from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import EffectSizes, MemberEffects
from deepmr.instruments import Rule, select
from deepmr.mr import MREstimate

__all__ = ["MemberPair", "MemberSlopes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPair:
    """Member effects on an exposure and an outcome, with the rule that selects instruments.

    Args:
        members: Effects of every member on every kept task.
        exposure: Name of the exposure's task.
        outcome: Name of the outcome's task.
        rule: Instrument selection rule, applied to ensemble means and standard errors.

    Example:
        >>> from deepmr.instruments import All
        >>> none = np.zeros((1, 2), dtype=np.int64)
        >>> effects = MemberEffects(value=np.ones((1, 2, 3, 2)), tasks=("A", "B"), offset=none,
        ...                         ref=none, alt=none, mask=none == 0)
        >>> pair = MemberPair(members=effects, exposure="A", outcome="B", rule=All())
        >>> pair.x.shape, pair.select()[1].tolist()
        ((1, 3, 2), [[True, True]])
    """

    members: MemberEffects
    exposure: str
    outcome: str
    rule: Rule

    @property
    def x(self) -> Float64[np.ndarray, "*batch member variant"]:
        """Exposure effects of each member."""
        return self.members.of(self.exposure)

    @property
    def y(self) -> Float64[np.ndarray, "*batch member variant"]:
        """Outcome effects of each member."""
        return self.members.of(self.outcome)

    def summarise(self) -> EffectSizes:
        """Return ensemble mean effects with the standard errors of those means."""
        return self.members.summarise(self.exposure, self.outcome)

    def select(self) -> tuple[EffectSizes, Bool[np.ndarray, "*batch variant"]]:
        """Return ensemble mean effects and the instruments selected from them."""
        effects = self.summarise()
        return effects, select(effects, self.rule, offset=self.members.offset).mask

    def keep(self, members: Sequence[int] | np.ndarray) -> MemberPair:
        """Return the same pair restricted to some members.

        Args:
            members: Indices on the member axis.
        """
        value = self.members.value[..., np.asarray(members), :]
        return replace(self, members=replace(self.members, value=value))


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSlopes:
    """Causal effect of each locus by member, with the instruments and the estimator's diagnostics.

    Args:
        value: Slope of each member, or its jackknife pseudo-value, on the effect scale of the
            outcome per unit of the exposure; NaN where it could not be estimated.
        instruments: Variants that the slopes were estimated from.
        method: Short name of the estimator, such as ``ivw``.
        found: The estimator's results with a trailing member axis, for pleiotropy intercept and
            flags; None (the default) where there are none.
        flags: Warnings for each locus, True where raised; by default none.
    """

    value: Float64[np.ndarray, "*batch member"]
    instruments: Bool[np.ndarray, "*batch variant"]
    method: str
    found: MREstimate | None = None
    flags: Mapping[str, Bool[np.ndarray, "*batch"]] = field(default_factory=dict)
