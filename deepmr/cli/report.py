"""`deepmr report RUN --locus NAME`: pages of single loci from a finished interrogation's folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from deepmr.files import safe_name

__all__ = ["main"]


def main(words: list[str]) -> None:
    """Write a page of loci from a finished interrogation.

    Args:
        words: The words behind ``deepmr report``.

    Raises:
        FileNotFoundError: If the run, or the file of motifs, is missing.
        LookupError: If a locus is none of the run's.
        ValueError: If a word is unknown, or a file is damaged.
    """
    asked = _arguments(words)
    # Late: they import matplotlib and torch, and `--help` should not wait for them.
    from deepmr.motifs import read_motifs
    from deepmr.report import verdict_of, write_loci
    from deepmr.workflow.finished_interrogation import FinishedInterrogation

    library = None if asked.motifs is None else read_motifs(asked.motifs)
    run = FinishedInterrogation.read(asked.run)
    chosen = [(k, "asked") for k in run.find(asked.locus)] if asked.locus else run.gallery()
    cards = run.cards(chosen, library=library)
    name = f"locus-{safe_name(asked.locus[0])}.html" if len(asked.locus) == 1 else "loci.html"
    out = asked.out or asked.run / name
    if out.parent != Path() and not out.parent.is_dir():
        raise FileNotFoundError(f"{out.parent} does not exist; make it, or choose another --out")
    exposure, outcome = run.pair
    title = f"Loci: does {exposure} act on {outcome}?"
    write_loci(out, cards, title=title, verdict=verdict_of(run.structure, *run.pair))
    print(f"report: {out}")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are raised, so that they are printed as every other one."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise ValueError(f"{message}; see deepmr report --help")


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="deepmr report",
        description="Write a page of single loci from the folder of a finished interrogation: "
        "effects along the sequence, scatter, dose-response, slopes and flags.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the interrogation")
    parser.add_argument(
        "--locus",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help="loci, such as chr1:100-200 (loci.parquet has all); by default the report's gallery",
    )
    parser.add_argument(
        "--motifs", type=Path, metavar="FILE", help="motifs whose matches are named (MEME, JASPAR)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the HTML file; by default in the run's folder"
    )
    return parser.parse_args(words)
