"""What makes two runs the same: the settings that change a result, and digests of their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from deepmr.files import fingerprint

__all__ = ["CONFIG", "differing", "identity", "read_config", "run_hash", "with_content"]

CONFIG = "config.yaml"

_NOT_IDENTITY = frozenset(
    {
        "paths",
        "logger",
        "name",
        "overwrite",
        "trust",
        "workers",
        "members",
        "data.root",
        "data.run",
        "data.download_only",
        "data.portal",
        "data.parallel",
        "data.retries",
        "effects.path",  # known by their content
        "effects.genome",
        "effects.variants",
        "motifs",  # known by its content
        "calibrators",
        "instruments.motifs",
        "trainer.accelerator",
        "trainer.max_time",
        "trainer.log_every_n_steps",
        "trainer.enable_progress_bar",
    }
)


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that change the result, flattened: ``{"model.filters": 64, ...}``.

    Paths, logging and settings of speed alone are left out.

    Args:
        config: The resolved settings.

    Example:
        >>> identity({"seed": 0, "name": "x", "model": {"filters": 64}})
        {'seed': 0, 'model.filters': 64}
    """
    flat: dict[str, Any] = {}
    # hardware changes the speed of what trains nothing; there weights are identified by content
    left_out = _NOT_IDENTITY | (
        {"trainer", "run", "checkpoint"} if "checkpoint" in config else set()
    )

    def walk(node: Mapping[str, Any], prefix: str) -> None:
        for key, value in node.items():
            path = f"{prefix}{key}"
            if path in left_out:
                continue
            if isinstance(value, Mapping) and value:
                walk(value, f"{path}.")
            else:
                flat[path] = value

    walk(config, "")
    return flat


def with_content(settings: Mapping[str, Any], **digests: Any) -> dict[str, Any]:
    """Return a run's settings with digests of the files that they name, under ``content``.

    Two runs are the same if settings and contents of the files are, wherever the files lie. This
    dictionary is written to ``config.yaml`` and determines `run_hash`.

    Args:
        settings: The resolved settings, as plain values.
        digests: Digests, or lists of them, of ``data``, ``weights``, ``variants``; None is left
            out.

    Example:
        >>> with_content({"seed": 0}, data="ab12", variants=None)
        {'seed': 0, 'content': {'data': 'ab12'}}
    """
    content = {name: digest for name, digest in digests.items() if digest is not None}
    return {**settings, "content": content}


def run_hash(config: Mapping[str, Any]) -> str:
    """Return eight hexadecimal digits of all settings that change the result.

    Args:
        config: The resolved settings with ``content``.
    """
    return fingerprint(identity(config))


def read_config(folder: Path) -> dict[str, Any]:
    """Read a run's resolved configuration.

    Args:
        folder: The run's folder.

    Raises:
        FileNotFoundError: If the folder holds none.
        ValueError: If it is not a YAML mapping.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no {CONFIG}: it is not a run of Deep MR")
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError) as error:
        raise ValueError(f"{path} is not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path} must hold a mapping of settings")  # noqa: TRY004  (bad input)
    return config


def differing(folder: Path, config: Mapping[str, Any]) -> list[str]:
    """Return the settings that change the result and differ from those of a run, in words.

    Args:
        folder: The run's folder.
        config: Resolved settings with ``content``.
    """
    old, new = identity(read_config(folder)), identity(config)
    missing = object()
    return [
        f"{key}={old.get(key)} there, {new.get(key)} here"
        for key in sorted(old.keys() | new.keys())
        if old.get(key, missing) != new.get(key, missing)
    ]
