"""A parametric bootstrap through the two scripts: teacher, students, correction, refusals."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from deepmr.cli.teacher import teacher_source
from deepmr.files import read_json
from deepmr.inference import teacher_correction
from deepmr.io import read_shard
from deepmr.io.shard import EffectShard
from deepmr.io.tables import read_table
from deepmr.mutagenesis import saturation
from deepmr.sequence import one_hot
from deepmr.workflow.estimation import true_slope
from deepmr.workflow.folder import read_config
from tests.conftest import REPOSITORY, Script
from tests.workflow.test_interrogate import ASK

QUIET = ("logger=null", "trainer.accelerator=cpu", "trainer.enable_progress_bar=false")
PAIR = ("GATA1", "TAL1")


def call(name: str, *arguments: str) -> None:
    from deepmr import cli

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY))
        patch.setattr(sys, "argv", [str(REPOSITORY / f"{name}.py"), *arguments])
        cli.run(importlib.import_module(name).main, name)


@pytest.fixture(scope="module")
def output(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared run, two students of it, and interrogations of all three."""
    folder = tmp_path_factory.mktemp("students")
    where = f"paths.output={folder}"
    shutil.copytree(runs / "train" / "tiny", folder / "train" / "tiny")
    run = f"data.run={folder}/train/tiny"
    call("train", "-m", "data=teacher", run, "seed=1,2", "name=tiny-student-${seed}", *QUIET, where)
    students = ",".join(f"{folder}/train/tiny-student-{seed}" for seed in (1, 2))
    call("interrogate", "-m", *ASK, f"run={students}", "inference=per_member", "name=a", where)
    tiny = f"run={folder}/train/tiny"
    call("interrogate", *ASK, tiny, "inference=per_member", "name=own", where)
    return folder


def asked(output: Path, seed: int) -> Path:
    return output / "interrogate" / f"tiny-student-{seed}" / "a"


def correct(output: Path, *extra: str) -> tuple[str, ...]:
    return (
        *ASK,
        f"run={output}/train/tiny",
        "inference=parametric_bootstrap",
        f"inference.students={output}/interrogate/tiny-student-*/a",
        f"paths.output={output}",
        *extra,
    )


def test_students_are_trained_by_their_teachers_recipe_on_drawn_targets(output: Path) -> None:
    teacher = read_config(output / "train" / "tiny")
    student = read_config(output / "train" / "tiny-student-1")
    for key in ("model", "loss", "optimizer", "batch_size", "ensemble", "bootstrap"):
        assert student[key] == teacher[key], key
    assert student["trainer"]["max_epochs"] == 3
    described = read_json(output / "train" / "tiny-student-1" / "tasks.json")
    real = read_json(output / "train" / "tiny" / "tasks.json")
    assert described["splits"] == real["splits"]
    assert described["data_fingerprint"] != real["data_fingerprint"]
    first, again = (teacher_source(run=f"{output}/train/tiny", seed=1) for _ in range(2))
    assert first.fingerprint == described["data_fingerprint"]
    index = np.arange(50)
    drawn = [source.split("train").gather(index)[1] for source in (first, again)]
    np.testing.assert_array_equal(*drawn)


def test_the_teachers_effects_are_differences_of_its_predictions(output: Path) -> None:
    source = teacher_source(run=f"{output}/train/tiny", seed=1)
    places = tuple(column[:2] for column in source.candidate_loci(*PAIR))
    effects = source.true_effects(*places)
    codes = source.sequences(*places)
    variants = saturation(codes)
    mutated = np.repeat(codes[:1], 300, axis=0)
    mutated[np.arange(300), variants.offset[0]] = variants.alt[0]
    members = source._predict.__self__.members
    with torch.inference_mode():
        dense = [
            network.eval()(one_hot(torch.from_numpy(part))).double().numpy()
            for network in members
            for part in (mutated, codes[:1])
        ]
    mean = np.mean([a - b for a, b in zip(dense[::2], dense[1::2], strict=True)], axis=0)
    # A count's calibrator leaves predictions alone; float32 outputs near 10 differ by 1e-6 each.
    np.testing.assert_allclose(effects[0], mean.T, atol=2e-5)


def test_students_are_held_against_the_slopes_of_the_teachers_own_mutagenesis(
    output: Path,
) -> None:
    taught, learned = (
        np.concatenate([shard.effects.value.mean(axis=2) for shard in _shards(folder)])
        for folder in (output / "interrogate/tiny/own", asked(output, 1))
    )
    assert not np.allclose(taught, learned)
    table = read_table(asked(output, 1) / "estimates.parquet")
    rows = (table["exposure"] == "GATA1") & (table["method"] == "ivw")
    instruments = _instruments(asked(output, 1))
    truth = true_slope(taught[:, 0], taught[:, 1], instruments)
    known = np.isfinite(table["true_value"][rows])
    assert known.any()
    # The same networks on the same loci, in other batches: float32 differences of about 1e-6.
    np.testing.assert_allclose(table["true_value"][rows][known], truth[known], rtol=1e-3, atol=1e-4)


def _shards(folder: Path) -> list[EffectShard]:
    return [read_shard(path, PAIR) for path in sorted((folder / "effects").glob("shard-*"))]


def _instruments(folder: Path) -> np.ndarray:
    from deepmr.inference.combine import selected
    from deepmr.instruments import ByModeratedZ

    rule = ByModeratedZ(min_z=1, min_effect=0)
    return np.concatenate([selected(shard.effects, *PAIR, rule)[1] for shard in _shards(folder)])


def test_the_correction_is_that_of_the_students_tables(output: Path, script: Script) -> None:
    done = script("interrogate", *correct(output, "inference.kind=auto", "name=corrected"))
    assert done.status == 0, done.err
    folder = output / "interrogate" / "tiny" / "corrected"
    assert "errors times" in (folder / "report.html").read_text()
    plain = output / "interrogate" / "tiny" / "own"
    tables = [read_table(f / "estimates.parquet") for f in (plain, folder)]
    students = [read_table(asked(output, seed) / "estimates.parquet") for seed in (1, 2)]
    for exposure, outcome in (PAIR, PAIR[::-1]):
        for method in ("ivw", "egger", "weighted_median"):
            mine, theirs = (
                [
                    (t["exposure"] == exposure)
                    & (t["method"] == method)
                    & (t["outcome"] == outcome)
                    for t in some
                ]
                for some in (tables, students)
            )
            found = teacher_correction(*_stack(students, theirs, "true_value"), kind="auto")
            before, after = _estimate(tables[0], mine[0]), _estimate(tables[1], mine[1])
            expected = found.apply(before)
            np.testing.assert_allclose(after.value, expected.value)
            np.testing.assert_allclose(after.se, expected.se)


def _estimate(table, rows):
    from deepmr.estimate import Estimate

    return Estimate(value=table["value"][rows], se=table["se"][rows], df=table["df"][rows])


def _stack(tables, rows, truth):
    from deepmr.estimate import Estimate

    columns = [
        np.stack([t[name][r] for t, r in zip(tables, rows, strict=True)])
        for name in (truth, "value", "se", "df")
    ]
    return columns[0], Estimate(value=columns[1], se=columns[2], df=columns[3])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["inference.students=null"], "needs the students' interrogations"),
        (["inference.students=nowhere/*"], "no interrogation matches"),
        (["inference.students=STUDENT1"], "must name at least 2 ensembles of students"),
        (["inference.students=[STUDENT1,OWN]"], "did not ask students"),
        (["inference.students=[STUDENT1,nowhere]"], "is no finished interrogation"),
        (["run=OUTPUT/train/tiny-student-1"], "asked students of another run"),
        (["loci.n=5"], "asked 6 loci, 5 of the 5 that are asked now"),
        (["seed=4"], "ask students with the same loci and seed"),
        (["instruments.min_z=2"], "asked students with other settings: instruments"),
        (["inference.base.weights=ensemble"], "ask them again with the same inference"),
    ],
)
def test_students_that_do_not_fit_get_one_line(
    output: Path, script: Script, arguments: list[str], says: str
) -> None:
    places = {
        "STUDENT1": str(asked(output, 1)),
        "OWN": f"{output}/interrogate/tiny/own",
        "OUTPUT": str(output),
    }
    for name, place in places.items():
        arguments = [argument.replace(name, place) for argument in arguments]
    replaced = {argument.split("=")[0] for argument in arguments}
    said = [a for a in correct(output) if a.split("=")[0] not in replaced]
    outcome = script("interrogate", *said, *arguments, "name=refused")
    assert outcome.status == 1
    assert says in outcome.error
    assert not (output / "interrogate/tiny/refused/manifest.json").exists()


def test_the_same_students_twice_are_refused(output: Path, script: Script) -> None:
    twin = output / "interrogate" / "tiny-student-1" / "twin"
    shutil.copytree(asked(output, 1), twin, dirs_exist_ok=True)
    students = f"inference.students=[{asked(output, 1)},{twin}]"
    said = [a for a in correct(output) if not a.startswith("inference.students")]
    outcome = script("interrogate", *said, students, "name=refused")
    shutil.rmtree(twin)
    assert "ask the same students; name each once" in outcome.error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "data=teacher needs the teacher's folder"),
        (["data.run=nowhere"], "run nowhere does not exist"),
        (["data.run=RUN"], "seed=0 is the teacher's"),
        (["data.run=RUN", "seed=1", "trainer.max_epochs=9"], "leave out trainer.max_epochs=9"),
        (["data.run=RUN", "seed=1", "model=paper"], "leave out model=paper"),
        (["data.run=RUN", "seed=1", "ensemble=2"], "leave out ensemble=2"),
        (["data.run=RUN", "seed=1", "data.noise=normal"], "data.noise is one of residuals"),
        (["data.run=RUN", "seed=1", "data.neighbours=500"], "at least 500 held-out windows"),
    ],
)
def test_bad_students_get_one_line(
    output: Path, script: Script, tmp_path: Path, arguments: list[str], says: str
) -> None:
    given = [argument.replace("RUN", f"{output}/train/tiny") for argument in arguments]
    outcome = script("train", "data=teacher", *given, *QUIET, f"paths.output={tmp_path}")
    assert outcome.status == 1
    assert says in outcome.error
    assert not list(tmp_path.glob("train/*/manifest.json"))


def test_students_are_asked_in_logits(output: Path, script: Script) -> None:
    outcome = script(
        "interrogate",
        *ASK,
        f"run={output}/train/tiny-student-1",
        "scale=probability",
        f"paths.output={output}",
    )
    assert "students know their teacher's effects in logits" in outcome.error
