"""Deep MR: has a genomic deep-learning model learned causal relationships, or only correlations?

The public names are loaded when they are first used, so that ``import deepmr.mr`` needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepmr.effects import EffectSizes, MemberEffects, MultivariableEffectSizes
    from deepmr.estimate import Estimate, Heterogeneity
    from deepmr.genome import Interval
    from deepmr.meta.result import MetaAnalysisResult
    from deepmr.mr.result import MREstimate
    from deepmr.mutagenesis import build_engine, pair_effects, saturation
    from deepmr.report import ReportContent, write_report
    from deepmr.tasks import Task, TaskTable
    from deepmr.workflow.notebook import Interrogation, interrogate

_HOMES = {
    "EffectSizes": "deepmr.effects",
    "Estimate": "deepmr.estimate",
    "Heterogeneity": "deepmr.estimate",
    "Interrogation": "deepmr.workflow.notebook",
    "Interval": "deepmr.genome",
    "MREstimate": "deepmr.mr.result",
    "MemberEffects": "deepmr.effects",
    "MetaAnalysisResult": "deepmr.meta.result",
    "MultivariableEffectSizes": "deepmr.effects",
    "ReportContent": "deepmr.report",
    "Task": "deepmr.tasks",
    "TaskTable": "deepmr.tasks",
    "build_engine": "deepmr.mutagenesis",
    "interrogate": "deepmr.workflow.notebook",
    "pair_effects": "deepmr.mutagenesis",
    "saturation": "deepmr.mutagenesis",
    "write_report": "deepmr.report",
}

__all__ = [
    "EffectSizes",
    "Estimate",
    "Heterogeneity",
    "Interrogation",
    "Interval",
    "MREstimate",
    "MemberEffects",
    "MetaAnalysisResult",
    "MultivariableEffectSizes",
    "ReportContent",
    "Task",
    "TaskTable",
    "build_engine",
    "interrogate",
    "pair_effects",
    "saturation",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'deepmr' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
