"""The rim: command lines, Hydra configurations, and the objects they describe."""

from deepmr.cli.job import job, run

__all__ = ["job", "run"]
