"""Draw the two pictures of the demo that README and tutorial show.

``python docs/hooks/demo_figures.py runs/train/demo`` asks the demo's question of its networks
again, and writes ``docs/demo-scatter.png`` and ``docs/demo-directions.png``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import deepmr
from deepmr.plot import directions, to_png
from deepmr.report import slope_meaning

EXPOSURE, OUTCOME, N_LOCI = "GATA1", "TAL1", 300
LOCUS = "sim-013666:0-100"
"""A typical locus of the report's gallery, with a site of either factor."""
DOCS = Path(__file__).resolve().parents[1]


def main(run: str) -> None:
    """Ask the question, and draw.

    Args:
        run: Folder of the demo's training run.
    """
    networks = deepmr.load_run(run)
    loci, _ = deepmr.held_out_loci(networks, (EXPOSURE, OUTCOME), seed=0, n=N_LOCI)
    result = deepmr.interrogate(networks, None, loci, EXPOSURE, OUTCOME, controls="none")
    structure = result.verdict.structure
    turned = {"forward": "reverse", "reverse": "forward"}.get(structure, structure)
    both = directions(
        result.meta,
        exposure=EXPOSURE,
        outcome=OUTCOME,
        unit="Anscombe units per Anscombe unit",
        notes=(
            slope_meaning(structure, EXPOSURE, OUTCOME),
            slope_meaning(turned, OUTCOME, EXPOSURE),
        ),
    )
    one = result.plot.scatter(loci.names().index(LOCUS))
    for name, axes in {"demo-scatter": one, "demo-directions": both}.items():
        (DOCS / f"{name}.png").write_bytes(to_png(axes, dpi=160))


if __name__ == "__main__":
    main(*sys.argv[1:])
