"""Tables of variant effects that others computed or measured: read, or refused with the reason.

One file a format; `registry` lists them in the order in which a file is tried. `docs/effects.md`
has each with its verdict.
"""

from deepmr.data.effect_tables.alleles import AlleleCheck, Contigs
from deepmr.data.effect_tables.exported import TABLE
from deepmr.data.effect_tables.format import EffectFormat, parse_place
from deepmr.data.effect_tables.head import look
from deepmr.data.effect_tables.places import Extent, Placed, Seen
from deepmr.data.effect_tables.registry import FORMATS, format_of
from deepmr.data.effect_tables.rows import COLUMNS, EffectRows, ReadSettings
from deepmr.data.effect_tables.scan import Scan, prepared, scan_table
from deepmr.data.effect_tables.sources import Named, Source, open_sources
from deepmr.data.effect_tables.spool import ShardOfTable, Spool

__all__ = [
    "COLUMNS",
    "FORMATS",
    "TABLE",
    "AlleleCheck",
    "Contigs",
    "EffectFormat",
    "EffectRows",
    "Extent",
    "Named",
    "Placed",
    "ReadSettings",
    "Scan",
    "Seen",
    "ShardOfTable",
    "Source",
    "Spool",
    "format_of",
    "look",
    "open_sources",
    "parse_place",
    "prepared",
    "scan_table",
]
