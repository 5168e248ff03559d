"""Weights of networks in the formats of the field, read as data: no file runs code.

`read_checkpoint` reads a file, `load_into` finds the state dict in it that fits a network, and
`refuse_equal` refuses members with equal weights.
"""

from deepmr.weights.checkpoint import Checkpoint, read_checkpoint, weights_file
from deepmr.weights.fitting import load_into
from deepmr.weights.members import load_members, refuse_equal

__all__ = [
    "Checkpoint",
    "load_into",
    "load_members",
    "read_checkpoint",
    "refuse_equal",
    "weights_file",
]
