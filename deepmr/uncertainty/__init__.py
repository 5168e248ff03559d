"""Where the members of an interrogation come from: trained networks, or dropout draws of one."""

from deepmr.uncertainty.members import METHODS, choose_members

__all__ = ["METHODS", "choose_members"]
