"""Assign contigs to splits, and verify that no base is read by two splits."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int64

from deepmr.data.source import SPLITS
from deepmr.data.tracks import covered

__all__ = ["check_disjoint", "fold_splits", "split_contigs"]


def split_contigs(
    contigs: Mapping[str, int], splits: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Assign contigs to splits by their own name or that of their chromosome.

    Args:
        contigs: Length of each contig of the genome.
        splits: Names of contigs or chromosomes for train, validation, calibration and test.

    Returns:
        The contigs of each split, in the genome's order.

    Raises:
        ValueError: If a split is missing, empty or unknown, a name matches no contig, or a contig
            falls into two splits.
    """
    unknown = [name for name in splits if name not in SPLITS]
    missing = [name for name in SPLITS if not splits.get(name)]
    if unknown or missing:
        raise ValueError(
            f"data.splits names chromosomes for {', '.join(SPLITS)}; "
            + (f"unknown: {', '.join(unknown)}" if unknown else f"none for {', '.join(missing)}")
        )
    owner: dict[str, str] = {}
    result: dict[str, list[str]] = {name: [] for name in SPLITS}
    for split in SPLITS:
        names = tuple(str(name) for name in splits[split])
        for name in names:
            _check_known(split, name, contigs)
        for contig in contigs:
            if not covered(contig, names):
                continue
            if contig in owner:
                raise ValueError(
                    f"splits must not share a chromosome, got {contig} in {owner[contig]} and "
                    f"{split}; change data.splits.{split}"
                )
            owner[contig] = split
            result[split].append(contig)
    return result


def _check_known(split: str, name: str, contigs: Mapping[str, int]) -> None:
    if any(covered(contig, (name,)) for contig in contigs):
        return
    known = list(dict.fromkeys(contig.split("_", 1)[0] for contig in contigs))
    near = difflib.get_close_matches(name, [*known, *contigs], n=3) or known[:12]
    raise ValueError(
        f"data.splits.{split} names {name}, which the genome lacks; nearest are {', '.join(near)}"
    )


def fold_splits(contigs: Mapping[str, int], *, folds: int, fold: int) -> dict[str, list[str]]:
    """Divide chromosomes into folds of like size and deal them out to the splits.

    Fold k is the test split, the next one the validation split, the one after that the
    calibration split and the rest is for training, so that over all folds every chromosome is
    tested once.

    Args:
        contigs: Length of each contig to divide; contigs of one chromosome stay together.
        folds: Number of folds, at least 4.
        fold: Which of them is tested, from 0.

    Raises:
        ValueError: If there are too few folds or chromosomes, or no such fold.
    """
    size: dict[str, int] = {}
    for contig, length in contigs.items():
        chromosome = contig.split("_", 1)[0]
        size[chromosome] = size.get(chromosome, 0) + length
    if folds < 4 or len(size) < folds:
        raise ValueError(
            f"data.folds must lie between 4 and the number of chromosomes ({len(size)}), "
            f"got {folds}"
        )
    if not 0 <= fold < folds:
        raise ValueError(f"data.fold must lie between 0 and {folds - 1}, got {fold}")
    parts: list[list[str]] = [[] for _ in range(folds)]
    filled = [0] * folds
    for chromosome in sorted(size, key=lambda name: (-size[name], name)):
        least = filled.index(min(filled))
        parts[least].append(chromosome)
        filled[least] += size[chromosome]
    turn = [parts[(fold + shift) % folds] for shift in range(folds)]
    train = [chromosome for part in turn[3:] for chromosome in part]
    return {"train": train, "validation": turn[1], "calibration": turn[2], "test": turn[0]}


def check_disjoint(
    windows: Mapping[
        str,
        tuple[
            Int64[np.ndarray, " window"], Int64[np.ndarray, " window"], Int64[np.ndarray, " window"]
        ],
    ],
    names: Sequence[str],
) -> None:
    """Verify that no base is seen by windows of two splits, context and shifts included.

    Args:
        windows: Contig, start and end of every window, for each split.
        names: The contigs' names, for the message.

    Raises:
        ValueError: If a window of one split overlaps a window of another.
    """
    splits = list(windows)
    contig = np.concatenate([windows[name][0] for name in splits])
    start = np.concatenate([windows[name][1] for name in splits])
    end = np.concatenate([windows[name][2] for name in splits])
    owner = np.repeat(np.arange(len(splits)), [windows[name][0].size for name in splits])
    order = np.lexsort((start, contig))
    contig, start, end, owner = contig[order], start[order], end[order], owner[order]
    # Sorted by place, a leak shows between neighbours: were two windows of different splits to
    # overlap, then of the windows between them two neighbours would differ in split and overlap,
    # if all windows have one length, as they do here.
    clash = (contig[1:] == contig[:-1]) & (start[1:] < end[:-1]) & (owner[1:] != owner[:-1])
    if clash.any():
        at = int(np.flatnonzero(clash)[0])
        raise ValueError(
            f"splits must not share a base, got {splits[owner[at]]} and {splits[owner[at + 1]]} "
            f"both reading {names[contig[at]]}:{start[at + 1]}-{end[at]}; change data.splits"
        )
