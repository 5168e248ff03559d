"""Nothing that a stranger's configuration names is called unless the rule allows it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

import deepmr
from deepmr.cli.trust import PLACES, Trust, build
from deepmr.files import sha256
from tests.conftest import REPOSITORY, TINY, Script

STRANGER = Trust(origin="runs/train/x/config.yaml")
NETWORK = "torch.nn.Linear"

CALLABLES = [
    "os.system", "builtins.eval", "builtins.exec", "subprocess.run", "subprocess.Popen",
    "pickle.load", "shutil.rmtree", "importlib.import_module", "runpy.run_path",
    "torch.load", "torch.hub.load", "torch.jit.load", "torch.utils.cpp_extension.load",
    "torch.nn.modules.module.torch.load", "torch.nn.functional.relu", "torch.nn.init.constant_",
    "torch.optim.AdamW", "deepmr.files.os.system", "deepmr.files.shutil.rmtree",
    "deepmr.models.cnn.nn.modules.module.torch.load", "deepmr.io.manifest.subprocess.run",
    "deepmr.files.atomic_write", "deepmr.files.sha256", "deepmr.cli.main.main",
    "deepmr.lightning.training.torch.load", "deepmr.lightning.wandb_tracker.WandbTracker",
    "deepmr.models.MotifScanner.load_state_dict", "deepmr.models.set_output_statistics",
    "pytorch_lightning.Trainer", "pytorch_lightning.utilities.cloud_io.load",
    "hydra.utils.instantiate", "hydra.utils.get_method", "functools.partial",
    "operator.methodcaller",
    "webbrowser.open", "numpy.load", "nowhere.Net", "torch.nn.Module.__init__",
    "torch.nn.Module.__subclasses__", "torch.nn.", ".os", "os", "", "${oc.env:HOME}", "torch..nn",
]  # fmt: skip


@pytest.mark.parametrize("target", CALLABLES)
@pytest.mark.parametrize("wrap", ["plain", "nested", "list", "arguments", "partial"])
def test_a_stranger_s_target_outside_the_rule_is_neither_imported_nor_called(
    target: str, wrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile: dict[str, Any] = {"_target_": target, "_args_": ["touch never"]}
    part: dict[str, Any] = {
        "plain": hostile,
        "nested": {"_target_": NETWORK, "in_features": {"deep": hostile}, "out_features": 1},
        "list": {"_target_": NETWORK, "in_features": [[hostile]], "out_features": 1},
        "arguments": {"_target_": NETWORK, "_args_": [hostile, 1]},
        "partial": {**hostile, "_partial_": True, "_recursive_": False},
    }[wrap]
    called: list[str] = []
    monkeypatch.setattr("os.system", lambda *_: called.append("system"))
    before = set(sys.modules)
    with pytest.raises(ValueError, match=r"^runs/train/x/config\.yaml: model") as caught:
        build(part, "model", STRANGER)
    assert "\n" not in str(caught.value)
    assert not called
    new = {name.partition(".")[0] for name in set(sys.modules) - before}
    assert target.partition(".")[0] not in new - {"deepmr", "torch", "pytorch_lightning"}
    assert "setuptools" not in new, "torch.utils.cpp_extension would import it"


@pytest.fixture
def mypackage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package whose import leaves a trace."""
    folder = tmp_path / "site" / "mypackage"
    folder.mkdir(parents=True)
    trace = tmp_path / "imported"
    (folder / "__init__.py").write_text(
        "import os\nfrom pathlib import Path\nfrom torch import load, nn\n"
        f"Path({str(trace)!r}).touch()\n"
        "from deepmr.models import MotifScanner\n"
        "class MyNet(MotifScanner):\n    pass\n"
        "class NotANetwork:\n    pass\n"
        "def make(**settings):\n    return MyNet(**settings)\n"
    )
    monkeypatch.syspath_prepend(str(folder.parent))
    yield trace
    for name in [name for name in sys.modules if name.partition(".")[0] == "mypackage"]:
        del sys.modules[name]


def test_an_unnamed_package_is_not_imported_and_the_refusal_prints_the_line_to_add(
    mypackage: Path,
) -> None:
    with pytest.raises(ValueError, match=r"add trust=\[mypackage\]$"):
        build({"_target_": "mypackage.MyNet"}, "model", STRANGER)
    assert not mypackage.exists(), "importing runs code"


@pytest.mark.parametrize(
    "target", ["mypackage.os.system", "mypackage.load", "mypackage.NotANetwork"]
)
def test_a_named_package_vouches_for_its_own_networks_alone(mypackage: Path, target: str) -> None:
    trusting = Trust(packages=("mypackage",), origin="x")
    shape = {"length": 80, "exposures": [0], "outcomes": [1], "filters": 4, "hidden": 4}
    for name in ("MyNet", "make"):
        built = build({"_target_": f"mypackage.{name}", **shape}, "model", trusting)
        assert isinstance(built, nn.Module)
    with pytest.raises(ValueError, match="is not a network; nothing of it was run"):
        build({"_target_": target}, "model", trusting)


def test_a_user_s_own_settings_may_name_any_package_but_no_other_kind_of_object(
    mypackage: Path,
) -> None:
    own = Trust(own=True)
    assert callable(build({"_target_": "mypackage.MyNet"}, "model", own, partial=True))
    for target in ("mypackage.os.system", "torch.load", "subprocess.run"):
        with pytest.raises(ValueError, match="nothing of it was run"):
            build({"_target_": target}, "model", own)


@pytest.mark.parametrize("name", ["os", "torch", "deepmr", "a.b", "", 3])
def test_trust_names_packages_of_the_user(name: Any) -> None:
    with pytest.raises(ValueError, match=r"^trust= "):
        Trust(packages=(name,))


def _authors_package(section: dict[str, Any]) -> bool:
    """Say whether a yaml builds a network of its authors' own package, or reads one's table."""
    target = (section.get("network") or {}).get("_target_", "deepmr")
    return target.partition(".")[0] not in ("deepmr", "torch") or "openspliceai" in target


def test_every_shipped_part_may_be_built_at_its_place_even_for_a_stranger() -> None:
    found = 0
    for path in sorted((REPOSITORY / "conf").glob("*/*.yaml")):
        content = yaml.safe_load(path.read_text()) or {}
        sections = [content, *(one for one in content.values() if isinstance(one, dict))]
        if path.parent.name == "scheduler":
            sections = [content["build"]]
        for section in sections:
            if "_target_" in section and path.parent.name in PLACES:
                if path.parent.name == "model" and _authors_package(section):
                    continue  # which needs trust=[package], like any code that is not ours
                part = {key: value for key, value in section.items() if key != "defaults"}
                assert callable(build(part, path.parent.name, STRANGER, partial=True)), path
                found += 1
    assert found > 60


def _copy(runs: Path, tmp_path: Path, **changes: Any) -> Path:
    folder = tmp_path / "train" / "stranger"
    shutil.copytree(runs / "train/tiny", folder)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    for key, value in changes.items():
        config[key] = {**config[key], **value}
    _write_config(folder, config)
    return folder


def _write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write settings as a stranger would, with the digest that the manifest then needs."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    manifest = json.loads((folder / "manifest.json").read_text())
    for record in manifest["outputs"]:
        if record["path"] == "config.yaml":
            record["sha256"] = sha256(folder / "config.yaml")
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("part", ["model", "data", "loss"])
def test_a_stranger_s_run_runs_nothing_and_says_so(
    runs: Path, tmp_path: Path, script: Script, part: str
) -> None:
    trace = tmp_path / "ran"
    hostile = {"_target_": "os.system", "_args_": [f"touch {trace}"]}
    folder = _copy(runs, tmp_path, **{part: {"extra": hostile}})
    for named in ([f"run={folder}"], []):
        outcome = script(
            "interrogate", "exposure=GATA1", "outcome=TAL1", "logger=none", *named,
            f"paths.output={tmp_path}",
        )  # fmt: skip
        assert outcome.status == 1
        assert "nothing of it was run" in outcome.error
        assert "config.yaml" in outcome.error
    with pytest.raises(ValueError, match="nothing of it was run"):
        deepmr.load_run(folder)
    assert not trace.exists()


def test_a_run_with_a_user_s_own_network_needs_the_user_s_word(
    runs: Path, tmp_path: Path, mypackage: Path
) -> None:
    folder = _copy(runs, tmp_path, model={"_target_": "mypackage.MyNet"})
    config = yaml.safe_load((folder / "config.yaml").read_text())
    _write_config(folder, config | {"trust": ["mypackage"]})
    with pytest.raises(ValueError, match=r"add trust=\[mypackage\]"):
        deepmr.load_run(folder)  # a run cannot vouch for itself
    assert not mypackage.exists()
    assert len(deepmr.load_run(folder, trust=["mypackage"]).members.networks) == 3


@pytest.mark.parametrize("name", ["../../train/base", "/evil", "a/b", ".hidden", "..", "a b", "ü"])
def test_a_run_s_name_is_one_folder_s_name(
    runs: Path, script: Script, name: str, tmp_path: Path
) -> None:
    ask = ("exposure=GATA1", "outcome=TAL1", f"run={runs / 'train/tiny'}", "logger=none")
    for arguments in (("interrogate", *ask), ("train", *TINY)):
        outcome = script(*arguments, f"name='{name}'", "overwrite=true", f"paths.output={tmp_path}")
        assert outcome.status == 1
        assert "name= must be a folder's name" in outcome.error
    assert not list(tmp_path.iterdir())
    assert (runs / "train/tiny/manifest.json").is_file()


def test_an_overwrite_never_replaces_the_networks_that_are_asked(
    runs: Path, script: Script, tmp_path: Path
) -> None:
    run = tmp_path / "interrogate" / "q" / "q"
    shutil.copytree(runs / "train/tiny", run)
    (run.parent / "link").symlink_to(run)
    outcome = script(
        "interrogate", "exposure=GATA1", "outcome=TAL1", f"run={run}", "logger=none", "name=q",
        "overwrite=true", f"paths.output={tmp_path}",
    )  # fmt: skip
    assert "which is being asked" in outcome.error
    assert (run / "manifest.json").is_file()


HOSTILE = ("../../../evil", "$x_{1$" + "y" * 300)


def test_task_names_from_strangers_can_be_drawn_and_saved(tmp_path: Path) -> None:
    class Counts(nn.Module):
        def __init__(self, slope: float) -> None:
            super().__init__()
            self.slope = slope

        def forward(self, x: Any) -> Any:
            g = x.sum(dim=2)[:, 2]
            return torch.stack([g, self.slope * g], dim=1)

    result = deepmr.interrogate(
        [Counts(1.9), Counts(2.1)], list(HOSTILE), ["ACGTACGT", "GGGATTCA"], *HOSTILE,
        controls="none",
    )  # fmt: skip
    folder = result.save(tmp_path / "deep" / "saved")
    assert (folder / "report.html").is_file()
    assert [one.name for one in tmp_path.iterdir()] == ["deep"]
