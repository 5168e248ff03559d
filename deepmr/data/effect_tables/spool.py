"""Second pass over a table: rows sorted into loci on disk, shard by shard in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.data.effect_tables.places import Placed
from deepmr.data.effect_tables.rows import EffectRows
from deepmr.effect_shard import EffectShard
from deepmr.effects import MemberEffects
from deepmr.genome import Interval

__all__ = ["ShardOfTable", "Spool"]

_ROW = np.dtype(
    [
        ("locus", "i4"),
        ("variant", "i4"),
        ("offset", "i4"),
        ("ref", "i4"),
        ("alt", "i4"),
        ("task", "i2"),
        ("member", "i2"),
        ("effect", "f8"),
        ("se", "f8"),
    ]
)
_MOST_BUCKETS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOfTable:
    """A shard of a table's effects, with the alleles that are not single bases.

    Args:
        shard: The effects.
        alleles: Locus and variant within the shard, reference and alternative of each.
        n_turned: Rows whose alleles were exchanged to agree with other rows of their variant.
    """

    shard: EffectShard
    alleles: list[tuple[int, int, str, str]]
    n_turned: int = 0


@dataclass(slots=True, kw_only=True)
class Spool:
    """Rows of a table on disk, in buckets of whole shards.

    Args:
        placed: The loci.
        tasks: Names of the tasks, in order.
        members: Names of the members, in order.
        loci_per_shard: Loci in a shard.
        keep_errors: Whether standard errors of the table are kept.
        shared: Shared error variance of the members.
    """

    placed: Placed
    tasks: tuple[str, ...]
    members: tuple[str, ...]
    loci_per_shard: int
    keep_errors: bool
    shared: float = 0.0
    n_outside: int = 0
    _alleles: dict[str, int] = field(
        default_factory=lambda: {base: code for code, base in enumerate("ACGT")}
    )

    def shards(self, rows: Iterable[EffectRows]) -> Iterator[ShardOfTable]:
        """Sort rows into shards, and yield these in order.

        Args:
            rows: All rows of the table, in any order.

        Raises:
            ValueError: If a row is listed twice, or members differ in their variants.
        """
        n_shards = -(-len(self.placed.extents) // self.loci_per_shard)
        per_bucket = -(-n_shards // _MOST_BUCKETS) * self.loci_per_shard
        with tempfile.TemporaryDirectory(prefix="deepmr-effects-") as name:
            folder = Path(name)
            for batch in rows:
                self._write(folder, self._rows(batch), per_bucket)
            for bucket in range(-(-len(self.placed.extents) // per_bucket)):
                path = folder / f"{bucket}.rows"
                held = np.fromfile(path, _ROW) if path.is_file() else np.zeros(0, _ROW)
                first = bucket * per_bucket
                last = min(first + per_bucket, len(self.placed.extents))
                for start in range(first, last, self.loci_per_shard):
                    end = min(start + self.loci_per_shard, last)
                    inside = held[(held["locus"] >= start) & (held["locus"] < end)]
                    yield self._shard(start // self.loci_per_shard, start, end, inside)

    def _rows(self, batch: EffectRows) -> np.ndarray:
        width = np.asarray([max(len(one), 1) for one in batch.ref.tolist()], dtype=np.int64)
        row, locus = self.placed.assign(batch, width)
        self.n_outside += len(batch) - np.unique(row).size
        found = np.zeros(row.size, _ROW)
        start = np.asarray([one[1] for one in self.placed.extents], dtype=np.int64)
        found["locus"], found["offset"] = locus, batch.pos[row] - start[locus]
        found["variant"] = batch.variant[row]
        found["effect"], found["se"] = batch.effect[row], batch.se[row]
        for name in ("ref", "alt"):
            texts, inverse = np.unique(getattr(batch, name).astype(object), return_inverse=True)
            codes = [self._alleles.setdefault(text, len(self._alleles)) for text in texts.tolist()]
            found[name] = np.asarray(codes, dtype=np.int64)[inverse][row]
        for name, order in (("task", self.tasks), ("member", self.members)):
            place = {text: k for k, text in enumerate(order)}
            texts, inverse = np.unique(getattr(batch, name).astype(object), return_inverse=True)
            codes = [place[text] for text in texts.tolist()]
            found[name] = np.asarray(codes, dtype=np.int64)[inverse][row]
        return found

    def _write(self, folder: Path, rows: np.ndarray, per_bucket: int) -> None:
        bucket = rows["locus"] // per_bucket
        for number in np.unique(bucket).tolist():
            with (folder / f"{number}.rows").open("ab") as stream:
                rows[bucket == number].tofile(stream)

    def _shard(self, index: int, start: int, end: int, rows: np.ndarray) -> ShardOfTable:
        low, high = np.minimum(rows["ref"], rows["alt"]), np.maximum(rows["ref"], rows["alt"])
        keys = (rows["member"], rows["task"], high, low, rows["offset"], rows["variant"])
        order = np.lexsort((*keys, rows["locus"]))
        rows, low, high = rows[order], low[order], high[order]
        group, first = _groups(rows, low, high)
        turned = rows["ref"] != rows["ref"][first[group]] if rows.size else np.zeros(0, dtype=bool)
        effect = np.where(turned, -rows["effect"], rows["effect"])
        locus = rows["locus"][first] - start
        rank = np.arange(first.size) - np.searchsorted(locus, locus)
        width = int(rank.max(initial=-1)) + 1
        n = end - start
        shape = (n, len(self.tasks), len(self.members), max(width, 1))
        at = (locus[group], rows["task"], rows["member"], rank[group])
        self._check(rows, group)
        value, present = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
        value[at], present[at] = effect, True
        self._check_members(present, rows, first, (locus, rank))
        columns = {"offset": 0, "ref": -1, "alt": -1}
        columns_of = {k: np.full((n, shape[3]), fill, np.int64) for k, fill in columns.items()}
        single = (rows["ref"][first] < 4) & (rows["alt"][first] < 4)
        columns_of["offset"][locus, rank] = rows["offset"][first]
        for name in ("ref", "alt"):
            columns_of[name][locus, rank] = np.where(single, rows[name][first], -1)
        mask = np.isfinite(value).all(axis=(1, 2))
        error = self._errors(shape, at, rows, mask)
        effects = MemberEffects(
            value=np.where(mask[:, None, None, :], value, 0.0),
            tasks=self.tasks,
            mask=mask,
            shared=self.shared,
            se=error,
            **columns_of,
        )
        loci = tuple(Interval(*one) for one in self.placed.extents[start:end])
        unknown = np.full((n, len(self.tasks), len(self.members)), np.nan)
        return ShardOfTable(
            shard=EffectShard(index=index, loci=loci, effects=effects, reference=unknown),
            alleles=self._spelled(rows[first][~single], locus[~single], rank[~single]),
            n_turned=int(turned.sum()),
        )

    def _errors(
        self, shape: tuple[int, ...], at: Any, rows: np.ndarray, mask: np.ndarray
    ) -> np.ndarray | None:
        if not self.keep_errors:
            return None
        error = np.full(shape, np.nan)
        error[at] = rows["se"]
        return np.asarray(np.where(mask[:, None, :], error[:, :, 0, :], np.nan))

    def _spelled(
        self, rows: np.ndarray, locus: np.ndarray, rank: np.ndarray
    ) -> list[tuple[int, int, str, str]]:
        letters = list(self._alleles)
        columns = (locus.tolist(), rank.tolist(), rows["ref"].tolist(), rows["alt"].tolist())
        return [
            (where, place, letters[ref], letters[alt])
            for where, place, ref, alt in zip(*columns, strict=True)
        ]

    def _name(self, row: np.void) -> str:
        chrom, first, _ = self.placed.extents[int(row["locus"])]
        letters = list(self._alleles)
        return (
            f"{chrom}:{first + int(row['offset']) + 1} {letters[row['ref']]}>{letters[row['alt']]}"
        )

    def _check(self, rows: np.ndarray, group: np.ndarray) -> None:
        """Refuse a variant that is listed twice for one task and member.

        Raises:
            ValueError: If one is.
        """
        same = (np.diff(group) == 0) & (np.diff(rows["task"]) == 0) & (np.diff(rows["member"]) == 0)
        if same.any():
            row = rows[int(np.flatnonzero(same)[0])]
            raise ValueError(
                f"{self._name(row)} is listed twice for {self.tasks[row['task']]}; a row a "
                "variant, task and member is needed (a column member or locus tells rows apart)"
            )

    def _check_members(
        self,
        present: np.ndarray,
        rows: np.ndarray,
        first: np.ndarray,
        at: tuple[np.ndarray, np.ndarray],
    ) -> None:
        """Refuse members that differ in the variants of a task.

        Raises:
            ValueError: If one lacks a variant that another has.
        """
        count = present.sum(axis=2)
        partial = (count > 0) & (count < len(self.members))
        if not partial.any():
            return
        where, task, place = (int(one[0]) for one in np.nonzero(partial))
        lacking = int(np.flatnonzero(~present[where, task, :, place])[0])
        row = rows[first[np.flatnonzero((at[0] == where) & (at[1] == place))[0]]]
        raise ValueError(
            f"members must have the same variants and tasks; {self.members[lacking]} has no row "
            f"for {self._name(row)} on {self.tasks[task]}"
        )


def _groups(rows: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's variant, counted over the shard, and the first row of each variant."""
    if not rows.size:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing
    new = np.zeros(rows.size, dtype=bool)
    new[0] = True
    for column in (rows["locus"], rows["variant"], rows["offset"], low, high):
        new[1:] |= column[1:] != column[:-1]
    return np.cumsum(new) - 1, np.flatnonzero(new)
