"""A typo gets one line with the nearest valid names."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from deepmr.cli.command_line import add_own_configuration, check_overrides, nearest
from tests.conftest import REPOSITORY, Script

CONF = REPOSITORY / "conf"


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("model=deepsee", "did you mean deepsea"),
        ("sed=1", "did you mean seed"),
        ("trainer.max_epoch=3", "did you mean trainer.max_epochs"),
        ("max_epochs=3", "did you mean trainer.max_epochs"),
        ("loger=csv", "did you mean logger"),
        ("optimzer=sgd", "did you mean optimizer"),
        ("seed=1,2", "add -m"),
        ("name=a=b", "is not an override"),
    ],
)
def test_a_wrong_override_names_what_was_meant(argument: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        check_overrides(CONF, "train", [argument])
    assert "\n" not in str(caught.value)


def test_a_setting_of_a_part_that_is_not_chosen_says_what_to_choose() -> None:
    message = r"^data\.root: there is no such setting, as no data= is chosen \(as encode, "
    with pytest.raises(ValueError, match=message):
        check_overrides(CONF, "interrogate", ["data.root=x"])
    check_overrides(CONF, "interrogate", ["data=encode", "data.root=x"])


def test_a_wrong_estimator_in_a_list_is_found() -> None:
    with pytest.raises(ValueError, match=r"estimator=iwv: .* did you mean ivw"):
        check_overrides(CONF, "interrogate", ["estimator=[egger,iwv]"])


@pytest.mark.parametrize(
    ("script", "arguments", "sweeping"),
    [
        (
            "train",
            ["model=deepsea", "data=encode", "data.root=x", "+trainer.limit_train_batches=1"],
            False,
        ),
        ("train", ["seed=1,2", "data.confounding=none,both"], True),
        ("train", ["logger=none", "trainer.max_epochs=2"], False),
        ("train", ["data=encode", "data.splits.test=[chr3,chr5]"], False),
        ("interrogate", ["exposure=A", "outcome=B", "loci=bed", "loci.path=x.bed"], False),
        ("interrogate", ["estimator=[ivw,egger]", "estimator.ivw.model=fixed"], False),
    ],
)
def test_right_overrides_pass(script: str, arguments: list[str], sweeping: bool) -> None:
    check_overrides(CONF, script, arguments, sweeping=sweeping)


def test_names_unlike_any_are_answered_with_all() -> None:
    assert nearest("zzz", ["cnn", "deepsea"]) == "valid are: cnn, deepsea"


def test_a_setting_unlike_any_is_answered_with_how_to_list_them_not_with_all_of_them() -> None:
    with pytest.raises(ValueError, match="--cfg job every setting") as caught:
        check_overrides(CONF, "interrogate", ["nonsense=1"])
    assert len(str(caught.value)) < 100


def test_an_addition_that_nothing_reads_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing reads such a setting"):
        check_overrides(CONF, "train", ["+nonsense=1"])
    with pytest.raises(ValueError, match="did you mean model"):
        check_overrides(CONF, "train", ["+modle.dropout=1"])


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder of the user's own yamls: a network ``mine``, and a group nobody ships."""
    (tmp_path / "it's mine/model").mkdir(parents=True)
    (tmp_path / "it's mine/model/mine.yaml").write_text(
        "_target_: deepmr.models.MotifScanner\n_partial_: true\nfilters: 4\n"
    )
    return tmp_path / "it's mine"


def test_own_yamls_are_chosen_like_shipped_ones(mine: Path) -> None:
    check_overrides(CONF, "train", ["model=mine", "model.filters=6"], own=mine)
    with pytest.raises(ValueError, match="did you mean mine"):
        check_overrides(CONF, "train", ["model=mien"], own=mine)
    with pytest.raises(ValueError, match=r"did you mean model\.filters"):
        check_overrides(CONF, "train", ["model=mine", "model.filtres=6"], own=mine)
    with pytest.raises(ValueError, match="no such model"):
        check_overrides(CONF, "train", ["model=mine"])


def test_the_environment_names_own_yamls_unless_the_command_line_does(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPMR_CONF", str(mine))
    arguments = ["train.py", "model=mine"]
    assert add_own_configuration(arguments, CONF) == mine
    assert arguments == ["train.py", "model=mine", "--config-dir", str(mine)]
    other = ["train.py", f"--config-dir={tmp_path}"]
    assert add_own_configuration(other, CONF) == tmp_path
    assert other == ["train.py", f"--config-dir={tmp_path}"]
    monkeypatch.delenv("DEEPMR_CONF")
    assert add_own_configuration(["train.py"], CONF) is None


def test_a_folder_of_own_yamls_that_is_missing_is_one_line(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "nowhere"
    ended = script("train", "--config-dir", str(missing))
    assert (ended.status, ended.err.count("\n")) == (1, 1)
    assert ended.error == f"error: --config-dir names {missing}, which is no folder"
    monkeypatch.setenv("DEEPMR_CONF", str(missing))
    assert script("train").error == f"error: DEEPMR_CONF names {missing}, which is no folder"


def test_an_own_yaml_that_a_shipped_one_would_hide_is_refused(mine: Path) -> None:
    (mine / "model/cnn.yaml").write_text("_target_: mine.Net\n")
    with pytest.raises(ValueError, match=r"model/cnn.yaml has the name of a shipped yaml"):
        add_own_configuration(["train.py", "--config-dir", str(mine)], CONF)
    assert add_own_configuration(["train.py", "--config-dir", str(CONF)], CONF) == CONF


def test_a_job_of_a_sweep_keeps_the_folder_of_own_yamls(
    script: Script, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes that Lightning starts run sys.argv again: without the folder they know no mine."""
    seen: list[list[str]] = []
    training = SimpleNamespace(run_training=lambda config: seen.append(sys.argv[1:]) or 0.0)
    monkeypatch.setitem(sys.modules, "deepmr.cli.train", training)
    job = importlib.import_module("deepmr.cli.job")
    monkeypatch.setattr(job, "_leave_process_group", lambda: None)
    ended = script("train", "-m", "model=mine", "seed=1,2", f"--config-dir={mine}")
    assert ended.status == 0, ended.err
    assert seen == [["--config-dir", str(mine), "model=mine", f"seed={seed}"] for seed in (1, 2)]


@pytest.mark.parametrize(
    ("script", "argument", "says"),
    [
        ("train", "ensemble=two", "ensemble must be a whole number, got 'two'"),
        ("train", "ensemble=null", "ensemble must be a whole number"),
        ("train", "seed=x", "seed must be a whole number"),
        ("train", "seed=1.5", "seed must be a whole number"),
        ("train", "bootstrap=perhaps", "bootstrap must be true or false"),
        ("interrogate", "loci.n=ten", "loci.n must be a whole number or null"),
        ("interrogate", "exposure=[A,3]", "exposure must be a task's name, a list of them"),
        ("interrogate", "exposure=1", "quote a name that looks like a number"),
        ("interrogate", "estimator=[]", "estimator= must name at least one"),
        ("interrogate", "scale=[logit]", "scale must be one value"),
    ],
)
def test_a_value_of_a_wrong_type_gets_one_line(script: str, argument: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        check_overrides(CONF, script, [argument])
    assert "\n" not in str(caught.value)


def test_sweeps_are_checked_value_by_value() -> None:
    check_overrides(CONF, "interrogate", ["estimator=[grip],[ivw]", "loci.n=5,null"], sweeping=True)
    check_overrides(CONF, "train", ["seed=range(3)", "optimizer.lr=1e-3,0.1"], sweeping=True)
    with pytest.raises(ValueError, match="estimator=iwv"):
        check_overrides(CONF, "interrogate", ["estimator=[grip],[iwv]"], sweeping=True)
    with pytest.raises(ValueError, match="seed must be a whole number, got 'x'"):
        check_overrides(CONF, "train", ["seed=1,x"], sweeping=True)
