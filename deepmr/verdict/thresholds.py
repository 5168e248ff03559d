"""The constants of the verdict's rule, each with its argument."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
    "AgreementThresholds",
    "DirectionThresholds",
    "EffectThresholds",
    "OwnThresholds",
    "SiteThresholds",
    "Thresholds",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectThresholds:
    """When a variant, a locus and a pair of tasks count.

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
        min_loci: Loci that transmit needed for a direction to be judged.
        min_positions: Instrument positions that a locus needs: with one its slope fits itself.

    Raises:
        ValueError: If a constant is not positive, or ``considered`` is below ``instrument``.
    """

    instrument: float = 0.10
    considered: float = 0.30
    transmits: float = 0.15
    tolerance: float = 0.5
    floor: float = 0.03
    none: float = 0.10
    min_loci: int = 8
    min_positions: int = 2

    def __post_init__(self) -> None:
        for name in ("instrument", "considered", "transmits", "tolerance", "floor"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"EffectThresholds.{name} must be positive, got {getattr(self, name)}; "
                    "it is a share of the task's scale"
                )
        if self.instrument > self.considered:
            raise ValueError(
                "EffectThresholds.considered must be at least EffectThresholds.instrument, got "
                f"{self.considered} and {self.instrument}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteThresholds:
    """What is a site, and when two of them agree.

    Args:
        positions: A site spans at least 3 positions; shorter runs are mostly background.
        gap: Positions up to 2 apart without an instrument stay in one site: motifs have
            uninformative columns.
        share: The weaker of two sites has at least .02 of both sites' squared effects
            (a seventh of the stronger one's effect): below, its slope is noise.
        ratio: Two sites agree if the smaller slope is at least .7 of the larger. Median
            agreement was .94 under causation, .18 to .44 without.
        min_two: Loci with two sites needed for agreement to be judged: with 8 of 8 the
            lower limit is .75.
        min_dense: Share of loci whose variants must lie densely enough to see a site.
        one_kind: An exposure has one kind of instrument if at most 25 % (upper limit) of as many
            loci as transmit have two sites to compare: a second site by chance is rarer, and 13
            loci without one are enough to say so.
    """

    positions: int = 3
    gap: int = 2
    share: float = 0.02
    ratio: float = 0.70
    min_two: int = 8
    min_dense: float = 0.5
    one_kind: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementThresholds:
    """What the share of loci at which two sites agree says.

    Args:
        fails: Sites disagree if the upper limit of the agreeing share is below .80.
        passes: They agree if that limit is at least .90 ...
        least: ... and the lower limit at least .65: two in three, whatever the number.
        certain: The nested caveat is dropped only if the lower limit is at least .85, and
            kinds of site differ: nested tasks whose slopes nearly match reached .82.
        kinds_differ: An exposure has sites of different kinds, for certain, if some task answers
            them by different slopes: the upper limit of the share that agree is below .50. Only
            then does agreement over-identify; two copies of one motif agree about anything.
    """

    fails: float = 0.80
    passes: float = 0.90
    least: float = 0.65
    certain: float = 0.85
    kinds_differ: float = 0.50


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionThresholds:
    """What concordance a direction needs, and how unlike the two directions must be.

    Args:
        concordance_alone: Concordance asked for where the exposure has one kind of instrument
            and nothing over-identifies: .95. Common causes with private inputs on both sides
            stay below .9.
        concordance_sites: Where sites over-identify: .90, as they exclude most alternatives.
        gap: The two concordances must differ by .02: members' errors move it by .001, loci by
            .007 at 300 loci; a smaller difference would decide by accident.
        gap_unsure: And by .05 where the other direction is not excluded by its own evidence.
        gap_weak: Where too few loci transmit in the other direction, its concordance is not known,
            and the difference counts as .15.
        agreement_gap: Where a direction does not pass and the other one fails, it may still be
            taken: if their shares of agreeing sites differ by .25, concordances by the larger gap,
        evidence_sum: and if the lower limit of the share of agreeing sites and the difference in
            concordance add up to .75. Directed pairs of saturating or gated outcomes reached .74
            to .91 on development graphs, common causes at most .71.
    """

    concordance_alone: float = 0.95
    concordance_sites: float = 0.90
    gap: float = 0.02
    gap_unsure: float = 0.05
    gap_weak: float = 0.15
    agreement_gap: float = 0.25
    evidence_sum: float = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnThresholds:
    """What a task's own effects say: those at variants that leave the other task.

    Args:
        gap: Where the other direction fails by its own evidence, the target's share of
            squared effects at variants that leave the source must exceed the source's by .10.
        least: The target of a direction must have .05 of its squared effects at variants that
            leave the source: without sites of its own nothing sets the direction apart.
        most: A source with one kind of site, of whose squared effects more than .70 leave
            the target, does not pass: gating leaves less than that.
        alike: Inseparable tasks have at most .20 of their own each.
        kind_often: A third task marks another kind of site of the source if it transmits at .20
            and more (lower limit) of the source's loci that leave the target,
        kind_rare: and at .15 and less (upper limit) of those that move it.
        kind_share: Provided that .15 and more of the source's loci leave the target: a few loci
            have weak sites of no motif in any task.
    """

    gap: float = 0.10
    least: float = 0.05
    most: float = 0.70
    alike: float = 0.20
    kind_often: float = 0.20
    kind_rare: float = 0.15
    kind_share: float = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Every constant of the decision rule, on scaled effects.

    A scaled effect is an effect over its task's scale: the 90th percentile over loci of the
    largest absolute effect (`effect_scale`). All were fixed on simulated development graphs and
    seeds (`python -m benchmarks.structures` names them), none on the graphs that judge the rule.

    Args:
        effects: When a variant, a locus and a pair count.
        sites: What is a site, and when two agree.
        agreement: What the share of agreeing sites says.
        direction: What a direction needs.
        own: What a task's own effects say.
        z: Normal quantile of the limits: 1.645, one-sided 95 %.
        reliability: Members' effects must correlate by .5 on average. Networks without knowledge
            reach .05 to .08, trained ones .74 to .99, weak ones at most .44.
        twin_ratio: One network alone: its scale must be 3 times that of its untrained twin.

    Raises:
        ValueError: If ``z`` is not positive.

    Example:
        >>> Thresholds(effects=EffectThresholds(min_loci=5)).effects.instrument
        0.1
    """

    effects: EffectThresholds = field(default_factory=EffectThresholds)
    sites: SiteThresholds = field(default_factory=SiteThresholds)
    agreement: AgreementThresholds = field(default_factory=AgreementThresholds)
    direction: DirectionThresholds = field(default_factory=DirectionThresholds)
    own: OwnThresholds = field(default_factory=OwnThresholds)
    z: float = 1.645
    reliability: float = 0.5
    twin_ratio: float = 3.0

    def __post_init__(self) -> None:
        if not self.z > 0:
            raise ValueError(f"Thresholds.z must be positive, got {self.z}; it is a quantile")
