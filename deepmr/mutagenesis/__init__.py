"""Mutation effects of a network: exact, and fast where its structure allows."""

from deepmr.mutagenesis.averaged import Averaged
from deepmr.mutagenesis.build import build_engine
from deepmr.mutagenesis.dense import Dense
from deepmr.mutagenesis.effects import Engine, RawEffects
from deepmr.mutagenesis.variants import Variants, saturation, substitutions

__all__ = [
    "Averaged",
    "Dense",
    "Engine",
    "RawEffects",
    "Variants",
    "build_engine",
    "saturation",
    "substitutions",
]
