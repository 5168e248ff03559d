"""A table's effects on two tasks: what takes the place of networks in an interrogation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deepmr.data.effect_tables import (
    AlleleCheck,
    Contigs,
    Placed,
    Scan,
    ShardOfTable,
    Source,
    Spool,
    prepared,
)
from deepmr.data.genome import EncodedGenome
from deepmr.files import sha256
from deepmr.inference import GivenModel, Jackknife, OverMembers, Summary
from deepmr.inference.question import Question
from deepmr.loci import Loci
from deepmr.motifs import ByMotif
from deepmr.tasks import Task

__all__ = ["PairOfTable", "TableMembers", "TableScale"]

_AS_READ = "as in the table"
_OF_TABLE = "standard errors of the table"


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
class PairOfTable:
    """A table's effects on two tasks: the counterpart of `deepmr.networks.Networks`.

    Args:
        sources: The files that hold these tasks: sets of members.
        files: All files of the table, and those that say where its effects lie.
        genome: Genome that alleles are compared with; None for no comparison.
        pair: Exposure and outcome.
        contigs: How contigs are named.
        found: What the first pass found.
        placed: The loci and the rows that belong to them.
        loci: The loci.
    """

    sources: tuple[tuple[Source, ...], ...]
    files: tuple[Path, ...]
    genome: EncodedGenome | None
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
        return f"effects-{self.sources[0][0].path.name.partition('.')[0]}"

    @property
    def description(self) -> str:
        """What was read, for the manifest and the report."""
        first = self.sources[0][0]
        paths = ", ".join(str(path) for path in self.files[:5])
        more = ", ..." if len(self.files) > 5 else ""
        return f"a table of effects ({first.format.name}): {paths}{more}"

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
        first = self.sources[0][0]
        return first.head.metadata if first.format.name == "deepmr" else {}

    @property
    def loci_per_shard(self) -> int:
        """Loci in a shard: those of the interrogation that was exported, else 16."""
        return int(self.exported.get("loci_per_shard", 16))

    @property
    def rests_on_errors(self) -> bool:
        """Whether it is one member with standard errors of its own."""
        return len(self.members) == 1 and self.found.has_errors

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
            several = any(len(members) > 1 for members in self.sources)
            return TableMembers(names=names, spread="files" if several else "table")
        known = self.found.has_errors
        return TableMembers(names=names, spread=_OF_TABLE if known else "unknown")

    @property
    def scale(self) -> TableScale:
        """Scale of the effects."""
        units = json.loads(self.exported.get("effect_scale", "{}"))
        of_source = {
            task: members[0].format.unit
            for members in self.sources
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
        formats = {m[0].format.name: m[0].format.note for m in self.sources}
        spread = {
            _OF_TABLE: "Errors are those of the table, taken as independent.",
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
            ValueError: If the inference needs members or standard errors that the table does not
                have, or instruments are chosen by motif and there is no genome.
        """
        by_motif = isinstance(question.rule, ByMotif) or question.motifs is not None
        if by_motif and self.genome is None:
            raise ValueError("motifs need the sequences of the loci; give effects.genome=FASTA")
        inference = question.inference
        if self.rests_on_errors and isinstance(inference, OverMembers):
            raise ValueError(
                f"inference={inference.name} needs several members, got one table with standard "
                "errors; leave it out (inference=summary rests on those errors), or give the "
                "files of several folds or replicates (a glob)"
            )
        known = len(self.members) > 1 or self.found.has_errors
        if not (known or isinstance(question.inference, GivenModel)):
            raise ValueError(
                "one table without standard errors does not say how wrong its effects are: give "
                "the files of several folds or replicates (a glob), or a column se "
                "(effects.columns.se=); inference=given_model asks what they say as they stand"
            )

    def suited(
        self, question: Question, *, chosen: bool = False
    ) -> tuple[Question, tuple[str, ...]]:
        """Return the question with an inference that suits the members.

        The default inference needs a spread of members. Where there is one member and its errors
        are known, classical inference takes its place, and a note says so; else as for networks
        (`Question.for_members`).

        Args:
            question: The question.
            chosen: Whether the inference was asked for by name, so that it is not replaced.

        Raises:
            ValueError: If an inference was asked for by name that needs more members.
        """
        if not self.rests_on_errors:
            return question.for_members(len(self.members), chosen=chosen), ()
        if chosen or type(question.inference) is not Jackknife:
            return question, ()
        note = "Inference is summary: one member with standard errors has no spread of members."
        return replace(question, inference=Summary()), (note,)

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
        check = AlleleCheck(genome=self.genome)
        yield from spool.shards(prepared(self.sources, self.names, self.contigs, check))
