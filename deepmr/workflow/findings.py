"""Results of an interrogation: answers and verdict, with networks, variants and settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepmr.effect_shard import Effects
from deepmr.inference import EffectZScores, effect_z_scores
from deepmr.inference.estimation import Answer
from deepmr.inference.question import Question
from deepmr.inference.single_effects import honest_effects
from deepmr.io.result_rows import estimates_rows, meta_rows
from deepmr.io.tables import ResultTable, concatenate
from deepmr.loci import Loci
from deepmr.networks import Networks
from deepmr.tasks import Task
from deepmr.workflow.judgement import Judgement
from deepmr.workflow.pair_of_table import PairOfTable
from deepmr.workflow.variants import VariantChoice

__all__ = ["Findings", "effect_errors", "known_structure"]

_STRONG = 0.1
"""Smallest true effect that is compared, as a share of the task's largest: smaller effects do not
become instruments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Results of an interrogation, with the networks, variants and settings behind them.

    Args:
        networks: The networks, or the table of effects in their place.
        pair: Tasks of exposure and outcome.
        variants: The variants, with their loci.
        effects: Variant effects, in memory or on disk.
        question: Statistical settings.
        answers: Causal effects by direction and estimator, exposure on outcome first.
        judgement: Verdict on the pair, with negative controls.
        notes: Sentences for the report; none by default.
    """

    networks: Networks | PairOfTable
    pair: tuple[Task, Task]
    variants: VariantChoice
    effects: Effects
    question: Question
    answers: tuple[Answer, ...]
    judgement: Judgement
    notes: tuple[str, ...] = ()

    @property
    def loci(self) -> Loci:
        """The loci."""
        return self.variants.loci

    @property
    def names(self) -> tuple[str, str]:
        """Names of exposure and outcome."""
        return self.pair[0].name, self.pair[1].name

    def estimates(self) -> ResultTable:
        """Return the table of local effects: a row per locus, direction and method."""
        chrom, start, end = (list(c) for c in zip(*self.loci.places(), strict=True))
        rows = [
            estimates_rows(
                chrom,
                start,
                end,
                exposure=answer.exposure,
                outcome=answer.outcome,
                estimate=answer.local.estimate,
                true_value=answer.true_local,
                smallest=self.question.smallest_slope,
            )
            for answer in self.answers
        ]
        return ResultTable(concatenate(rows))

    def meta(self) -> ResultTable:
        """Return the table of pooled effects: a row per direction and method."""
        rows = [
            meta_rows(
                exposure=answer.exposure,
                outcome=answer.outcome,
                method=answer.method,
                result=answer.pooled,
                true_value=answer.true_pooled,
                structure=self.judgement.structure_of(answer.exposure, answer.outcome),
                true_structure=known_structure(self.networks, answer.exposure, answer.outcome),
                smallest=self.question.smallest_slope,
            )
            for answer in self.answers
        ]
        return ResultTable(concatenate(rows))

    def hints(self) -> list[str]:
        """Return advice on the settings if most loci have no instrument."""
        first = self.answers[0]
        counts = first.local.estimate.n_instruments
        empty = int(np.sum(counts == 0))
        if 2 * empty <= len(counts):
            return []
        return [
            f"{empty} of {len(counts)} loci have no instrument: no effect on {first.exposure} is "
            f"{self.question.hint()}."
        ]


def known_structure(networks: Networks | PairOfTable, exposure: str, outcome: str) -> str:
    """Return what the grammar of a simulation does, in the words of a verdict.

    This is the causal truth, whatever variants and loci are asked. It is not the slope of the
    simulation's noiseless effects: where no task acts on the other, variants that move both have
    such a slope, too.

    Args:
        networks: Networks with the data they were trained on; a table of effects has none.
        exposure: Name of the exposure's task.
        outcome: Name of the outcome's task.

    Returns:
        One of `deepmr.verdict.STRUCTURES`; empty where the data are no simulation.

    Example:
        >>> import torch
        >>> networks = Networks.of([torch.nn.Identity()] * 2, ["X", "Y"])
        >>> known_structure(networks, "X", "Y")
        ''
    """
    source = None if isinstance(networks, PairOfTable) else networks.source
    if source is None or not hasattr(type(source), "structure"):
        return ""
    return str(source.structure(exposure, outcome).word)


def effect_errors(
    measured: Effects, loci: Loci, pair: Sequence[str], *, honest: bool = False
) -> dict[str, EffectZScores]:
    """Compare estimated with true effects on two tasks, in units of their standard errors.

    Args:
        measured: Effects of all loci.
        loci: The loci, with true effects where they are known.
        pair: Names of the tasks.
        honest: Compare the errors for intervals (`honest_effects`) rather than those of the
            members' mean (the default).

    Returns:
        Z-scores by task; empty where true effects are unknown, or no effect has a standard error,
        as of one network alone.
    """
    if loci.true_effects is None or measured.n_members < 2:
        return {}
    columns = [loci.true_tasks.index(task) for task in pair]
    truth = np.asarray(loci.true_effects, dtype=np.float64)[:, columns]
    least = _STRONG * np.abs(truth).max(axis=(0, 2))
    parts: list[list[np.ndarray]] = [[], []]
    first, df = 0, np.inf
    for shard in measured.read(list(pair)):
        effects = honest_effects(shard.effects, *pair) if honest else shard.effects.summarise(*pair)
        df = effects.df
        true = truth[first : first + len(shard.loci), :, : effects.mask.shape[-1]]
        first += len(shard.loci)
        for k, (value, se) in enumerate(
            (
                (effects.beta_exposure, effects.se_exposure),
                (effects.beta_outcome, effects.se_outcome),
            )
        ):
            strong = effects.mask & (se > 0) & (np.abs(true[:, k]) > least[k])
            parts[k].append(np.stack([value[strong], se[strong], true[:, k][strong]]))
    joined = [np.concatenate(part, axis=-1) for part in parts]
    return {
        task: effect_z_scores(*found, df=df)
        for task, found in zip(pair, joined, strict=True)
        if found.size
    }
