"""Contract of a format: how its files are recognised, and read or refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deepmr.data.effect_tables.head import Head
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.tasks import Task

__all__ = ["EffectFormat", "NotEffects", "Tasks", "parse_place", "signal", "split_alleles"]

Tasks = frozenset[str] | None
"""Names of the tasks to read; None for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectFormat:
    """A format that holds signed effects.

    Args:
        name: As ``effects.format`` names it.
        recognises: Tells the format's files by their beginning.
        read: Yields their rows. Files whose numbers are no effects are refused there.
        tasks: Returns the tasks of a file without reading it; None (the default) where only its
            rows name them.
        unit: Unit of the effects; empty (the default) where it depends on the model.
        note: Sentence for the report on how the format was read; empty by default.
    """

    name: str
    recognises: Callable[[Head], bool]
    read: Callable[[Head, ReadSettings, Tasks], Iterator[EffectRows]]
    tasks: Callable[[Head, ReadSettings], tuple[Task, ...]] | None = None
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEffects:
    """A known format whose numbers are not signed effects of variants.

    Args:
        name: What it is.
        recognises: Tells its files by their beginning.
        reason: Why it is refused and what would be read in its place.
    """

    name: str
    recognises: Callable[[Head], bool]
    reason: str


def signal(name: str, target: str = "", biosample: str = "") -> Task:
    """Return a task of real-valued effects."""
    return Task(name, target=target, biosample=biosample, kind="signal")


_PLACE = re.compile(r"^(?P<chrom>.+):(?P<start>\d+)-(?P<end>\d+)$")


def parse_place(text: str) -> tuple[str, int, int] | None:
    """Return contig and ends of a text such as ``chr1:100-200``, or None.

    Example:
        >>> parse_place("chr1:100-200"), parse_place("GATA1")
        (('chr1', 100, 200), None)
    """
    found = _PLACE.match(text)
    return (found["chrom"], int(found["start"]), int(found["end"])) if found else None


_VARIANT = re.compile(
    r"^(?P<chrom>.+?)[:_-](?P<pos>\d+)[:_-](?P<ref>[ACGTN]*)[>:_-](?P<alt>[ACGTN]*)(_b3[78])?$"
)


def split_alleles(text: str) -> tuple[str, int, str, str]:
    """Return contig, position (from 1), reference and alternative of a variant's name.

    Args:
        text: ``chr22:101:A>C``, ``chr22_101_A_C_b38``, ``22:101:A:C`` or ``22-101-A-C``.

    Raises:
        ValueError: If it is none of these.

    Example:
        >>> split_alleles("chr22:110:CTG>C")
        ('chr22', 110, 'CTG', 'C')
    """
    found = _VARIANT.match(text)
    if not found:
        raise ValueError(f"a variant is written chr22:101:A>C, got {text!r}")
    return found["chrom"], int(found["pos"]), found["ref"], found["alt"]
