"""Parquet format of an effect shard, with digests of its content.

One row per locus. Keys ``chrom, start, end``; then ``offset, ref, alt, mask``, lists over the
variants; then for each kept task ``effect:<task>``, a list over members and variants (the variants
of the first member, then those of the second, ...), and ``reference:<task>``, the members'
predictions for the unchanged sequence; where effects came with standard errors, ``se:<task>``,
too. Reading two of a hundred tasks touches only their bytes.

Every column has a digest in the footer, and the footer's metadata has one of its own, so that a
flipped bit is detected as well as a truncated file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from deepmr.effect_shard import EffectShard
from deepmr.effects import MemberEffects
from deepmr.genome import Interval

__all__ = [
    "ShardHeader",
    "encode_shard",
    "read_header",
    "read_scales",
    "read_shard",
    "verify_shard",
]

_SCHEMA_VERSION = 1
_KEYS = {"chrom": None, "start": np.int64, "end": np.int64}
_VARIANTS = {"offset": np.int32, "ref": np.int8, "alt": np.int8, "mask": np.bool_}
_VARIANT_UNITS = {"offset": "bases", "ref": "", "alt": "", "mask": ""}
# What pyarrow and its codecs raise on damaged bytes; MemoryError is an absurd length in a header.
_DAMAGE = (pa.ArrowException, OSError, MemoryError, KeyError, ValueError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardHeader:
    """Metadata of a shard, from the footer of its file.

    Args:
        index: Position of the shard in its run.
        fingerprint: Fingerprint of the settings that the effects depend on.
        tasks: Names of the kept tasks, in order.
        n_members: Number of members.
        n_loci: Number of loci (rows).
        n_variants: Length of the variant axis.
        digests: Digest of each column's content, by name of the column.
    """

    index: int
    fingerprint: str
    tasks: tuple[str, ...]
    n_members: int
    n_loci: int
    n_variants: int
    digests: Mapping[str, str]


def encode_shard(
    shard: EffectShard,
    *,
    fingerprint: str,
    effect_scale: Mapping[str, str],
    dtype: str = "float32",
) -> memoryview:
    """Return the bytes of a shard's file.

    Args:
        shard: The shard.
        fingerprint: Fingerprint of the settings that the effects depend on.
        effect_scale: Effect scale of each task: ``logit``, ``anscombe``, ``probability``, ...
        dtype: ``float32``, or ``float16``: half the size, a relative error of up to 2^-11, and an
            absolute one of up to 3e-8 below 6e-5. ``float64`` keeps what was read from a table.

    Raises:
        ValueError: If an effect is too large for ``dtype``.
    """
    columns = _columns(shard, np.dtype(dtype))
    facts = {
        "table": "effects",
        "schema_version": str(_SCHEMA_VERSION),
        "fingerprint": fingerprint,
        "shard": str(shard.index),
        "first_locus": str(shard.loci[0]),
        "n_loci": str(len(shard.loci)),
        "n_members": str(shard.effects.n_members),
        "n_variants": str(shard.effects.offset.shape[-1]),
        "tasks": json.dumps(list(shard.effects.tasks)),
        "effect_scale": json.dumps([effect_scale[task] for task in shard.effects.tasks]),
        "digests": json.dumps({name: _digest(values) for name, values in columns.items()}),
    }
    facts["digest"] = _digest_text(json.dumps(facts, sort_keys=True))
    fields = [_field(name, values, effect_scale) for name, values in columns.items()]
    schema = pa.schema(fields, metadata=facts)
    arrays = [
        _to_arrow(values, field) for values, field in zip(columns.values(), fields, strict=True)
    ]
    sink = pa.BufferOutputStream()
    floats = [name for name, values in columns.items() if values.dtype.kind == "f"]
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=schema),
        sink,
        compression="zstd",
        use_dictionary=False,
        column_encoding={f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in floats},
        write_statistics=list(_KEYS),
        row_group_size=max(1, len(shard.loci)),
    )
    return memoryview(sink.getvalue())


def _columns(shard: EffectShard, dtype: np.dtype[Any]) -> dict[str, np.ndarray]:
    effects = shard.effects
    columns = {"chrom": shard.chrom, "start": shard.start, "end": shard.end}
    for name, kind in _VARIANTS.items():
        columns[name] = np.ascontiguousarray(getattr(effects, name), dtype=kind)
    for position, task in enumerate(effects.tasks):
        value = effects.of(task)
        with np.errstate(over="ignore"):
            stored = np.ascontiguousarray(value.reshape(len(shard.loci), -1), dtype=dtype)
        lost = np.isinf(stored) & np.isfinite(value.reshape(stored.shape))
        if lost.any():
            raise ValueError(
                f"effects kept as {dtype} must lie within +-{float(np.finfo(dtype).max):.4g}, "
                f"got {np.abs(value.reshape(stored.shape)[lost]).max():.4g} for {task}; "
                "keep float32"
            )
        columns[f"effect:{task}"] = stored
        columns[f"reference:{task}"] = np.ascontiguousarray(
            shard.reference[:, position], dtype=np.float32
        )
        if effects.se is not None:
            columns[f"se:{task}"] = np.ascontiguousarray(effects.se[:, position], np.float64)
    return columns


def _field(name: str, values: np.ndarray, effect_scale: Mapping[str, str]) -> pa.Field:
    task = name.partition(":")[2]
    unit = effect_scale[task] if task else _VARIANT_UNITS.get(name, "bases")
    metadata = {"unit": "" if name == "chrom" else unit}
    if name == "chrom":
        return pa.field(name, pa.string(), nullable=False, metadata=metadata)
    kind = pa.from_numpy_dtype(values.dtype)
    if values.ndim == 1:
        return pa.field(name, kind, nullable=False, metadata=metadata)
    item = pa.field("element", kind, nullable=False)
    return pa.field(name, pa.list_(item), nullable=False, metadata=metadata)


def _to_arrow(values: np.ndarray, field: pa.Field) -> pa.Array:
    if values.ndim == 1:
        return pa.array(values, type=field.type)
    n_rows, width = values.shape
    offsets = pa.array(np.arange(n_rows + 1, dtype=np.int32) * np.int32(width))
    return pa.ListArray.from_arrays(offsets, pa.array(values.reshape(-1)), type=field.type)


def _digest(values: np.ndarray) -> str:
    if values.dtype == object:
        return _digest_text("\n".join(values.tolist()))
    content = hashlib.blake2b(np.ascontiguousarray(values).data, digest_size=16)
    content.update(f"{values.dtype.str}{values.shape}".encode())
    return content.hexdigest()


def _digest_text(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def read_header(path: Path | str) -> ShardHeader:
    """Read the metadata of a shard, without its effects.

    Args:
        path: The shard's file.

    Raises:
        ValueError: If the file is not a whole shard; the message has the path and the reason.
        FileNotFoundError: If there is no such file.
    """
    with _reading(path), pq.ParquetFile(path) as file:
        return _header(file)


def read_scales(path: Path | str) -> dict[str, str]:
    """Read the effect scale of each task of a shard.

    Args:
        path: The shard's file.

    Raises:
        ValueError: If the file is not a whole shard.
        FileNotFoundError: If there is no such file.
    """
    with _reading(path), pq.ParquetFile(path) as file:
        header = _header(file)
        scales = json.loads((file.schema_arrow.metadata or {})[b"effect_scale"])
        return dict(zip(header.tasks, scales, strict=True))


def _header(file: pq.ParquetFile) -> ShardHeader:
    facts = {k.decode(): v.decode() for k, v in (file.schema_arrow.metadata or {}).items()}
    if facts.get("table") != "effects":
        raise ValueError("it is no effect shard")
    if facts["schema_version"] != str(_SCHEMA_VERSION):
        raise ValueError(
            f"it has schema version {facts['schema_version']}, this program reads {_SCHEMA_VERSION}"
        )
    digest = facts.pop("digest", None)
    if digest != _digest_text(json.dumps(facts, sort_keys=True)):
        raise ValueError("its metadata does not match its checksum")
    header = ShardHeader(
        index=int(facts["shard"]),
        fingerprint=facts["fingerprint"],
        tasks=tuple(json.loads(facts["tasks"])),
        n_members=int(facts["n_members"]),
        n_loci=int(facts["n_loci"]),
        n_variants=int(facts["n_variants"]),
        digests=json.loads(facts["digests"]),
    )
    if file.metadata.num_rows != header.n_loci:
        raise ValueError(
            f"it holds {file.metadata.num_rows} loci, its metadata says {header.n_loci}"
        )
    return header


@contextmanager
def _reading(path: Path | str) -> Iterator[None]:
    """Context manager: errors from damaged bytes become a ValueError with the path."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no effect shard {path}")
    try:
        yield
    except PermissionError:
        raise
    except _DAMAGE as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"effect shard {path} cannot be used: {reason}") from error


def read_shard(path: Path | str, tasks: Sequence[str] | None = None) -> EffectShard:
    """Read a shard, or some of its tasks, and verify the digests of what is read.

    Args:
        path: The shard's file.
        tasks: Names of the tasks to read; by default (None) all.

    Raises:
        ValueError: If the file is not a whole shard; the message has the path and the reason.
        LookupError: If a task was not kept.
        FileNotFoundError: If there is no such file.
    """
    with _reading(path), pq.ParquetFile(path) as file:
        header = _header(file)
        wanted = header.tasks if tasks is None else tuple(tasks)
        names = [*_KEYS, *_VARIANTS]
        names += [f"{part}:{task}" for task in wanted for part in ("effect", "reference", "se")]
        kept = {name: _column(file, header, name) for name in names if name in header.digests}
    for task in wanted:
        if task not in header.tasks:
            kept_tasks = ", ".join(header.tasks)
            raise LookupError(f"no effects were kept for {task!r} in {path}; kept: {kept_tasks}")
    with _reading(path):
        return _shard(header, wanted, kept)


def verify_shard(path: Path | str) -> tuple[Interval, ...]:
    """Verify the digest of every column of a shard, one in memory at a time.

    Args:
        path: The shard's file.

    Returns:
        The shard's loci.

    Raises:
        ValueError: If the file is not a whole shard; the message has the path and the reason.
        FileNotFoundError: If there is no such file.
    """
    with _reading(path), pq.ParquetFile(path) as file:
        header = _header(file)
        for name in header.digests:
            _column(file, header, name)
        return _loci({name: _column(file, header, name) for name in _KEYS})


def _column(file: pq.ParquetFile, header: ShardHeader, name: str) -> np.ndarray:
    """Read one column and compare it with its digest."""
    column = file.read(columns=[name], use_threads=False)[name].combine_chunks()
    part = name.partition(":")[0]
    if part == "chrom":
        values = np.array(column.to_pylist(), dtype=object)
    elif part in _KEYS:
        values = column.to_numpy(zero_copy_only=False)
    else:
        per_locus = {"effect": header.n_members * header.n_variants, "reference": header.n_members}
        width = per_locus.get(part, header.n_variants)
        values = column.flatten().to_numpy(zero_copy_only=False).reshape(header.n_loci, width)
    if _digest(values) != header.digests[name]:
        raise ValueError(f"its column {name} does not match its checksum")
    return np.asarray(values)


def _loci(columns: Mapping[str, np.ndarray]) -> tuple[Interval, ...]:
    keys = zip(columns["chrom"], columns["start"].tolist(), columns["end"].tolist(), strict=True)
    return tuple(Interval(*key) for key in keys)


def _shard(
    header: ShardHeader, tasks: tuple[str, ...], columns: Mapping[str, np.ndarray]
) -> EffectShard:
    shape = (header.n_loci, header.n_members, header.n_variants)
    effects = MemberEffects(
        value=np.stack(
            [columns[f"effect:{task}"].reshape(shape).astype(np.float64) for task in tasks], axis=1
        ),
        tasks=tasks,
        offset=columns["offset"],
        ref=columns["ref"],
        alt=columns["alt"],
        mask=columns["mask"],
        se=np.stack([columns[f"se:{task}"] for task in tasks], axis=1)
        if all(f"se:{task}" in columns for task in tasks)
        else None,
    )
    reference = [columns[f"reference:{task}"].astype(np.float64) for task in tasks]
    return EffectShard(
        index=header.index,
        loci=_loci(columns),
        effects=effects,
        reference=np.stack(reference, axis=1),
    )
