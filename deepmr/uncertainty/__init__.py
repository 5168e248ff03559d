"""Sources of members: ensembles, dropout draws, snapshots and test-time augmentation."""

from deepmr.uncertainty.augmented import Augmented
from deepmr.uncertainty.dropout import Dropout
from deepmr.uncertainty.ensemble import Auto, Ensemble, Given
from deepmr.uncertainty.members import ForwardPass, Member, Members, Trained, Uncertainty
from deepmr.uncertainty.snapshots import Snapshots

__all__ = [
    "Augmented",
    "Auto",
    "Dropout",
    "Ensemble",
    "ForwardPass",
    "Given",
    "Member",
    "Members",
    "Snapshots",
    "Trained",
    "Uncertainty",
]
