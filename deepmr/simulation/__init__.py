"""Sequences with a known grammar, so that the true causal effects are known."""

from deepmr.simulation.dataset import SimulatedDataset, Sizes, simulate
from deepmr.simulation.grammar import (
    CONFOUNDING,
    Grammar,
    draw_grammar,
    variant_order,
)
from deepmr.simulation.motif import BACKGROUND, Motif, load_motifs
from deepmr.simulation.sequences import PlantedSequences, draw_sequences, draw_variants

__all__ = [
    "BACKGROUND",
    "CONFOUNDING",
    "Grammar",
    "Motif",
    "PlantedSequences",
    "SimulatedDataset",
    "Sizes",
    "draw_grammar",
    "draw_sequences",
    "draw_variants",
    "load_motifs",
    "simulate",
    "variant_order",
]
