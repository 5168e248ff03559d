"""Pooling of local effects over loci: the last step of every query."""

from deepmr.meta.pooling import common_effect, random_effects
from deepmr.meta.result import MetaAnalysisResult

__all__ = ["MetaAnalysisResult", "common_effect", "random_effects"]
