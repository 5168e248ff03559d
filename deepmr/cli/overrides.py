"""Check a command line before Hydra does, so that a typo gets the nearest valid names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Sweep
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

__all__ = ["check_overrides", "nearest"]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a clause that names the valid names nearest to a wrong one, or all of them.

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
    shown = ", ".join(options[:30]) + (", ..." if len(options) > 30 else "")
    return f"valid are: {shown}"


def _groups(conf: Path) -> dict[str, list[str]]:
    return {
        folder.name: sorted(path.stem for path in folder.glob("*.yaml"))
        for folder in sorted(conf.iterdir())
        if folder.is_dir() and any(folder.glob("*.yaml"))
    }


def _choices(override: Override) -> list[Any]:
    value = override.value()
    if isinstance(value, Sweep):
        elements = getattr(value, "list", None) or []
    elif isinstance(value, list):
        elements = value
    else:
        elements = [value]
    return [getattr(element, "text", element) for element in elements]


def _keys(config: DictConfig) -> set[str]:
    keys: set[str] = set()

    def walk(node: Any, prefix: str) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                keys.add(f"{prefix}{key}")
                walk(value, f"{prefix}{key}.")

    walk(OmegaConf.to_container(config, resolve=False), "")
    return keys


def check_overrides(
    conf: Path, config_name: str, arguments: Sequence[str], *, sweeping: bool = False
) -> None:
    """Check group choices and keys of a command line.

    Args:
        conf: The folder of the configuration.
        config_name: train or interrogate.
        arguments: Overrides only, no flags.
        sweeping: Whether the command line is a multirun's (``-m``).

    Raises:
        ValueError: In one line: what is wrong, and the nearest valid names.
    """
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
    groups = _groups(conf)
    chosen = []
    for override in overrides:
        key = override.key_or_group
        if override.is_delete() or key.startswith("hydra"):
            continue
        if key in groups and not isinstance(override.value(), dict):
            for choice in _choices(override):
                if choice is not None and str(choice) not in groups[key]:
                    raise ValueError(
                        f"{key}={choice}: there is no such {key}; "
                        f"{nearest(str(choice), groups[key])}"
                    )
            chosen.append(override)
    keys = _valid_keys(conf, config_name, chosen)
    for override in overrides:
        key = override.key_or_group
        if override.is_add() or override.is_delete() or key in groups or key.startswith("hydra"):
            continue
        if key not in keys:
            raise ValueError(f"{key}: there is no such setting; {nearest(key, keys)}")


def _valid_keys(conf: Path, config_name: str, chosen: Sequence[Override]) -> set[str]:
    plain = [f"{o.key_or_group}={_first(o)}" for o in chosen]
    try:
        with initialize_config_dir(config_dir=str(conf), version_base="1.3"):
            return _keys(compose(config_name=config_name, overrides=plain))
    except (HydraException, OmegaConfBaseException) as error:
        raise ValueError(" ".join(str(error).split())) from error


def _first(override: Override) -> str:
    value = override.value()
    if isinstance(value, Sweep):
        value = _choices(override)[0]
    if isinstance(value, list):
        return "[" + ",".join(str(item) for item in value) + "]"
    return "null" if value is None else str(value)
