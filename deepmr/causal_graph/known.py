"""Known relations between tasks, and how a model's answers do on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepmr.verdict import STRUCTURES, wilson

__all__ = ["EXPECTED", "KnownRelation", "PairAnswer", "RelationScores", "score_relations"]

_SIGNS = {"+": 1, "-": -1, "positive": 1, "negative": -1}
EXPECTED = (*(word for word in STRUCTURES if word != "undecided"), *_SIGNS)
"""What may be expected of a pair: a verdict's word, or the sign of the exposure's effect."""

_LEVELS = (0.01, 0.05, 0.1, 0.2)
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRelation:
    """What experiments say of a pair of tasks.

    Args:
        exposure: Name of a task.
        outcome: Name of another.
        expected: One of `EXPECTED`.

    Raises:
        ValueError: If ``expected`` is another word, or both are one task.

    Example:
        >>> KnownRelation(exposure="GATA1", outcome="TAL1", expected="+").is_causal
        True
    """

    exposure: str
    outcome: str
    expected: str

    def __post_init__(self) -> None:
        if self.expected not in EXPECTED:
            raise ValueError(
                f"what is expected of {self.exposure} and {self.outcome} is one of "
                f"{', '.join(EXPECTED)}; got {self.expected!r}"
            )
        if self.exposure == self.outcome:
            raise ValueError(f"a known relation needs two tasks, got {self.exposure} for both")

    @property
    def is_causal(self) -> bool:
        """Whether the exposure is expected to act on the outcome."""
        return self.expected in ("forward", "both", *_SIGNS)

    @property
    def sign(self) -> int:
        """Expected sign of the effect; 0 where none is stated."""
        return _SIGNS.get(self.expected, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAnswer:
    """A model's answer on an ordered pair.

    Args:
        structure: Word of the verdict, exposure to outcome.
        effect: Pooled slope by the estimator in the middle.
        q_bh: The pair's false discovery rate.
    """

    structure: str
    effect: float
    q_bh: float

    @property
    def is_edge(self) -> bool:
        """Whether the verdict says that the exposure acts on the outcome."""
        return self.structure in ("forward", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationScores:
    """How a model's answers do on known relations.

    Args:
        rows: One for each relation: what is expected, what was said, whether it agrees.
        precision: Right edges, edges among the known pairs, share and its 95 % interval (Wilson).
        recall: Right edges, expected edges, share and its interval.
        calibration: For each level, the known pairs whose slope has a q-value up to it, and how
            many of them are not expected to be causal: their share should not exceed the level.
    """

    rows: tuple[Mapping[str, Any], ...]
    precision: Mapping[str, float]
    recall: Mapping[str, float]
    calibration: tuple[Mapping[str, float], ...]

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON, None for NaN."""

        def plain(one: Mapping[str, Any]) -> dict[str, Any]:
            return {k: None if isinstance(v, float) and v != v else v for k, v in one.items()}

        return {
            "precision": plain(self.precision),
            "recall": plain(self.recall),
            "calibration": [plain(one) for one in self.calibration],
            "relations": [plain(one) for one in self.rows],
        }


def score_relations(
    relations: Sequence[KnownRelation], answers: Mapping[tuple[str, str], PairAnswer]
) -> RelationScores:
    """Hold a model's answers against known relations.

    An edge is right if the exposure is expected to act on the outcome, with the sign that is
    stated. A slope alone is no edge: most q-values are tiny wherever two tasks share a motif, which
    is what the table of calibration shows.

    Args:
        relations: What is known.
        answers: The model's answers by exposure and outcome.

    Raises:
        LookupError: If a relation's pair was not asked.

    Example:
        >>> known = [KnownRelation(exposure="X", outcome="Y", expected="+"),
        ...          KnownRelation(exposure="P", outcome="Q", expected="shared")]
        >>> scores = score_relations(known, {
        ...     ("X", "Y"): PairAnswer(structure="forward", effect=0.5, q_bh=0.001),
        ...     ("P", "Q"): PairAnswer(structure="shared", effect=0.2, q_bh=0.001)})
        >>> scores.precision["share"], scores.recall["share"], scores.calibration[0]["false"]
        (1.0, 1.0, 1)
    """
    missing = [one for one in relations if (one.exposure, one.outcome) not in answers]
    if missing:
        raise LookupError(
            f"the known relation {missing[0].exposure} -> {missing[0].outcome} was not asked; "
            "widen exposure= and outcome=, or take it out"
        )
    rows = [_row(one, answers[one.exposure, one.outcome]) for one in relations]
    edges = [row for row in rows if row["edge"]]
    causal = [row for row in rows if row["causal"]]
    right = sum(row["right_edge"] for row in rows)
    calibration = []
    for level in _LEVELS:
        found = [row for row in rows if row["q_bh"] <= level]
        false = sum(not row["causal"] for row in found)
        calibration.append({"level": level, "false": false, **_share(false, len(found))})
    return RelationScores(
        rows=tuple(rows),
        precision=_share(right, len(edges)),
        recall=_share(right, len(causal)),
        calibration=tuple(calibration),
    )


def _row(relation: KnownRelation, answer: PairAnswer) -> dict[str, Any]:
    sign_fits = relation.sign == 0 or relation.sign * answer.effect > 0
    right_edge = relation.is_causal and answer.is_edge and sign_fits
    agrees = right_edge if relation.sign else answer.structure == relation.expected
    return {
        "exposure": relation.exposure,
        "outcome": relation.outcome,
        "expected": relation.expected,
        "structure": answer.structure,
        "effect": answer.effect,
        "q_bh": answer.q_bh,
        "agrees": bool(agrees),
        "causal": relation.is_causal,
        "edge": answer.is_edge,
        "right_edge": bool(right_edge),
    }


def _share(k: int, n: int) -> dict[str, float]:
    if n == 0:
        return {"k": 0, "n": 0, "share": np.nan, "low": np.nan, "high": np.nan}
    share = np.array([k / n])
    low, high = (float(wilson(share, np.array([float(n)]), z=z)[0]) for z in (-_Z, _Z))
    return {"k": k, "n": n, "share": k / n, "low": low, "high": high}
