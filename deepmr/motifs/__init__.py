"""Motifs of DNA-binding proteins: libraries, matches, and occupancy changes by variants."""

from deepmr.motif import UNIFORM, Motif
from deepmr.motifs.instruments import AtPositions, ByMotif
from deepmr.motifs.jaspar import jaspar
from deepmr.motifs.library import MotifLibrary, read_motifs
from deepmr.motifs.matches import (
    Matches,
    find_matches,
    positions_in_matches,
    variants_in_matches,
)
from deepmr.motifs.occupancy import Binding, motif_doses, occupancy, occupancy_changes
from deepmr.motifs.scores import ScoreDistribution, score_distribution
from deepmr.motifs.similarity import decoys, similarity

__all__ = [
    "UNIFORM",
    "AtPositions",
    "Binding",
    "ByMotif",
    "Matches",
    "Motif",
    "MotifLibrary",
    "ScoreDistribution",
    "decoys",
    "find_matches",
    "jaspar",
    "motif_doses",
    "occupancy",
    "occupancy_changes",
    "positions_in_matches",
    "read_motifs",
    "score_distribution",
    "similarity",
    "variants_in_matches",
]
