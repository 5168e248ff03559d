"""Every yaml composes, and what it names can be built."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from tests.conftest import REPOSITORY

CONF = REPOSITORY / "conf"
MAIN = {
    "train": [],
    "calibrate": [],
    "interrogate": ["exposure=A", "outcome=B"],
    "inspect": [],
}
ONLY_TRAIN = {"optimizer", "scheduler", "callbacks", "loss", "calibrator"}
ONLY_INTERROGATE = {
    "effects",
    "loci",
    "variants",
    "mutagenesis",
    "uncertainty",
    "instruments",
    "estimator",
    "inference",
    "meta",
}
LISTED = [
    (folder.name, path.stem)
    for folder in sorted(CONF.iterdir())
    if folder.is_dir() and folder.name not in {"hydra", "paths"}
    for path in sorted(folder.glob("*.yaml"))
]


def _compose(group: str, name: str) -> OmegaConf:
    script = "interrogate" if group in ONLY_INTERROGATE else "train"
    text = (CONF / group / f"{name}.yaml").read_text()
    if group in {"experiment", "hparams_search"} and "estimator" in text:
        script = "interrogate"
    choice = f"{group}=[{name}]" if group == "estimator" else f"{group}={name}"
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"):
        return compose(config_name=script, overrides=[choice, *MAIN[script]])


@pytest.mark.parametrize(("group", "name"), LISTED, ids=lambda value: value)
def test_composes_and_what_it_names_can_be_built(
    group: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = _compose(group, name)
    if group == "estimator":
        assert list(config.estimator) == [name], "the package header must name the file"
        built = instantiate(config.estimator[name])
        assert callable(built)
        return
    if group in {"experiment", "hparams_search"}:
        return
    part = OmegaConf.to_container(config[group], resolve=False)
    if group == "logger":
        part = {key: value for key, value in part.items() if key != "mode"}
    if group == "model" and not part.get("_partial_"):
        return  # a network of others: tests/models/test_shipped_yamls.py
    for section in _with_target(part):
        if group == "variants":
            section = {key: "x" if value == "???" else value for key, value in section.items()}
        if group == "data" and "seed" in section:
            section = {key: value for key, value in section.items() if value != "???"}
            section["seed"] = 0
        if section.get("motifs") == "${motifs}":
            section["motifs"] = str(SAMPLE)
        if "${" in str(section):
            section = {k: v for k, v in section.items() if "${" not in str(v)}
        try:
            assert instantiate(section, _convert_="all") is not None
        except InstantiationException as error:
            if "pip install" in str(error.__cause__):
                pytest.skip(str(error.__cause__))
            raise


SAMPLE = Path(__file__).parent / "motifs/samples/jaspar_2016.jaspar"


def _with_target(part: dict) -> list[dict]:
    if "_target_" in part:
        return [part]
    return [value for value in part.values() if isinstance(value, dict) and "_target_" in value]


def test_no_yaml_is_a_twin_of_another_or_called_default() -> None:
    """Two files of a group that build the same parts differ in values alone: one will do."""
    seen: dict[str, str] = {}
    for group, name in LISTED:
        assert name != "default", f"{group}/default.yaml says nothing of what it is"
        content = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml"))
        if "_target_" not in content:
            continue
        key = f"{group}: {_parts(content)}"
        assert key not in seen, f"{group}/{name}.yaml and {seen[key]} are one part with two names"
        seen[key] = f"{group}/{name}.yaml"


def _parts(content: object) -> object:
    if isinstance(content, dict):
        return sorted((k, v if k == "_target_" else _parts(v)) for k, v in content.items())
    return "list" if isinstance(content, list) else "value"


@pytest.mark.parametrize("script", MAIN)
def test_help_lists_every_part_of_the_script_s_groups_and_no_other(script: str) -> None:
    text = OmegaConf.load(CONF / "hydra" / f"{script}.yaml").help.template
    listed = text.partition("Parts to choose from")[2].replace("|\n  ", "|")
    contents = (CONF / f"{script}.yaml").read_text()
    taken = set(re.findall(r"^  - (?:optional )?(\w+):", contents, flags=re.MULTILINE))
    found = dict(re.findall(r"^  (\w+)=(.*)$", listed, flags=re.MULTILINE))
    assert set(found) == taken - {"paths", "hydra"}
    for group, options in found.items():
        files = {path.stem for path in (CONF / group).glob("*.yaml")}
        assert set(options.split("|")) == files, group


@pytest.mark.parametrize("script", MAIN)
def test_every_group_of_the_table_of_contents_exists(script: str) -> None:
    text = (CONF / f"{script}.yaml").read_text()
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"):
        config = compose(config_name=script, overrides=MAIN[script], return_hydra_config=True)
    for group in config.hydra.runtime.choices:
        if not group.startswith("hydra") or group == "hydra":
            assert f"- {group}:" in text or f"optional {group}:" in text


def test_estimators_name_their_results_as_their_files() -> None:
    import numpy as np

    from deepmr.effects import EffectSizes

    rng = np.random.default_rng(0)
    x = rng.normal(size=30)
    effects = EffectSizes.from_arrays(
        x, np.full(30, 0.05), 0.5 * x + rng.normal(size=30) * 0.05, np.full(30, 0.05)
    )
    for path in sorted((CONF / "estimator").glob("*.yaml")):
        part = OmegaConf.to_container(_compose("estimator", path.stem).estimator[path.stem])
        part = {key: value for key, value in part.items() if value is not None or key != "weights"}
        estimate = instantiate(part)(effects)
        assert estimate.method == path.stem


def test_the_notebook_s_defaults_are_those_of_the_command_line() -> None:
    from deepmr.inference.question import Question

    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"):
        config = compose("interrogate", overrides=MAIN["interrogate"])
    question = Question()
    assert instantiate(config.instruments, _convert_="all") == question.rule
    assert instantiate(config.inference, _convert_="all") == question.inference
    assert list(config.estimator) == list(question.estimators)
    assert config.controls == question.controls
    assert config.verdict.designed == question.designed
    assert config.meta._target_ == "deepmr.meta.random_effects"


def test_every_inference_over_members_has_one_shared_error() -> None:
    for path in sorted((CONF / "inference").glob("*.yaml")):
        content = OmegaConf.to_container(OmegaConf.load(path))
        assert content.get("shared", "auto") == "auto", path.name
