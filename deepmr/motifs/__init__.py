"""Motifs of DNA-binding proteins: libraries, matches, and occupancy changes by variants.

Example:
    Find a motif in a sequence, and what its substitutions do to the occupancy:

    >>> import numpy as np
    >>> from deepmr.sequence import base_codes
    >>> rows = np.eye(4)[[2, 0, 3, 0, 0, 2]] * 0.96 + 0.01
    >>> gata = Motif(name="GATAAG", probabilities=rows)
    >>> codes = base_codes(["CCGATAAGCC"])
    >>> found = find_matches(gata, codes, p=0.001)
    >>> len(found), found.start.tolist(), found.strand.tolist()
    (1, [2], [1])
    >>> positions_in_matches(gata, codes, p=0.001).astype(int).tolist()
    [[0, 0, 1, 1, 1, 1, 1, 1, 0, 0]]
    >>> offset, alt = np.array([[2, 9]]), np.array([[0, 0]])
    >>> variants_in_matches(gata, codes, offset, p=0.001).tolist()
    [[True, False]]
    >>> occupancy_changes(gata, codes, offset, alt).round(2).tolist()
    [[-0.02, -0.0]]
    >>> motif_doses([gata], codes, offset, alt).shape  # locus, motif, variant
    (1, 1, 2)

    Compare motifs; decoys are shuffled columns, for a negative control:

    >>> round(similarity(gata, gata.reverse_complement()), 2), len(decoys(gata, 1, seed=0))
    (1.0, 1)
    >>> distribution = score_distribution(gata)
    >>> distribution.best_p < 0.001, round(float(gata.information().sum()), 1)
    (True, 10.5)

    A file of motifs, and a protein of which there is less, so that only strong sites are bound:

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "motifs.jaspar"
    >>> columns = ("0 9 0 9 9 0", "0 0 0 0 0 0", "9 0 0 0 0 9", "0 0 9 0 0 0")
    >>> lines = [f"{base} [ {counts} ]" for base, counts in zip("ACGT", columns)]
    >>> _ = path.write_text(chr(10).join([">MA0000.1 GATA1", *lines]))
    >>> read_motifs(path).select("GATA1").name
    'GATA1'
    >>> scarce = Binding(response="independent", threshold=8.0)
    >>> bool(occupancy(gata, codes, binding=scarce) < occupancy(gata, codes))
    True

    A motif as an instrument rule, for ``by_motif`` selection; and a library of JASPAR:

    >>> rule = ByMotif(motifs=MotifLibrary(motifs=(gata,)), motif="GATAAG", p=0.001)
    >>> here = rule.at(codes, target="GATA1")
    >>> library = jaspar(names=["GATA1"])  # doctest: +SKIP
"""

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
