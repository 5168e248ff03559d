"""No document tells a reader to type what Deep MR does not take."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deepmr.cli import command_line, plugins
from deepmr.cli.command_line import conf_folder
from deepmr.cli.main import COMMANDS, HYDRA

commands_of = importlib.import_module("tests.docs.commands")
REPOSITORY = commands_of.REPOSITORY
Command = commands_of.Command
FOUND = {
    where: found
    for path in commands_of.documents()
    if (found := commands_of.commands(path.read_text(), where := str(path.relative_to(REPOSITORY))))
}


@pytest.fixture(scope="module", autouse=True)
def _compose_once() -> Iterator[None]:
    """Compose a configuration once for all commands that choose the same parts."""
    composed: dict[str, dict[str, Any]] = {}
    original = command_line._valid_keys

    def valid_keys(conf: Path, name: str, chosen: list[Any], own: Path | None) -> dict[str, Any]:
        key = f"{name} {[one.input_line for one in chosen]} {own}"
        if key not in composed:
            composed[key] = original(conf, name, chosen, own)
        return composed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command_line, "_valid_keys", valid_keys)
        yield


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


def check(command: Command, own: Path) -> None:
    """Check the words of a command as the product does, and do nothing else."""
    if command.name in HYDRA:
        with pytest.MonkeyPatch.context() as patch:
            _check_hydra(command.name, command.words, own, patch)
        return
    module = importlib.import_module(f"deepmr.cli.{command.name}")
    if not command.words or "--help" in command.words:
        return
    try:
        if hasattr(module, "_parser"):
            module._parser().parse_args(list(command.words))
        else:
            parse = getattr(module, "_arguments", None) or module._settings
            parse(list(command.words))
    except ValueError as error:
        if not (command.in_sentence and "arguments are required" in str(error)):
            raise


def _check_hydra(name: str, words: tuple[str, ...], own: Path, patch: pytest.MonkeyPatch) -> None:
    """Give the words to `deepmr.cli.job.run`, with a main that only notes that it was reached."""
    job = importlib.import_module("deepmr.cli.job")
    kept = [re.sub(r"\$\w+", "VALUE", word) for word in words]
    if "--config-dir" in kept:
        del kept[kept.index("--config-dir") : kept.index("--config-dir") + 2]
    patch.setenv("HYDRA_FULL_ERROR", "1")  # errors are raised, not printed
    patch.setattr(sys, "argv", [f"{name}.py", *kept, "--config-dir", str(own)])
    for state in ("_subcommand", "_own_configuration"):
        patch.setattr(job, state, [])
    reached: list[str] = []
    arguments = list(sys.argv)
    try:
        job.run(lambda: reached.append(name), name)
    except ValueError as error:
        if str(error) not in _missing_packages(kept):
            raise
        patch.setattr(plugins, "_is_installed", lambda module: True)  # the rest of its words
        patch.setattr(sys, "argv", arguments)
        job.run(lambda: reached.append(name), name)
    assert reached, "the command would not run"


def _missing_packages(words: list[str]) -> set[str]:
    """Return what the product answers to each choice whose optional package is not installed."""
    tables = {"hydra/launcher": plugins.LAUNCHERS, "hparams_search": plugins._SEARCHES}
    chosen = [(word, *word.split("=", 1)) for word in words if word.partition("=")[0] in tables]
    return {
        f"{word} needs a package that is not installed; pip install {package.name} "
        "(or pip install 'deepmr[sweeps]' for all that sweeps can use)"
        for word, key, value in chosen
        if (package := tables[key].get(value)) and not plugins._is_installed(package.module)
    }


def test_the_documents_hold_commands_of_every_script() -> None:
    found = [command for one in FOUND.values() for command in one]
    assert len(found) > 40
    assert {"train", "interrogate", "calibrate", "inspect"} <= {one.name for one in found}


@pytest.mark.parametrize("where", FOUND)
def test_every_documented_command_is_one_that_deep_mr_takes(where: str, own: Path) -> None:
    wrong = []
    for command in dict.fromkeys(FOUND[where]):
        try:
            assert command.name in COMMANDS, "no such subcommand"
            check(command, own)
        except (ValueError, OSError, AssertionError, AttributeError, ImportError) as error:
            wrong.append(f"{command}: {error}")
    assert not wrong, "\n".join(wrong)


def test_a_misspelt_setting_and_a_list_without_m_would_be_found(own: Path) -> None:
    text = "```sh\npython train.py seed=1 \\\n    batchsize=3\n```\nor `deepmr train seed=1,2`"
    first, second = commands_of.commands(text, "README.md")
    assert first.words == ("seed=1", "batchsize=3")
    with pytest.raises(ValueError, match="batchsize: there is no such setting"):
        check(first, own)
    with pytest.raises(ValueError, match="add -m"):
        check(second, own)


WITH_OPTIONAL_PACKAGES = ("hydra/launcher=joblib", "hparams_search=optuna")


@pytest.mark.parametrize("choice", WITH_OPTIONAL_PACKAGES)
def test_a_command_whose_optional_package_is_missing_is_right_and_its_wrong_setting_is_found(
    own: Path, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    monkeypatch.setattr(plugins, "_is_installed", lambda module: False)
    text = f"`deepmr train -m seed=0,1 {choice}` or `deepmr train -m {choice} batchsize=3`"
    right, wrong = commands_of.commands(text, "README.md")
    check(right, own)
    with pytest.raises(ValueError, match="batchsize: there is no such setting"):
        check(wrong, own)


@pytest.mark.parametrize("choice", WITH_OPTIONAL_PACKAGES)
def test_another_message_than_the_missing_packages_own_is_no_excuse(
    own: Path, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    def refuse(choice: str, package: object) -> None:
        if package is not None:
            raise ValueError(f"{choice} needs a package that is not installed")

    monkeypatch.setattr(plugins, "_is_installed", lambda module: False)
    monkeypatch.setattr(plugins, "_require", refuse)
    (command,) = commands_of.commands(f"`deepmr train -m seed=0,1 {choice}`", "README.md")
    with pytest.raises(ValueError, match=r"needs a package that is not installed$"):
        check(command, own)


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
        for line in re.findall(
            r"^from deepmr[\w.]* import [\w, ]+$", path.read_text(), re.MULTILINE
        )
    }
    assert lines
    for line in lines:
        _, module, _, names = line.split(maxsplit=3)
        for name in names.split(", "):
            assert hasattr(importlib.import_module(module), name), line


def test_every_source_that_a_concept_cites_is_cited_by_the_code() -> None:
    doi = re.compile(r"doi:(10\.\S+?)(?=[,;.:)|\]]*(?:\s|$))")
    code = "\n".join(path.read_text() for path in (REPOSITORY / "deepmr").rglob("*.py"))
    pages = sorted((REPOSITORY / "docs" / "concepts").glob("*.md"))
    cited = {one for path in pages for one in doi.findall(path.read_text())}
    assert len(cited) > 40
    assert sorted(one for one in cited if one not in code) == []
