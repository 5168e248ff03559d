"""The rule that turns evidence into a verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int, Shaped

from deepmr.verdict.evidence import PairEvidence, wilson
from deepmr.verdict.statistics import PairStatistics
from deepmr.verdict.thresholds import Thresholds

__all__ = ["Decision", "decide", "distinct_kinds", "hidden_kinds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The rule's outcome for every pair, before it is put into words.

    Args:
        structure: One of `deepmr.verdict.STRUCTURES`.
        state: Whether the direction's own evidence says that the source acts on the target:
            pass, maybe, fail, or weak where too few loci transmit to judge.
        over_identified: True where sites of more than one kind support the direction.
        hidden: True where other tasks show that the source has sites that the target does not read.
        reliable: True where both tasks pass the reliability guard.
        reliability: The guard's value, the lesser one of both tasks.
    """

    structure: Shaped[np.ndarray, " pair"]
    state: Shaped[np.ndarray, "pair 2"]
    over_identified: Bool[np.ndarray, "pair 2"]
    hidden: Bool[np.ndarray, "pair 2"]
    reliable: Bool[np.ndarray, " pair"]
    reliability: Float64[np.ndarray, " pair"]


def decide(
    evidence: PairEvidence,
    pairs: Int[np.ndarray, "pair 2"],
    reliability: Float64[np.ndarray, "pair 2"],
    rule: Thresholds,
    hidden: Bool[np.ndarray, "pair 2"] | None = None,
) -> Decision:
    """Apply the rule to all pairs.

    In order: an unreliable task leaves a pair undecided; fewer than ``none`` transmitting loci
    either way say none; a direction passes if the target follows the source along one
    dose-response from all of the source's sites (`direction_state`); forward asks that this
    direction passes and is clearly the more concordant one; inseparable that both pass; shared
    that neither can, nor leans the evidence to one of them.

    Args:
        evidence: As `resampled_evidence` returns.
        pairs: Positions of each pair's tasks.
        reliability: The guard of both tasks over its threshold (`guard_values`); below 1, or
            missing, is not reliable.
        rule: The constants.
        hidden: Where the source has kinds of site that the target does not read, as
            `hidden_kinds` finds them; such a direction fails.
    """
    state, certain = direction_state(evidence, rule)
    unread = np.zeros(state.shape, dtype=bool) if hidden is None else hidden
    state = np.where(unread & (state != "weak"), "fail", state)
    over_identified = certain & distinct_kinds(evidence, pairs, rule)[pairs]
    reliable = np.all(reliability >= 1.0, axis=-1)
    strongest = np.nan_to_num(evidence.value["transmission"]).max(axis=-1)
    a, b = state[:, 0], state[:, 1]
    difference = np.where(a == "weak", -1.0, np.where(b == "weak", 1.0, evidence.difference))
    error = np.where((a == "weak") | (b == "weak"), 0.0, evidence.difference_se)
    own, own_se = evidence.own_difference, evidence.own_difference_se
    leans, likely = (found & ~unread for found in _likely(evidence, state, rule))
    forward = _directed(a, b, difference, error, rule) | _own(a, b, own, own_se, rule)
    forward |= likely[:, 0]
    reverse = _directed(b, a, -difference, error, rule) | _own(b, a, -own, own_se, rule)
    reverse |= likely[:, 1]
    own_share = np.nan_to_num(evidence.value["own"])
    forward &= own_share[:, 0] >= rule.own.least
    reverse &= own_share[:, 1] >= rule.own.least
    alike = (a == "pass") & (b == "pass") & (own_share.max(axis=1) <= rule.own.alike)
    neither = np.isin(a, ("fail", "weak")) & np.isin(b, ("fail", "weak")) & ~leans.any(axis=1)
    structure = np.select(
        [
            ~reliable,
            strongest < rule.effects.none,
            (a == "weak") & (b == "weak"),
            forward,
            reverse,
            alike,
            neither,
        ],
        ["undecided", "none", "undecided", "forward", "reverse", "inseparable", "shared"],
        "undecided",
    )
    return Decision(
        structure=structure,
        state=state,
        over_identified=over_identified,
        hidden=unread,
        reliable=reliable,
        reliability=reliability.min(axis=-1),
    )


def _directed(
    here: Shaped[np.ndarray, " pair"],
    there: Shaped[np.ndarray, " pair"],
    difference: Float64[np.ndarray, " pair"],
    error: Float64[np.ndarray, " pair"],
    rule: Thresholds,
) -> Bool[np.ndarray, " pair"]:
    clear = (difference >= rule.direction.gap) & (difference > rule.z * error)
    sure = (there != "maybe") | (difference >= rule.direction.gap_unsure)
    return np.asarray((here == "pass") & clear & sure)


def _likely(
    evidence: PairEvidence, state: Shaped[np.ndarray, "pair 2"], rule: Thresholds
) -> tuple[Bool[np.ndarray, "pair 2"], Bool[np.ndarray, "pair 2"]]:
    """Say where a direction that does not pass is borne out by how far the other one fails.

    Saturation and gating make sites of one kind disagree at some loci, in the true direction,
    too. But hardly anything else than a direction makes both concordance and the agreement of
    sites so unlike: the lower limit of the agreeing share and the difference in concordance
    together must reach ``evidence_sum``.

    Returns:
        Where the directions are that unlike, which forbids to call the pair shared; and where,
        besides, the sum is reached.
    """
    two = evidence.total["two_sites"]
    agree = np.nan_to_num(evidence.value["agreement"])
    low = wilson(agree, two, z=-rule.z)
    apart = agree - agree[:, ::-1]
    difference = np.stack([evidence.difference, -evidence.difference], axis=1)
    error = evidence.difference_se[:, None]
    weak = state[:, ::-1] == "weak"
    difference = np.where(weak, rule.direction.gap_weak, difference)
    error = np.where(weak, 0.0, error)
    leans = np.asarray(
        ((state[:, ::-1] == "fail") | weak)
        & (state != "weak")
        & (two >= rule.sites.min_two)
        & (np.nan_to_num(evidence.value["concordance"]) >= rule.direction.concordance_sites)
        & (difference >= rule.direction.gap_unsure)
        & (difference > rule.z * error)
        & (apart >= rule.direction.agreement_gap)
    )
    return leans, np.asarray(leans & (low + difference >= rule.direction.evidence_sum))


def _own(
    here: Shaped[np.ndarray, " pair"],
    there: Shaped[np.ndarray, " pair"],
    difference: Float64[np.ndarray, " pair"],
    error: Float64[np.ndarray, " pair"],
    rule: Thresholds,
) -> Bool[np.ndarray, " pair"]:
    """Say where a passing direction is set apart by sites of the target's own.

    Where the target's own sites outweigh the common ones, loci that hold both do not transmit
    in the other direction, and concordance there sees loci with the common site alone.
    """
    clear = (difference >= rule.own.gap) & (difference > rule.z * error)
    return np.asarray((here == "pass") & (there == "fail") & clear)


def direction_state(
    evidence: PairEvidence, rule: Thresholds
) -> tuple[Shaped[np.ndarray, "pair 2"], Bool[np.ndarray, "pair 2"]]:
    """Say of each direction whether its own evidence passes, fails, or leaves it open.

    With at least ``min_two_sites`` loci at which two sites of the source can be compared, the
    share that agree decides, given a concordance of ``concordance_sites``. With fewer, the source
    either has one kind of instrument, and a concordance of ``concordance_alone`` decides, or
    there are too few loci, or variants too sparse, to know.

    Returns:
        One of pass, maybe, fail, weak each; and whether sites agree for certain.
    """
    total = evidence.total
    concordance = np.nan_to_num(evidence.value["concordance"])
    two = total["two_sites"]
    agree = np.nan_to_num(evidence.value["agreement"])
    low, high = wilson(agree, two, z=-rule.z), wilson(agree, two, z=rule.z)
    kinds = np.nan_to_num(evidence.value["two_kinds"]).clip(0.0, 1.0)
    seen = np.nan_to_num(evidence.value["dense"]) >= rule.sites.min_dense
    compared = two >= rule.sites.min_two
    one_kind = seen & (wilson(kinds, total["transmits"], z=rule.z) < rule.sites.one_kind)
    follows = concordance >= rule.direction.concordance_sites
    # The share of the source's squared effects that leave the target is the other direction's own.
    reaches = np.nan_to_num(evidence.value["own"])[:, ::-1] <= rule.own.most
    state = np.select(
        [
            total["transmits"] < rule.effects.min_loci,
            compared & ((high < rule.agreement.fails) | ~follows),
            compared & (high >= rule.agreement.passes) & (low >= rule.agreement.least),
            compared,
            one_kind & (concordance >= rule.direction.concordance_alone) & reaches,
            one_kind & (concordance >= rule.direction.concordance_alone),
            one_kind,
            follows,
        ],
        ["weak", "fail", "pass", "maybe", "pass", "maybe", "fail", "maybe"],
        "fail",
    )
    return state, np.asarray(compared & (state == "pass") & (low >= rule.agreement.certain))


def distinct_kinds(
    evidence: PairEvidence, pairs: Int[np.ndarray, "pair 2"], rule: Thresholds
) -> Bool[np.ndarray, " task"]:
    """Return which tasks have sites of different kinds, as shown by the other tasks of the run.

    Two sites that move some task by different slopes are of different kinds. Without such a task
    (a run of two tasks has none) they may be copies of one motif, whose agreement does not exclude
    that the outcome reads this motif itself.
    """
    two, agree = evidence.total["two_sites"], evidence.total["agree"]
    share = np.divide(agree, two, out=np.zeros_like(agree), where=two > 0)
    differ = (two >= rule.sites.min_two) & (
        wilson(share, two, z=rule.z) < rule.agreement.kinds_differ
    )
    found = np.zeros(int(pairs.max(initial=-1)) + 1, dtype=bool)
    np.logical_or.at(found, pairs, differ)
    return found


def hidden_kinds(statistics: PairStatistics, rule: Thresholds) -> Bool[np.ndarray, "pair 2"]:
    """Return where other tasks show that a source has sites that its target does not read.

    A source that answers to either of two motifs (OR, maximum) has one site a locus, so
    its sites cannot be compared within loci. Between loci they can: if a third task transmits
    where the target does not, and hardly where it does, the source has sites of a kind that the
    target does not read. Gating of the target leaves the third task as it is.

    Args:
        statistics: Of all pairs of a run; two tasks alone show nothing.
        rule: The constants.
    """
    n_task = len(statistics.tasks)
    moved = np.zeros((n_task, statistics.n_loci, n_task))
    considered = np.zeros((n_task, statistics.n_loci))
    found, asked = statistics.of("transmits"), statistics.of("considered")
    for direction in (0, 1):
        source = statistics.pairs[:, direction]
        moved[source, :, statistics.pairs[:, 1 - direction]] = found[:, :, direction].T
        considered[source] = asked[:, :, direction].T
    still = considered[:, :, None] - moved
    with_target = np.einsum("sly,slz->syz", moved, moved, optimize=True)
    without = np.einsum("sly,slz->syz", still, moved, optimize=True)
    n_with, n_without = moved.sum(axis=1)[:, :, None], still.sum(axis=1)[:, :, None]
    rare = wilson(_share(with_target, n_with), n_with + 0 * with_target, z=rule.z)
    often = wilson(_share(without, n_without), n_without + 0 * without, z=-rule.z)
    many = n_without >= rule.own.kind_share * (n_with + n_without)
    shown = (
        many
        & (without >= rule.effects.min_loci)
        & (often >= rule.own.kind_often)
        & (rare <= rule.own.kind_rare)
    )
    hidden = shown.any(axis=-1)
    source, target = statistics.pairs, statistics.pairs[:, ::-1]
    return np.asarray(hidden[source, target])


def _share(part: np.ndarray, whole: np.ndarray) -> Float64[np.ndarray, "..."]:
    bottom = np.broadcast_to(whole, part.shape)
    return np.asarray(np.divide(part, bottom, out=np.zeros_like(part), where=bottom > 0))
