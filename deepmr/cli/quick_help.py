"""`--help` in half the time: Hydra copies all configurations once a group that it lists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.object_type import ObjectType

__all__ = ["groups_listed_without_copies"]


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
