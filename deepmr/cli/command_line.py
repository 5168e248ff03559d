"""Check a command line before Hydra does, so that a typo gets the nearest valid names."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Sweep
from hydra.errors import HydraException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

import deepmr
from deepmr.cli.setting_types import check_setting

__all__ = ["add_own_configuration", "check_overrides", "conf_folder", "nearest", "split_flags"]

_MANY = 30
"""Most names that a message lists."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a clause that names the valid names nearest to a wrong one, or where to find them.

    Args:
        name: The wrong name.
        known: The valid ones, which are listed if they are few.

    Example:
        >>> nearest("deepsee", ["cnn", "deepsea"])
        'did you mean deepsea?'
    """
    options = sorted(set(known))
    close = difflib.get_close_matches(name, options, n=2, cutoff=0.65)
    if not close:  # a last part that matches exactly or nearly, wherever it lies
        tails: dict[str, list[str]] = {}
        for option in options:
            tails.setdefault(option.rsplit(".", 1)[-1], []).append(option)
        for tail in difflib.get_close_matches(name.rsplit(".", 1)[-1], tails, n=2, cutoff=0.6):
            close += tails[tail][:2]
    if close:
        return f"did you mean {' or '.join(close)}?"
    if len(options) > _MANY:
        return "--help lists the parts, --cfg job every setting"
    return f"valid are: {', '.join(options)}"


def split_flags(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split a command line into flags and overrides; ``--config-dir`` and its value are neither.

    Example:
        >>> split_flags(["-m", "--config-dir", "mine", "seed=1,2"])
        (['-m'], ['seed=1,2'])
    """
    flags, overrides, skip = [], [], False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in ("--config-dir", "-cd"):
            skip = True
        elif argument.startswith("--config-dir="):
            continue
        elif argument.startswith("-"):
            flags.append(argument)
        else:
            overrides.append(argument)
    return flags, overrides


def add_own_configuration(arguments: list[str], conf: Path) -> Path | None:
    """Return the folder of the user's own yamls: of ``--config-dir``, else of ``DEEPMR_CONF``.

    Args:
        arguments: ``sys.argv``; extended in place where the environment names the folder.
        conf: The shipped configuration, which comes first: a yaml of the same name would be
            ignored.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If a yaml in it has the name of a shipped one.
    """
    named, origin = None, "--config-dir"
    for position, argument in enumerate(arguments):
        if argument.startswith("--config-dir="):
            named = argument.partition("=")[2]
        elif argument in ("--config-dir", "-cd") and position + 1 < len(arguments):
            named = arguments[position + 1]
    if named is None and os.environ.get("DEEPMR_CONF"):
        named, origin = os.environ["DEEPMR_CONF"], "DEEPMR_CONF"
        arguments += ["--config-dir", str(Path(named).resolve())]
    if named is None:
        return None
    folder = Path(named)
    if not folder.is_dir():
        raise FileNotFoundError(f"{origin} names {folder}, which is no folder")
    folder = folder.resolve()
    for path in [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*/*.yaml"))]:
        shipped = conf / path.relative_to(folder)
        if shipped.is_file() and not shipped.samefile(path):
            raise ValueError(
                f"{path} has the name of a shipped yaml, which would be read in its place; "
                "rename it"
            )
    return folder


def _groups(conf: Path) -> dict[str, list[str]]:
    return {
        folder.name: sorted(path.stem for path in folder.glob("*.yaml"))
        for folder in sorted(conf.iterdir())
        if folder.is_dir() and any(folder.glob("*.yaml"))
    }


def _choices(override: Override) -> list[Any]:
    """Return what an override chooses, the elements of a list one by one."""
    chosen = [one if isinstance(one, list) else [one] for one in _values(override)]
    return [_plain(element) for one in chosen for element in one]


def _values(override: Override) -> list[Any]:
    """Return the values of an override: several in a sweep of choices, none in one of a range."""
    value = override.value()
    if isinstance(value, Sweep):
        return [_plain(one) for one in getattr(value, "list", None) or []]
    return [_plain(value)]


def _plain(value: Any) -> Any:
    return getattr(value, "text", value)


def _keys(node: Any, prefix: str = "") -> dict[str, Any]:
    """Return every setting below a node by its full name, parts included."""
    keys: dict[str, Any] = {}
    for key, value in node.items() if isinstance(node, dict) else ():
        keys[f"{prefix}{key}"] = value
        keys |= _keys(value, f"{prefix}{key}.")
    return keys


def check_overrides(
    conf: Path,
    config_name: str,
    arguments: Sequence[str],
    *,
    sweeping: bool = False,
    own: Path | None = None,
) -> None:
    """Check group choices and keys of a command line.

    Args:
        conf: The folder of the configuration.
        config_name: train or interrogate.
        arguments: Overrides only, no flags.
        sweeping: Whether the command line is a multirun's (``-m``).
        own: Folder of the user's own yamls, searched as well.

    Raises:
        ValueError: In one line: what is wrong, and the nearest valid names.
    """
    overrides = _parsed(arguments, sweeping=sweeping)
    groups = _groups(conf)
    for group, names in (_groups(own) if own else {}).items():
        groups[group] = sorted({*groups.get(group, []), *names})
    chosen = _checked_choices(overrides, groups)
    keys = _valid_keys(conf, config_name, chosen, own)
    for override in overrides:
        key = override.key_or_group
        if override.is_delete() or key in groups or key.startswith("hydra"):
            continue
        if override.is_add():
            _check_addition(key, keys)
        elif key not in keys:
            _check_chosen(key, keys, groups)
            raise ValueError(f"{key}: there is no such setting; {nearest(key, [*keys, *groups])}")
        else:
            check_setting(key, _values(override), keys)


def _check_chosen(key: str, keys: Mapping[str, Any], groups: Mapping[str, Any]) -> None:
    """Refuse a setting of a group of which nothing is chosen, as of ``data`` without ``data=``.

    Raises:
        ValueError: If so; the message says what to choose from.
    """
    group = key.partition(".")[0]
    if group in groups and not any(one.startswith(f"{group}.") for one in keys):
        some = ", ".join(groups[group][:4])
        raise ValueError(f"{key}: there is no such setting, as no {group}= is chosen (as {some})")


def _check_addition(key: str, keys: Mapping[str, Any]) -> None:
    """Refuse ``+key=value`` that no part would read: only a part's own arguments can be added.

    What a network's adapter reads, it checks itself: settings of ``model.input`` and tasks.
    """
    part = key.rpartition(".")[0]
    read_by_adapter = part in keys and f"{part}.".startswith(("model.input.", "model.outputs."))
    if not part or not (f"{part}._target_" in keys or read_by_adapter):
        hint = nearest(key, keys)
        raise ValueError(
            f"+{key}: nothing reads such a setting; a + adds an argument to a part, such as "
            "+trainer.limit_train_batches=10" + (f"; {hint}" if hint.startswith("did") else "")
        )


def _parsed(arguments: Sequence[str], *, sweeping: bool) -> list[Override]:
    try:
        overrides = OverridesParser.create().parse_overrides(list(arguments))
    except OverrideParseException as error:
        raise ValueError(
            f"{error.override!r} is not an override; write key=value (quote values that hold "
            "spaces, commas or an equals sign: 'key=\"a=b\"')"
        ) from error
    for override in overrides:
        if override.is_sweep_override() and not sweeping:
            raise ValueError(
                f"{override.input_line} lists several values; add -m to run each, or write "
                f"{override.key_or_group}=[...] for a list"
            )
    return overrides


def _checked_choices(
    overrides: Sequence[Override], groups: Mapping[str, Sequence[str]]
) -> list[Override]:
    """Return the overrides that choose a yaml of a group, each known to exist."""
    chosen = []
    for override in overrides:
        key = override.key_or_group
        if override.is_delete() or key not in groups or isinstance(override.value(), dict):
            continue
        if key == "estimator" and not _choices(override):
            raise ValueError(
                "estimator= must name at least one, for example estimator=[slope,egger]"
            )
        for choice in _choices(override):
            if choice is not None and str(choice) not in groups[key]:
                raise ValueError(
                    f"{key}={choice}: there is no such {key}; {nearest(str(choice), groups[key])}"
                )
        chosen.append(override)
    return chosen


def _valid_keys(
    conf: Path, config_name: str, chosen: Sequence[Override], own: Path | None
) -> dict[str, Any]:
    plain = [f"{o.key_or_group}={_first(o)}" for o in chosen]
    if own:
        quoted = str(own).replace("\\", "\\\\").replace("'", "\\'")
        plain.append(f"hydra.searchpath=['file://{quoted}']")
    try:
        with initialize_config_dir(config_dir=str(conf), version_base="1.3"):
            composed = compose(config_name=config_name, overrides=plain)
        return _keys(OmegaConf.to_container(composed, resolve=False))
    except (HydraException, OmegaConfBaseException) as error:
        raise ValueError(" ".join(str(error).split())) from error


def _first(override: Override) -> str:
    value = override.value()
    if isinstance(value, Sweep):
        value = (getattr(value, "list", None) or [None])[0]
        value = _plain(value)
    if isinstance(value, list):
        return "[" + ",".join(str(item) for item in value) + "]"
    return "null" if value is None else str(value)


def conf_folder() -> Path:
    """Return the folder of the shipped configuration.

    Raises:
        FileNotFoundError: If the installation has none.
    """
    package = Path(deepmr.__file__).resolve().parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "train.yaml").is_file():
            return folder
    raise FileNotFoundError(
        f"no configuration lies in {package / 'conf'} or {package.parent / 'conf'}; "
        "install Deep MR again (pip install .)"
    )
