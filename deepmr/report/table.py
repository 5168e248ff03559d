"""A table of the report: cells with the number they are sorted by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Cell", "Table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A table cell: the text shown and the number it is sorted by.

    Args:
        text: What is shown.
        value: What it is sorted by; None for text.
        title: What is shown on hovering.
        state: pass, doubt, fail or unknown, shown by colour beside the text; empty for none.
        wrap: Whether a long text may be broken into lines.
    """

    text: str
    value: float | None = None
    title: str = ""
    state: str = ""
    wrap: bool = False

    @property
    def sort_value(self) -> str:
        """The value as the page's script reads it; missing ones sort last."""
        return "" if self.value is None or np.isnan(self.value) else repr(float(self.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the report.

    Args:
        header: Names of the columns.
        rows: Cells of each row, in the order of the header.
        emphasised: Rows to set apart.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    emphasised: frozenset[int] = frozenset()
