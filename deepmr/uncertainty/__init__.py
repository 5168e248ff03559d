"""Where the members of an interrogation come from, one way a file; the yamls name the classes."""

from deepmr.uncertainty.auto import Auto
from deepmr.uncertainty.dropout import Dropout
from deepmr.uncertainty.ensemble import Ensemble
from deepmr.uncertainty.members import Member, Members, Reading, Trained, Uncertainty
from deepmr.uncertainty.snapshots import Snapshots
from deepmr.uncertainty.views import Views

__all__ = [
    "Auto",
    "Dropout",
    "Ensemble",
    "Member",
    "Members",
    "Reading",
    "Snapshots",
    "Trained",
    "Uncertainty",
    "Views",
]
