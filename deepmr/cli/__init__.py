"""The rim: command lines, Hydra configurations, and the objects they describe."""

from deepmr.cli import scripts
from deepmr.cli.job import job, run

__all__ = ["job", "run", "scripts"]
