"""Mendelian randomization: from mutation effects to a causal effect per locus."""

from deepmr.mr.egger import egger
from deepmr.mr.example import ldl_chd
from deepmr.mr.ivw import inverse_variance_weighted
from deepmr.mr.median import penalized_weighted_median, simple_median, weighted_median
from deepmr.mr.result import MREstimate
from deepmr.mr.strength import InstrumentStrength, instrument_strength

__all__ = [
    "InstrumentStrength",
    "MREstimate",
    "egger",
    "instrument_strength",
    "inverse_variance_weighted",
    "ldl_chd",
    "penalized_weighted_median",
    "simple_median",
    "weighted_median",
]
