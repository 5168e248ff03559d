"""Results of single shards for all pairs: computed one shard at a time, kept to resume from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.anscombe import expected_count
from deepmr.causal_graph import EffectMoments, effect_moments
from deepmr.effect_shard import Effects, EffectShard
from deepmr.effects import MemberEffects
from deepmr.estimate import Estimate
from deepmr.files import atomic_write
from deepmr.inference import LocalInference
from deepmr.inference.many_outcomes import local_of_outcomes
from deepmr.inference.question import Question
from deepmr.loci import Loci
from deepmr.mr import MREstimate
from deepmr.verdict import (
    MemberAgreement,
    PairStatistics,
    effect_scale,
    locus_maximum,
    member_agreement,
    pair_statistics,
)
from deepmr.workflow.task_selection import PairSelection

__all__ = ["ADDITIVE", "PairPart", "PartFolder", "additive_effects", "compute_part", "task_scale"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPart:
    """What one shard contributes to the answers on all pairs.

    Args:
        local: By estimator, local effects with the batch axes pair (ordered) and locus.
        statistics: Sufficient statistics of the verdict, of the unordered pairs.
        agreement: Of the members.
        moments: For direct effects, on the additive scale; None with a single member.
    """

    local: dict[str, LocalInference]
    statistics: PairStatistics
    agreement: MemberAgreement
    moments: EffectMoments | None

    @property
    def n_loci(self) -> int:
        """Loci of the shard."""
        return self.statistics.n_loci


def task_scale(effects: Effects, selection: PairSelection) -> np.ndarray:
    """Return each task's scale over all loci: the first of two passes over shards."""
    maxima = [locus_maximum(shard.effects) for shard in effects.read(selection.tasks)]
    return effect_scale(np.concatenate(maxima))


def compute_part(
    shard: EffectShard,
    loci: Loci,
    selection: PairSelection,
    question: Question,
    *,
    scale: np.ndarray,
    units: dict[str, str],
    targets: dict[str, str],
) -> PairPart:
    """Compute what a shard contributes: the second pass.

    Args:
        shard: Effects on the tasks of the selection.
        loci: The shard's loci.
        selection: The pairs.
        question: Instrument rule, estimators and inference.
        scale: Scale of each task (`task_scale`).
        units: Unit of each task's effects.
        targets: What each task measures, for instruments by motif.
    """
    members = shard.effects
    local: dict[str, list[LocalInference]] = {name: [] for name in question.estimators}
    for exposure in selection.exposures:
        outcomes = [y for y in selection.outcomes if y != exposure]
        if not outcomes:
            continue
        found = local_of_outcomes(
            members,
            exposure,
            outcomes,
            rule=question.rule_at(loci.codes, targets[exposure]),
            estimators=question.estimators,
            inference=question.inference,
        )
        for name, one in found.items():
            local[name].append(one)
    enough = members.n_members > 1
    return PairPart(
        local={name: _stacked(parts) for name, parts in local.items()},
        statistics=pair_statistics(members, scale=scale, pairs=selection.unordered),
        agreement=member_agreement(members, scale=scale),
        moments=effect_moments(additive_effects(shard, units)) if enough else None,
    )


def _stacked(parts: list[LocalInference]) -> LocalInference:
    """Put exposures behind one another on the first axis, and drop what pooling does not read."""

    def column(name: str) -> np.ndarray | None:
        found = [getattr(part, name) for part in parts]
        return None if any(one is None for one in found) else np.concatenate(found)

    effects = [part.estimate.effect for part in parts]
    n_instruments = np.concatenate([part.estimate.n_instruments for part in parts])
    return LocalInference(
        estimate=MREstimate(
            method=parts[0].estimate.method,
            n_instruments=n_instruments,
            effect=Estimate(
                value=np.concatenate([one.value for one in effects]),
                se=np.concatenate([one.se for one in effects]),
                df=np.concatenate([np.broadcast_to(one.df, one.value.shape) for one in effects]),
            ),
        ),
        instruments=np.zeros((*n_instruments.shape, 0), dtype=bool),
        slopes=column("slopes"),
        between_sites=column("between_sites"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFolder:
    """Folder of the parts of an unfinished run, one file a shard; nothing is kept without one.

    Args:
        path: The folder; None keeps nothing.
        fingerprint: Digest of all that changes a part; files of another one are computed anew.
        names: Names of the estimators.
        template: Statistics of no locus, for tasks, pairs and scale.
    """

    path: Path | None
    fingerprint: str
    names: tuple[str, ...]
    template: PairStatistics = field(repr=False)

    def read(self, index: int) -> PairPart | None:
        """Return a shard's part if it is there, whole, and of the same settings."""
        if self.path is None or not self._file(index).is_file():
            return None
        try:
            with np.load(self._file(index), allow_pickle=False) as content:
                if str(content["fingerprint"]) != self.fingerprint:
                    return None
                return self._part({name: content[name] for name in content.files})
        except (OSError, ValueError, KeyError, EOFError):  # half-written, or not ours
            return None

    def write(self, index: int, part: PairPart) -> None:
        """Keep a shard's part."""
        if self.path is None:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = dict(_arrays(part))
        with atomic_write(self._file(index), "wb") as stream:
            np.savez(stream, fingerprint=np.array(self.fingerprint), **arrays)

    def remove(self) -> None:
        """Delete the parts once the run is finished."""
        if self.path is not None and self.path.is_dir():
            for file in self.path.glob("part-*.npz"):
                file.unlink()
            self.path.rmdir()

    def _file(self, index: int) -> Path:
        return (self.path or Path()) / f"part-{index:05d}.npz"

    def _part(self, content: dict[str, np.ndarray]) -> PairPart:
        local = {}
        for name in self.names:
            effect = Estimate(
                **{key: content[f"{name}/{key}"] for key in ("value", "se", "df")},
            )
            n = content[f"{name}/n_instruments"]
            local[name] = LocalInference(
                estimate=MREstimate(
                    method=str(content[f"{name}/method"]), n_instruments=n, effect=effect
                ),
                instruments=np.zeros((*n.shape, 0), dtype=bool),
                slopes=content.get(f"{name}/slopes"),
                between_sites=content.get(f"{name}/between_sites"),
            )
        first = self.template
        moments = None
        if "cross" in content:
            moments = EffectMoments(
                cross=content["cross"],
                own=content["own"],
                n_variants=content["n_variants"],
                tasks=first.tasks,
                shared=float(content["shared"]),
            )
        return PairPart(
            local=local,
            statistics=PairStatistics(
                value=content["statistics"],
                pairs=first.pairs,
                tasks=first.tasks,
                scale=first.scale,
            ),
            agreement=MemberAgreement(
                **{f.name: content[f"agreement/{f.name}"] for f in fields(MemberAgreement)}
            ),
            moments=moments,
        )


def _arrays(part: PairPart) -> Iterator[tuple[str, np.ndarray]]:
    for name, local in part.local.items():
        effect = local.estimate.effect
        yield f"{name}/method", np.array(local.estimate.method)
        yield f"{name}/n_instruments", local.estimate.n_instruments
        for key in ("value", "se", "df"):
            yield f"{name}/{key}", np.asarray(getattr(effect, key))
        if local.slopes is not None:
            yield f"{name}/slopes", local.slopes
        if local.between_sites is not None:
            yield f"{name}/between_sites", local.between_sites
    yield "statistics", part.statistics.value
    for one in fields(MemberAgreement):
        yield f"agreement/{one.name}", getattr(part.agreement, one.name)
    if part.moments is not None:
        for key in ("cross", "own", "n_variants"):
            yield key, getattr(part.moments, key)
        yield "shared", np.array(part.moments.shared)


ADDITIVE = {"anscombe": "count"}
"""Effect scales that direct effects leave, and for which: a sum of causes is linear in counts, not
in 2 sqrt(count + 3/8). Log-odds, probabilities and signals stay as they are."""


def additive_effects(shard: EffectShard, units: Mapping[str, str]) -> MemberEffects:
    """Return a shard's effects with those of counts as differences of expected counts.

    Every member's prediction for the unchanged sequence says where on the Anscombe scale its effect
    lies, so nothing is measured anew.

    Args:
        shard: Effects on the scale that they were measured on.
        units: Unit of each task's effects.
    """
    turned = np.array([units[task] in ADDITIVE for task in shard.effects.tasks])
    if not turned.any():
        return shard.effects
    value = shard.effects.value.copy()
    before = shard.reference[:, turned][..., None]
    value[:, turned] = expected_count(before + value[:, turned]) - expected_count(before)
    return replace(shard.effects, value=value)
