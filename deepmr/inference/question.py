"""What is asked of variant effects: instrument rule, estimators, inference, pooling, controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import UInt8

from deepmr.estimate import check_smallest
from deepmr.inference.combine import too_few_members
from deepmr.inference.concordant import CONCORDANT
from deepmr.inference.contract import Inference
from deepmr.inference.given_model import GivenModel
from deepmr.inference.over_members import OverMembers
from deepmr.inference.per_member import Jackknife
from deepmr.inference.summary import Summary
from deepmr.instruments import ByModeratedZ, Rule
from deepmr.meta import MetaAnalysisResult, random_effects
from deepmr.motifs import ByMotif, MotifLibrary
from deepmr.mr import MREstimate, egger, slope, weighted_median
from deepmr.tasks import Task

__all__ = ["CONTROLS", "DESIGNED", "Question"]

CONTROLS = ("none", "standard", "all")
"""Which negative controls are computed."""

DESIGNED = ("none", "auto", "all")
"""When designed sequences are measured: never, where they can change a verdict, always."""

Estimator = Callable[..., MREstimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Statistical settings of an interrogation; the defaults are those of the command line.

    Args:
        rule: Instrument selection rule; by default a moderated z of at least 3 and an absolute
            exposure effect of at least .5 units of the effect scale. `ByMotif` looks for the motif
            of each direction's own exposure.
        estimators: MR estimators by short name. By default ``slope``, ``egger`` and
            ``weighted_median``.
        inference: Inference method; `Jackknife` by default (`PerMember` for two networks,
            `GivenModel` for one without dropout, see `for_members`).
        pooling: Meta-analysis ``(value, se) -> MetaAnalysisResult`` over loci; by default random
            effects by REML.
        controls: Negative controls that are computed: ``standard`` (default), ``all``, ``none``.
        designed: Whether designed sequences revise the verdict: ``none`` (default), ``auto``,
            ``all``.
        motifs: Motifs that the tasks may read, which revise the verdict; none by default.
        concordant: Whether the first estimator is asked a second time over the instruments that
            lie on one dose-response (`Concordant`), and reported first; True by default.
        smallest_slope: Smallest slope of interest, in outcome units per unit of the exposure, .05
            by default: the tables test against it (`deepmr.estimate.p_beyond`), too.

    Raises:
        ValueError: If there is no estimator, or one has the name of that method; if the smallest
            slope is negative; if the word for controls or designed sequences is unknown.
    """

    rule: Rule | ByMotif = field(default_factory=lambda: ByModeratedZ(min_z=3.0, min_effect=0.5))
    estimators: Mapping[str, Estimator] = field(
        default_factory=lambda: {"slope": slope, "egger": egger, "weighted_median": weighted_median}
    )
    inference: Inference = field(default_factory=Jackknife)
    pooling: Callable[..., MetaAnalysisResult] = random_effects
    controls: str = "standard"
    designed: str = "none"
    motifs: MotifLibrary | None = None
    concordant: bool = True
    smallest_slope: float = 0.05

    def __post_init__(self) -> None:
        check_smallest(self.smallest_slope)
        if not self.estimators:
            raise ValueError("a question needs at least one estimator, got none")
        if CONCORDANT in self.estimators:
            raise ValueError(
                f"an estimator cannot be called {CONCORDANT}: the question adds a method of that "
                "name itself"
            )
        if self.controls not in CONTROLS:
            raise ValueError(f"controls is one of {', '.join(CONTROLS)}; got {self.controls!r}")
        if self.designed not in DESIGNED:
            raise ValueError(f"verdict.designed must be none, auto or all, got {self.designed!r}")

    def with_parts(
        self,
        *,
        rule: Rule | ByMotif | None = None,
        estimators: Mapping[str, Estimator] | None = None,
        inference: Inference | None = None,
        pooling: Callable[..., MetaAnalysisResult] | None = None,
    ) -> Question:
        """Return the question with the parts that are given; None leaves one as it is.

        Args:
            rule: Instrument selection rule.
            estimators: MR estimators by short name.
            inference: Inference method.
            pooling: Meta-analysis over loci.
        """
        return replace(
            self,
            rule=self.rule if rule is None else rule,
            estimators=self.estimators if estimators is None else estimators,
            inference=self.inference if inference is None else inference,
            pooling=self.pooling if pooling is None else pooling,
        )

    def hint(self) -> str:
        """Return what loci without instruments lack, and which settings to lower, as a clause."""
        asked = getattr(self.rule, "min_effect", None)
        than = f" than {asked:g}" if asked else ""
        small = f"networks with small effects need a lower instruments.min_effect{than}"
        if isinstance(self.inference, GivenModel):  # whose effects have no errors
            return f"large enough (instruments.min_effect); {small}"
        return f"both precise and large enough; {small} or instruments.min_z"

    def check(self, pair: Sequence[Task]) -> None:
        """Make sure that both directions have instruments, before anything is computed.

        Args:
            pair: Exposure and outcome.

        Raises:
            LookupError: If the motif library holds no motif of a task's target, or several.
            ValueError: If a given model is asked by an estimator that rests on errors.
        """
        if isinstance(self.inference, GivenModel):
            for name, estimator in self.estimators.items():
                self.inference.check_estimator(name, estimator)
        if isinstance(self.rule, ByMotif) and self.rule.motif == "exposure":
            for task in pair:
                self.rule.library.select(task.target)

    def rule_at(self, codes: UInt8[np.ndarray, "locus length"], target: str) -> Rule:
        """Return the instrument rule for given loci and the exposure's target."""
        return self.rule.at(codes, target=target) if isinstance(self.rule, ByMotif) else self.rule

    def for_members(self, number: int, *, chosen: bool = False) -> Question:
        """Return the question as so many members can answer it.

        One network has no spread, and cannot say what training again would say. By default it is
        asked what it says itself (`GivenModel`). Two have a spread, but no jackknife; by default
        each gives a slope (`PerMember`).

        Args:
            number: Number of members.
            chosen: Whether the inference was asked for by name, so that it is not replaced.

        Raises:
            ValueError: If an inference was asked for by name that needs more members.
        """
        asked = self.inference
        default = type(asked) is Jackknife and not chosen
        if number > 1 and isinstance(asked, OverMembers) and number < asked.fewest_members:
            if default and isinstance(asked, Jackknife):
                return replace(self, inference=asked.of_two())
            raise ValueError(too_few_members(asked.name, asked.fewest_members, number))
        if number > 1 or not isinstance(asked, OverMembers | Summary):
            return self
        if not default:
            name = getattr(asked, "name", "summary")
            raise ValueError(
                f"inference={name} asks what training again would say and needs several members, "
                "got one network without dropout; leave it out (inference=given_model asks what "
                "this network says), or train an ensemble"
            )
        return replace(self, inference=GivenModel())

    def for_errors(self, ratios: Sequence[float]) -> Question:
        """Return the question with the members' shared error estimated, if that is its setting.

        Args:
            ratios: `deepmr.inference.between_sites.prediction_error_ratio` of the tasks whose
                noise floor is known.
        """
        if not isinstance(self.inference, OverMembers):
            return self
        return replace(self, inference=self.inference.with_errors(ratios))

    def methods(self, *, concordant: bool) -> dict[str, Estimator]:
        """Return the estimators by the names of the tables, the concordant slope first.

        Args:
            concordant: Whether the concordant instruments can be told.
        """
        if not (concordant and self.concordant):
            return dict(self.estimators)
        return {CONCORDANT: next(iter(self.estimators.values())), **self.estimators}

    @property
    def shared_error(self) -> dict[str, Any] | None:
        """Shared error variance, part between sites and where they come from; None if unused."""
        if not isinstance(self.inference, OverMembers):
            return None
        error = self.inference.error
        return {
            "shared": error.shared,
            "between_sites": error.between_sites,
            "relative": error.relative,
            "relative_pooled": error.relative_pooled,
            "source": error.source,
        }

    @property
    def asks(self) -> str:
        """What the intervals are about, for the manifest."""
        given = isinstance(self.inference, GivenModel)
        return "what this model says" if given else "what training again would say"

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the report on how the intervals were made."""
        if isinstance(self.inference, GivenModel):
            return (self.inference.note,)
        if not isinstance(self.inference, OverMembers):
            return ()
        return (
            "Intervals answer what training again would say: they count how far the networks "
            "differ, and by a fixed rule what all of them get wrong alike (see “How were errors "
            "computed?” under Methods).",
        )
