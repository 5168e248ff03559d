"""Diagnostics of instruments: strength, heterogeneity, direction, leave-one-out, radial IVW."""

from deepmr.mr.diagnostics.heterogeneity import (
    HeterogeneityTests,
    heterogeneity,
)
from deepmr.mr.diagnostics.leave_one_out import leave_one_out
from deepmr.mr.diagnostics.radial import RadialFit, radial_ivw
from deepmr.mr.diagnostics.steiger import Direction, steiger
from deepmr.mr.diagnostics.strength import InstrumentStrength, instrument_strength

__all__ = [
    "Direction",
    "HeterogeneityTests",
    "InstrumentStrength",
    "RadialFit",
    "heterogeneity",
    "instrument_strength",
    "leave_one_out",
    "radial_ivw",
    "steiger",
]
