"""Measure designed sequences with the networks, and revise a verdict by what they show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from deepmr.adapted import placement
from deepmr.effect_shard import Effects
from deepmr.effects import MemberEffects
from deepmr.lightning import device_of_trainer
from deepmr.loci import Loci
from deepmr.mutagenesis.model_state import device_of
from deepmr.networks import Networks
from deepmr.progress import Progress
from deepmr.verdict import (
    LEAST_EXPLAINED,
    WINDOW_WIDTH,
    DesignedEvidence,
    DesignPlan,
    Measure,
    Verdict,
    judge_designed,
    measure_designed,
    plan_designed,
)
from deepmr.workflow.measurement import Compute

__all__ = ["revise_by_designed"]

_ASKED_FOR = ("forward", "reverse", "undecided")
"""Structures for which ``auto`` measures them, if the guard of reliability did not speak."""

_LEAST_LOCI = 50
"""From 20 loci of the demo a site was taken for another kind, and a true direction vetoed."""

_LOCI = 400
"""Loci without unknown bases that windows and backgrounds are made from, the first ones."""

_PAIR = np.array([[0, 1]])


def revise_by_designed(
    verdict: Verdict,
    effects: Effects,
    *,
    designed: str,
    scale: Float64[np.ndarray, " 2"],
    networks: Networks | None = None,
    loci: Loci | None = None,
    compute: Compute | None = None,
    seed: int = 0,
) -> Verdict:
    """Return the verdict, revised by designed sequences where they are asked for.

    The networks predict on the trainer's device (without a trainer, on the device that they lie
    on), with the engine's precision, strands and shifts, and are put back where they were.
    Predictions get the link and the calibrators of the measured effects.

    Args:
        verdict: The verdict from the effects at loci.
        effects: These effects.
        designed: One of `deepmr.inference.question.DESIGNED`.
        scale: Scale of both tasks (`deepmr.verdict.effect_scale`).
        networks: The networks; None for a table of effects.
        loci: The loci in the order of ``effects``.
        compute: Engine, trainer and progress bar; by default those of `Compute`.
        seed: Seed of backgrounds and positions, 0 by default.

    Returns:
        The verdict, with the designed sequences' numbers in its evidence and a sentence on what
        they did, or on why they were not measured.
    """
    if designed == "none" or (designed == "auto" and not _is_asked_for(verdict)):
        return verdict
    if networks is None or loci is None:
        return _not_measured(verdict, "there are effects, but no network to predict with")
    if placement(networks.members, loci) is not None:
        return _not_measured(verdict, "the network is read on strands or at places of BED lines")
    made = _plan(effects, (verdict.exposure, verdict.outcome), loci, scale, seed)
    if isinstance(made, str):
        return _not_measured(verdict, made)
    found = _measured(made, networks, (verdict.exposure, verdict.outcome), compute or Compute())
    return _revised(verdict, found)


def _is_asked_for(verdict: Verdict) -> bool:
    reliable = verdict.evidence.get("is_reliable", Measure(value=0.0)).value > 0
    return verdict.structure in _ASKED_FOR and reliable


def _not_measured(verdict: Verdict, why: str) -> Verdict:
    sentence = f"Designed sequences were not measured: {why}."
    return replace(verdict, reasons=(*verdict.reasons, sentence))


def _plan(
    effects: Effects,
    pair: tuple[str, str],
    loci: Loci,
    scale: Float64[np.ndarray, " 2"],
    seed: int,
) -> DesignPlan | str:
    """Plan the sequences from loci without unknown bases, or return why there can be none."""
    length = int(loci.codes.shape[1])
    if length < 2 * WINDOW_WIDTH:
        return f"they need loci of at least {2 * WINDOW_WIDTH} bases, these have {length}"
    known = (loci.codes <= 3).all(axis=1)
    kept = known & (np.cumsum(known) <= _LOCI)
    if kept.sum() < _LEAST_LOCI:
        return (
            f"they need {_LEAST_LOCI} loci without unknown bases to find the sites that move a "
            f"task, there are {kept.sum()}"
        )
    plan = plan_designed(
        _mean_effects(effects, pair, kept), loci.codes[kept], scale=scale, seed=seed
    )
    if len(plan.windows) == 0:
        return "no variant moves either task enough to be a site"
    return plan


def _mean_effects(
    effects: Effects, pair: tuple[str, str], kept: Bool[np.ndarray, " locus"]
) -> MemberEffects:
    """Return the members' mean effects at some loci: all that a plan needs, in little memory."""
    parts: list[MemberEffects] = []
    row, last = 0, int(np.flatnonzero(kept)[-1])
    for shard in effects.read(pair):
        members = shard.effects
        mean = replace(members, value=members.value.mean(axis=-2, keepdims=True))
        here = np.flatnonzero(kept[row : row + len(shard.loci)]).tolist()
        parts += [mean.at(slice(one, one + 1)) for one in here]
        row += len(shard.loci)
        if row > last:
            break
    return MemberEffects.join(parts)


def _measured(
    plan: DesignPlan, networks: Networks, pair: tuple[str, str], compute: Compute
) -> DesignedEvidence:
    """Predict the designed sequences, after one line on their number."""
    n_passes, n = len(networks.members.passes), plan.n_sequences
    with _on_device(networks, compute) as device:
        print(
            f"designed sequences: about {n:,} with {n_passes} forward "
            f"{'pass' if n_passes == 1 else 'passes'} each, on {device}",
            flush=True,
        )
        predict = _predictor(networks, pair, compute, int(plan.candidates.shape[1]))
        if not compute.progress:
            return measure_designed(plan, predict)
        bar = Progress("designed sequences", n, "sequence")

        def counted(codes: np.ndarray) -> np.ndarray:
            bar.advance(len(codes))
            return predict(codes)

        found = measure_designed(plan, counted)
        bar.close()
        return found


def _predictor(
    networks: Networks, pair: tuple[str, str], compute: Compute, length: int
) -> Callable[[UInt8[np.ndarray, "sequence length"]], Float64[np.ndarray, "sequence 2 member"]]:
    """Return the function from codes to every member's predictions on the effect scale."""
    engines = networks.members.engines(compute.engine, length=length)
    scale = networks.scale
    columns = [scale.tasks.index(scale.tasks.select(name)) for name in pair]

    def predict(
        codes: UInt8[np.ndarray, "sequence length"],
    ) -> Float64[np.ndarray, "sequence 2 member"]:
        return np.stack([scale(engine.predict(codes))[:, columns] for engine in engines], axis=-1)

    return predict


@contextmanager
def _on_device(networks: Networks, compute: Compute) -> Iterator[str]:
    """Context manager: networks on the trainer's device; afterwards where they were."""
    modules = networks.members.networks
    before = [device_of(module) for module in modules]
    device = str(before[0]) if compute.trainer is None else device_of_trainer(compute.trainer)
    try:
        if compute.trainer is not None:
            for module in modules:
                module.to(device)
        yield device
    finally:
        if compute.trainer is not None:
            for module, home in zip(modules, before, strict=True):
                module.to(home)


def _revised(verdict: Verdict, found: DesignedEvidence) -> Verdict:
    """Revise the verdict; say what the designed sequences did, and put their numbers beside."""
    revised = judge_designed([verdict], found, _PAIR)[0]
    n_kinds = len(found.level)
    numbers = {"designed_kinds": Measure(value=float(n_kinds))}
    for share, word in zip(found.explained, ("exposure", "outcome"), strict=True):
        numbers[f"designed_explained_{word}"] = Measure(value=float(share))
    reasons = revised.reasons
    if revised.structure == verdict.structure:
        reasons = (*reasons, _kept(verdict, found))
    return replace(revised, reasons=reasons, evidence={**revised.evidence, **numbers})


def _kept(verdict: Verdict, found: DesignedEvidence) -> str:
    names = (verdict.exposure, verdict.outcome)
    lost = [
        f"{share:.2f} of what sites do to {name}"
        for share, name in zip(found.explained, names, strict=True)
        if share < LEAST_EXPLAINED
    ]
    if lost:
        return (
            f"Designed sequences say nothing: their kinds of site explain {' and '.join(lost)}, "
            f"needed {LEAST_EXPLAINED:.2f}."
        )
    n = len(found.level)
    return (
        f"Designed sequences with {n} {'kind' if n == 1 else 'kinds'} of site leave the verdict "
        "as it is."
    )
