"""Somebody else's variant effects in the place of networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.data.effect_tables import (
    AlleleCheck,
    Contigs,
    Extent,
    Named,
    Placed,
    ReadSettings,
    Scan,
    Source,
    open_sources,
    scan_table,
)
from deepmr.data.genome import EncodedGenome
from deepmr.loci import draw
from deepmr.tasks import Task, TaskTable
from deepmr.workflow.pair_of_table import PairOfTable
from deepmr.workflow.table_loci import TableLoci, holds_variant, loci_of, read_bed

__all__ = ["EffectTable", "read_effects"]


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
        extents = None if self.loci.path is None else read_bed(Path(self.loci.path))
        contigs = Contigs(self.genome.names if self.genome else {one[0] for one in extents or ()})
        found = scan_table(sources, names, contigs, AlleleCheck(genome=self.genome))
        found.check_all(
            signed=any(m[0].settings.values or m[0].format.name == "deepmr" for m in sources),
            mismatch=self.mismatch,
        )
        placed = self._placed(found, extents, contigs)
        return PairOfTable(
            sources=sources,
            files=self.files,
            genome=self.genome,
            pair=pair,
            contigs=contigs,
            found=found,
            placed=placed,
            loci=loci_of(placed, self.genome, "regions" if extents else "table"),
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
        held = [one for one in regions if holds_variant(found, one)]
        if not held:
            raise ValueError(
                f"{self.loci.path}: none of its {len(regions)} regions holds a variant of the "
                "table; is this another assembly?"
            )
        return Placed([held[k] for k in draw(len(held), self.loci.n, self.loci.seed).tolist()])


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
