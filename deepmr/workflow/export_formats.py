"""Formats of `deepmr export`: long effects, summary statistics, VCF and BED."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from deepmr.workflow.export import Exported
from deepmr.workflow.export_browser import write_bed, write_vcf
from deepmr.workflow.export_effects import write_effects
from deepmr.workflow.export_gwas import write_gwas

__all__ = ["FORMATS", "NAMES", "Write"]

Write = Callable[[Exported, Path], str]
"""Writes a run in a format to a file, and returns a sentence on what was written."""

FORMATS: Mapping[str, Write] = MappingProxyType(
    {"effects": write_effects, "gwas": write_gwas, "vcf": write_vcf, "bed": write_bed}
)
"""What each format is written by."""

NAMES: Mapping[str, str] = MappingProxyType(
    {"effects": "effects.parquet", "gwas": "gwas.tsv", "vcf": "effects.vcf", "bed": "loci.bed"}
)
"""Names of the files, in the run's folder ``export`` by default."""
