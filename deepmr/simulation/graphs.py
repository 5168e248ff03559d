"""Shipped causal graphs, and random ones.

For development: ``fifteen``, ``chains``, ``logic`` and random graphs of seeds below 100.
For judging only, never to choose a threshold on: ``layers``, ``loops``, ``hidden``, ``rivals``
and random graphs of seeds from 100.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deepmr.simulation.causal import CausalGraph
from deepmr.simulation.motif import load_motifs
from deepmr.simulation.structure import structure_table

__all__ = ["DEVELOPMENT", "GRAPHS", "JUDGING", "random_graph", "shipped_graph"]

DEVELOPMENT = ("fifteen", "chains", "logic")
JUDGING = ("layers", "loops", "hidden", "rivals")

_FIFTEEN = {
    "motifs": {"A": "GATA_disc1", "B": "TAL1_known1", "C": "SOX2_1"},
    "tasks": {
        "X": {"of": {"A": 100}},
        "N": {"of": {"B": 100}},
        "S": {"of": {"C": 100}},
        "T": {"of": {"C": 60}},
        "P": {"of": {"A": 60, "C": 60}},
        "Q": {"of": {"B": 60, "C": 60}},
        "L": {"of": {"A": 70, "C": 50}},
        "Lo": {"of": {"L": 72, "B": 60}},
        "M": {"of": {"A*C": 100}},
        "Z": {"of": {"M": 70, "B": 60}},
        "U": {"of": {"A": 40, "A*B": 60}},
        "V": {"of": {"B": 40, "A*B": 60}},
        "Yc": {"of": {"A*B": 200}},
        "Ya": {"of": {"A": 60, "B": 60}},
        "Yx": {"of": {"B": 120}, "against": {"A": 0.8}},
    },
}
_CHAINS = {
    "motifs": {"A": "HNF4A", "B": "TEAD4", "C": "CEBPB", "D": "STAT3"},
    "tasks": {
        "A1": {"of": {"A": 90}},
        "AB": {"of": {"A": 70, "B": 60}},
        "ABC": {"of": {"AB": 90, "C": 70}},
        "ABCD": {"of": {"ABC": 90, "D": 80}},
        "C1": {"of": {"C": 110}},
        "CD": {"of": {"C": 60, "D": 70}},
        "CDB": {"form": "hill", "of": {"CD": 1, "B": 1}, "top": 120},
        "BC": {"form": "cooperative", "of": ["B", "C"], "top": 120},
        "BCA": {"of": {"BC": 80, "A": 60}},
        "D1": {"form": "hill", "of": ["D"], "top": 100},
        "AD": {"of": {"A": 50, "A*D": 70}},
        "BD": {"of": {"B": 50, "D": 90}},
        "BDC": {"of": {"BD": 90}, "against": {"C": 0.6}},
    },
}
_LOGIC = {
    "motifs": {"A": "SPI1", "B": "NFYA", "C": "CREB1", "D": "MEF2A"},
    "tasks": {
        "A1": {"of": {"A": 100}},
        "D1": {"of": {"D": 80}},
        "AorB": {"form": "soft_or", "of": ["A", "B"]},
        "AorB_C": {"of": {"AorB": 80, "C": 60}},
        "AandC": {"form": "cooperative", "of": ["A", "C"], "top": 130},
        "AandC_D": {"form": "soft_or", "of": {"AandC": 1, "D": 0.7}, "top": 120},
        "maxBC": {"form": "maximum", "of": {"B": 1, "C": 0.8}},
        "maxBC_D": {"of": {"maxBC": 80, "D": 60}},
        "satCD": {"form": "hill", "of": {"C": 1, "D": 1}, "half": 0.3, "top": 110},
        "satCD_A": {"of": {"satCD": 70, "A": 50}},
        "BnotD": {"of": {"B": 110}, "against": {"D": 0.8}},
        "BnotD_A": {"of": {"BnotD": 80, "A": 60}},
        "CvsA": {"form": "competitive", "of": {"C": 8}, "against": {"A": 8}, "top": 120},
    },
}
_LAYERS = {
    "motifs": {"A": "CTCF", "B": "FOS_JUN", "C": "NRF1", "D": "RUNX1", "E": "YY1"},
    "tasks": {
        "a": {"of": {"A": 100}},
        "e": {"of": {"E": 70}},
        "AB": {"of": {"A": 70, "B": 70}},
        "BC": {"form": "cooperative", "of": ["B", "C"], "top": 140},
        "CD": {"form": "soft_or", "of": {"C": 1, "D": 0.8}, "top": 110},
        "DE": {"of": {"D": 100}, "against": {"E": 0.7}},
        "AB_CD": {"of": {"AB": 80, "CD": 70}},
        "BC_E": {"of": {"BC": 80, "E": 60}},
        "DE_A": {"form": "maximum", "of": {"DE": 1, "A": 0.7}, "top": 120},
        "CD_E": {"form": "hill", "of": {"CD": 1, "E": 1}, "top": 120},
        "AD": {"of": {"A": 60, "D": 50}},
        "top1": {"of": {"BC_E": 90, "A": 50}},
        "top2": {"of": {"CD_E": 80, "B": 60}},
    },
}
_LOOPS = {
    "motifs": {"A": "TP53", "B": "FOXA1", "C": "SP1", "D": "HNF1A"},
    "feedback": True,
    "tasks": {
        "F": {"of": {"A": 70, "G": 50}},
        "G": {"of": {"B": 70, "F": 50}},
        "FC": {"of": {"F": 90, "C": 60}},
        "GD": {"of": {"G": 80, "D": 70}},
        "H": {"of": {"C": 90}, "against": {"K": 0.5}},
        "K": {"of": {"D": 100, "H": 40}},
        "KA": {"of": {"K": 80, "A": 50}},
        "C1": {"of": {"C": 100}},
        "B1": {"form": "hill", "of": ["B"], "top": 110},
        "CD": {"form": "cooperative", "of": ["C", "D"], "top": 120},
        "AC": {"of": {"A": 50, "C": 80}},
        "AC_B": {"of": {"AC": 80, "B": 60}},
    },
}
_HIDDEN = {
    "motifs": {"A": "REST", "B": "STAT3", "C": "TEAD4", "D": "MYC"},
    "hidden": {
        "H": {"of": {"A": 1, "B": 1}},
        "J": {"form": "cooperative", "of": ["C", "D"]},
    },
    "tasks": {
        "HC": {"of": {"H": 90, "C": 50}},
        "HD": {"of": {"H": 80, "D": 60}},
        "HCD": {"of": {"HC": 90, "D": 70}},
        "JA": {"of": {"J": 80, "A": 60}},
        "JB": {"form": "soft_or", "of": {"J": 1, "B": 0.7}, "top": 110},
        "JB_A": {"of": {"JB": 80, "A": 60}},
        "HJ": {"of": {"H": 70, "J": 70}},
        "B1": {"of": {"B": 100}},
        "C1": {"form": "hill", "of": ["C"], "half": 0.4},
        "AD": {"of": {"A": 70}, "against": {"D": 0.7}},
        "BD": {"form": "maximum", "of": ["B", "D"], "top": 90},
        "BD_C": {"of": {"BD": 90, "C": 60}},
    },
}
_RIVALS = {
    "motifs": {"A": "USF1", "B": "TAL1_known1", "C": "ETS1", "D": "STAT3"},
    "tasks": {
        "a": {"of": {"A": 100}},
        "d": {"of": {"D": 90}},
        "AvsB": {"form": "competitive", "of": {"A": 8}, "against": {"B": 6}, "top": 120},
        "AvsB_C": {"of": {"AvsB": 80, "C": 60}},
        "CvsD": {"form": "competitive", "of": {"C": 6}, "against": {"D": 8}, "top": 120},
        "CvsD_B": {"of": {"CvsD": 80, "B": 60}},
        "BC": {"of": {"B": 60, "C": 70}},
        "BC_notA": {"of": {"BC": 110}, "against": {"A": 0.6}},
        "BD": {"form": "hill", "of": ["B", "D"], "half": 0.3, "top": 110},
        "BD_A": {"form": "cooperative", "of": {"BD": 1, "A": 0.6}, "top": 130},
        "AC": {"form": "soft_or", "of": ["A", "C"]},
        "AC_D": {"of": {"AC": 80, "D": 60}},
    },
}

GRAPHS: dict[str, Mapping[str, Any]] = {
    "fifteen": _FIFTEEN,
    "chains": _CHAINS,
    "logic": _LOGIC,
    "layers": _LAYERS,
    "loops": _LOOPS,
    "hidden": _HIDDEN,
    "rivals": _RIVALS,
}
"""Declarations by name, in the form that `CausalGraph.from_dict` reads."""

_FORM_CHANCE = {
    "additive": 0.4,
    "cooperative": 0.15,
    "soft_or": 0.1,
    "maximum": 0.05,
    "hill": 0.1,
    "repressed": 0.15,
    "competitive": 0.05,
}


_ALIKE = 0.98
_REDRAWS = 50
_SAME_SITES = (("ETS1", "SPI1"), ("USF1", "MYC"))


def shipped_graph(name: str) -> CausalGraph:
    """Return a shipped graph by name.

    Raises:
        ValueError: If there is none of that name.

    Example:
        >>> shipped_graph("fifteen").tasks[:3]
        ('X', 'N', 'S')
    """
    if name not in GRAPHS:
        raise ValueError(f"data.graph is one of {', '.join(GRAPHS)}, random; got {name!r}")
    return CausalGraph.from_dict(GRAPHS[name])


def random_graph(seed: int, *, n_motifs: int = 4, n_tasks: int = 15) -> CausalGraph:
    """Draw a graph without loops; a function of its arguments.

    Every motif has, with probability .6, a task that reads it alone. Every further task reads one
    earlier task (probability .5) and one or two motifs that do not reach that task, or two or
    three motifs; form and strengths are drawn. A task is drawn again if its changes follow those
    of another so closely, without causation, that nothing could tell the two cases apart
    (alignment of .98 and more; `structure_table`).

    Args:
        seed: Of the draw.
        n_motifs: Number of motifs, 2 or more; none that bind the same sites.
        n_tasks: Number of tasks, 2 or more.

    Raises:
        ValueError: If there are fewer, or more motifs than the library holds.

    Example:
        >>> len(random_graph(0).tasks)
        15
    """
    library = list(load_motifs("all"))
    most = len(library) - len(_SAME_SITES)
    if not 2 <= n_motifs <= most:
        raise ValueError(f"data.n_motifs must lie in 2 to {most}, got {n_motifs}")
    if n_tasks < 2:
        raise ValueError(f"data.n_tasks must be at least 2, got {n_tasks}")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(7,)))
    motifs = [f"m{i + 1}" for i in range(n_motifs)]
    names = _apart(rng.choice(library, n_motifs, replace=False).tolist(), library)
    declared = dict(zip(motifs, names, strict=True))
    reach: dict[str, set[str]] = {motif: {motif} for motif in motifs}
    tasks: dict[str, dict[str, Any]] = {}
    alone = [motif for motif in motifs if rng.random() < 0.6]
    for k in range(n_tasks):
        name = f"t{k + 1}"
        for _ in range(_REDRAWS):
            fresh = k >= len(alone)
            inputs = _inputs(rng, motifs, list(tasks), reach) if fresh else [alone[k]]
            drawn = {**tasks, name: _draw_node(rng, inputs)}
            graph = CausalGraph.from_dict({"motifs": declared, "tasks": drawn})
            if not fresh or _distinct(graph, name):
                break
        tasks = drawn
        reach[name] = set().union(*(reach[one] for one in inputs))
    return graph


def _apart(names: list[str], library: list[str]) -> list[str]:
    """Replace motifs that share their sites with another one of the names."""
    for first, second in _SAME_SITES:
        if first in names and second in names:
            taken = {*names, *(one for pair in _SAME_SITES for one in pair)}
            free = next(name for name in library if name not in taken)
            names = [free if name == second else name for name in names]
    return names


def _distinct(graph: CausalGraph, name: str) -> bool:
    """Tell whether no pair with this task looks causal, within rounding, without being it."""
    return all(
        pair["word"] != "shared" or pair[f"alignment_{direction}"] < _ALIKE
        for pair in structure_table(graph, of=name)
        for direction in ("forward", "reverse")
    )


def _inputs(
    rng: np.random.Generator, motifs: list[str], earlier: list[str], reach: dict[str, set[str]]
) -> list[str]:
    """Draw an earlier task with motifs that do not reach it, or motifs alone."""
    parents = [task for task in earlier if len(reach[task]) < len(motifs)]
    if parents and rng.random() < 0.5:
        parent = str(rng.choice(parents))
        free = [motif for motif in motifs if motif not in reach[parent]]
        n = min(len(free), int(rng.integers(1, 3)))
        return [parent, *(str(one) for one in rng.choice(free, n, replace=False))]
    n = min(len(motifs), 3 if rng.random() < 0.25 else 2)
    return [str(one) for one in rng.choice(motifs, n, replace=False)]


def _draw_node(rng: np.random.Generator, inputs: list[str]) -> dict[str, Any]:
    form = str(rng.choice(list(_FORM_CHANCE), p=list(_FORM_CHANCE.values())))
    counts = {one: float(rng.integers(50, 101)) for one in inputs}
    top = float(rng.integers(90, 141))
    if len(inputs) == 1 or form == "additive":
        return {"of": counts}
    if form in ("repressed", "competitive"):
        *of, last = inputs
        if form == "competitive":
            rival = {last: float(rng.integers(4, 10))}
            return {"form": form, "of": dict.fromkeys(of, 8.0), "against": rival, "top": top}
        removed = round(float(rng.uniform(0.5, 0.9)), 2)
        return {"of": {one: counts[one] for one in of}, "against": {last: removed}}
    if form == "hill":
        half = round(float(rng.uniform(0.3, 0.6)), 2)
        return {"form": form, "of": counts, "half": half, "top": top}
    shares = {one: round(float(rng.uniform(0.7, 1.0)), 2) for one in inputs}
    return {"form": form, "of": shares, "top": top}
