"""A verdict in words: sentences that a reader of the field understands, with their numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from deepmr.verdict.decision import Decision
from deepmr.verdict.evidence import RATIOS, PairEvidence
from deepmr.verdict.statistics import PairStatistics
from deepmr.verdict.thresholds import Thresholds
from deepmr.verdict.verdict import Measure, Verdict

__all__ = ["CAVEATS", "caveat_sentence", "compose"]

CAVEATS = {
    "nested": "{outcome} may itself read every motif that {exposure} reads: "
    "effects of sequence cannot tell this from {exposure} acting on {outcome}",
    "sparse": "the variants lie too far apart to tell sites of one locus from one another; "
    "measure all substitutions (variants=saturation)",
    "feedback": "every variant of one moves the other, by slopes that differ between sites: "
    "feedback between both, or the same inputs with different weights",
    "locus_set": "another set of loci gives another verdict on {exposure} and {outcome}",
}
"""What a verdict cannot exclude, by the caveat's name."""

_REACHES = 0.9
_NEXT_TO_NOTHING = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One direction of one pair: what the sentences about it need."""

    source: str
    target: str
    pair: int
    direction: int
    state: str
    over_identified: bool
    hidden: bool
    follows: float
    least: int
    evidence: PairEvidence

    def measure(self, name: str) -> Measure:
        return self.evidence.measure(name, self.pair, self.direction)

    def total(self, name: str) -> int:
        return round(float(self.evidence.total[name][self.pair, self.direction]))

    def line(self) -> str:
        """Say how well the target follows the source."""
        if self.state == "weak":
            found, considered = self.total("transmits"), self.total("considered")
            if considered < self.least:
                return (
                    f"Variants move {self.source} at {considered} loci, too few to judge "
                    f"(needed {self.least})."
                )
            return (
                f"Variants that move {self.source} hardly move {self.target} "
                f"(at {found} of {considered} loci)."
            )
        concordance = self.measure("concordance")
        if concordance.value >= self.follows:
            return (
                f"Variants that move {self.source} move {self.target} along one dose-response "
                f"(concordance {concordance})."
            )
        return (
            f"Variants that move {self.source} do not move {self.target} along one "
            f"dose-response (concordance {concordance})."
        )

    def against(self) -> str:
        """Say what speaks against this direction."""
        if self.state == "weak":
            return self.line()
        if self.hidden:
            return (
                f"Other tasks show that {self.source} has sites of a kind that {self.target} "
                "does not read."
            )
        if self.state == "fail" and self.measure("concordance").value >= self.follows:
            return (
                f"Sites that move {self.source} do not move {self.target} by one slope: "
                f"at {self.total('agree')} of {self.total('two_sites')} loci with two of them."
            )
        return self.line()

    def sites(self) -> str:
        """Say whether the source's sites agree."""
        two, agree = self.total("two_sites"), self.total("agree")
        if two == 0:
            return f"{self.source} has no locus with two sites to compare."
        if two == 1:
            same = "the same slope" if agree else "different slopes"
            return (
                f"At the one locus with two sites of {self.source}, both move {self.target} by "
                f"{same}."
            )
        return (
            f"At {agree} of {two} loci with two sites of {self.source}, both move "
            f"{self.target} by the same slope."
        )

    def own(self) -> str:
        """Say how much of the target is its own."""
        own = self.measure("own")
        part = "next to nothing" if own.value < _NEXT_TO_NOTHING else "a part"
        return (
            f"Variants that do not move {self.source} carry {part} of {self.target}'s squared "
            f"effects (share {own})."
        )


def compose(
    statistics: PairStatistics,
    evidence: PairEvidence,
    decision: Decision,
    guard: Float64[np.ndarray, " task"],
    rule: Thresholds,
    *,
    ensemble: bool,
) -> tuple[Verdict, ...]:
    """Put the decisions on all pairs into words.

    Args:
        statistics: Sufficient statistics; name the tasks.
        evidence: The numbers.
        decision: What the rule made of them.
        guard: Reliability of each task.
        rule: The constants.
        ensemble: Whether the guard is the members' correlation (or the ratio to a twin).
    """
    verdicts = []
    for k, (first, second) in enumerate(statistics.pairs):
        names = (statistics.tasks[first], statistics.tasks[second])
        here, there = (
            _Side(
                source=names[d],
                target=names[1 - d],
                pair=k,
                direction=d,
                state=str(decision.state[k, d]),
                over_identified=bool(decision.over_identified[k, d]),
                hidden=bool(decision.hidden[k, d]),
                follows=rule.direction.concordance_sites,
                least=rule.effects.min_loci,
                evidence=evidence,
            )
            for d in (0, 1)
        )
        structure = str(decision.structure[k])
        caveats = _caveats(structure, here, there, rule)
        if decision.reliable[k]:
            reasons = _reasons(structure, here, there)
        else:
            values = (float(guard[first]), float(guard[second]))
            reasons = (_unreliable(names, values, rule, ensemble=ensemble),)
        asked = (there.source, there.target) if structure == "reverse" else names
        texts = tuple(
            caveat_sentence(name, exposure=asked[0], outcome=asked[1]) for name in caveats
        )
        verdicts.append(
            Verdict(
                exposure=names[0],
                outcome=names[1],
                structure=structure,
                caveats=caveats,
                reasons=reasons + texts,
                evidence=_numbers(here, there, guard[[first, second]])
                | {"is_reliable": Measure(value=float(decision.reliable[k]))},
            )
        )
    return tuple(verdicts)


def caveat_sentence(name: str, *, exposure: str, outcome: str) -> str:
    """Return a caveat as the sentence that stands among a verdict's reasons.

    Args:
        name: One of `CAVEATS`.
        exposure: The task that acts.
        outcome: The task that it acts on.

    Example:
        >>> caveat_sentence("locus_set", exposure="GATA1", outcome="TAL1")
        'Another set of loci gives another verdict on GATA1 and TAL1.'
    """
    text = CAVEATS[name].format(exposure=exposure, outcome=outcome)
    return f"{text[0].upper()}{text[1:]}."


def _caveats(structure: str, here: _Side, there: _Side, rule: Thresholds) -> tuple[str, ...]:
    found = []
    acting = {"forward": here, "reverse": there}.get(structure)
    if acting is not None and not acting.over_identified:
        found.append("nested")
    dense = [side.measure("dense").value for side in (here, there)]
    if structure != "none" and min(dense) < rule.sites.min_dense:
        found.append("sparse")
    if (
        structure in ("shared", "undecided")
        and max(side.measure("own").value for side in (here, there)) < 1.0 - _REACHES
    ):
        found.append("feedback")
    return tuple(found)


def _reasons(structure: str, here: _Side, there: _Side) -> tuple[str, ...]:
    if structure == "none":
        return (
            f"Hardly any locus at which variants move {here.source} moves {here.target}, or the "
            f"reverse (transmission {here.measure('transmission')} and "
            f"{there.measure('transmission')}).",
        )
    if structure in ("forward", "reverse"):
        acting, other = (here, there) if structure == "forward" else (there, here)
        against = other.against()
        reverse = f"The other way round: {against[0].lower()}{against[1:]}"
        return (acting.line(), acting.own(), acting.sites(), reverse)
    if structure == "inseparable":
        return (
            f"The same variants move {here.source} and {here.target} along one dose-response "
            f"(concordance {here.measure('concordance')} and {there.measure('concordance')}).",
            here.own(),
            there.own(),
        )
    if structure == "shared":
        return (
            f"There are sites that move both {here.source} and {here.target}, but neither task "
            "follows the other along one dose-response from all of its sites.",
            here.against(),
            there.against(),
            here.own(),
            there.own(),
        )
    return (
        f"The effects do not tell whether {here.source} acts on {here.target}.",
        here.line(),
        here.sites(),
        there.line(),
        there.sites(),
    )


def _unreliable(
    names: tuple[str, str], value: tuple[float, float], rule: Thresholds, *, ensemble: bool
) -> str:
    shown = " and ".join(f"{x:.2f}" for x in value)
    if np.isnan(value).all():
        return (
            f"Nothing says whether the network's effects on {names[0]} and {names[1]} are more "
            "than those of an untrained one: no untrained twin of it could be measured (its "
            "layers need reset_parameters); an ensemble (ensemble=5) would say."
        )
    if ensemble:
        return (
            f"The networks do not agree on their effects on {names[0]} and {names[1]} "
            f"(correlation between members {shown}, needed {rule.reliability:.2f}): more "
            "training sequences, longer training, or labels of variants would raise it."
        )
    return (
        f"The network's effects on {names[0]} and {names[1]} are {shown} times those of its "
        f"untrained twin, needed {rule.twin_ratio:.1f}: more training sequences or longer "
        "training would raise it, an ensemble (ensemble=5) would say more."
    )


def _numbers(here: _Side, there: _Side, guard: Float64[np.ndarray, " 2"]) -> dict[str, Measure]:
    found = {}
    for side, word in ((here, "forward"), (there, "reverse")):
        for name in RATIOS:
            found[f"{name}_{word}"] = side.measure(name)
        for name in ("considered", "transmits", "two_sites", "agree"):
            found[f"n_{name}_{word}"] = Measure(value=float(side.total(name)))
    pair = (here.evidence.difference[here.pair], here.evidence.difference_se[here.pair])
    d, e = float(pair[0]), float(pair[1])
    found["concordance_difference"] = Measure(value=d, low=d - 1.96 * e, high=d + 1.96 * e)
    for value, word in zip(guard, ("exposure", "outcome"), strict=True):
        found[f"reliability_{word}"] = Measure(value=float(value))
    return found
