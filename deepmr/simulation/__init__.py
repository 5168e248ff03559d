"""Simulated sequences with known grammars and causal graphs, so that true effects are known.

Example:
    >>> import numpy as np
    >>> data = simulate(0, sizes=Sizes(train=20, variants=5, calibration=5, test=5, length=40))
    >>> effects = data.grammar.substitution_effects(data.sequences.codes[data.rows["test"]])
    >>> effects.shape  # locus, task, variant
    (5, 2, 120)
    >>> offset, alternative = variant_order(data.sequences.codes[data.rows["test"]])
    >>> int(offset[119]), alternative.shape
    (39, (5, 120))
"""

from deepmr.simulation.causal import CausalGraph, Node
from deepmr.simulation.dataset import SimulatedDataset, Sizes, simulate
from deepmr.simulation.grammar import (
    CONFOUNDING,
    Grammar,
    draw_grammar,
    variant_order,
)
from deepmr.simulation.graphs import DEVELOPMENT, GRAPHS, JUDGING, random_graph, shipped_graph
from deepmr.simulation.motif import BACKGROUND, Motif, load_motifs
from deepmr.simulation.planted import plant
from deepmr.simulation.readings import GraphDataset, GraphSizes, Readings, simulate_graph
from deepmr.simulation.sequences import (
    PlantedSequences,
    draw_motif_variants,
    draw_sequences,
    draw_variants,
)
from deepmr.simulation.structure import KINDS, PairStructure, pair_structure, structure_table

__all__ = [
    "BACKGROUND",
    "CONFOUNDING",
    "DEVELOPMENT",
    "GRAPHS",
    "JUDGING",
    "KINDS",
    "CausalGraph",
    "Grammar",
    "GraphDataset",
    "GraphSizes",
    "Motif",
    "Node",
    "PairStructure",
    "PlantedSequences",
    "Readings",
    "SimulatedDataset",
    "Sizes",
    "draw_grammar",
    "draw_motif_variants",
    "draw_sequences",
    "draw_variants",
    "load_motifs",
    "pair_structure",
    "plant",
    "random_graph",
    "shipped_graph",
    "simulate",
    "simulate_graph",
    "structure_table",
    "variant_order",
]
