"""Verdicts revised by the motifs that tasks read, and feedback between tasks with own motifs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int

from deepmr.verdict.doses import DoseEvidence
from deepmr.verdict.reasons import caveat_sentence
from deepmr.verdict.verdict import Measure, Verdict

__all__ = ["explained_alone", "judge_doses", "likely_inputs"]

_OWN_WEIGHT = 1.5  # each own motif moves its own task by half more than the other, relatively
_ALIKE = 0.9  # correlation of two motifs' doses from which they count as one


def judge_doses(
    verdicts: Sequence[Verdict],
    evidence: DoseEvidence,
    pairs: Int[np.ndarray, "pair 2"],
    *,
    own: Sequence[str | None] = (),
) -> tuple[Verdict, ...]:
    """Revise verdicts by the motifs that tasks read, where these explain both tasks' effects.

    A direction becomes shared if its source reads a motif that its target does not; an undecided
    or inseparable pair of reliable tasks takes the direction in which one task's motifs are a part
    of the other's, with the nested caveat. A pair that is not directed becomes ``both`` if either
    task's own motif moves the other task, too, and each moves its own task more; that a motif
    acts through the protein that binds it is then an assumption, and the caveat ``feedback``
    says so. The motifs and the explained share become evidence of every pair.

    Args:
        verdicts: As `judge` returns them.
        evidence: As `dose_evidence` returns it.
        pairs: Positions of both tasks of each pair.
        own: Each task's own motif, by its name among ``evidence.motifs``; None where it has none.
    """
    words = evidence.structure(pairs)
    motifs = list(own) or [None] * evidence.reads.shape[1]
    return tuple(
        _revised(verdict, evidence, str(word), (int(a), int(b)), (motifs[a], motifs[b]))
        for verdict, word, (a, b) in zip(verdicts, words, pairs, strict=True)
    )


def _revised(
    verdict: Verdict,
    evidence: DoseEvidence,
    word: str,
    pair: tuple[int, int],
    own: tuple[str | None, str | None],
) -> Verdict:
    explained = evidence.explained[list(pair)]
    numbers = {
        "doses_explained_exposure": Measure(value=float(explained[0])),
        "doses_explained_outcome": Measure(value=float(explained[1])),
    }
    found = {**verdict.evidence, **numbers}
    if word == "undecided":
        sentence = (
            f"The motifs given explain {explained[0]:.2f} of the squared effects on "
            f"{verdict.exposure} and {explained[1]:.2f} of those on {verdict.outcome}: too little "
            "to say which motifs these tasks read."
        )
        return replace(verdict, evidence=found, reasons=(*verdict.reasons, sentence))
    read = [", ".join(evidence.inputs(task)) for task in pair]
    reason = (
        f"By motif doses {verdict.exposure} reads {read[0]} and {verdict.outcome} reads {read[1]} "
        f"(they explain {explained[0]:.2f} and {explained[1]:.2f} of the squared effects)."
    )
    new = replace(verdict, evidence=found, reasons=(*verdict.reasons, reason))
    if verdict.structure in ("forward", "reverse") and word == "shared":
        return replace(new, structure="shared", caveats=(), reasons=(reason, *verdict.reasons))
    reliable = "is_reliable" in verdict.evidence and verdict.evidence["is_reliable"].value > 0
    if reliable and word == "inseparable" and verdict.structure in _MAY_BE_BOTH:
        mutual = _mutual(evidence, pair, own)
        return new if mutual is None else _both(new, reason, own, mutual)
    is_open = verdict.structure in ("undecided", "inseparable") and reliable
    if is_open and word in ("forward", "reverse"):
        caveats = tuple(dict.fromkeys((*verdict.caveats, "nested")))
        reasons = (reason, *verdict.reasons)
        return replace(new, structure=word, caveats=caveats, reasons=reasons)
    return new


_MAY_BE_BOTH = ("undecided", "shared", "inseparable")


def _mutual(
    evidence: DoseEvidence, pair: tuple[int, int], own: tuple[str | None, str | None]
) -> float | None:
    """Return how much more the own motifs move their own tasks; None if that is no feedback."""
    if own[0] is None or own[1] is None or own[0] == own[1]:
        return None
    if any(name not in evidence.motifs for name in own):
        return None
    rows = [evidence.motifs.index(str(name)) for name in own]
    if not evidence.reads[np.ix_(rows, list(pair))].all():
        return None
    moved = evidence.response[np.ix_(rows, list(pair))]
    weight = np.sqrt(moved[0, 0] / moved[0, 1] * moved[1, 1] / moved[1, 0])
    return float(weight) if weight >= _OWN_WEIGHT else None


def _both(
    verdict: Verdict, reason: str, own: tuple[str | None, str | None], weight: float
) -> Verdict:
    exposure, outcome = verdict.exposure, verdict.outcome
    sentence = (
        f"Sites of {own[0]}, the motif of {exposure}, move {outcome}, and sites of {own[1]}, the "
        f"motif of {outcome}, move {exposure}; each moves its own task {weight:.1f} times as "
        "much as the other, relatively."
    )
    caveats = tuple(dict.fromkeys((*(c for c in verdict.caveats if c != "nested"), "feedback")))
    return replace(
        verdict,
        structure="both",
        caveats=caveats,
        reasons=(
            sentence,
            reason,
            caveat_sentence("feedback", exposure=exposure, outcome=outcome),
            *(one for one in verdict.reasons if one != reason),
        ),
        evidence={**verdict.evidence, "own_motif_weight": Measure(value=weight)},
    )


def likely_inputs(
    effects: Float64[np.ndarray, "task locus variant"],
    doses: Float64[np.ndarray, "motif locus variant"],
    *,
    n: int = 6,
    always: Sequence[int] = (),
) -> Int[np.ndarray, " kept"]:
    """Choose motifs of a library that may be inputs, by the effects that each explains alone.

    Of motifs whose doses correlate by .9 or more the one that explains most is kept.

    Args:
        effects: Mean effects on the tasks, over their scales.
        doses: Changes of the motifs' occupancy by the same variants.
        n: Largest number of motifs kept besides ``always``; 6 by default.
        always: Positions of motifs that are kept whatever they explain.

    Returns:
        Positions among the motifs, in ascending order.

    Example:
        >>> doses = np.array([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]], [[1.0, 0.1, 0.0]]])
        >>> likely_inputs(2.0 * doses[:1], doses, n=1).tolist()
        [0]
    """
    share = explained_alone(effects, doses)
    size = np.sqrt(np.einsum("mlv,mlv->m", doses, doses))
    kept = list(dict.fromkeys(int(m) for m in always))
    most = len(kept) + n
    for m in np.argsort(-share, kind="stable"):
        if len(kept) == most or share[m] <= 0:
            break
        if int(m) in kept:
            continue
        against = np.einsum("klv,lv->k", doses[kept], doses[m], optimize=True)
        if (np.abs(against) < _ALIKE * size[kept] * size[m]).all():
            kept.append(int(m))
    return np.sort(np.asarray(kept, dtype=np.int64))


def explained_alone(
    effects: Float64[np.ndarray, "task locus variant"],
    doses: Float64[np.ndarray, "motif locus variant"],
) -> Float64[np.ndarray, " motif"]:
    """Return the share of squared effects that each motif explains alone, of the better task.

    A regression without intercept at every locus.

    Args:
        effects: Mean effects on the tasks, over their scales.
        doses: Changes of the motifs' occupancy by the same variants.

    Example:
        >>> doses = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
        >>> explained_alone(np.array([[[3.0, 4.0]]]), doses).tolist()
        [0.36, 0.64]
    """
    gram = np.einsum("mlv,mlv->ml", doses, doses)
    cross = np.einsum("mlv,tlv->mtl", doses, effects, optimize=True)
    fitted = np.divide(
        cross**2, gram[:, None], out=np.zeros_like(cross), where=gram[:, None] > 0
    ).sum(axis=-1)
    total = np.einsum("tlv,tlv->t", effects, effects)
    share = np.divide(fitted, total, out=np.zeros_like(fitted), where=total > 0)
    return np.asarray(share.max(axis=1))
