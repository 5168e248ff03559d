"""No document tells a reader to type what Deep MR does not take."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from deepmr.cli.command_line import check_overrides, split_flags
from deepmr.cli.configuration import conf_folder
from deepmr.cli.main import COMMANDS, HYDRA

commands_of = importlib.import_module("tests.docs.commands")
REPOSITORY = commands_of.REPOSITORY
COMMANDS_FOUND = [
    command
    for path in commands_of.documents()
    for command in commands_of.commands(path.read_text(), str(path.relative_to(REPOSITORY)))
]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's own yamls, called `mine` in the documents."""
    folder = tmp_path_factory.mktemp("my_yamls")
    blocks = "\n".join(path.read_text() for path in commands_of.documents())
    model = re.findall(r"```yaml\n(# @package _global_\nmodel:.*?)```", blocks, flags=re.DOTALL)
    shipped = {"estimator": "slope", "calibrator": "beta", "effects": "table"}
    for group in ("model", *shipped):
        (folder / group).mkdir()
    (folder / "model" / "mine.yaml").write_text(model[0])
    for group, name in shipped.items():
        source = conf_folder() / group / f"{name}.yaml"
        if source.is_file():
            text = source.read_text().replace(f"{group}.{name}", f"{group}.mine")
            (folder / group / "mine.yaml").write_text(text)
    return folder


def check(name: str, words: tuple[str, ...], own: Path) -> None:
    """Parse the words of a command as the product does, and do nothing else."""
    words = tuple(re.sub(r"\$\w+", "VALUE", word) for word in words)
    if name in HYDRA:
        flags, overrides = split_flags(words)
        sweeping = bool(set(flags) & {"-m", "--multirun"})
        unknown = set(flags) - {"-m", "--multirun", "--help", "--cfg", "-h"}
        assert not unknown, f"no such option: {unknown}"
        if "--cfg" not in flags:
            check_overrides(conf_folder(), name, overrides, sweeping=sweeping, own=own)
        return
    module = importlib.import_module(f"deepmr.cli.{name}")
    if not words or "--help" in words:
        return
    if hasattr(module, "_parser"):
        module._parser().parse_args(list(words))
    else:
        parse = getattr(module, "_arguments", None) or module._settings
        parse(list(words))


def test_the_documents_hold_commands_of_every_script() -> None:
    assert len(COMMANDS_FOUND) > 40
    assert {"train", "interrogate", "calibrate", "inspect"} <= {one.name for one in COMMANDS_FOUND}


@pytest.mark.parametrize("path", commands_of.documents(), ids=lambda path: path.name)
def test_every_documented_command_is_one_that_deep_mr_takes(path: Path, own: Path) -> None:
    where = str(path.relative_to(REPOSITORY))
    wrong = []
    for command in sorted({one for one in COMMANDS_FOUND if one.where == where}, key=str):
        try:
            assert command.name in COMMANDS, "no such subcommand"
            check(command.name, command.words, own)
        except (ValueError, AssertionError, AttributeError, ImportError) as error:
            wrong.append(f"{command}: {error}")
    assert not wrong, "\n".join(wrong)


def test_a_misspelt_setting_and_a_list_without_m_would_be_found(own: Path) -> None:
    text = "```sh\npython train.py seed=1 \\\n    batchsize=3\n```\nor `deepmr train seed=1,2`"
    first, second = commands_of.commands(text, "README.md")
    assert first.words == ("seed=1", "batchsize=3")
    with pytest.raises(ValueError, match="batchsize: there is no such setting"):
        check(first.name, first.words, own)
    with pytest.raises(ValueError, match="add -m"):
        check(second.name, second.words, own)


def test_every_benchmark_that_a_document_names_exists() -> None:
    named = {
        module
        for path in commands_of.documents()
        for module in commands_of.benchmarks(path.read_text())
    }
    assert named
    missing = [one for one in named if not _module_file(one)]
    assert not missing, missing


def _module_file(module: str) -> bool:
    path = REPOSITORY / Path(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def test_every_name_that_an_example_imports_exists() -> None:
    lines = {
        line
        for path in commands_of.documents()
        for line in re.findall(r"^from deepmr[\w.]* import [\w, ]+$", path.read_text(), re.MULTILINE)
    }
    assert lines
    for line in lines:
        _, module, _, names = line.split(maxsplit=3)
        for name in names.split(", "):
            assert hasattr(importlib.import_module(module), name), line
