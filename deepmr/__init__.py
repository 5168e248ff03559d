"""Deep MR: has a genomic deep-learning model learned causal relationships, or only correlations?

Public names and rooms (`deepmr.mr`, `deepmr.meta`, ...) are loaded when they are first used, so
that ``import deepmr`` is quick and ``deepmr.mr`` needs no torch.

Example:
    Networks in memory, and sequences to ask them about (`deepmr.load_run` and
    `deepmr.held_out_loci` take both from a training run's folder):

    >>> import numpy as np
    >>> import torch
    >>> import deepmr
    >>> class Bases(torch.nn.Module):
    ...     def __init__(self, slope):
    ...         super().__init__()
    ...         self.slope = slope
    ...     def forward(self, sequence):
    ...         g = sequence.sum(dim=2)[:, 2]
    ...         return torch.stack([g, self.slope * g], dim=1)
    >>> tasks = [deepmr.Task("K562_X", target="X"), deepmr.Task("K562_Y", target="Y")]
    >>> networks = deepmr.Networks.of([Bases(0.4), Bases(0.6)], tasks)
    >>> len(networks.members), networks.pair("X", "Y")[1].name
    (2, 'K562_Y')
    >>> codes = np.random.default_rng(0).integers(0, 4, (3, 12)).astype(np.uint8)
    >>> loci = deepmr.Loci(
    ...     chrom=np.array(["chr1"] * 3), start=np.array([0, 50, 90]), end=np.array([12, 62, 102]),
    ...     codes=codes,
    ... )
    >>> result = deepmr.interrogate(networks, None, loci, "X", "Y", controls="none")
    >>> isinstance(result, deepmr.Interrogation), isinstance(result.effects, deepmr.MemberEffects)
    (True, True)
    >>> round(float(result.answers[0].pooled.pooled.value), 2)
    0.5

    The question, and how it is computed, as the command line has them by default:

    >>> question, compute = deepmr.Question(), deepmr.Compute(progress=False)
    >>> sorted(question.estimators), compute.dtype
    (['egger', 'slope', 'weighted_median'], 'float32')

    Statistics alone need no network:

    >>> effects = deepmr.EffectSizes.from_arrays([1.0, 2.0], [0.1, 0.1], [0.5, 1.1], [0.1, 0.1])
    >>> found = deepmr.mr.inverse_variance_weighted(effects)
    >>> isinstance(found, deepmr.MREstimate), isinstance(found.heterogeneity, deepmr.Heterogeneity)
    (True, True)
    >>> pooled = deepmr.meta.random_effects(np.array([0.4, 0.6]), np.array([0.1, 0.1]))
    >>> isinstance(pooled, deepmr.MetaAnalysisResult)
    True
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.2.0"

_HOMES = {
    "Compute": "deepmr.workflow.measurement",
    "EffectSizes": "deepmr.effects",
    "Estimate": "deepmr.estimate",
    "Heterogeneity": "deepmr.estimate",
    "Interrogation": "deepmr.interrogation_result",
    "Interval": "deepmr.genome",
    "Loci": "deepmr.loci",
    "MREstimate": "deepmr.mr.result",
    "MemberEffects": "deepmr.effects",
    "MetaAnalysisResult": "deepmr.meta.result",
    "MultivariableEffectSizes": "deepmr.effects",
    "Networks": "deepmr.networks",
    "Question": "deepmr.inference.question",
    "ReportContent": "deepmr.report",
    "Task": "deepmr.tasks",
    "TaskTable": "deepmr.tasks",
    "build_engine": "deepmr.mutagenesis",
    "held_out_loci": "deepmr.workflow.loci",
    "interrogate": "deepmr.notebook",
    "interrogate_all": "deepmr.interrogation_all",
    "interrogate_effects": "deepmr.notebook",
    "load_run": "deepmr.cli.networks",
    "pair_effects": "deepmr.mutagenesis",
    "read_effects": "deepmr.workflow.effect_table",
    "saturation": "deepmr.mutagenesis",
    "write_report": "deepmr.report",
}

_ROOMS = (
    "calibration",
    "causal_graph",
    "data",
    "inference",
    "instruments",
    "io",
    "losses",
    "meta",
    "models",
    "mr",
    "mutagenesis",
    "plot",
    "report",
    "sequence",
    "simulation",
    "uncertainty",
)

__all__ = [
    "Compute",
    "EffectSizes",
    "Estimate",
    "Heterogeneity",
    "Interrogation",
    "Interval",
    "Loci",
    "MREstimate",
    "MemberEffects",
    "MetaAnalysisResult",
    "MultivariableEffectSizes",
    "Networks",
    "Question",
    "ReportContent",
    "Task",
    "TaskTable",
    "__version__",
    "build_engine",
    "held_out_loci",
    "interrogate",
    "interrogate_all",
    "interrogate_effects",
    "load_run",
    "pair_effects",
    "read_effects",
    "saturation",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Load a public name, or a room, when it is first used."""
    if name in _ROOMS:
        return importlib.import_module(f"deepmr.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'deepmr' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS})
