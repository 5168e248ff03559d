"""Deep MR: has a genomic deep-learning model learned causal relationships, or only correlations?

Public names and rooms (`deepmr.mr`, `deepmr.meta`, ...) are loaded when they are first used, so
that ``import deepmr`` is quick and ``deepmr.mr`` needs no torch.
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
    "Question": "deepmr.inference.estimation",
    "ReportContent": "deepmr.report",
    "Task": "deepmr.tasks",
    "TaskTable": "deepmr.tasks",
    "build_engine": "deepmr.mutagenesis",
    "held_out_loci": "deepmr.workflow.loci",
    "interrogate": "deepmr.interrogation",
    "interrogate_all": "deepmr.interrogation_all",
    "interrogate_effects": "deepmr.table_interrogation",
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
