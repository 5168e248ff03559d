"""Exact incremental in-silico mutagenesis: propagate only what a substitution changes."""

from deepmr.mutagenesis.incremental.engine import Incremental
from deepmr.mutagenesis.incremental.trace import NotTraceableError

__all__ = ["Incremental", "NotTraceableError"]
