"""The verdict on effects without networks, in their own words."""

from __future__ import annotations

from dataclasses import replace

from deepmr.verdict import Verdict

__all__ = ["without_networks"]


def without_networks(verdict: Verdict) -> Verdict:
    """Return an undecided verdict whose reason speaks of effects, not of a network.

    One member cannot agree with others, and without its network there is no untrained twin: what
    is missing is a second set of effects.

    Args:
        verdict: On one member's effects, judged without a network.

    Example:
        >>> verdict = Verdict(exposure="A", outcome="B", structure="undecided")
        >>> without_networks(verdict).reasons[0][:52]
        'One set of effects does not say which of them on A a'
    """
    if verdict.structure != "undecided":
        return verdict
    reason = (
        f"One set of effects does not say which of them on {verdict.exposure} and "
        f"{verdict.outcome} would be found again, and slopes alone do not tell a cause from shared "
        "sites: give the effects of several networks, folds or replicates (a member column, or "
        "files by a glob, effects='fold_*.tsv')."
    )
    return replace(verdict, reasons=(reason,))
