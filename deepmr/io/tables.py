"""Result tables as parquet files: written atomically and checked against their schema."""

from __future__ import annotations

import difflib
import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from deepmr.files import atomic_write
from deepmr.io.table_schemas import key

__all__ = ["ResultTable", "concatenate", "read_table", "write_table"]

_SHOWN = 10
"""Rows of a table that a notebook shows."""


class ResultTable(Mapping[str, np.ndarray]):
    """A table of results: a mapping from column names to arrays of one length.

    Args:
        columns: The columns, in order.

    Example:
        >>> table = ResultTable({"method": np.array(["ivw"]), "value": np.array([0.5])})
        >>> table
        ResultTable(1 row: method, value)
        >>> float(table["value"][0])
        0.5
        >>> table.to_pandas()
          method  value
        0    ivw    0.5
    """

    def __init__(self, columns: Mapping[str, np.ndarray]) -> None:
        self._columns = dict(columns)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self._columns.values()), ()))

    def to_pandas(self) -> Any:
        """Return the table as a ``pandas.DataFrame``.

        Raises:
            ModuleNotFoundError: If pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame(self._columns)

    def __repr__(self) -> str:
        rows = f"{self.n_rows:,} row{'' if self.n_rows == 1 else 's'}"
        return f"ResultTable({rows}: {', '.join(self._columns)})"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self._columns)
        shown = [column[:_SHOWN].tolist() for column in self._columns.values()]
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_cell(value))}</td>" for value in row) + "</tr>"
            for row in zip(*shown, strict=True)
        )
        more = f"<p>{self.n_rows:,} rows; the first {_SHOWN} are shown</p>"
        return f"<table><tr>{head}</tr>{body}</table>" + (more if self.n_rows > _SHOWN else "")


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write_table(
    path: Path | str,
    columns: Mapping[str, np.ndarray | Sequence[Any]],
    schema: pa.Schema,
    *,
    metadata: Mapping[str, str] | None = None,
) -> int:
    """Write a table as parquet, atomically, and return its number of rows.

    A nullable column may be left out; it is then written as nulls. NaN is written as null: a
    missing number, whatever reads the file.

    Args:
        path: The parquet file.
        columns: One array or list per column, all of one length.
        schema: One of `deepmr.io.LOCI`, `ESTIMATES`, `META` and `METRICS`.
        metadata: Further entries of the file's metadata, such as ``effect_scale``; none by
            default.

    Raises:
        ValueError: If a column is unknown, missing, of another length, not of its type, or
            null where it must not be, or if two rows have the same key.
        OSError: If the folder cannot be written to.
    """
    name = schema.metadata[b"table"].decode()
    unknown = [column for column in columns if column not in schema.names]
    if unknown:
        near = difflib.get_close_matches(unknown[0], schema.names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(schema.names)}"
        raise ValueError(f"table {name} has no column {unknown[0]!r}; {hint}")
    lengths = {column: len(np.atleast_1d(_array(value))) for column, value in columns.items()}
    if len(set(lengths.values())) > 1:
        got = ", ".join(f"{column} {length}" for column, length in lengths.items())
        raise ValueError(f"the columns of table {name} must have one length, got {got}")
    n_rows = next(iter(lengths.values()), 0)
    arrays = [_column(name, field, columns, n_rows) for field in schema]
    described = schema.with_metadata({**schema.metadata, **(metadata or {})})
    table = pa.Table.from_arrays(arrays, schema=described)
    _refuse_repeated_keys(name, table, key(schema))
    with atomic_write(path, "wb") as stream:
        pq.write_table(table, stream, compression="zstd")
    return int(table.num_rows)


def _array(value: np.ndarray | Sequence[Any]) -> np.ndarray:
    """Return an array, keeping None beside text or numbers as it is."""
    array = np.asarray(value)
    return np.asarray(value, dtype=object) if array.dtype.kind in "OUS" else array


def _column(
    table: str, field: pa.Field, columns: Mapping[str, np.ndarray | Sequence[Any]], n_rows: int
) -> pa.Array:
    if field.name not in columns:
        if not field.nullable:
            raise ValueError(f"table {table} needs the column {field.name!r}, which was not given")
        return pa.nulls(n_rows, field.type)
    values = np.atleast_1d(_array(columns[field.name]))
    try:
        array = pa.array(values, from_pandas=True)
        if array.type != field.type:
            array = array.cast(field.type, safe=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise ValueError(
            f"column {field.name!r} of table {table} holds {field.type}, "
            f"got {values.dtype}: {str(error).splitlines()[0]}"
        ) from error
    if array.null_count and not field.nullable:
        row = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        raise ValueError(
            f"column {field.name!r} of table {table} must be complete, "
            f"got {array.null_count} missing, the first in row {row}"
        )
    return array


def _refuse_repeated_keys(name: str, table: pa.Table, keys: Sequence[str]) -> None:
    counts = table.select(list(keys)).group_by(list(keys)).aggregate([([], "count_all")])
    if counts.num_rows == table.num_rows:
        return
    repeated = counts.filter(pa.compute.greater(counts["count_all"], 1)).to_pylist()[0]
    row = ", ".join(f"{column}={repeated[column]}" for column in keys)
    raise ValueError(
        f"rows of table {name} must differ in {', '.join(keys)}; "
        f"got {repeated['count_all']} rows with {row}"
    )


def read_table(path: Path | str, columns: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Read a result table, or some of its columns, as numpy arrays.

    Missing numbers are NaN (a nullable column of integers is float64); text is an object array
    with None where it is missing.

    Args:
        path: The parquet file.
        columns: Names of the columns to read; by default (None) all.

    Raises:
        ValueError: If the file is not a whole parquet file, or lacks one of ``columns``.
        FileNotFoundError: If there is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no table {path}; has the run finished?")
    try:
        known = pq.read_schema(path).names
        unknown = [column for column in columns or () if column not in known]
        if unknown:
            raise ValueError(f"{path} has no column {unknown[0]!r}; it has: {', '.join(known)}")
        table = pq.read_table(path, columns=None if columns is None else list(columns))
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"{path} is not a whole parquet file ({str(error).splitlines()[0]}); "
            "run its command again"
        ) from error
    return {name: _to_numpy(table[name]) for name in table.column_names}


def _to_numpy(column: pa.ChunkedArray) -> np.ndarray:
    values = column.combine_chunks() if column.num_chunks else pa.array([], column.type)
    if pa.types.is_string(column.type):
        return np.asarray(values.to_pylist(), dtype=object)
    if pa.types.is_integer(column.type) and values.null_count:
        values = values.cast(pa.float64())
    return np.array(values.to_numpy(zero_copy_only=False))


def concatenate(parts: Sequence[Mapping[str, np.ndarray | Sequence[Any]]]) -> dict[str, np.ndarray]:
    """Concatenate the rows of several tables.

    Args:
        parts: Tables with the same columns.

    Raises:
        ValueError: If there is no part, or the parts differ in their columns.

    Example:
        >>> concatenate([{"a": [1, 2]}, {"a": [3]}])["a"].tolist()
        [1, 2, 3]
    """
    if not parts:
        raise ValueError("concatenate needs at least one part, got none")
    names = list(parts[0])
    for position, part in enumerate(parts):
        if set(part) != set(names):
            odd = sorted(set(part) ^ set(names))
            raise ValueError(
                f"parts must have the same columns; part {position} differs in {', '.join(odd)}"
            )
    return {
        name: np.concatenate([np.atleast_1d(_array(part[name])) for part in parts])
        for name in names
    }
