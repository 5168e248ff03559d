"""Diagnostics of instruments: strength, heterogeneity, direction, leave-one-out, radial IVW."""

from deepmr.mr.diagnostics.heterogeneity import (
    HeterogeneityTests,
    funnel_asymmetry,
    heterogeneity,
    prefers_egger,
)
from deepmr.mr.diagnostics.leave_one_out import leave_one_out, single_instrument
from deepmr.mr.diagnostics.radial import RadialFit, radial_ivw
from deepmr.mr.diagnostics.steiger import Direction, steiger
from deepmr.mr.diagnostics.strength import InstrumentStrength, instrument_strength

__all__ = [
    "Direction",
    "HeterogeneityTests",
    "InstrumentStrength",
    "RadialFit",
    "funnel_asymmetry",
    "heterogeneity",
    "instrument_strength",
    "leave_one_out",
    "prefers_egger",
    "radial_ivw",
    "single_instrument",
    "steiger",
]
