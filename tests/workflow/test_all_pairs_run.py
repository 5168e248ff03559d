"""`interrogate.py exposure=all` from the command line, on networks of the session's tiny run."""

import json
from pathlib import Path

from conftest import Script

from deepmr.io.tables import read_table

SMALL = ("loci.n=4", "logger=null", "trainer.accelerator=cpu", "trainer.enable_progress_bar=false")


def asked(script: Script, runs: Path, *arguments: str):
    return script(
        "interrogate", f"run={runs}/train/tiny", f"paths.output={runs}", *SMALL, *arguments
    )


def test_all_pairs_are_asked_in_one_pass_and_written(script: Script, runs: Path) -> None:
    known = runs / "known.tsv"
    known.write_text("exposure\toutcome\texpected\nGATA1\tTAL1\t+\n")
    done = asked(script, runs, "exposure=all", "outcome=all", "name=every", f"known={known}")
    assert done.status == 0, done.err
    assert "2 pairs of 2 exposures and 2 outcomes" in done.out
    assert "negative controls, the concordant slope and motifs are not asked here" in done.out
    folder = runs / "interrogate" / "tiny" / "every"
    table = read_table(folder / "pairs.parquet")
    assert sorted(set(zip(table["exposure"], table["outcome"], strict=True))) == [
        ("GATA1", "TAL1"),
        ("TAL1", "GATA1"),
    ]
    for name in ("direct.parquet", "edges.parquet", "graph.graphml", "manifest.json"):
        assert (folder / name).is_file(), name
    assert json.loads((folder / "known.json").read_text())["recall"]["n"] == 1
    page = (folder / "report.html").read_text()
    assert 'href="#pair-0-1"' in page
    assert 'id="pair-0-1"' in page
    again = asked(script, runs, "exposure=all", "outcome=all", "name=every", f"known={known}")
    assert "is finished" in again.error


def test_what_cannot_be_asked_is_told_in_one_line(script: Script, runs: Path) -> None:
    cases = {
        ("exposure=[GATA1,GATA1]", "outcome=all"): "names GATA1 twice",
        ("exposure=[GATA1]", "outcome=[GATA1]"): "need two of them, got GATA1 alone",
        ("exposure=all", "outcome=Q*"): "no task is called like 'Q*'",
        ("exposure=all", "outcome=all", "pairs.direct=[NONE]"): "pairs.direct names 'NONE'",
        ("exposure=all", "outcome=all", "pairs.level=2"): "pairs.level must lie between",
        ("exposure=all", "outcome=all", "known=nowhere.tsv"): "known=nowhere.tsv: no such file",
        ("exposure=all", "outcome=all", "controls=all"): "controls= has no part here",
        ("exposure=GATA1", "outcome=TAL1", "pairs.level=0.1"): "pairs.level= has no part here",
        ("exposure=GATA1", "outcome=TAL1", "model=cnn"): "model= has no part here",
        ("exposure=all", "outcome=all", "loci.rule=pair"): "loci.rule=pair depends on one pair",
    }
    for arguments, message in cases.items():
        assert message in asked(script, runs, *arguments).error
