"""Shipped yamls of published networks asked by the whole command line, beside a loop in float64."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.published_command import Command, largest_error, prepared
from benchmarks.published_readings import ASKED
from benchmarks.published_settings import TRIALS, Trial
from benchmarks.published_stand_ins import rebuilt_where_missing
from tests.conftest import REPOSITORY, Script

# Float32: two predictions are subtracted whose size is 10 to 1000 times their difference, so that
# 1e-7 of either is up to 1e-4 of it; a wrong base, strand, channel or position is an error near 1.
TOLERANCE = 1e-3

SMALL = {
    "basset": {"network.channels": [4, 5, 6], "network.hidden": 7},
    "beluga": {"network.channels": [4, 5, 6], "network.hidden": 7},
    "danq": {"network.filters": 4, "network.recurrent": 3, "network.hidden": 7},
    "deepsea_published": {"network.channels": [4, 5, 6], "network.hidden": 7},
    "bpnet_lite": {"network.n_filters": 8, "network.n_layers": 3},
    "chrombpnet_lite": {"network.n_filters": 8, "network.n_layers": 3},
}
QUICK = ("deepsea_published", "danq", "openspliceai")


def _prepared(name: str, folder: Path, members: int = 2) -> Command:
    usual = TRIALS[name]
    settings = {**usual.settings, **SMALL.get(name, {})}
    trial = Trial(settings=settings, tasks=usual.tasks, length=usual.length, gain=usual.gain)
    try:
        return prepared(name, folder, trial, members)
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in ASKED],
)
def test_effects_in_the_runs_folder_are_those_of_a_loop_read_by_hand(
    name: str, script: Script, tmp_path: Path, without_figures: None
) -> None:
    with rebuilt_where_missing(name):
        command = _prepared(name, tmp_path)
        done = script("interrogate", *command.arguments)
    assert done.status == 0, done.err
    assert " -> ".join(ASKED[name].pair) in done.out
    assert largest_error(command) < TOLERANCE


def test_a_single_network_with_dropout_is_asked_what_it_says_itself(
    script: Script, tmp_path: Path, without_figures: None
) -> None:
    command = _prepared("deepsea_published", tmp_path, members=1)
    done = script("interrogate", *command.arguments, "inference=given_model")
    assert done.status == 0, done.err
    assert "One network, taken as given" in done.out
    assert largest_error(command) < TOLERANCE


def test_strands_averaged_by_an_adapter_and_shifts_are_refused_with_what_goes_together(
    script: Script, tmp_path: Path
) -> None:
    command = _prepared("basset", tmp_path)
    shifted = ["+model.input.strand=both", "mutagenesis.shifts=[-1,0,1]"]
    refused = script("interrogate", *command.arguments, *shifted)
    assert refused.status == 1
    assert "model.input.strand=forward mutagenesis.strands=both" in refused.error


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("+model.input.strnad=both", "strnad"),
        ("+model.outputs.counts={channel: 0}", "outputs.* is the reading of every task"),
        ("+model.nothing.strand=both", "nothing reads such a setting"),
    ],
)
def test_a_setting_that_an_adapter_does_not_know_is_refused_by_its_name(
    setting: str, said: str, script: Script, tmp_path: Path
) -> None:
    refused = script("interrogate", *_prepared("basset", tmp_path).arguments, setting)
    assert refused.status == 1
    assert said in refused.error


def _wrong(command: Command, folder: Path, what: str) -> list[str]:
    torch.save({"a.weight": torch.zeros(2, 3)}, folder / "strange.pt")
    (folder / "rna.bed").write_text("ENST00000456328\t5\t25\n")
    return {
        "no such file": [f"checkpoint={folder}/absent.pt"],
        "another architecture": [f"checkpoint={folder}/strange.pt"],
        "no such task": ["outcome=task_17x"],
        "contigs of transcripts": [f"loci.path={folder}/rna.bed"],
    }[what]


SAID = {
    "no such file": ("absent.pt",),
    "another architecture": ("strange.pt", "a.weight"),
    "no such task": ("task_17x",),
    "contigs of transcripts": ("ENST00000456328",),
}


@pytest.mark.parametrize("what", SAID)
def test_a_new_users_mistake_is_told_in_one_line_before_work(
    what: str, script: Script, tmp_path: Path
) -> None:
    command = _prepared("basset", tmp_path)
    refused = script("interrogate", *command.arguments, *_wrong(command, tmp_path, what))
    assert refused.status == 1
    for word in SAID[what]:
        assert word in refused.error
    assert "Traceback" not in refused.err


def test_the_record_has_every_yaml_right() -> None:
    file = REPOSITORY / "benchmarks/results/published_command.json"
    records = json.loads(file.read_text())["records"]
    assert [one["model"] for one in records] == list(ASKED) == list(TRIALS)
    for one in records:
        assert one["status"] == 0
        assert one["error_to_largest_effect"] < TOLERANCE
