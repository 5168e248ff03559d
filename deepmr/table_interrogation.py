"""The notebook's door for a table of effects in the place of networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from deepmr.inference import Inference, OverMembers, Summary
from deepmr.inference.estimation import Question
from deepmr.instruments import Rule
from deepmr.interrogation import _checked, _conclude, measure
from deepmr.interrogation_result import Interrogation
from deepmr.motifs import ByMotif
from deepmr.workflow.effect_table import EffectTable
from deepmr.workflow.measurement import Compute
from deepmr.workflow.variants import VariantChoice

__all__ = ["interrogate_effects", "suited"]


def interrogate_effects(
    table: EffectTable,
    exposure: str,
    outcome: str,
    *,
    rule: Rule | ByMotif | None = None,
    estimators: Mapping[str, Callable[..., Any]] | None = None,
    inference: Inference | None = None,
    pooling: Callable[..., Any] | None = None,
    controls: str = "standard",
) -> Interrogation:
    r"""Ask a table of variant effects whether one of its tasks drives another.

    The counterpart of `deepmr.interrogate` for effects that others computed or measured: the same
    estimates, controls, verdict, report and tables. What needs networks (the untrained twin,
    designed sequences, the check of precision) is not run, and the result says so.

    Args:
        table: What `deepmr.read_effects` returns.
        exposure: Name (or unambiguous target) of a task.
        outcome: Name (or unambiguous target) of a task.
        rule: Which variants are instruments; by default that of `Question`.
        estimators: MR estimators by name; by default those of `Question`.
        inference: How errors become intervals; by default that of `Question`, and
            `deepmr.inference.Summary` for a table of one member with standard errors.
        pooling: A meta-analysis; by default that of `Question`.
        controls: Negative controls: ``standard`` (default), ``all`` or ``none``.

    Raises:
        ValueError: If the table breaks a rule, or has one member and no standard errors.
        LookupError: If a task is unknown.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import deepmr
        >>> rng = np.random.default_rng(0)
        >>> lines = ["chrom\tpos\tref\talt\tmember\tX\tY"]
        >>> for pos in range(60):
        ...     x = 2.0 * rng.standard_normal()
        ...     for member in range(4):
        ...         a, b = 0.01 * rng.standard_normal(2)
        ...         lines.append(f"chr1\t{pos + 1}\tA\tC\t{member}\t{x + a}\t{0.5 * x + b}")
        >>> path = tempfile.mkdtemp() + "/effects.tsv"
        >>> with open(path, "w") as stream:
        ...     _ = stream.write("\n".join(lines))
        >>> result = interrogate_effects(deepmr.read_effects(path), "X", "Y")
        >>> round(float(result.estimates["value"][0]), 2), result.effects.n_members
        (0.5, 4)
    """
    found = table.select(exposure, outcome)
    chosen = {"rule": rule, "estimators": estimators, "inference": inference, "pooling": pooling}
    given = {key: value for key, value in chosen.items() if value is not None}
    question, notes = suited(replace(Question(), controls=controls, **given), found.members.spread)
    question = _checked(question, found, found.pair)
    variants = VariantChoice(loci=found.loci, variants=None)
    effects = measure(found, found.loci, None, tasks=found.names)
    findings = _conclude(
        found, found.pair, variants, effects, question, Compute(), notes=(*found.notes, *notes)
    )
    return Interrogation(findings=findings, estimates=findings.estimates(), meta=findings.meta())


def suited(question: Question, spread: str) -> tuple[Question, tuple[str, ...]]:
    """Return the question with an inference that suits one member with standard errors.

    The default inference needs a spread of members. Where there is one member and its errors are
    known, classical inference takes its place, and a note says so; any other is left as it is.

    Args:
        question: The question.
        spread: Where the table's errors come from (`TableMembers.spread`).
    """
    inference = question.inference
    default = isinstance(inference, OverMembers) and inference.name == "per_member"
    if not (default and spread == "standard errors of the table"):
        return question, ()
    note = "Inference is summary: one member with standard errors has no spread of members."
    return replace(question, inference=Summary()), (note,)
