"""Somebody else's variant effects in the place of networks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import deepmr.inference
from deepmr.data.effect_tables import (
    AlleleCheck,
    Contigs,
    Extent,
    Named,
    Placed,
    ReadSettings,
    Scan,
    ShardOfTable,
    Source,
    Spool,
    open_sources,
    parse_place,
    prepared,
    scan_table,
)
from deepmr.data.genome import EncodedGenome
from deepmr.data.text import lines
from deepmr.files import sha256
from deepmr.inference.estimation import Question
from deepmr.loci import Loci, draw
from deepmr.motifs import ByMotif
from deepmr.sequence import UNKNOWN
from deepmr.tasks import Task, TaskTable

__all__ = ["EffectTable", "PairOfTable", "TableLoci", "TableMembers", "TableScale", "read_effects"]

_AS_READ = "as in the table"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLoci:
    """How the variants of a table become loci; loci that the table names come first.

    Args:
        path: BED file of regions; None (the default) for the table's own loci or runs of
            neighbouring variants.
        gap: A run ends where the next variant lies more than this many bases behind; 100 by
            default.
        width: Most bases in a run; 1000 by default.
        n: Most loci, drawn at random; None (the default) takes all.
        seed: Seed of the draw.

    Raises:
        ValueError: If ``gap`` or ``width`` is not positive.
    """

    path: str | Path | None = None
    gap: int = 100
    width: int = 1000
    n: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("gap", "width"):
            if getattr(self, name) < 1:
                raise ValueError(f"effects.{name} must be 1 or more, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMembers:
    """Members of a table of effects: the counterpart of `deepmr.uncertainty.Members`.

    Args:
        names: Their names.
        spread: Where errors come from: ``files``, ``members of the table``, ``standard errors of
            the table``, ``unknown``, or what an exported interrogation had.
        shared: Shared error variance; 0 by default.
        error_ratios: See `deepmr.uncertainty.Members`; empty by default.
    """

    names: tuple[str, ...]
    spread: str
    shared: float = 0.0
    error_ratios: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableScale:
    """Scale of a table's effects: the counterpart of `deepmr.networks.EffectScale`.

    Args:
        of_task: Unit of each task's effects.
        scale: Name of the scale, for the files' metadata.
    """

    of_task: Mapping[str, str]
    scale: str = _AS_READ

    def units(self) -> dict[str, str]:
        """Return the unit of each task's effects."""
        return dict(self.of_task)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectTable:
    """A table of variant effects, not read yet: what `read_effects` returns.

    Args:
        sources: Its files: sets of members.
        tasks: Tasks that it has effects on.
        loci: How its variants become loci.
        genome: Genome that alleles are compared with; None for no comparison.
        mismatch: Largest share of rows that may differ from the genome.
    """

    sources: tuple[tuple[Source, ...], ...]
    tasks: TaskTable
    loci: TableLoci = field(default_factory=TableLoci)
    genome: EncodedGenome | None = None
    mismatch: float = 0.05

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, and those that say where their effects lie."""
        named = [source.path for members in self.sources for source in members]
        beside = self.sources[0][0].settings.variants
        extra = (self.loci.path, beside)
        return (*named, *(Path(path) for path in extra if path))

    @property
    def name(self) -> str:
        """Name of the folder for its interrogations."""
        stem = self.sources[0][0].path.name.partition(".")[0]
        return f"effects-{stem}"

    def __repr__(self) -> str:
        first = self.sources[0][0]
        return (
            f"EffectTable({len(self.files)} files, {first.format.name}: "
            f"{', '.join(self.tasks.names[:5])}{', ...' if len(self.tasks) > 5 else ''})"
        )

    def select(self, exposure: str, outcome: str) -> PairOfTable:
        """Read the table once, and return what it has on two tasks.

        Args:
            exposure: Name (or unambiguous target) of a task.
            outcome: Name (or unambiguous target) of a task.

        Raises:
            LookupError: If a task is unknown or ambiguous.
            ValueError: If the table breaks a rule: see `deepmr.data.effect_tables`.
        """
        pair = self.tasks.pair(exposure, outcome)
        names = (pair[0].name, pair[1].name)
        sources = tuple(m for m in self.sources if {t.name for t in m[0].tasks()} & set(names))
        extents = None if self.loci.path is None else _regions(Path(self.loci.path))
        contigs = Contigs(self.genome.names if self.genome else {one[0] for one in extents or ()})
        found = scan_table(sources, names, contigs, AlleleCheck(genome=self.genome))
        found.check_all(
            signed=any(m[0].settings.values or m[0].format.name == "deepmr" for m in sources),
            mismatch=self.mismatch,
        )
        placed = self._placed(found, extents, contigs)
        return PairOfTable(
            table=replace(self, sources=sources),
            pair=pair,
            contigs=contigs,
            found=found,
            placed=placed,
            loci=_loci(placed, self.genome, "regions" if extents else "table"),
        )

    def _placed(self, found: Scan, extents: list[Extent] | None, contigs: Contigs) -> Placed:
        if extents is None:
            whole = Placed.from_table(found.seen, gap=self.loci.gap, width=self.loci.width)
            if self.loci.n is None:
                return whole
            chosen = draw(len(whole.extents), self.loci.n, self.loci.seed).tolist()
            names = list(found.seen.named) or None
            return Placed([whole.extents[k] for k in chosen], names and [names[k] for k in chosen])
        regions = [(contigs.of(chrom), start, end) for chrom, start, end in extents]
        held = [one for one in regions if _holds(found, one)]
        if not held:
            raise ValueError(
                f"{self.loci.path}: none of its {len(regions)} regions holds a variant of the "
                "table; is this another assembly?"
            )
        return Placed([held[k] for k in draw(len(held), self.loci.n, self.loci.seed).tolist()])


def _holds(found: Scan, region: Extent) -> bool:
    chrom, start, end = region
    starts = found.seen.starts.get(chrom, np.zeros(0, dtype=np.int64))
    named = [key for key in found.seen.named if key[0] == chrom]
    if named:
        return any(
            found.seen.named[key][0] < end and start < found.seen.named[key][1] for key in named
        )
    return bool(np.searchsorted(starts, start) < np.searchsorted(starts, end))


def _regions(path: Path) -> list[Extent]:
    """Read the regions of a BED file as they are, each once.

    Raises:
        ValueError: If a line has no contig, start and end.
    """
    found: dict[Extent, None] = {}
    for number, line in enumerate(lines(path, hint="give a BED file"), start=1):
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        cells = line.split("\t") if "\t" in line else line.split()
        if len(cells) < 3 or not (cells[1].isdigit() and cells[2].isdigit()):
            raise ValueError(f"{path}, line {number}: a region is chrom, start, end, got {line!r}")
        if int(cells[2]) <= int(cells[1]):
            raise ValueError(f"{path}, line {number}: a region ends behind its start, got {line!r}")
        found[cells[0], int(cells[1]), int(cells[2])] = None
    if not found:
        raise ValueError(f"{path} holds no region; give one line a region: chrom, start, end")
    return list(found)


def _loci(placed: Placed, genome: EncodedGenome | None, split: str) -> Loci:
    """Return loci with the genome's bases, unknown ones where there is none; short ones padded."""
    start = np.asarray([one[1] for one in placed.extents], dtype=np.int64)
    end = np.asarray([one[2] for one in placed.extents], dtype=np.int64)
    chrom = np.asarray([one[0] for one in placed.extents], dtype=object)
    codes = np.full((start.size, int((end - start).max())), UNKNOWN, dtype=np.uint8)
    known = np.isin(chrom.astype(str), list(genome.names) if genome else [])
    for length in np.unique((end - start)[known]).tolist() if genome else []:
        rows = np.flatnonzero(known & (end - start == length))
        codes[rows, :length] = genome.windows(genome.locate(chrom[rows]), start[rows], length)
    return Loci(chrom=chrom, start=start, end=end, codes=codes, split=split)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOfTable:
    """A table's effects on two tasks: the counterpart of `deepmr.networks.Networks`.

    Args:
        table: The table, with the files that hold these tasks.
        pair: Exposure and outcome.
        contigs: How contigs are named.
        found: What the first pass found.
        placed: The loci and the rows that belong to them.
        loci: The loci.
    """

    table: EffectTable
    pair: tuple[Task, Task]
    contigs: Contigs
    found: Scan
    placed: Placed
    loci: Loci

    @property
    def names(self) -> tuple[str, str]:
        """Names of exposure and outcome."""
        return self.pair[0].name, self.pair[1].name

    @property
    def name(self) -> str:
        """Name of the folder for its interrogations."""
        return self.table.name

    @property
    def description(self) -> str:
        """What was read, for the manifest and the report."""
        first = self.table.sources[0][0]
        paths = ", ".join(str(path) for path in self.table.files[:5])
        more = ", ..." if len(self.table.files) > 5 else ""
        return f"a table of effects ({first.format.name}): {paths}{more}"

    @property
    def files(self) -> tuple[Path, ...]:
        """The files."""
        return self.table.files

    @property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of each of ``files``."""
        return tuple(sha256(path) for path in self.files)

    @property
    def metrics(self) -> None:
        """Nothing: there is no training run."""
        return

    @property
    def exported(self) -> Mapping[str, str]:
        """What an exported interrogation says of itself; empty for other tables."""
        first = self.table.sources[0][0]
        return first.head.metadata if first.format.name == "deepmr" else {}

    @property
    def loci_per_shard(self) -> int:
        """Loci in a shard: those of the interrogation that was exported, else 16."""
        return int(self.exported.get("loci_per_shard", 16))

    @property
    def members(self) -> TableMembers:
        """Members, with the source of their errors."""
        names = self.found.member_names
        if self.exported:
            return TableMembers(
                names=names,
                spread=self.exported["spread"],
                shared=float(self.exported["shared"]),
                error_ratios=tuple(json.loads(self.exported["error_ratios"])),
            )
        if len(names) > 1:
            several = any(len(members) > 1 for members in self.table.sources)
            return TableMembers(names=names, spread="files" if several else "table")
        known = self.found.has_errors
        return TableMembers(
            names=names, spread="standard errors of the table" if known else "unknown"
        )

    @property
    def scale(self) -> TableScale:
        """Scale of the effects."""
        units = json.loads(self.exported.get("effect_scale", "{}"))
        of_source = {
            task: members[0].format.unit
            for members in self.table.sources
            for task in self.names
            if task in {one.name for one in members[0].tasks()}
        }
        return TableScale(
            of_task={task: units.get(task, of_source[task]) for task in self.names},
            scale=self.exported.get("scale", _AS_READ),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the report on what was read and left out."""
        formats = {m[0].format.name: m[0].format.note for m in self.table.sources}
        spread = {
            "standard errors of the table": "Errors are those of the table, taken as independent.",
            "unknown": "One table without standard errors: the errors of its effects are unknown.",
        }.get(self.members.spread)
        if len(self.members) > 1 and self.found.has_errors:
            spread = "Standard errors of the table were not used: members have a spread."
        missing = sum(self.found.n_missing.values())
        return (
            *(note for note in formats.values() if note),
            *([spread] if spread else []),
            *self.found.check.notes(),
            *([f"{missing} rows of the table have no effect."] if missing else []),
        )

    def check(self, question: Question) -> None:
        """Refuse a question that needs what the table does not have.

        Args:
            question: Its inference needs errors, its instruments perhaps sequences.

        Raises:
            ValueError: If the table has one member and no standard errors, or instruments are
                chosen by motif and there is no genome.
        """
        if isinstance(question.rule, ByMotif) and self.table.genome is None:
            raise ValueError(
                "instruments by motif need the sequences of the loci; give effects.genome=FASTA"
            )
        inference = question.inference
        known = len(self.members) > 1 or self.found.has_errors
        offered = getattr(deepmr.inference, "GivenModel", ())
        if known or isinstance(inference, offered):
            return
        raise ValueError(
            "one table without standard errors does not say how wrong its effects are: give the "
            "files of several folds or replicates (a glob), or a column se (effects.columns.se=)"
            + ("; inference=given_model asks what they say as they stand" if offered else "")
        )

    def shards(self, loci_per_shard: int | None = None) -> Iterator[ShardOfTable]:
        """Read the table again, and yield its effects in the order of the loci.

        Args:
            loci_per_shard: Loci in a shard; by default (None) `loci_per_shard`.

        Raises:
            ValueError: If a row is listed twice, or members differ in their variants.
        """
        members = self.members
        spool = Spool(
            placed=self.placed,
            tasks=self.names,
            members=members.names,
            loci_per_shard=loci_per_shard or self.loci_per_shard,
            keep_errors=len(members) == 1 and self.found.has_errors,
            shared=members.shared,
        )
        check = AlleleCheck(genome=self.table.genome)
        yield from spool.shards(prepared(self.table.sources, self.names, self.contigs, check))


def read_effects(
    path: Named | Mapping[str, Named],
    *,
    format: str = "auto",  # noqa: A002  (the setting's name)
    columns: Mapping[str, str] | None = None,
    settings: ReadSettings | None = None,
    loci: TableLoci | str | Path | None = None,
    genome: str | Path | None = None,
    mismatch: float = 0.05,
) -> EffectTable:
    r"""Open a table of variant effects that others computed or measured.

    Files are recognised by their content; docs/effects.md lists the formats. Nothing but their
    beginnings is read until a question is asked, and then in batches.

    Args:
        path: A file, or several (a glob or a list), which are members: folds, networks,
            replicates; or a mapping from tasks to those, where a file has one task.
        format: ``auto`` (default), or a format's name.
        columns: What a table of one's own calls ``chrom, pos, ref, alt, task, effect, se, member,
            locus``; those left out have the usual names.
        settings: Further things that the files do not say; by default nothing.
        loci: BED file of regions, or a `TableLoci`; by default the loci that the table names, or
            runs of neighbouring variants.
        genome: FASTA file that alleles are compared with; by default they are not.
        mismatch: Largest share of rows that may have neither allele in the genome; .05 by default.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is no table of effects; the message says what would be read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "effects.tsv"
        >>> _ = path.write_text("chrom\tpos\tref\talt\tX\tY\nchr1\t5\tA\tC\t1\t2\n")
        >>> read_effects(path).tasks.names
        ('X', 'Y')
    """
    encoded = None if genome is None else EncodedGenome.from_fasta(genome)
    given = settings or ReadSettings()
    given = replace(
        given,
        columns={**given.columns, **(columns or {})},
        sequence=_letters(encoded) if encoded else None,
    )
    sources = open_sources(path, given, form=format)
    tasks: dict[str, Task] = {}
    for members in sources:
        for source in members:
            found = {task.name: task for task in source.tasks()}
            first = {task.name for task in members[0].tasks()}
            if found.keys() != first:
                raise ValueError(
                    f"{source.path} and {members[0].path} are members and differ in their tasks: "
                    f"{', '.join(sorted(found.keys() ^ first)[:5])}"
                )
            tasks |= found
    if isinstance(loci, str | Path):
        loci = TableLoci(path=loci)
    return EffectTable(
        sources=tuple(tuple(members) for members in sources),
        tasks=TaskTable(tuple(tasks.values())),
        loci=loci or TableLoci(),
        genome=encoded,
        mismatch=mismatch,
    )


def _letters(genome: EncodedGenome) -> Any:
    """Return a function from a place to the genome's letters there."""

    def letters(chrom: str, start: int, end: int) -> str:
        name = Contigs(genome.names).of(chrom)
        contig = genome.locate(np.asarray([name]))
        codes = genome.windows(contig, np.asarray([start], dtype=np.int64), end - start)[0]
        return "".join("ACGTN"[code] for code in codes)

    return letters


def places_of(windows: str | Sequence[str]) -> tuple[Extent, ...]:
    """Return the places that a BED file or a list of ``chrom:start-end`` names.

    Args:
        windows: One place, a list of places, or the path of a BED file.

    Raises:
        ValueError: If a text is neither.

    Example:
        >>> places_of("chr1:100-200")
        (('chr1', 100, 200),)
    """
    texts = [windows] if isinstance(windows, str) else list(windows)
    found = [parse_place(text) for text in texts]
    if len(texts) == 1 and found[0] is None:
        return tuple(_regions(Path(texts[0])))
    for text, place in zip(texts, found, strict=True):
        if place is None:
            raise ValueError(f"effects.windows names places chrom:start-end, got {text!r}")
    return tuple(place for place in found if place is not None)
