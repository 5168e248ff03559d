"""Estimate causal effects from variant effects: one for each locus, and the pooled effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from deepmr.effect_shard import EffectShard
from deepmr.inference.concordant import CONCORDANT, FLOOR, Concordant
from deepmr.inference.contract import Inference, LocalInference
from deepmr.inference.given_model import GivenModel
from deepmr.inference.over_members import OverMembers
from deepmr.inference.per_member import PerMember
from deepmr.inference.summary import Summary
from deepmr.instruments import ByModeratedZ, Rule
from deepmr.loci import Loci
from deepmr.meta import MetaAnalysisResult, random_effects
from deepmr.motifs import ByMotif, MotifLibrary
from deepmr.mr import MREstimate, egger, slope, weighted_median
from deepmr.smallest_slope import check_smallest
from deepmr.tasks import Task

__all__ = ["Answer", "Question", "estimate", "true_slope"]

_LEAST_TRUE = 0.1
"""Least root mean square exposure effect of a locus with a true slope, of the loci's median."""

Estimator = Callable[..., MREstimate]


def _default_rule() -> Rule:
    return ByModeratedZ(min_z=3.0, min_effect=0.5)


def _default_estimators() -> dict[str, Estimator]:
    return {"slope": slope, "egger": egger, "weighted_median": weighted_median}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Statistical settings of an interrogation; the defaults are those of the command line.

    Args:
        rule: Instrument selection rule; by default a moderated z of at least 3 and an absolute
            exposure effect of at least .5 units of the effect scale. `ByMotif` looks for the motif
            of each direction's own exposure.
        estimators: MR estimators by short name. By default ``slope``, ``egger`` and
            ``weighted_median``.
        inference: Inference method; `PerMember` by default (`GivenModel` for one network without
            dropout, see `for_members`).
        pooling: Meta-analysis ``(value, se) -> MetaAnalysisResult`` over loci; by default random
            effects by REML.
        controls: Negative controls that are computed: ``standard`` (default), ``all``, ``none``.
        designed: Whether designed sequences revise the verdict: ``none`` (default), ``auto``,
            ``all``.
        motifs: Motifs that the tasks may read, which revise the verdict; none by default.
        concordant: Whether the first estimator is asked a second time over the instruments that
            lie on one dose-response (`Concordant`), and reported first; True by default.
        smallest_slope: Smallest slope of interest, in outcome units per unit of the exposure, .05
            by default: the tables test against it (`deepmr.smallest_slope.p_beyond`), too.

    Raises:
        ValueError: If there is no estimator, or one has the name of that method; if the smallest
            slope is negative.
    """

    rule: Rule | ByMotif = field(default_factory=_default_rule)
    estimators: Mapping[str, Estimator] = field(default_factory=_default_estimators)
    inference: Inference = field(default_factory=PerMember)
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
        asked what it says itself (`GivenModel`).

        Args:
            number: Number of members.
            chosen: Whether the inference was asked for by name, so that it is not replaced.

        Raises:
            ValueError: If there is one member, and an inference that needs more was asked for.
        """
        if number > 1 or not isinstance(self.inference, OverMembers | Summary):
            return self
        if chosen or not isinstance(self.inference, PerMember):
            name = getattr(self.inference, "name", "summary")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Causal effects in one direction by one estimator: local and pooled.

    Args:
        exposure: Name of the exposure's task.
        outcome: Name of the outcome's task.
        method: Short name of the estimator.
        local: Causal effect of each locus.
        pooled: Meta-analysis over loci.
        true_local: True slope over each locus's instruments; NaN where unknown.
        true_pooled: Mean of the true slopes over the loci that have an estimate; NaN if unknown.
    """

    exposure: str
    outcome: str
    method: str
    local: LocalInference
    pooled: MetaAnalysisResult
    true_local: Float64[np.ndarray, " locus"]
    true_pooled: float


def true_slope(
    exposure: Float64[np.ndarray, "locus variant"],
    outcome: Float64[np.ndarray, "locus variant"],
    instruments: Bool[np.ndarray, "locus variant"],
) -> Float64[np.ndarray, " locus"]:
    """Return the slope through the origin of noiseless outcome effects on exposure effects.

    Over exactly the variants an estimate used, equally weighted: the estimand of a local effect.
    Instruments chosen by mistake may hardly move the exposure in truth; a slope there divides by
    almost nothing. Loci whose root mean square exposure effect is below a tenth of the loci's
    median have no true slope.

    Args:
        exposure: True exposure effects.
        outcome: True outcome effects.
        instruments: Variants that the estimate was computed from.

    Returns:
        One slope per locus; NaN where the instruments have no exposure effect, or almost none.

    Example:
        >>> x = np.array([[1.0, 2.0], [1.5, 1.0], [0.001, 0.0]])
        >>> true_slope(x, 0.5 * x, np.ones((3, 2), dtype=bool)).tolist()
        [0.5, 0.5, nan]
    """
    x, y = np.where(instruments, exposure, 0.0), np.where(instruments, outcome, 0.0)
    square = np.sum(x * x, axis=-1)
    size = np.sqrt(square / np.maximum(instruments.sum(axis=-1), 1))
    least = _LEAST_TRUE * np.median(size[size > 0]) if (size > 0).any() else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.sum(x * y, axis=-1) / square
    return np.asarray(np.where((size > 0) & (size >= least), slope, np.nan))


def estimate(
    shards: Iterable[EffectShard],
    loci: Loci,
    pair: tuple[str, str],
    question: Question,
    *,
    targets: Mapping[str, str] | None = None,
    scale: Mapping[str, float] | None = None,
) -> list[Answer]:
    """Estimate the effects of a pair of tasks in both directions with every estimator.

    Args:
        shards: Effects of all loci in the order of ``loci``; read one at a time.
        loci: The loci, with true effects where they are known.
        pair: Names of the exposure's and the outcome's task.
        question: Statistical settings.
        targets: What each task measures, by name; by default its name. Instruments by motif need
            it.
        scale: Size of each task's effects by name (`deepmr.verdict.effect_scale`), which tells the
            concordant instruments; without it (the default) there is no concordant slope.

    Returns:
        One answer for each direction and method: forward first; the concordant slope before the
        estimators in their order.
    """
    methods = question.methods(concordant=scale is not None)
    keys = [
        (exposure, outcome, method)
        for exposure, outcome in (pair, pair[::-1])
        for method in methods
    ]
    parts: dict[tuple[str, str, str], list[LocalInference]] = {key: [] for key in keys}
    start = 0
    for shard in shards:
        codes = loci.codes[start : start + len(shard.loci)]
        start += len(codes)
        rules = {task: question.rule_at(codes, (targets or {}).get(task, task)) for task in pair}
        here: dict[tuple[str, str], list[LocalInference]] = {}
        for exposure, outcome, method in keys:
            rule = rules[exposure]
            if method == CONCORDANT and scale is not None:
                rule = Concordant(rule=rule, floor=FLOOR * scale[outcome])
            found = question.inference.local(
                shard.effects, exposure, outcome, rule=rule, estimator=methods[method]
            )
            if method == CONCORDANT:
                found = replace(found, estimate=replace(found.estimate, method=CONCORDANT))
            found = _sharing(found, *here.setdefault((exposure, outcome), []))
            here[exposure, outcome].append(found)
            parts[exposure, outcome, method].append(found)
    answers: list[Answer] = []
    for key in keys:
        joined = LocalInference.join(parts.pop(key))
        alike = [one.local for one in answers if (one.exposure, one.outcome) == key[:2]]
        answers.append(_answer(key, _sharing(joined, *alike), loci, question))
    return answers


def _sharing(found: LocalInference, *others: LocalInference) -> LocalInference:
    """Return a result that refers to another's instruments where they are equal, to save memory.

    Instruments grow with loci and variants, and a rule that depends on the exposure alone selects
    the same for every method.
    """
    for other in others:
        if np.array_equal(found.instruments, other.instruments):
            return replace(found, instruments=other.instruments)
    return found


def _answer(
    key: tuple[str, str, str], local: LocalInference, loci: Loci, question: Question
) -> Answer:
    exposure, outcome, method = key
    truth = np.full(len(loci), np.nan)
    if loci.true_effects is not None:
        columns = [loci.true_tasks.index(name) for name in (exposure, outcome)]
        x, y = (loci.true_effects[:, column] for column in columns)
        truth = true_slope(x, y, local.instruments[:, : x.shape[-1]])
    known = np.isfinite(local.estimate.effect.value) & np.isfinite(truth)
    return Answer(
        exposure=exposure,
        outcome=outcome,
        method=method,
        local=local,
        pooled=question.inference.pool(local, pooling=question.pooling),
        true_local=truth,
        true_pooled=float(truth[known].mean()) if known.any() else float("nan"),
    )
