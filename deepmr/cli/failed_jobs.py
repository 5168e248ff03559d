"""Jobs of a sweep that failed, for the command's last line and exit status."""

from __future__ import annotations

__all__ = ["failed_jobs", "report_failure"]

_failed: list[str] = []


def report_failure(job: str) -> None:
    """Count a job of a sweep as failed.

    Args:
        job: Its settings.
    """
    _failed.append(job)


def failed_jobs() -> tuple[str, ...]:
    """Return the settings of the jobs that failed in this process."""
    return tuple(_failed)
