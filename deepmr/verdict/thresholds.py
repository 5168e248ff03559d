"""The constants of the verdict's rule, each with its argument."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Thresholds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Every constant of the decision rule, on scaled effects.

    A scaled effect is an effect over its task's scale: the 90th percentile over loci of the
    largest absolute effect (`effect_scale`). All were fixed on simulated development graphs and
    seeds (`python -m benchmarks.structures` names them), none on the graphs that judge the rule.

    Args:
        instrument: A variant is an instrument of a task if its scaled effect reaches .10. Below,
            effects of sequence background and of the networks' errors are as frequent as a site's.
        considered: A locus is asked about a task if its largest scaled effect reaches .30, where
            an instrument is three times the smallest one.
        transmits: A locus, or a site, transmits if it moves the outcome by .15 of the outcome's
            scale: a smallest effect of interest. Chance overlaps of unrelated sites reach .01
            to .03, five times less.
        tolerance: A variant lies on the dose-response if its outcome effect is within half of
            the expected one. Weakened sites are misjudged by .3 to .5 by trained networks;
            tighter tolerances lost true directions and separated nothing.
        floor: And within .03 of the outcome's scale, the size of background effects.
        none: Fewer than 10 % of loci transmit in either direction: no effect of interest.
        concordance_alone: Concordance asked for where the exposure has one kind of instrument
            and nothing over-identifies: .95. Common causes with private inputs on both sides
            stay below .9.
        concordance_sites: Where sites over-identify: .90, as they exclude most alternatives.
        site_ratio: Two sites agree if the smaller slope is at least .7 of the larger. Median
            agreement was .94 under causation, .18 to .44 without.
        site_positions: A site spans at least 3 positions; shorter runs are mostly background.
        site_gap: Positions up to 2 apart without an instrument stay in one site: motifs have
            uninformative columns.
        site_share: The weaker of two sites has at least .02 of both sites' squared effects
            (a seventh of the stronger one's effect): below, its slope is noise.
        agree_fails: Sites disagree if the upper limit of the agreeing share is below .80.
        agree_passes: They agree if that limit is at least .90 ...
        agree_least: ... and the lower limit at least .65: two in three, whatever the number.
        agree_certain: The nested caveat is dropped only if the lower limit is at least .85, and
            kinds of site differ: nested tasks whose slopes nearly match reached .82.
        kinds_differ: An exposure has sites of different kinds, for certain, if some task answers
            them by different slopes: the upper limit of the share that agree is below .50. Only
            then does agreement over-identify; two copies of one motif agree about anything.
        one_kind: An exposure has one kind of instrument if at most 25 % (upper limit) of as many
            loci as transmit have two sites to compare: a second site by chance is rarer, and 13
            loci without one are enough to say so.
        min_two_sites: Loci with two sites needed for agreement to be judged: with 8 of 8 the
            lower limit is .75.
        min_loci: Loci that transmit needed for a direction to be judged.
        min_positions: Instrument positions that a locus needs: with one its slope fits itself.
        min_dense: Share of loci whose variants must lie densely enough to see a site.
        gap: The two concordances must differ by .02: members' errors move it by .001, loci by
            .007 at 300 loci; a smaller difference would decide by accident.
        gap_unsure: And by .05 where the other direction is not excluded by its own evidence.
        own_gap: Or, where the other direction fails by its own evidence, the target's share of
            squared effects at variants that leave the source must exceed the source's by .10.
        gap_weak: Where too few loci transmit in the other direction, its concordance is not known,
            and the difference counts as .15.
        kind_often: A third task marks another kind of site of the source if it transmits at .20
            and more (lower limit) of the source's loci that leave the target,
        kind_rare: and at .15 and less (upper limit) of those that move it.
        kind_share: Provided that .15 and more of the source's loci leave the target: a few loci
            have weak sites of no motif in any task.
        own_least: The target of a direction must have .05 of its squared effects at variants that
            leave the source: without sites of its own nothing sets the direction apart.
        own_most: A source with one kind of site, of whose squared effects more than .70 leave
            the target, does not pass: gating leaves less than that.
        own_alike: Inseparable tasks have at most .20 of their own each.
        agreement_gap: Where a direction does not pass and the other one fails, it may still be
            taken: if their shares of agreeing sites differ by .25, concordances by the larger gap,
        evidence_sum: and if the lower limit of the share of agreeing sites and the difference in
            concordance add up to .75. Directed pairs of saturating or gated outcomes reached .74
            to .91 on development graphs, common causes at most .71.
        z: Normal quantile of the limits: 1.645, one-sided 95 %.
        reliability: Members' effects must correlate by .5 on average. Networks without knowledge
            reach .05 to .08, trained ones .74 to .99, weak ones at most .44.
        twin_ratio: One network alone: its scale must be 3 times that of its untrained twin.

    Example:
        >>> Thresholds(min_loci=5).instrument
        0.1
    """

    instrument: float = 0.10
    considered: float = 0.30
    transmits: float = 0.15
    tolerance: float = 0.5
    floor: float = 0.03
    none: float = 0.10
    concordance_alone: float = 0.95
    concordance_sites: float = 0.90
    site_ratio: float = 0.70
    site_positions: int = 3
    site_gap: int = 2
    site_share: float = 0.02
    agree_fails: float = 0.80
    agree_passes: float = 0.90
    agree_least: float = 0.65
    agree_certain: float = 0.85
    kinds_differ: float = 0.50
    one_kind: float = 0.25
    min_two_sites: int = 8
    min_loci: int = 8
    min_positions: int = 2
    min_dense: float = 0.5
    gap: float = 0.02
    gap_unsure: float = 0.05
    own_gap: float = 0.10
    gap_weak: float = 0.15
    kind_often: float = 0.20
    kind_rare: float = 0.15
    kind_share: float = 0.15
    own_least: float = 0.05
    own_most: float = 0.70
    own_alike: float = 0.20
    agreement_gap: float = 0.25
    evidence_sum: float = 0.75
    z: float = 1.645
    reliability: float = 0.5
    twin_ratio: float = 3.0

    def __post_init__(self) -> None:
        for name in ("instrument", "considered", "transmits", "tolerance", "floor", "z"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"Thresholds.{name} must be positive, got {getattr(self, name)}; "
                    "it is a share of the task's scale"
                )
        if self.instrument > self.considered:
            raise ValueError(
                "Thresholds.considered must be at least Thresholds.instrument, got "
                f"{self.considered} and {self.instrument}"
            )
