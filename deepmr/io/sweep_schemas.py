"""Schemas of the tables that end a sweep: its candidates, and its jobs."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["CANDIDATES", "JOBS"]

_VALUE = "value of the command: validation loss of a training, pooled effect of an interrogation"


def _schema(
    table: str, key: str, columns: tuple[tuple[str, pa.DataType, bool, str, str], ...]
) -> pa.Schema:
    fields = [
        pa.field(name, kind, nullable=nullable, metadata={"unit": unit, "description": text})
        for name, kind, nullable, unit, text in columns
    ]
    return pa.schema(fields, metadata={"table": table, "key": key, "schema_version": "1"})


CANDIDATES = _schema(
    "sweep_candidates",
    "candidate",
    (
        ("candidate", pa.int64(), False, "", "Place in the table, from 0: the best first."),
        ("settings", pa.string(), False, "", "Settings that differ between candidates."),
        ("mean", pa.float64(), True, _VALUE, "Mean over seeds and members; null if all failed."),
        ("spread", pa.float64(), True, _VALUE, "Standard deviation over seeds and members."),
        ("n_values", pa.int64(), False, "", "Seeds times members behind mean and spread."),
        ("n_jobs", pa.int64(), False, "jobs", "Jobs of the candidate."),
        ("n_finished", pa.int64(), False, "jobs", "Those that finished; fewer rank last."),
        ("state", pa.string(), False, "", "finished, or the state of a job that is not."),
    ),
)

JOBS = _schema(
    "sweep_jobs",
    "job",
    (
        ("job", pa.int64(), False, "", "Number of the job, in the order of the candidates."),
        ("candidate", pa.int64(), False, "", "Its candidate."),
        ("overrides", pa.string(), False, "", "Its settings, as on a command line."),
        ("state", pa.string(), False, "", "finished, failed, interrupted, killed or missing."),
        ("value", pa.float64(), True, _VALUE, "What the job returned."),
        ("attempts", pa.int64(), False, "", "2 for a job that was killed and run again."),
        ("folder", pa.string(), True, "", "Its run's folder."),
        ("error", pa.string(), True, "", "Why it failed, in one line."),
    ),
)
