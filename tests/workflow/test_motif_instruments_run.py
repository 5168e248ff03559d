"""Interrogations that read motifs: instruments inside their matches, and what they explain."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepmr.files import read_json
from deepmr.io.tables import read_table
from tests.conftest import Script
from tests.workflow.questions import ASK


def _motif_file(path: Path, *names: str) -> Path:
    """Write short motifs in JASPAR's format; only their names matter here."""
    rows = "\n".join(f"{base} [ {counts} ]" for base, counts in zip("ACGT", ROWS, strict=True))
    path.write_text("".join(f">MA{i}.1 {name}\n{rows}\n" for i, name in enumerate(names)))
    return path


WITHOUT_RULE = tuple(one for one in ASK if not one.startswith("instruments."))
ROWS = ("2 97 2 97", "2 1 2 1", "94 1 2 1", "2 1 94 1")


def test_instruments_by_motif_are_those_of_each_direction_s_own_exposure(
    runs: Path, script: Script, tmp_path: Path
) -> None:
    motifs = _motif_file(tmp_path / "motifs.txt", "GATA1", "TAL1")
    ended = script(
        "interrogate", *WITHOUT_RULE, "instruments=motif", f"motifs={motifs}", "instruments.p=0.01",
        "instruments.also.min_z=0", "instruments.also.min_effect=0", "inference=jackknife",
        "estimator=[ivw]", "concordant=false", "controls=none", f"run={runs / 'train/tiny'}",
        f"paths.output={tmp_path}",
    )  # fmt: skip
    assert ended.status == 0, ended.err
    folder = next((tmp_path / "interrogate" / "tiny").glob("*/manifest.json")).parent
    table = read_table(folder / "estimates.parquet")
    # Both motifs are one here, so both directions have the same instruments: 3 a base of a match.
    number = table["n_instruments"]
    half = len(number) // 2
    assert number[:half].tolist() == number[half:].tolist()
    assert number.sum() > 0
    assert set((number % 3).tolist()) == {0}


def test_motifs_put_the_share_that_they_explain_beside_the_verdict(
    runs: Path, script: Script, tmp_path: Path
) -> None:
    motifs = _motif_file(tmp_path / "motifs.txt", "GATA1", "TAL1")
    ended = script(
        "interrogate", *ASK, f"motifs={motifs}", "controls=none", f"run={runs / 'train/tiny'}",
        f"paths.output={tmp_path}",
    )  # fmt: skip
    assert ended.status == 0, ended.err
    found = next((tmp_path / "interrogate" / "tiny").glob("*/verdict.json"))
    verdict = read_json(found)
    # Three random positions are no motif of anything: the guard abstains, and says so.
    assert verdict["evidence"]["doses_explained_exposure"]["value"] < 0.85
    assert any("too little to say which motifs" in one for one in verdict["reasons"])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (["instruments=motif"], "instruments=motif needs motifs=FILE"),
        (["instruments=motif", "motifs={file}"], "TAL1"),
        (["instruments=motif", "motifs=missing.meme"], "missing.meme"),
        (["motifs=missing.meme"], "missing.meme"),
    ],
)
def test_instruments_without_their_motifs_are_refused_before_the_work(
    runs: Path, script: Script, tmp_path: Path, changes: list[str], error: str
) -> None:
    motifs = _motif_file(tmp_path / "motifs.txt", "GATA1")
    ended = script(
        "interrogate", *WITHOUT_RULE, *(one.format(file=motifs) for one in changes),
        f"run={runs / 'train/tiny'}", f"paths.output={tmp_path}",
    )  # fmt: skip
    assert ended.status == 1
    assert error in ended.error
    assert not (tmp_path / "interrogate").exists()
