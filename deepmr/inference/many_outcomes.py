"""Local effects of one exposure on many outcomes at once, over its compacted instruments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Int

from deepmr.effects import MemberEffects
from deepmr.inference.contract import Estimator, Inference, LocalInference
from deepmr.inference.member_pair import MemberPair
from deepmr.inference.per_member import Jackknife, PerMember
from deepmr.instruments import All, Rule
from deepmr.mr import egger, inverse_variance_weighted, slope, weighted_median

__all__ = ["local_of_outcomes"]

_CELLS = 3_000_000  # numbers in the effects of a chunk of outcomes: 24 MB
_ONE_SELECTION = (PerMember, Jackknife)
"""Methods that select instruments once, from the ensemble's means: the rest may be dropped."""

_OF_INSTRUMENTS = (egger, inverse_variance_weighted, slope, weighted_median)
"""Estimators whose values under equal weights do not depend on how large those weights are."""


def local_of_outcomes(
    effects: MemberEffects,
    exposure: str,
    outcomes: Sequence[str],
    *,
    rule: Rule,
    estimators: Mapping[str, Estimator],
    inference: Inference,
) -> dict[str, LocalInference]:
    """Estimate the effects of an exposure on several outcomes at every locus of a shard.

    Numbers are those of ``inference.local`` for each outcome. Instruments are selected once, and
    the few variants that are, of thousands, are moved together before anything is estimated, where
    that changes nothing: with equal weights, and estimators that do not ask for errors, which rest
    on all variants of a locus (``slope``, ``ivw``, ``egger``, ``weighted_median``).

    Args:
        effects: Effects of the shard, batch axis ``locus``.
        exposure: Name of the exposure's task.
        outcomes: Names of the outcomes' tasks.
        rule: Instrument selection rule.
        estimators: MR estimators by short name.
        inference: Inference method.

    Returns:
        By estimator, local effects with the batch axes outcome and locus; ``instruments`` has no
        variants left.

    Example:
        >>> from deepmr.instruments import ByZ
        >>> from deepmr.mr import inverse_variance_weighted
        >>> value = np.random.default_rng(0).normal(size=(2, 3, 4, 6)) + 9.0
        >>> none = np.zeros((2, 6), dtype=np.int64)
        >>> effects = MemberEffects(value=value, tasks=("X", "Y", "Z"), offset=none, ref=none,
        ...                         alt=none, mask=none == 0)
        >>> settings = {"rule": ByZ(min_z=3.0), "inference": PerMember()}
        >>> ivw = inverse_variance_weighted
        >>> both = local_of_outcomes(effects, "X", ["Y", "Z"], estimators={"ivw": ivw}, **settings)
        >>> alone = PerMember().local(effects, "X", "Z", rule=ByZ(min_z=3.0), estimator=ivw)
        >>> np.allclose(both["ivw"].estimate.effect.value[1], alone.estimate.effect.value)
        True
    """
    chosen: Rule = rule
    if _rests_on_instruments(inference, estimators):
        pair = MemberPair(members=effects, exposure=exposure, outcome=outcomes[0], rule=rule)
        effects, chosen = _compacted(effects, pair), All()
    value = effects.value
    cells = 2 * int(np.prod([value.shape[0], *value.shape[2:]]))
    chunk = max(_CELLS // max(cells, 1), 1)
    parts: dict[str, list[LocalInference]] = {name: [] for name in estimators}
    for start in range(0, len(outcomes), chunk):
        some = _stacked(effects, exposure, outcomes[start : start + chunk])
        for name, estimator in estimators.items():
            found = inference.local(some, "exposure", "outcome", rule=chosen, estimator=estimator)
            parts[name].append(replace(found, instruments=found.instruments[..., :0]))
    return {name: _joined(found) for name, found in parts.items()}


def _rests_on_instruments(inference: Inference, estimators: Mapping[str, Estimator]) -> bool:
    """Say whether dropping all other variants changes no estimate."""
    if not isinstance(inference, _ONE_SELECTION) or inference.weights != "equal":
        return False
    return all(getattr(one, "func", one) in _OF_INSTRUMENTS for one in estimators.values())


def _compacted(effects: MemberEffects, pair: MemberPair) -> MemberEffects:
    """Keep each locus's instruments alone, moved to the front."""
    _, mask = pair.select()
    width = max(int(mask.sum(axis=-1).max(initial=0)), 1)
    index: Int[np.ndarray, "locus kept"] = np.argsort(~mask, axis=-1, kind="stable")[:, :width]
    return MemberEffects(
        value=np.take_along_axis(effects.value, index[:, None, None, :], axis=-1),
        tasks=effects.tasks,
        offset=np.take_along_axis(effects.offset, index, axis=-1),
        ref=np.take_along_axis(effects.ref, index, axis=-1),
        alt=np.take_along_axis(effects.alt, index, axis=-1),
        mask=np.take_along_axis(mask, index, axis=-1),
        shared=effects.shared,
    )


def _stacked(effects: MemberEffects, exposure: str, outcomes: Sequence[str]) -> MemberEffects:
    """Return the pairs of an exposure with several outcomes as a leading batch axis."""
    y = np.stack([effects.of(name) for name in outcomes])
    x = np.broadcast_to(effects.of(exposure), y.shape)
    wide = (len(outcomes), *effects.mask.shape)
    return MemberEffects(
        value=np.stack([x, y], axis=2),
        tasks=("exposure", "outcome"),
        offset=np.broadcast_to(effects.offset, wide),
        ref=np.broadcast_to(effects.ref, wide),
        alt=np.broadcast_to(effects.alt, wide),
        mask=np.broadcast_to(effects.mask, wide),
        shared=effects.shared,
    )


def _joined(parts: Sequence[LocalInference]) -> LocalInference:
    """Put chunks of outcomes behind one another: their first axis, not the loci."""
    if len(parts) == 1:
        return parts[0]

    def turned(part: LocalInference) -> LocalInference:
        effect = part.estimate.effect
        swapped = replace(
            effect,
            value=effect.value.T,
            se=effect.se.T,
            df=np.broadcast_to(effect.df, effect.value.shape).T,
        )
        estimate = replace(
            part.estimate,
            n_instruments=part.estimate.n_instruments.T,
            effect=swapped,
            pleiotropy=None,
            heterogeneity=None,
            flags={},
        )
        return replace(
            part,
            estimate=estimate,
            instruments=np.swapaxes(part.instruments, 0, 1),
            slopes=None if part.slopes is None else np.swapaxes(part.slopes, 0, 1),
            between_sites=None if part.between_sites is None else part.between_sites.T,
        )

    together = LocalInference.join([turned(part) for part in parts])
    return turned(together)
