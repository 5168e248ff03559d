"""Columns of large tables, text or parquet, read batch by batch as numpy arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from jaxtyping import Float64, Int64, Shaped

from deepmr.data.effect_tables.head import Head, is_gzip

__all__ = ["Batch", "batches"]

_MISSING = ("", "NA", "#NA", "N/A", "nan", "NaN", "NAN", "null", "NULL", "None", "na")
_BLOCK = 1 << 22
_ROWS = 1 << 16


class Batch:
    """Rows of some columns of a table.

    Args:
        head: The file they are from.
        columns: Columns by name.
        n_rows: Number of rows.
        first: Number of the first row in the file, from 1.
    """

    def __init__(self, head: Head, columns: dict[str, Any], n_rows: int, first: int) -> None:
        self._head = head
        self._columns = columns
        self._first = first
        self.n_rows = n_rows

    def text(self, name: str) -> Shaped[np.ndarray, " row"]:
        """Return a column of text; missing cells are ``""``."""
        column = self._columns[name]
        if not pa.types.is_string(column.type):
            column = column.cast(pa.string())
        return np.asarray(column.fill_null("").to_numpy(zero_copy_only=False), dtype=object)

    def numbers(self, name: str) -> Float64[np.ndarray, " row"]:
        """Return a column of numbers; missing cells are NaN.

        Raises:
            ValueError: If a cell is not a number; the message has the file, the row and the cell.
        """
        column = self._columns[name]
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            try:
                column = column.cast(pa.float64())
            except pa.ArrowInvalid as error:
                cells = column.to_pylist()
                row, cell = next((i, c) for i, c in enumerate(cells) if not _is_number(c))
                raise ValueError(
                    f"{self._head.path}, row {self._first + row}: {name} must be a number, "
                    f"got {cell!r}"
                ) from error
        elif not pa.types.is_floating(column.type):
            column = column.cast(pa.float64())
        return np.array(column.to_numpy(zero_copy_only=False), dtype=np.float64)

    def positions(self, name: str, *, one_based: bool) -> Int64[np.ndarray, " row"]:
        """Return a column of positions, counted from 0.

        Args:
            name: The column.
            one_based: Whether the file counts from 1.

        Raises:
            ValueError: If one is missing, not whole, or lies before the contig's first base.
        """
        found = self.numbers(name)
        bad = ~(np.floor(found) == found) | (found < int(one_based))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            hint = "; does this file count from 0? set effects.one_based=false"
            raise ValueError(
                f"{self._head.path}, row {self._first + row}: {name} must be a whole number of "
                f"{int(one_based)} or more, got {found[row]:g}{hint if one_based else ''}"
            )
        return np.asarray(found, dtype=np.int64) - int(one_based)


def _is_number(cell: str | None) -> bool:
    try:
        float("nan" if cell is None else cell)
    except ValueError:
        return False
    return True


def batches(head: Head, names: Sequence[str]) -> Iterator[Batch]:
    """Yield batches of some columns of a text or parquet table, never the whole of it.

    Args:
        head: The file.
        names: Columns to read.

    Raises:
        ValueError: If a column is missing or a line has another number of cells.
    """
    missing = [name for name in names if name not in head.columns]
    if missing:
        raise ValueError(
            f"{head.path} has no column {', '.join(missing)}; it has {', '.join(head.columns[:20])}"
            f"{', ...' if len(head.columns) > 20 else ''}; effects.columns.pos=position, say, names"
            " those of a table of your own"
        )
    wanted = list(dict.fromkeys(names))
    row = 1
    try:
        for batch in _parquet(head, wanted) if head.kind == "parquet" else _text(head, wanted):
            columns = dict(zip(wanted, batch.columns, strict=True))
            yield Batch(head, columns, batch.num_rows, row)
            row += batch.num_rows
    except pa.ArrowException as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{head.path} cannot be read behind row {row - 1}: {reason}") from error


def _parquet(head: Head, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(head.path) as file:
        for batch in file.iter_batches(batch_size=_ROWS, columns=list(names)):
            yield pa.RecordBatch.from_arrays(
                [_plain(batch.column(name)) for name in names], names=list(names)
            )


def _plain(column: pa.Array) -> pa.Array:
    """Return a dictionary-encoded or large column as a plain one."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return column


def _text(head: Head, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    # Positions in the header name the columns: two may bear one name, and the first may have none.
    labels = [f"{place}:{name}" for place, name in enumerate(head.columns)]
    wanted = [labels[head.columns.index(name)] for name in names]
    packed = "gzip" if is_gzip(head.path) else None
    with pa.input_stream(str(head.path), compression=packed) as stream:
        reader = pyarrow.csv.open_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(
                block_size=_BLOCK,
                use_threads=False,
                column_names=labels,
                skip_rows=len(head.comments) + 1,
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=head.delimiter),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(labels, pa.string()),
                include_columns=wanted,
                null_values=list(_MISSING),
                strings_can_be_null=True,
            ),
        )
        yield from reader
