"""A finished interrogation on disk: its loci, read from the files of its folder alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from deepmr.effects import MemberEffects
from deepmr.files import read_json, reading
from deepmr.genome import Interval
from deepmr.io.manifest import is_finished
from deepmr.io.shard_format import read_header, read_shard
from deepmr.io.tables import read_table
from deepmr.motifs import MotifLibrary
from deepmr.report import LocusCard, choose_loci
from deepmr.workflow.locus_view import (
    LocusView,
    card_of,
    motif_sites,
    reference_codes,
    rows_of_locus,
)

__all__ = ["FinishedInterrogation"]

_NEEDED = ("loci.parquet", "estimates.parquet", "instruments.parquet", "verdict.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedInterrogation:
    """A finished interrogation, read from its folder.

    Args:
        folder: The folder.
        pair: Names of the exposure's and the outcome's task.
        structure: The verdict's word.
        loci: The loci, in their order.
        estimates: Columns of ``estimates.parquet``.
        instruments: Columns of ``instruments.parquet``.
        units: Units of the exposure's and the outcome's effects.
        shared: Shared error variance of the members (`deepmr.effects.MemberEffects.shared`).
    """

    folder: Path
    pair: tuple[str, str]
    structure: str
    loci: tuple[Interval, ...]
    estimates: Mapping[str, np.ndarray]
    instruments: Mapping[str, np.ndarray]
    units: tuple[str, str] = ("", "")
    shared: float = 0.0

    @classmethod
    def read(cls, folder: Path | str) -> FinishedInterrogation:
        """Read a finished interrogation.

        Args:
            folder: Its folder.

        Raises:
            FileNotFoundError: If it is not there, is no finished interrogation, or lacks a file.
            ValueError: If a file of it is damaged.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{folder} does not exist; give the folder of an interrogation, "
                "runs/interrogate/NAME/QUESTION"
            )
        if not is_finished(folder):
            raise FileNotFoundError(
                f"{folder} is no finished interrogation (it has no manifest.json); give its "
                "command again to finish it"
            )
        missing = [name for name in _NEEDED if not (folder / name).is_file()]
        if missing:
            raise FileNotFoundError(
                f"{folder} has no {missing[0]}: it is a training run, or an earlier version of "
                "Deep MR wrote it; ask again with overwrite=true"
            )
        verdict, loci = read_json(folder / "verdict.json"), read_table(folder / "loci.parquet")
        facts = pq.read_schema(folder / "instruments.parquet").metadata or {}
        with reading(folder / "verdict.json"):
            pair = (str(verdict["exposure"]), str(verdict["outcome"]))
            structure = str(verdict["structure"])
        with reading(folder / "instruments.parquet"):
            units = (facts[b"exposure_unit"].decode(), facts[b"outcome_unit"].decode())
            shared = float(facts[b"shared"].decode())
        places = zip(loci["chrom"], loci["start"], loci["end"], strict=True)
        return cls(
            folder=folder,
            pair=pair,
            structure=structure,
            loci=tuple(Interval(str(c), int(a), int(b)) for c, a, b in places),
            estimates=read_table(folder / "estimates.parquet"),
            instruments=read_table(folder / "instruments.parquet"),
            units=units,
            shared=shared,
        )

    def find(self, names: Sequence[str]) -> list[int]:
        """Return the positions of loci by name: ``chr1:100-200``, or a contig with one locus.

        Args:
            names: Names of the loci.

        Raises:
            LookupError: If a name is none of the run's loci, or stands for several.
        """
        full = {str(locus): k for k, locus in enumerate(self.loci)}
        found = []
        for name in names:
            on = [k for k, locus in enumerate(self.loci) if locus.chrom == name]
            if name in full:
                found.append(full[name])
            elif len(on) == 1:
                found.append(on[0])
            elif on:
                raise LookupError(
                    f"{name} holds {len(on)} loci of {self.folder}; name one, "
                    f"such as {self.loci[on[0]]}"
                )
            else:
                raise LookupError(
                    f"{name} is none of the {len(self.loci):,} loci of {self.folder}; they are in "
                    f"loci.parquet, such as {self.loci[0]}"
                )
        return found

    def gallery(self) -> list[tuple[int, str]]:
        """Return the loci that the report's gallery shows: positions with their kind."""
        asked = (self.estimates["exposure"] == self.pair[0]) & (
            self.estimates["outcome"] == self.pair[1]
        )
        first = asked & (self.estimates["method"] == self.estimates["method"][asked][0])
        value, se = self.estimates["value"][first], self.estimates["se"][first]
        return choose_loci(value, np.where(np.isfinite(value), np.nan_to_num(se), np.nan))

    def effects(self, position: int) -> MemberEffects:
        """Return the effects of one locus's variants on both tasks.

        Args:
            position: Position among the loci.

        Raises:
            FileNotFoundError: If the folder holds no effects.
            LookupError: If no shard holds the locus.
            ValueError: If a shard is damaged.
        """
        paths = sorted((self.folder / "effects").glob("shard-*.parquet"))
        if not paths:
            raise FileNotFoundError(
                f"{self.folder / 'effects'} holds no effects: a result saved from a notebook keeps "
                "none; ask by the command line"
            )
        start = 0
        for path in paths:
            count = read_header(path).n_loci
            if position < start + count:
                shard = read_shard(path, self.pair)
                effects = shard.effects.at(position - start)
                return MemberEffects(
                    value=effects.value,
                    tasks=effects.tasks,
                    offset=effects.offset,
                    ref=effects.ref,
                    alt=effects.alt,
                    mask=effects.mask,
                    shared=self.shared,
                )
            start += count
        raise LookupError(f"no shard under {self.folder / 'effects'} holds {self.loci[position]}")

    def cards(
        self, chosen: Sequence[tuple[int, str]], *, library: MotifLibrary | None = None
    ) -> list[LocusCard]:
        """Draw loci as the report does.

        Args:
            chosen: Positions of the loci, with why they are shown.
            library: Motifs whose matches are named; none by default.
        """
        rows = [position for position, _ in chosen]
        effects = [self.effects(row) for row in rows]
        used = [self._used(self.loci[row], e) for row, e in zip(rows, effects, strict=True)]
        codes = np.stack(
            [
                reference_codes(e, self.loci[row].length)
                for row, e in zip(rows, effects, strict=True)
            ]
        )
        offsets = [e.offset[mask] for e, mask in zip(effects, used, strict=True)]
        sites = motif_sites(library, codes, offsets)
        return [
            card_of(
                LocusView(
                    place=self.loci[row],
                    kind=kind,
                    pair=self.pair,
                    units=self.units,
                    effects=effects[k],
                    instruments=used[k],
                    rows=rows_of_locus(self.estimates, _key(self.loci[row])),
                    sites=sites[k],
                )
            )
            for k, (row, kind) in enumerate(chosen)
        ]

    def _used(self, locus: Interval, effects: MemberEffects) -> np.ndarray:
        """Return which variants of a locus are instruments for the exposure."""
        here = rows_of_locus(self.instruments, _key(locus))
        mask = np.zeros(effects.mask.shape[-1], dtype=bool)
        chosen = (here["exposure"] == self.pair[0]) & here["concordant"].astype(bool)
        mask[here["variant"][chosen].astype(np.int64)] = True
        return mask


def _key(locus: Interval) -> tuple[str, int, int]:
    return locus.chrom, locus.start, locus.end
