"""From a run to an answer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from deepmr.cli.report import main as report
from deepmr.io.manifest import changed_outputs
from deepmr.io.shard_format import read_shard
from deepmr.io.table_schemas import ESTIMATES, META
from deepmr.io.tables import read_table
from deepmr.workflow.finished_interrogation import FinishedInterrogation
from tests.conftest import TINY, Script
from tests.workflow.questions import ASK


@pytest.fixture(scope="module")
def asked(runs: Path) -> Path:
    """One interrogation of the shared run."""
    import importlib
    import sys

    from deepmr import cli
    from tests.conftest import REPOSITORY

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY))
        patch.setattr(
            sys,
            "argv",
            [str(REPOSITORY / "interrogate.py"), *ASK, f"paths.output={runs}", "name=first"],
        )
        cli.run(importlib.import_module("interrogate").main, "interrogate")
    return runs / "interrogate" / "tiny" / "first"


def test_an_interrogation_holds_what_it_promises(asked: Path) -> None:
    assert changed_outputs(asked) == []
    for name in ("config.yaml", "loci.parquet", "report.html", "figures/forest.svg"):
        assert (asked / name).is_file()
    assert len(list((asked / "effects").glob("shard-*.parquet"))) == 2
    page = (asked / "report.html").read_text()
    assert "GATA1" in page
    assert 'src="http' not in page, "the page is self-contained"
    assert "Do single effects' standard errors hold?" in page, "the simulation knows the truth"


def test_tables_have_both_directions_and_the_truth(asked: Path) -> None:
    estimates, meta = read_table(asked / "estimates.parquet"), read_table(asked / "meta.parquet")
    assert list(estimates) == ESTIMATES.names
    assert list(meta) == META.names
    asked_pairs = set(zip(meta["exposure"], meta["outcome"], meta["method"], strict=True))
    methods = ("concordant", "slope", "egger", "weighted_median")
    assert asked_pairs == {
        (*pair, method) for pair in (("GATA1", "TAL1"), ("TAL1", "GATA1")) for method in methods
    }
    assert len(estimates["value"]) == 6 * 2 * len(methods)
    known = np.isfinite(estimates["value"])
    assert np.isfinite(estimates["true_value"][known & (estimates["n_instruments"] > 3)]).any()


def test_intervals_in_the_table_are_those_of_value_se_and_df(asked: Path) -> None:
    from scipy import stats

    table = read_table(asked / "estimates.parquet")
    reach = stats.t.ppf(0.975, table["df"]) * table["se"]
    # the table stores what the type derives: equal to rounding
    np.testing.assert_allclose(table["ci_upper"] - table["value"], reach, rtol=1e-9)


@pytest.mark.usefixtures("without_figures")
def test_the_newest_run_that_predicts_both_is_taken_and_said(
    asked: Path, runs: Path, script: Script
) -> None:
    outcome = script("interrogate", *ASK, f"paths.output={runs}", "name=second")
    assert outcome.status == 0, outcome.err
    assert f"run: {runs / 'train' / 'tiny'} (the newest" in outcome.out
    assert "variant effects: reused from" in outcome.out, "the first interrogation's shards serve"
    one, two = (read_table(asked.parent / name / "meta.parquet") for name in ("first", "second"))
    np.testing.assert_array_equal(one["value"], two["value"])


def test_a_finished_interrogation_is_refused(asked: Path, runs: Path, script: Script) -> None:
    outcome = script("interrogate", *ASK, f"paths.output={runs}", "name=first")
    assert "is finished" in outcome.error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["exposure=GATA2"], "did you mean: GATA1"),
        (["exposure=TAL1"], "exposure and outcome must differ"),
        (["run=nowhere"], "run nowhere does not exist"),
        (["run=nowhere/*"], "no run matches"),
        (["loci.n=0"], "loci.n must be at least 1"),
        (["scale=odds"], "scale is one of logit, probability"),
        (["store.keep=some"], "store.keep is pair or all"),
        (["store.dtype=float64"], "effects are kept as float32 or float16, got 'float64'"),
        (["variants.every=0"], "every must be 1 or more, got 0"),
        (["variants.region=[90,101]"], "must lie within the locus of 100 bases"),
        (["variants=vcf", "variants.path=none.vcf"], "variants.path=none.vcf: no such file"),
        (["uncertainty=dropout"], "no dropout"),
        (["uncertainty=snapshots"], "train with experiment=snapshots"),
        (["uncertainty=tta", "mutagenesis.strands=both"], "uncertainty=tta tells apart"),
        (["uncertainty=tta", "uncertainty.network=3"], "position of one of 3 networks"),
        (["checkpoint=x.pt"], "checkpoint= needs model="),
        (["loci=bed", "loci.path=regions.bed"], "loci=bed needs a genome"),
        (["data=simulation", "data.seed=3", "data.n_train=400"], "was trained on other data"),
    ],
)
def test_bad_questions_get_one_line(
    runs: Path, script: Script, arguments: list[str], says: str
) -> None:
    ask = [a for a in ASK if a.split("=")[0] not in {b.split("=")[0] for b in arguments}]
    if "loci=bed" in arguments:
        ask = [a for a in ask if a != "loci.n=6"]
    outcome = script("interrogate", *ask, *arguments, f"paths.output={runs}", "name=bad")
    assert outcome.status == 1
    assert says in outcome.error
    assert not (runs / "interrogate/tiny/bad/manifest.json").exists()


def test_no_run_at_all_is_said(script: Script, tmp_path: Path) -> None:
    outcome = script("interrogate", *ASK, f"paths.output={tmp_path}")
    assert "train one first (deepmr train)" in outcome.error


@pytest.mark.usefixtures("without_figures")
def test_runs_pool_as_one_ensemble_only_on_the_same_data(
    runs: Path, script: Script, tmp_path: Path
) -> None:
    for name, extra in (("more", []), ("other", ["data.confounding=both"])):
        done = script(
            "train",
            *TINY,
            "ensemble=1",
            "seed=5",
            "data.seed=0",
            *extra,
            f"paths.output={tmp_path}",
            f"name={name}",
        )
        assert done.status == 0, done.err
    tiny = runs / "train" / "tiny"
    pooled = script(
        "interrogate",
        *ASK,
        f"run=[{tiny},{tmp_path / 'train' / 'more'}]",
        f"paths.output={tmp_path}",
        "name=pooled",
    )
    assert pooled.status == 0, pooled.err
    assert "4 members" in pooled.out
    refused = script(
        "interrogate",
        *ASK,
        f"run=[{tiny},{tmp_path / 'train' / 'other'}]",
        f"paths.output={tmp_path}",
        "name=refused",
    )
    assert "cannot be pooled as one ensemble: their data fingerprint differ" in refused.error


def test_zero_instruments_are_missing_values_not_failures(
    asked: Path, runs: Path, script: Script
) -> None:
    strict = [a for a in ASK if not a.startswith("instruments")]
    outcome = script(
        "interrogate", *strict, "instruments.min_effect=1e6", f"paths.output={runs}", "name=none"
    )
    assert outcome.status == 0, outcome.err
    assert "6 of 6 loci have no instrument" in outcome.out
    table = read_table(runs / "interrogate/tiny/none/estimates.parquet")
    assert (table["n_instruments"] == 0).all()
    assert np.isnan(table["value"]).all()
    assert (np.char.find(table["flags"].astype(str), "few_instruments") >= 0).all()


@pytest.mark.usefixtures("without_figures")
def test_views_of_one_network_are_members_and_of_several_are_averaged(
    runs: Path, script: Script
) -> None:
    views = ("uncertainty=tta", "uncertainty.strands=forward", "uncertainty.shifts=[-1,0,1]")
    one = script(
        "interrogate", *ASK, *views, "uncertainty.network=0", f"paths.output={runs}", "name=views"
    )
    assert one.status == 0, one.err
    assert "3 augmentations (strands and shifts) of one network" in one.out
    page = (runs / "interrogate/tiny/views/report.html").read_text()
    assert "not from networks trained independently" in page
    nested = script("interrogate", *ASK, *views, f"paths.output={runs}", "name=nested")
    assert nested.status == 0, nested.err
    assert "Each of 3 networks is one member" in nested.out
    averaged = script(
        "interrogate", *ASK, "mutagenesis.shifts=[-1,0,1]", f"paths.output={runs}", "name=averaged"
    )
    assert averaged.status == 0, averaged.err
    tables = [
        read_table(runs / f"interrogate/tiny/{name}/loci.parquet")
        for name in ("nested", "averaged")
    ]
    # the same average of the same network outputs, taken here and there
    np.testing.assert_allclose(
        tables[0]["reference_exposure"], tables[1]["reference_exposure"], rtol=1e-6
    )
    assert (tables[0]["n_variants"] == tables[1]["n_variants"] - 6).all(), "a base at each end"


@pytest.mark.usefixtures("without_figures")
def test_all_tasks_can_be_kept(runs: Path, script: Script) -> None:
    outcome = script("interrogate", *ASK, "store.keep=all", f"paths.output={runs}", "name=all")
    assert outcome.status == 0, outcome.err


def _effects(folder: Path) -> np.ndarray:
    shards = sorted((folder / "effects").glob("shard-*.parquet"))
    return np.concatenate([read_shard(path).effects.value for path in shards])


@pytest.mark.usefixtures("without_figures")
def test_half_precision_rounds_effects_within_what_it_promises(
    asked: Path, runs: Path, script: Script
) -> None:
    outcome = script("interrogate", *ASK, "store.dtype=float16", f"paths.output={runs}",
                     "name=half")  # fmt: skip
    assert outcome.status == 0, outcome.err
    assert "2 tasks kept as float16" in outcome.out
    assert "variant effects: reused from" not in outcome.out, "float32 shards are not float16 ones"
    whole, half = _effects(asked), _effects(runs / "interrogate/tiny/half")
    # half a unit in the last of 11 bits; below 6e-5 the grid of 6e-8 is even
    assert (np.abs(half - whole) <= np.maximum(2.0**-11 * np.abs(whole), 3e-8)).all()
    assert np.abs(half - whole).max() > 0
    one, two = (
        read_table(folder / "estimates.parquet")
        for folder in (asked, runs / "interrogate/tiny/half")
    )
    known = np.isfinite(one["value"]) & (one["method"] == "slope")
    # rounding at random by up to .05 % an effect moves a slope over many by far less than its error
    shift = np.abs(one["value"] - two["value"])[known] / one["se"][known]
    assert shift.max() < 0.01
    again = script("interrogate", *ASK, "store.dtype=float16", f"paths.output={runs}",
                   "name=half-again")  # fmt: skip
    assert "variant effects: reused from" in again.out


@pytest.mark.usefixtures("without_figures")
def test_what_it_will_take_is_said_before_it_starts(runs: Path, script: Script) -> None:
    ask = ("interrogate", *ASK, "seed=3", f"paths.output={runs}", "name=said")
    outcome = script(*ask)
    assert outcome.status == 0, outcome.err
    assert "6 loci of 100 bases, 3 members, 2 tasks kept as float32: 5,400 mutants" in outcome.out
    assert "on cpu, about" in outcome.out
    assert "mutants/s: under 10 s" in outcome.out


@pytest.mark.usefixtures("without_figures")
def test_only_what_is_missing_is_said_on_resume(runs: Path, script: Script) -> None:
    ask = ("interrogate", *ASK, "seed=4", f"paths.output={runs}", "name=resumed")
    assert script(*ask).status == 0
    folder = runs / "interrogate/tiny/resumed"
    (folder / "manifest.json").unlink()
    all_there = script(*ask)
    assert "all effects are already computed" in all_there.out
    assert "mutants/s" not in all_there.out, "nothing is measured where nothing is missing"
    (folder / "manifest.json").unlink()
    (folder / "effects/shard-000001.parquet").unlink()
    assert "1,800 mutants to measure (1 of 2 shards are already computed)" in script(*ask).out


@pytest.mark.usefixtures("without_figures")
def test_a_part_of_a_simulated_locus_keeps_its_truth(
    asked: Path, runs: Path, script: Script
) -> None:
    outcome = script("interrogate", *ASK, "variants.every=3", f"paths.output={runs}",
                     "name=part")  # fmt: skip
    assert outcome.status == 0, outcome.err
    part = runs / "interrogate/tiny/part"
    whole, some = _effects(asked), _effects(part)
    kept = np.arange(300) // 3 % 3 == 0
    # the same mutants in other blocks: float32 products differ in their last bits
    np.testing.assert_allclose(some, whole[..., kept], atol=1e-5 * np.abs(whole).max())
    table = read_table(part / "estimates.parquet")
    assert np.isfinite(table["true_value"][table["n_instruments"] > 3]).any()


def test_a_stranger_s_checkpoint_cannot_run_code(
    runs: Path, script: Script, tmp_path: Path
) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (open, (str(tmp_path / "pwned"), "w"))

    torch.save({"state_dict": Evil()}, tmp_path / "evil.pt")
    (tmp_path / "tasks.tsv").write_text("name\tkind\nGATA1\tcount\nTAL1\tcount\n")
    outcome = script(
        "interrogate",
        *ASK[:2],
        f"checkpoint={tmp_path / 'evil.pt'}",
        "model=cnn",
        f"tasks={tmp_path / 'tasks.tsv'}",
        "+model.length=100",
        "+model.exposures=[0]",
        "+model.outcomes=[1]",
        "data=simulation",
        f"paths.output={tmp_path}",
    )
    assert "is not plain weights" in outcome.error
    assert not (tmp_path / "pwned").exists()


def test_a_locus_of_a_finished_run_is_drawn_from_its_folder_alone(asked: Path) -> None:
    run = FinishedInterrogation.read(asked)
    table = read_table(asked / "instruments.parquet")
    estimates = read_table(asked / "estimates.parquet")
    for row, locus in enumerate(run.loci):
        here = (table["chrom"] == locus.chrom) & (table["exposure"] == "GATA1")
        found = run.effects(row)
        summary, used = found.summarise("GATA1", "TAL1"), table["variant"][here].astype(int)
        # effects are kept as float32, and both are read from there
        np.testing.assert_allclose(table["beta_exposure"][here], summary.beta_exposure[used])
        np.testing.assert_allclose(table["se_outcome"][here], summary.se_outcome[used])
        assert (table["position"][here] == locus.start + found.offset[used]).all()
        asked_of = (estimates["chrom"] == locus.chrom) & (estimates["exposure"] == "GATA1")
        first = asked_of & (estimates["method"] == estimates["method"][0])
        carried = int(table["concordant"][here].sum())
        assert int(estimates["n_instruments"][first][0]) in (carried, 0)
    (card,) = run.cards([(1, "asked")])
    assert card.name == str(run.loci[1])
    assert all(figure.content.startswith(b"<?xml") for figure in card.figures)
    assert "GATA1" in card.figures[0].alt


def test_report_writes_a_page_of_the_loci_asked(
    asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "loci.html"
    names = [locus.chrom for locus in FinishedInterrogation.read(asked).loci[:2]]
    report([str(asked), "--locus", *names, "--out", str(out)])
    assert capsys.readouterr().out == f"report: {out}\n"
    text = out.read_text()
    for name in names:
        assert re.search(rf'<article class="locus" id="{name}:0-\d+"', text)
    assert "default-src 'none'" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere does not exist; give the folder of an interrogation"),
        (["RUN", "--locus", "chrQ"], "chrQ is none of the"),
        (["RUN", "--wrong"], "unrecognized arguments: --wrong; see deepmr report --help"),
        ([], "arguments are required: RUN"),
        (["RUN", "--motifs", "no.meme"], "no.meme"),
        (["RUN", "--out", "no/such/folder/x.html"], "does not exist; make it"),
    ],
)
def test_bad_words_are_refused_in_one_line(asked: Path, words: list[str], said: str) -> None:
    with pytest.raises((ValueError, LookupError, OSError), match=re.escape(said)):
        report([str(asked) if word == "RUN" else word for word in words])


@pytest.mark.usefixtures("without_figures")
def test_an_ensemble_can_be_taken_as_the_model_that_is_given(
    asked: Path, runs: Path, script: Script
) -> None:
    outcome = script(
        "interrogate", *ASK, "inference=given_model", f"paths.output={runs}", "name=given"
    )
    assert outcome.status == 0, outcome.err
    assert "variant effects: reused from" in outcome.out, "the effects are those of the ensemble"
    manifests = [json.loads((folder / "manifest.json").read_text())
                 for folder in (asked, runs / "interrogate/tiny/given")]  # fmt: skip
    assert [one["intervals"] for one in manifests] == [
        "what training again would say",
        "what this model says",
    ]
