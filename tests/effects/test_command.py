"""`deepmr interrogate effects=...`: what the command line takes, says and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from deepmr.io.tables import read_table
from tests.conftest import Script
from tests.effects.conftest import SLOPE, TableMaker

ASK = ("exposure=X", "outcome=Y", "logger=none")


def test_a_table_of_measured_effects_is_asked_with_its_errors(
    table: TableMaker, script: Script, tmp_path: Path
) -> None:
    path = table(with_se=True)
    output = f"paths.output={tmp_path}/runs"
    done = script("interrogate", f"effects={path}", *ASK, output, "name=mpra")
    assert done.status == 0, done.err
    assert "inference: Inference is summary: one member with standard errors" in done.out
    folder = tmp_path / "runs/interrogate/effects-effects/mpra"
    meta = read_table(folder / "meta.parquet")
    assert meta["value"][0] == pytest.approx(SLOPE, abs=0.01)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["inference"] == {"_target_": "deepmr.inference.Summary"}
    page = (folder / "report.html").read_text()
    assert "a table of effects has no network" in page
    assert "It is undecided whether X acts on Y in these effects." in page
    assert "in these effects." in " ".join(done.out.split())
    assert "this model" not in done.out
    again = script("interrogate", f"effects={path}", *ASK, output, "name=mpra")
    assert again.status == 1
    assert "is finished" in again.error


@pytest.mark.usefixtures("without_figures")
def test_columns_stand_on_the_line_or_in_a_yaml_and_other_content_is_another_question(
    table: TableMaker, script: Script, tmp_path: Path
) -> None:
    conf = tmp_path / "conf/effects/mine.yaml"
    conf.parent.mkdir(parents=True)
    conf.write_text("defaults: [table]\ncolumns:\n  pos: position_hg38\n")
    yaml_of_ones_own = ["--config-dir", str(tmp_path / "conf"), "effects=mine", "effects.path=PATH"]
    on_the_line = ["effects=PATH", "effects.columns.pos=position_hg38"]
    for seed, words in enumerate((on_the_line, yaml_of_ones_own)):
        path = table(with_se=True, seed=seed)
        path.write_text(path.read_text().replace("\tpos\t", "\tposition_hg38\t", 1))
        words = [word.replace("PATH", str(path)) for word in words]
        done = script("interrogate", *words, *ASK, f"paths.output={tmp_path}/runs")
        assert done.status == 0, done.err
    assert len(list((tmp_path / "runs/interrogate/effects-effects").glob("X-Y-*"))) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["effects=nowhere.tsv"], "effects=nowhere.tsv: no such file"),
        (["effects='*.nothing'"], "no table of effects matches"),
        (["effects=TABLE", "inference=summary"], "needs several members"),
        (["effects=TABLE", "run=demo"], "leave run= out"),
        (["effects=TABLE", "effects.format=basenj"], "effects.format is auto or one of"),
        (["effects=TABLE", "effects.values=log"], "effects.values is one of"),
        (["effects=TABLE", "effects.gap=0"], "effects.gap must be 1 or more"),
        (["effects=TABLE", "effects.colums.pos=x"], "there is no such setting"),
        (["effects=TABLE", "outcome=Z"], "no task is called 'Z'"),
        (["effects=TABLE", "loci=bed", "loci.path=none.bed"], "none.bed"),
    ],
)
def test_bad_input_is_refused_in_one_line_before_anything_is_written(
    table: TableMaker, script: Script, tmp_path: Path, words: list[str], said: str
) -> None:
    words = [word.replace("TABLE", str(table())) for word in words]
    done = script("interrogate", *ASK, f"paths.output={tmp_path}/runs", *words)
    assert done.status == 1
    assert said in done.error
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("without_figures")
def test_one_file_a_task_is_named_by_a_mapping(
    table: TableMaker, script: Script, tmp_path: Path
) -> None:
    lines = table(with_se=True).read_text().splitlines()
    for task in "XY":
        rows = [line for line in lines[1:] if f"\t{task}\t" in line]
        text = "\n".join(["chrom\tpos\tref\talt\tlabel\teffect\tse", *rows])
        (tmp_path / f"{task}.tsv").write_text(text + "\n")
    both = f"{{GATA1:{tmp_path}/X.tsv,TAL1:{tmp_path}/Y.tsv}}"
    question = ("exposure=GATA1", "outcome=TAL1", "logger=none", f"paths.output={tmp_path}/runs")
    done = script("interrogate", f"effects={both}", *question)
    assert done.status == 0, done.err


@pytest.mark.usefixtures("without_figures")
def test_the_configuration_records_that_one_member_was_taken_as_given(
    table: TableMaker, script: Script, tmp_path: Path
) -> None:
    output = f"paths.output={tmp_path}/runs"
    done = script("interrogate", f"effects={table()}", *ASK, output, "name=given")
    assert done.status == 0, done.err
    folder = tmp_path / "runs/interrogate/effects-effects/given"
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["inference"] == {"_target_": "deepmr.inference.GivenModel"}
