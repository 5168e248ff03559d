"""`deepmr export RUN --format FORMAT`: effects and estimates for other programs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from deepmr.cli.command_line import nearest
from deepmr.files import safe_name
from deepmr.workflow.export import Exported, open_run
from deepmr.workflow.export_browser import write_bed, write_vcf
from deepmr.workflow.export_effects import write_effects
from deepmr.workflow.export_gwas import write_gwas

__all__ = ["FORMATS", "NAMES", "main"]

FORMATS: Mapping[str, Callable[[Exported, Path], str]] = MappingProxyType(
    {"effects": write_effects, "gwas": write_gwas, "vcf": write_vcf, "bed": write_bed}
)
"""What writes a run in each format to a file, and returns a sentence on what was written."""

NAMES: Mapping[str, str] = MappingProxyType(
    {"effects": "effects.parquet", "gwas": "gwas.tsv", "vcf": "effects.vcf", "bed": "loci.bed"}
)
"""Names of the files, in the run's folder ``export`` by default."""

_FOLDER = "export"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise ValueError(f"{message}; deepmr export --help lists what it takes")


def _parser() -> _Parser:
    parser = _Parser(
        prog="deepmr export",
        description="Write effects or estimates of a finished interrogation for other programs.",
        epilog="effects: every member at full precision, read back by `deepmr interrogate "
        "effects=FILE`. gwas: summary statistics, a file a task. vcf: effects in INFO. bed: loci "
        "with the local effect, for a genome browser. See docs/effects.md.",
    )
    parser.add_argument("run", metavar="RUN", help="folder of a finished interrogation")
    parser.add_argument("--format", required=True, help=f"one of {', '.join(FORMATS)}")
    parser.add_argument(
        "--out",
        type=Path,
        help="the file (gwas of several tasks: the folder); by default in RUN/export/",
    )
    parser.add_argument("--task", action="append", default=[], help="a task; by default all kept")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    return parser


def main(words: list[str]) -> None:
    """Export a run.

    Args:
        words: Words of the command line behind ``deepmr export``.

    Raises:
        ValueError: If the command line is wrong.
        FileNotFoundError: If RUN is no finished interrogation with effects.
        FileExistsError: If a file exists and ``--overwrite`` was not given.
        LookupError: If the effects of a task were not kept.
    """
    given = _parser().parse_args(words)
    if given.format not in FORMATS:
        hint = nearest(given.format, FORMATS)
        raise ValueError(f"--format {given.format}: there is no such format; {hint}")
    run = open_run(Path(given.run), tasks=tuple(given.task))
    parts = _parts(run, given.format, given.out)
    taken = [path for path in parts if path.exists()]
    if taken and not given.overwrite:
        raise FileExistsError(f"{taken[0]} exists; --overwrite replaces it, --out= keeps both")
    if run.has_no_genome:
        print("places: the sequences have none on a genome; chrom is the name of the sequence")
    for path, part in parts.items():
        written = FORMATS[given.format](part, path)
        print(f"{path}: {written}")


def _parts(run: Exported, form: str, out: Path | None) -> dict[Path, Exported]:
    """Return the files to write, each with the tasks that go into it."""
    folder = run.folder / _FOLDER
    if form != "gwas":
        return {out or folder / NAMES[form]: run}
    if out is not None and len(run.tasks) == 1:
        return {out: run}
    return {
        (out or folder) / f"{safe_name(task)}.{NAMES[form]}": replace(run, tasks=(task,))
        for task in run.tasks
    }
