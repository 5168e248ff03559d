"""What a script shows instead of running: `--help`, in half of Hydra's time, and `--cfg job`."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.object_type import ObjectType

__all__ = ["groups_listed_without_copies", "show", "shows"]

_SHOW = frozenset({"--help", "-h", "--hydra-help", "--cfg", "-c", "--info", "-i"})
"""Hydra's flags that show something and run nothing."""


def shows(flags: Iterable[str]) -> bool:
    """Say whether a flag asks to show something, and nothing runs.

    Args:
        flags: Those of the command line.

    Example:
        >>> shows(["--cfg", "-p"]), shows(["-m"])
        (True, False)
    """
    return any(flag.partition("=")[0] in _SHOW for flag in flags)


def show(main: Callable[[], Any], config_name: str, *, installed: bool) -> None:
    """Print what Hydra shows instead of running, with examples spelled as the command was.

    Hydra's text is printed here, since Hydra would take a reader that is gone for its own error.

    Args:
        main: The Hydra main.
        config_name: train, calibrate, interrogate or inspect.
        installed: Whether the command is the installed one.
    """
    text, status = io.StringIO(), None
    with groups_listed_without_copies(), contextlib.redirect_stdout(text):
        try:
            main()
        except SystemExit as end:
            status = end.code
    shown = f"deepmr {config_name}" if installed else f"python {config_name}.py"
    print(text.getvalue().replace(f"python {config_name}.py", shown), end="")
    if status:
        sys.exit(status)


@contextmanager
def groups_listed_without_copies() -> Iterator[None]:
    """Let Hydra list the options of groups from its configurations, not from a copy of them all.

    It copies them lest overrides change where configurations are searched; where there are none,
    nothing changes, and it is asked without. What it lists is the same.

    Example:
        >>> with groups_listed_without_copies():
        ...     ConfigLoaderImpl.get_group_options.__name__
        'listed'
    """
    by_copy = ConfigLoaderImpl.get_group_options

    def listed(
        self: ConfigLoaderImpl,
        group_name: str,
        results_filter: ObjectType | None = ObjectType.CONFIG,
        config_name: str | None = None,
        overrides: list[str] | None = None,
    ) -> list[str]:
        if config_name or overrides:
            return by_copy(self, group_name, results_filter, config_name, overrides)
        return self.repository.get_group_options(group_name, results_filter)

    target: Any = ConfigLoaderImpl
    target.get_group_options = listed
    try:
        yield
    finally:
        target.get_group_options = by_copy
