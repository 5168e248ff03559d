"""Store of one run's effect shards: writing, verification, and reading in order."""

from __future__ import annotations

import errno
import math
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from deepmr.effect_shard import EffectShard
from deepmr.effects import MemberEffects
from deepmr.files import atomic_write
from deepmr.genome import Interval
from deepmr.io.shard_format import encode_shard, read_header, read_shard, verify_shard

__all__ = ["ShardStore"]

# Arrow's list offsets are int32.
_MOST_VALUES = 2**31 - 1


class ShardStore:
    """The effect shards of one run, in one folder.

    Loci are divided into shards by their order alone, whatever the number of processes; each shard
    is written once, by the process that computed it, and needs no lock.

    Args:
        folder: Folder of the shards, such as ``effects/`` of an interrogation; made when written.
        fingerprint: Fingerprint of every setting that the effects depend on (weights, effect
            scale, engine, ...), without the tasks kept: shards with more tasks can be used, too.
        loci: All loci of the run, in order.
        loci_per_shard: Number of loci in each shard but the last.
        tasks: Names of the tasks to keep.
        n_members: Number of members.
        effect_scale: Effect scale of each task: ``logit``, ``anscombe``, ``probability``, ...
        shared: Shared error variance (ratio to the variance between members) of the effects that
            are read, 0 by default; it is not stored, and changes no effect.
        dtype: ``float32`` (default), ``float16`` (half the size, relative error up to 2^-11), or
            ``float64`` for effects that were read from a table.

    Raises:
        ValueError: If there are no loci or no tasks, loci repeat, a task has no unit, or
            ``dtype`` or ``loci_per_shard`` is out of range.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        fingerprint: str,
        loci: Sequence[Interval],
        loci_per_shard: int,
        tasks: Sequence[str],
        n_members: int,
        effect_scale: Mapping[str, str],
        shared: float = 0.0,
        dtype: str = "float32",
    ) -> None:
        if not loci or not tasks:
            raise ValueError(
                f"a shard store needs loci and tasks, got {len(loci)} loci and {len(tasks)} tasks"
            )
        if len(set(loci)) != len(loci):
            first = next(locus for locus, count in Counter(loci).items() if count > 1)
            raise ValueError(f"loci must differ, got {first} more than once; drop the repeats")
        if loci_per_shard < 1:
            raise ValueError(f"loci_per_shard must be at least 1, got {loci_per_shard}")
        if dtype not in ("float64", "float32", "float16"):
            raise ValueError(f"effects are kept as float32 or float16, got {dtype!r}")
        unknown = [task for task in tasks if task not in effect_scale]
        if unknown:
            raise ValueError(
                f"effect_scale must name the unit of every task, got none for {unknown[0]}"
            )
        self.folder = Path(folder)
        self.fingerprint = fingerprint
        self.loci = tuple(loci)
        self.loci_per_shard = loci_per_shard
        self.tasks = tuple(tasks)
        self.n_members = n_members
        self.effect_scale = dict(effect_scale)
        self.shared = shared
        self.dtype = dtype

    @property
    def n_shards(self) -> int:
        """Number of shards of the whole run."""
        return math.ceil(len(self.loci) / self.loci_per_shard)

    def path(self, index: int) -> Path:
        """Return the path of a shard.

        Args:
            index: Number of the shard, from 0.
        """
        return self.folder / f"shard-{index:06d}.parquet"

    def loci_of(self, index: int) -> tuple[Interval, ...]:
        """Return the loci of a shard.

        Args:
            index: Number of the shard, from 0.

        Raises:
            IndexError: If the run has no such shard.
        """
        if not 0 <= index < self.n_shards:
            raise IndexError(f"shards are numbered 0 to {self.n_shards - 1}, got {index}")
        return self.loci[index * self.loci_per_shard : (index + 1) * self.loci_per_shard]

    def write(
        self,
        index: int,
        loci: Sequence[Interval],
        effects: MemberEffects,
        reference: Float64[np.ndarray, "locus task member"],
    ) -> Path:
        """Write one shard atomically.

        Args:
            index: Number of the shard, from 0.
            loci: Loci of the effects; verified to be those of the shard.
            effects: Effects with one batch axis, the loci; tasks in any order.
            reference: Predictions for the unchanged sequences, tasks in the order of ``effects``.

        Raises:
            ValueError: If loci, tasks or members are not those of the shard, or an effect does
                not fit the kept precision.
            OSError: If the file cannot be written; where the disk is full, with the bytes needed.
        """
        expected = self.loci_of(index)
        if tuple(loci) != expected:
            odd = next((b for a, b in zip(expected, loci, strict=False) if a != b), None)
            got = f"{len(loci)} loci" if odd is None else f"{odd} among them"
            raise ValueError(
                f"shard {index} holds {len(expected)} loci from {expected[0]}; got {got}"
            )
        if set(effects.tasks) != set(self.tasks) or effects.n_members != self.n_members:
            raise ValueError(
                f"shard {index} holds {self.n_members} members of {', '.join(self.tasks)}; "
                f"got {effects.n_members} of {', '.join(effects.tasks)}"
            )
        if effects.value[0, 0].size * len(expected) > _MOST_VALUES:
            raise ValueError(
                f"a shard holds at most {_MOST_VALUES} effects a task, got "
                f"{effects.value[0, 0].size * len(expected)}; lower loci_per_shard"
            )
        shard = EffectShard(index=index, loci=expected, effects=effects, reference=reference)
        content = encode_shard(
            shard,
            fingerprint=self.fingerprint,
            effect_scale=self.effect_scale,
            dtype=self.dtype,
        )
        path = self.path(index)
        try:
            with atomic_write(path, "wb") as stream:
                stream.write(content)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            free = shutil.disk_usage(self.folder).free
            raise OSError(
                error.errno,
                f"the disk is full: {path.name} needs {len(content):,} bytes and {free:,} are free "
                "(shards already written are kept); free some space and run the command again",
                str(path),
            ) from error
        return path

    def missing(self, *, verify: bool = True) -> list[int]:
        """Return the numbers of the shards that are yet to be computed, in order.

        A damaged shard (truncated, altered, under another name, without a required task) is
        reported in a warning and computed again. A shard from *other settings* is never
        overwritten: it raises.

        Args:
            verify: Verify the digests of every shard (default); otherwise its metadata alone, and
                its content when it is read.

        Raises:
            ValueError: If a shard was made under other settings, or for other loci.
        """
        absent = []
        for index in range(self.n_shards):
            path = self.path(index)
            if not path.is_file():
                absent.append(index)
                continue
            reason = self._damage(index, verify=verify)
            if reason is not None:
                warnings.warn(f"{reason}; it will be computed again", stacklevel=2)
                absent.append(index)
        return absent

    def _damage(self, index: int, *, verify: bool) -> str | None:
        """Return why a shard cannot be used, or None.

        Raises:
            ValueError: If it was made under other settings, or for other loci.
        """
        path = self.path(index)
        try:
            header = read_header(path)
        except ValueError as error:
            return str(error)
        if header.fingerprint != self.fingerprint:
            raise ValueError(
                f"{path} was made under other settings ({header.fingerprint}, this run has "
                f"{self.fingerprint}); choose another folder, or overwrite=true"
            )
        if header.index != index:
            return (
                f"effect shard {path} cannot be used: it is shard {header.index} under another name"
            )
        lost = [task for task in self.tasks if task not in header.tasks]
        if lost:
            return f"effect shard {path} lacks the effects on {', '.join(lost)}"
        if header.n_members != self.n_members:
            raise ValueError(
                f"{path} holds {header.n_members} members, this run has {self.n_members}; "
                "choose another folder, or overwrite=true"
            )
        if not verify:
            return None
        try:
            loci = verify_shard(path)
        except ValueError as error:
            return str(error)
        self._refuse_other_loci(index, loci)
        return None

    def _refuse_other_loci(self, index: int, loci: tuple[Interval, ...]) -> None:
        expected = self.loci_of(index)
        if loci != expected:
            raise ValueError(
                f"{self.path(index)} holds other loci ({loci[0]}, ...) than this run "
                f"({expected[0]}, ...); choose another folder, or overwrite=true"
            )

    def read(self, tasks: Sequence[str] | None = None) -> Iterator[EffectShard]:
        """Yield the shards in order, one in memory at a time.

        Args:
            tasks: Names of the tasks to read; by default (None) those of the store.

        Raises:
            ValueError: If a shard is missing, damaged or from other settings.
            LookupError: If a task was not kept.
        """
        for index in range(self.n_shards):
            yield self.read_one(index, tasks)

    def read_one(self, index: int, tasks: Sequence[str] | None = None) -> EffectShard:
        """Return one shard; a locus is in shard ``position // loci_per_shard``.

        Args:
            index: Number of the shard, from 0.
            tasks: Names of the tasks to read; by default (None) those of the store.

        Raises:
            IndexError: If the run has no such shard.
            ValueError: If the shard is missing, damaged or from other settings.
            LookupError: If a task was not kept.
        """
        self.loci_of(index)
        path = self.path(index)
        if not path.is_file():
            raise ValueError(f"{path} is missing; run the same command again to complete it")
        reason = self._damage(index, verify=False)
        if reason is not None:
            raise ValueError(f"{reason}; run the same command again to replace it")
        shard = read_shard(path, self.tasks if tasks is None else tasks)
        self._refuse_other_loci(index, shard.loci)
        return replace(shard, effects=replace(shard.effects, shared=self.shared))

    def locus(self, position: int, tasks: Sequence[str] | None = None) -> MemberEffects:
        """Return the effects of one locus.

        Args:
            position: Position among all loci of the run, from 0.
            tasks: Names of the tasks to read; by default (None) those of the store.

        Raises:
            IndexError: If the run has no such locus.
            ValueError: If its shard is missing, damaged or from other settings.
            LookupError: If a task was not kept.
        """
        index, row = divmod(position, self.loci_per_shard)
        return self.read_one(index, tasks).effects.at(row)

    def discard_partial(self) -> list[Path]:
        """Remove half-written files of a killed process, and return their paths.

        Only the process that holds the run's lock may do this, before any writer starts.
        """
        partial = sorted(self.folder.glob(".shard-*.part"))
        for path in partial:
            path.unlink(missing_ok=True)
        return partial
