"""The rim that the two scripts share: overrides, one-line errors, configuration to objects."""

from deepmr.cli.job import job, run

__all__ = ["job", "run"]
