"""Measured alleles as training rows: windows with a substitution and labels of their own.

Saturation MPRA, allelic series and other measurements of sequence variants tell a network how much
a weakened site still does, which windows of a genome seldom show.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, Shaped, UInt8

from deepmr.anscombe import anscombe
from deepmr.data.genome import EncodedGenome
from deepmr.data.text import lines
from deepmr.data.windows import Windows, WindowSplit
from deepmr.tasks import Task, TaskTable

__all__ = ["AlleleWindows", "MeasuredAlleles", "WithAlleles", "read_measured_alleles"]

_PLACE = ("chrom", "pos", "ref", "alt")
_BASES = "ACGT"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredAlleles:
    """Alleles with measured labels.

    Args:
        contig: Position of each allele's contig in the genome's list.
        position: Base that it replaces, from 0.
        code: Code of the base that stands there instead, 0 to 3; the genome's own for a
            measurement of the reference.
        target: Labels on the scale that tasks are modelled on; NaN where not measured.
        outside: Alleles of the file that lie on no contig of the training split, left out.
    """

    contig: Int64[np.ndarray, " allele"]
    position: Int64[np.ndarray, " allele"]
    code: UInt8[np.ndarray, " allele"]
    target: Float32[np.ndarray, "allele task"]
    outside: int = 0

    def gather(
        self,
        index: Int64[np.ndarray, " batch"],
        contig: Int32[np.ndarray, " batch"],  # noqa: ARG002 - the contract's argument
    ) -> tuple[Float32[np.ndarray, "batch task"], Bool[np.ndarray, "batch task"]]:
        """Return labels, 0 where not measured, and the mask of those that were measured.

        Args:
            index: Positions of the alleles.
            contig: Contig of each; not read.
        """
        target = self.target[index]
        mask = ~np.isnan(target)
        return np.where(mask, target, np.float32(0)), mask


def read_measured_alleles(
    path: Path, genome: EncodedGenome, tasks: TaskTable, *, contigs: Sequence[str]
) -> MeasuredAlleles:
    """Read a tab-separated table of measured alleles.

    Columns, by a header line: ``chrom``, ``pos`` (from 1), ``ref``, ``alt`` (one base each; equal
    for a measurement of the reference), then one column a task, called as in the list of tracks:
    the allele's label, empty where it was not measured. Binary tasks take 0 to 1, counts are
    counts, signals are on the scale of their track.

    Args:
        path: The file, plain or gzip.
        genome: The encoded genome.
        tasks: The tasks that are trained.
        contigs: Those of the training split; alleles elsewhere are left out and counted.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line breaks a rule (the message names file and line), or no allele with a
            label lies in the training split.
    """
    if not path.is_file():
        raise FileNotFoundError(f"data.alleles must be a file, got {path}; no such file")
    stream = enumerate(lines(path, hint="give tab-separated columns"), start=1)
    header = next((line.split("\t") for _, line in stream), [])
    columns = _columns(path, header, tasks)
    inside, rows, outside = set(contigs), [], 0
    place = {name: number for number, name in enumerate(genome.names)}
    for number, line in stream:
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != len(header):
            raise ValueError(
                f"{path}, line {number}: an allele has {len(header)} columns as the header does, "
                f"got {len(fields)}; separate them by tabs"
            )
        cells = dict(zip(header, map(str.strip, fields), strict=True))
        if cells["chrom"] not in place:
            raise ValueError(
                f"{path}, line {number}: the genome has no contig {cells['chrom']}; it has "
                f"{', '.join(genome.names[:5])}"
            )
        if cells["chrom"] not in inside:
            outside += 1
            continue
        where = f"{path}, line {number}"
        labels = [_label(where, cells[task.name], task) for task in columns]
        rows.append((place[cells["chrom"]], *_allele(where, cells, genome, place), labels))
    labelled = [row for row in rows if np.isfinite(row[3]).any()]
    if not labelled:
        raise ValueError(
            f"{path} has no allele with a label on a contig of the training split "
            f"({', '.join(list(contigs)[:5])}); {outside} lie elsewhere"
        )
    target = np.full((len(labelled), len(tasks)), np.nan, dtype=np.float32)
    target[:, [tasks.names.index(task.name) for task in columns]] = [row[3] for row in labelled]
    return MeasuredAlleles(
        contig=np.array([row[0] for row in labelled], dtype=np.int64),
        position=np.array([row[1] for row in labelled], dtype=np.int64),
        code=np.array([row[2] for row in labelled], dtype=np.uint8),
        target=target,
        outside=outside,
    )


def _columns(path: Path, header: Sequence[str], tasks: TaskTable) -> list[Task]:
    """Return the tasks that the header names, after the columns of a place."""
    missing = [name for name in _PLACE if name not in header]
    if missing or len(set(header)) < len(header):
        raise ValueError(
            f"{path}, line 1: the header names chrom, pos, ref, alt and tasks, each once; got "
            f"{', '.join(header) or 'an empty line'}"
        )
    named = [name for name in header if name not in _PLACE]
    for name in named:
        if name not in tasks.names:
            near = difflib.get_close_matches(name, tasks.names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(tasks.names)}"
            raise ValueError(f"{path}, line 1: no task is called {name!r}; {hint}")
    if not named:
        raise ValueError(f"{path}, line 1: no column is called as a task; name one at least")
    return [tasks.select(name) for name in named]


def _allele(
    where: str, cells: Mapping[str, str], genome: EncodedGenome, place: Mapping[str, int]
) -> tuple[int, int]:
    """Return position and code of an allele whose reference base is the genome's."""
    pos, ref, alt = cells["pos"], cells["ref"].upper(), cells["alt"].upper()
    size = genome.contigs[cells["chrom"]]
    if not pos.isdecimal() or not 1 <= int(pos) <= size:
        raise ValueError(f"{where}: pos is a base from 1 to {size}, got {pos!r}")
    if ref not in _BASES or alt not in _BASES or len(ref) != 1 or len(alt) != 1:
        raise ValueError(
            f"{where}: ref and alt are one base each of A, C, G, T, got {ref!r} and {alt!r}; "
            "insertions and deletions are not taken as training rows"
        )
    at = np.array([place[cells["chrom"]]]), np.array([int(pos) - 1])
    found = int(genome.windows(*at, 1)[0, 0])
    if found != _BASES.index(ref):
        own = _BASES[found] if found < len(_BASES) else "N"
        raise ValueError(
            f"{where}: ref is {ref}, the genome has {own} there; use a table of the same assembly, "
            "with pos counted from 1"
        )
    return int(pos) - 1, _BASES.index(alt)


def _label(where: str, text: str, task: Task) -> float:
    if not text:
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise ValueError(
            f"{where}: a label of {task.name} is a number, or empty where it was not measured; got "
            f"{text!r}"
        )
    if task.kind == "binary" and not 0 <= value <= 1:
        raise ValueError(f"{where}: {task.name} is a binary task and takes 0 to 1, got {text}")
    if task.kind != "count":
        return value
    try:
        return float(anscombe(np.array([value]))[0])
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


class AlleleWindows(WindowSplit):
    """Windows in whose middle one base is replaced, with labels of their own.

    Args:
        alleles: The alleles.
        genome: The encoded genome.
        length: Bases in a window.
        flip: As of `WindowSplit`.
        jitter: As of `WindowSplit`; never so large that the base leaves the window.
    """

    def __init__(
        self,
        alleles: MeasuredAlleles,
        *,
        genome: EncodedGenome,
        length: int,
        flip: bool,
        jitter: int,
    ) -> None:
        self._alleles = alleles
        windows = Windows(
            genome=genome,
            contig=alleles.contig.astype(np.int32),
            start=alleles.position - length // 2,
            length=length,
        )
        super().__init__(
            windows=windows, targets=alleles, flip=flip, jitter=min(jitter, (length - 1) // 2)
        )

    def _codes(
        self, index: Int64[np.ndarray, " batch"], start: Int64[np.ndarray, " batch"]
    ) -> UInt8[np.ndarray, "batch length"]:
        codes = super()._codes(index, start)
        place = self._alleles.position[index] - start
        codes[np.arange(len(index)), place] = self._alleles.code[index]
        return codes


class WithAlleles:
    """A split of windows, and measured alleles behind them; see `deepmr.data.source.Split`.

    Args:
        plain: The windows as they are.
        alleles: The windows with a replaced base.
    """

    def __init__(self, plain: WindowSplit, alleles: AlleleWindows) -> None:
        self._parts = (plain, alleles)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    @property
    def chrom(self) -> Shaped[np.ndarray, " locus"]:
        """Contig of each window."""
        return np.concatenate([part.chrom for part in self._parts])

    @property
    def start(self) -> Int64[np.ndarray, " locus"]:
        """First base of each window."""
        return np.concatenate([part.start for part in self._parts])

    @property
    def end(self) -> Int64[np.ndarray, " locus"]:
        """End of each window (half-open)."""
        return np.concatenate([part.end for part in self._parts])

    def gather(
        self, index: Int64[np.ndarray, " batch"], *, seed: int | None = None
    ) -> tuple[
        UInt8[np.ndarray, "batch length"],
        Float32[np.ndarray, "batch task"],
        Bool[np.ndarray, "batch task"],
    ]:
        """Return windows as codes, with targets and mask; see `deepmr.data.source.Split`.

        Args:
            index: Positions in this split.
            seed: Seed of the augmentation; None (the default) for none.
        """
        plain, alleles = self._parts
        behind = index >= len(plain)
        if not behind.any():
            return plain.gather(index, seed=seed)
        found = alleles.gather(index[behind] - len(plain), seed=seed)
        if behind.all():
            return found
        mixed = []
        for first, second in zip(plain.gather(index[~behind], seed=seed), found, strict=True):
            whole = np.empty((len(index), *first.shape[1:]), dtype=first.dtype)
            whole[~behind], whole[behind] = first, second
            mixed.append(whole)
        return mixed[0], mixed[1], mixed[2]
