"""Answers on all pairs with the networks, variants and settings behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepmr.causal_graph import PairAnswer, RelationScores, TaskGraph
from deepmr.inference.question import Question
from deepmr.io.tables import ResultTable
from deepmr.networks import Networks
from deepmr.workflow.all_pairs import PairSettings
from deepmr.workflow.pair_answers import PairAnswers
from deepmr.workflow.pair_tables import direct_table, edge_table, pair_table
from deepmr.workflow.variants import VariantChoice

__all__ = ["PairFindings", "pair_answers_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFindings:
    """Answers on all pairs, with what they rest on.

    Args:
        networks: The networks.
        variants: The variants, with their loci.
        settings: Level of edges and choice of direct effects.
        answers: Pooled effects, verdicts, direct effects and graph.
        question: Statistical settings.
        known: Scores on known relations; None where none were given.
        notes: Sentences for the report.
    """

    networks: Networks
    variants: VariantChoice
    settings: PairSettings
    answers: PairAnswers
    question: Question
    known: RelationScores | None = None
    notes: tuple[str, ...] = ()

    @property
    def graph(self) -> TaskGraph:
        """Edges by verdict and q-value."""
        return self.answers.graph

    def pairs(self) -> ResultTable:
        """Return a row for each ordered pair and estimator."""
        return pair_table(self.answers)

    def direct(self) -> ResultTable:
        """Return a row for each direct effect that was estimated or refused."""
        return direct_table(self.answers)

    def edges(self) -> ResultTable:
        """Return a row for each edge of the graph."""
        return edge_table(self.answers)

    def hints(self) -> list[str]:
        """Return advice on the settings if most exposures lack instruments at most loci."""
        found = self.answers.first.n_loci
        poor = int(np.sum(2 * found < self.answers.n_loci))
        if 2 * poor <= len(found):
            return []
        return [
            f"{poor} of {len(found)} pairs lack an instrument at most loci: no effect on the "
            f"exposure is {self.question.hint()}."
        ]


def pair_answers_of(answers: PairAnswers) -> dict[tuple[str, str], PairAnswer]:
    """Return what known relations are held against: word, slope and q-value of every pair."""
    combined = answers.combined
    return {
        pair: PairAnswer(
            structure=answers.verdicts[pair].structure,
            effect=float(combined.value[k]),
            q_bh=float(combined.q_bh[k]),
        )
        for k, pair in enumerate(answers.selection.ordered)
    }
