"""Tables as CSV within the page, for a reader who has the page alone."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Mapping

import numpy as np

from deepmr.report.table import Table

__all__ = ["MOST_BYTES", "csv_text", "csv_uri", "table_columns"]

MOST_BYTES = 1_500_000
"""Size of a CSV file within the page at most; a larger table is linked as parquet alone."""


def csv_text(columns: Mapping[str, np.ndarray]) -> str:
    r"""Return columns as CSV: full precision, missing numbers empty.

    Args:
        columns: Columns of one length, by name.

    Example:
        >>> table = {"method": np.array(["ivw"], dtype=object), "value": np.array([np.nan])}
        >>> csv_text(table).splitlines()
        ['method,value', 'ivw,']
    """
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_texts(np.asarray(one)) for one in columns.values()), strict=True))
    return sink.getvalue()


def _texts(column: np.ndarray) -> list[str]:
    if column.dtype.kind == "f":
        return ["" if np.isnan(value) else repr(value) for value in column.tolist()]
    return ["" if value is None else str(value) for value in column.tolist()]


def csv_uri(columns: Mapping[str, np.ndarray], *, most: int = MOST_BYTES) -> str:
    """Return columns as a ``data:`` URI of a CSV file; empty where that would be too large.

    Args:
        columns: Columns of one length, by name.
        most: Largest size of the file in bytes, 1.5 MB by default.

    Example:
        >>> csv_uri({"n": np.array([1])})
        'data:text/csv;base64,bgoxCg=='
        >>> csv_uri({"n": np.arange(1000)}, most=100)
        ''
    """
    rows = max((len(column) for column in columns.values()), default=0)
    if not rows or rows * len(columns) > most:  # a value takes a byte at least, with its comma
        return ""
    content = csv_text(columns).encode()
    if len(content) > most:
        return ""
    return f"data:text/csv;base64,{base64.b64encode(content).decode()}"


def table_columns(table: Table) -> dict[str, np.ndarray]:
    """Return a table's columns: numbers where cells have one, else their text.

    Args:
        table: A table of the report.
    """
    columns = {}
    for k, name in enumerate(table.header):
        cells = [row[k] for row in table.rows]
        numeric = all(cell.value is not None for cell in cells)
        values = [cell.value if numeric else cell.text for cell in cells]
        columns[name] = np.array(values, dtype=np.float64 if numeric else object)
    return columns
