"""Check the types of the values on a command line against those of the settings they replace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deepmr.files import safe_name

__all__ = ["check_setting", "run_name"]

_WHOLE = frozenset({"seed", "ensemble", "batch_size", "workers", "store.loci_per_shard"})
"""Settings that must be whole numbers and never null."""

_WHOLE_OR_NULL = frozenset({"loci.n"})
_NAMES = frozenset({"exposure", "outcome"})
_ANY = ("trainer.", "logger.", "hydra.")  # several types are right there; their owners check
_LISTS_TOO = frozenset({"run", "checkpoint", "trust", "pairs.direct"})


def check_setting(key: str, values: Iterable[Any], defaults: Mapping[str, Any]) -> None:
    """Check the values given to a setting.

    Args:
        key: The setting, such as ``loci.n``.
        values: What it is given; several in a sweep.
        defaults: The composed configuration, flattened: its default tells the type.

    Raises:
        ValueError: In one line: the setting, the type it needs, what was got.

    Example:
        >>> check_setting("ensemble", [5], {"ensemble": 5})
        >>> check_setting("ensemble", ["two"], {"ensemble": 5})
        Traceback (most recent call last):
        ValueError: ensemble must be a whole number, got 'two'
    """
    for value in values:
        if key == "name" and value is not None and not _is_reference(value):
            run_name(value)
        rule = _rule(key, defaults.get(key))
        if rule is not None and not rule[1](value):
            raise ValueError(f"{key} must be {rule[0]}, got {value!r}{_hint(key, value)}")


def run_name(name: Any) -> str:
    """Return the name of a run's folder, checked to be one: ``name=`` never leads elsewhere.

    Raises:
        ValueError: If it is not a file's name as it stands.

    Example:
        >>> run_name("demo"), run_name(7)
        ('demo', '7')
    """
    text = str(name)
    if not isinstance(name, str | int) or safe_name(text) != text:
        raise ValueError(
            f"name= must be a folder's name of letters, digits, _ - and ., got {text!r}; where "
            "runs lie is paths.output="
        )
    return text


def _hint(key: str, value: Any) -> str:
    if key in _NAMES and not isinstance(value, list | dict) and value is not None:
        return f"; quote a name that looks like a number: {key}='\"{value}\"'"
    return ""


def _rule(key: str, default: Any) -> tuple[str, Any] | None:
    if key in _NAMES:
        return "a task's name, a list of them, a glob or all", _names_tasks
    if key in _WHOLE:
        return "a whole number", _is_whole
    if key in _WHOLE_OR_NULL:
        return "a whole number or null", lambda v: v is None or _is_whole(v)
    if key.startswith(_ANY) or key in _LISTS_TOO or default is None:
        return None
    if isinstance(default, bool):
        return "true or false", lambda v: isinstance(v, bool)
    if isinstance(default, int | float):
        return "a number", lambda v: v is None or _is_number(v) or _is_reference(v)
    if isinstance(default, str) and not _is_reference(default):
        return "one value", lambda v: not isinstance(v, list | dict)
    return None


def _names_tasks(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and bool(name) for name in names)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and "${" in value
