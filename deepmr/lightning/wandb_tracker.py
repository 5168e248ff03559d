"""Experiment tracking by Weights & Biases, offline without a key; it never fails a run."""

from __future__ import annotations

import functools
import json
import netrc
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from pytorch_lightning.loggers import Logger, WandbLogger

import deepmr
from deepmr.files import safe_name
from deepmr.lightning.tracking import Columns

__all__ = ["WandbTracker", "without_paths"]

P = ParamSpec("P")
T = TypeVar("T")


def _harmless(
    method: Callable[Concatenate[WandbTracker, P], T],
) -> Callable[Concatenate[WandbTracker, P], T | None]:
    """Make a method that says in one line what W&B could not do, and lets the run go on."""

    @functools.wraps(method)
    def wrapped(self: WandbTracker, *args: P.args, **kwargs: P.kwargs) -> T | None:
        if self.run is None:
            return None
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  (whatever W&B raises, the result is ours)
            _say(method.__name__, error)
            return None

    return wrapped


def _say(what: str, error: BaseException) -> None:
    text = " ".join(str(error).split()) or type(error).__name__
    print(f"W&B ({what}): {text}; the run goes on without it", file=sys.stderr)  # noqa: T201


class _HarmlessLogger(WandbLogger):
    """A WandbLogger whose failures do not reach training."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log metrics, or say in one line why not."""
        try:
            super().log_metrics(metrics, step)
        except Exception as error:  # noqa: BLE001  (whatever W&B raises, training goes on)
            _say("metrics", error)


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        known = netrc.netrc().hosts
    except (FileNotFoundError, netrc.NetrcParseError, OSError):
        return False
    return any("wandb" in host for host in known)


_REGIONS = frozenset({"chrom", "start", "end", "locus", "ref", "alt"})
_LOCAL_FIGURES = frozenset(
    {"forest", "forest-gallery", "scatter", "effects", "baujat", "leave-one-out"}
)
_PATHS = frozenset(
    {
        "root",
        "run",
        "path",
        "genome",
        "tracks",
        "exclude",
        "checkpoint",
        "tasks",
        "output",
        "content",
    }
)
_KEPT = "(kept on this machine)"


def without_paths(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without the places where files lie on this machine.

    Example:
        >>> without_paths({"seed": 0, "loci": {"path": "my.bed", "n": 4}})
        {'seed': 0, 'loci': {'path': '(kept on this machine)', 'n': 4}}
    """

    def kept(key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return without_paths(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if key in _PATHS or any(
            str(one).startswith(("/", ".", "~")) or ":\\" in str(one)
            for one in (value if isinstance(value, list | tuple) else [value])
        ):
            return _KEPT
        return value

    return {key: kept(str(key), value) for key, value in config.items()}


class WandbTracker:
    """Tracking by Weights & Biases, offline if there is no key.

    A training run and the interrogations of its networks are one group; the runs of a sweep are
    one, too (``WANDB_RUN_GROUP``, which sweeps set). The run's id is kept in its folder, so that a
    run that goes on after an interruption is one run there. Whatever fails is said in one line.

    Args:
        folder: The run's folder; W&B writes below it.
        name: Name of the run at W&B.
        job_type: ``train`` or ``interrogate``.
        config: The resolved configuration.
        project: W&B project.
        entity: W&B team or user; by default (None) that of the key.
        group: Group of the run; by default (None) the sweep, else the training run's name.
        tags: Tags of the run besides job type, version, data and tasks; none by default.
        mode: ``online``, ``offline`` or ``disabled``; by default (None) online with a key, else
            offline.
        upload: ``default``: settings, metrics, pooled tables, figures that show no region, and
            digests of data, weights and effects; ``all``: also paths, tables and figures of single
            loci, the report, and the run's files.

    Raises:
        ValueError: If ``mode`` or ``upload`` is unknown.
    """

    def __init__(
        self,
        *,
        folder: Path,
        name: str,
        job_type: str,
        config: Mapping[str, Any],
        project: str,
        entity: str | None = None,
        group: str | None = None,
        tags: Sequence[str] = (),
        mode: str | None = None,
        upload: str = "default",
    ) -> None:
        if upload not in ("default", "all"):
            raise ValueError(f"logger.upload is default or all, got {upload!r}")
        self.everything = upload == "all"
        if mode not in (None, "online", "offline", "disabled"):
            raise ValueError(f"logger.mode is online, offline or disabled (or null), got {mode!r}")
        import wandb

        self.wandb = wandb
        self.mode = mode or ("online" if _has_key() else "offline")
        group = group or os.environ.get("WANDB_RUN_GROUP") or name.partition("/")[0]
        identity = _run_id(folder)
        try:
            self.run = wandb.init(
                project=project,
                entity=entity,
                name=name,
                id=identity,
                resume="allow" if self.mode == "online" else None,
                group=group,
                tags=_tags(config, job_type, tags),
                job_type=job_type,
                dir=str(folder),
                config=dict(config) if self.everything else without_paths(config),
                mode=self.mode,
                settings=wandb.Settings(
                    silent=True,
                    console="off",
                    save_code=False,
                    disable_git=not self.everything,
                    x_disable_meta=not self.everything,  # command line, folder
                    **({} if self.everything else {"host": "-"}),
                ),
            )
        except Exception as error:  # noqa: BLE001  (no network, a wrong key: the run goes on)
            _say("start", error)
            self.run = None

    @_harmless
    def logger(self, prefix: str) -> Logger:
        """Return a WandbLogger on this run.

        Args:
            prefix: Put before the names of its metrics.
        """
        return _HarmlessLogger(experiment=self.run, prefix=prefix)

    @_harmless
    def table(self, name: str, columns: Columns) -> None:
        """Log a table; one of single loci only with ``upload=all``.

        Args:
            name: Name of the table.
            columns: Columns by name.
        """
        if not self.everything and _REGIONS & set(columns):
            return
        names = list(columns)
        values = [np.asarray(columns[name]).tolist() for name in names]
        rows = [list(row) for row in zip(*values, strict=True)]
        self.run.log({name: self.wandb.Table(columns=names, data=rows)})

    @_harmless
    def summary(self, values: Mapping[str, Any]) -> None:
        """Set entries of the run's summary.

        Args:
            values: Plain values by name.
        """
        self.run.summary.update(dict(values))

    @_harmless
    def figure(self, name: str, path: Path) -> None:
        """Log a figure; one of single loci only with ``upload=all``.

        Args:
            name: Name of the figure.
            path: Its PNG or SVG file.
        """
        if not self.everything and name in _LOCAL_FIGURES:
            return
        if path.suffix == ".svg":
            media = self.wandb.Html(path.read_text(encoding="utf-8"), data_is_not_path=True)
        else:
            media = self.wandb.Image(str(path))
        self.run.log({name: media})

    @_harmless
    def curves(self, name: str, lines: Sequence[Sequence[float]], *, keys: Sequence[str]) -> None:
        """Log curves by epoch as one panel.

        Args:
            name: Name of the panel.
            lines: Values from epoch 1 on, a line each.
            keys: Name of each line.
        """
        xs = [list(range(1, len(line) + 1)) for line in lines]
        ys = [list(map(float, line)) for line in lines]
        chart = self.wandb.plot.line_series(xs, ys, keys=list(keys), title=name, xname="epoch")
        self.run.log({name: chart})

    @_harmless
    def report(self, path: Path) -> None:
        """Log the report, which shows single loci: only with ``upload=all``.

        Args:
            path: The HTML file.
        """
        if self.everything:
            page = self.wandb.Html(path.read_text(encoding="utf-8"), data_is_not_path=True)
            self.run.log({"report": page})

    @_harmless
    def used(self, kind: str, identity: str, facts: Mapping[str, Any]) -> None:
        """Link the run to what it was made from, known by its digest.

        Args:
            kind: ``data``, ``model`` or ``effects``.
            identity: Digest that identifies it.
            facts: Digests and names that describe it; no paths.
        """
        artifact = self._identity(kind, identity, facts)
        if self.mode == "offline":  # W&B refuses use_artifact offline; `wandb sync` does it later
            self.run._log_artifact(  # noqa: SLF001
                artifact, is_user_created=True, use_after_commit=True
            )
        else:
            self.run.use_artifact(artifact)

    @_harmless
    def made(self, kind: str, identity: str, facts: Mapping[str, Any]) -> None:
        """Log what the run made, known by its digest; the files themselves by `artifact`.

        Args:
            kind: ``model``, ``effects`` or ``estimates``.
            identity: Digest that identifies it.
            facts: Digests and names that describe it; no paths.
        """
        self.run.log_artifact(self._identity(kind, identity, facts))

    def _identity(self, kind: str, identity: str, facts: Mapping[str, Any]) -> Any:
        """Return an artifact of digests: the same content is the same version, whoever logs it."""
        artifact = self.wandb.Artifact(safe_name(f"{kind}-{identity}"), type=kind)
        with artifact.new_file("identity.json") as stream:
            json.dump({"identity": identity, **facts}, stream, sort_keys=True)
        return artifact

    @_harmless
    def artifact(self, name: str, folder: Path, *, by_reference: Sequence[str] = ()) -> None:
        """Log a run's folder as an artifact, only with ``upload=all``.

        Large subfolders are references to where they lie.

        Args:
            name: Name of the artifact.
            folder: The run's folder.
            by_reference: Names of the large subfolders; none by default.
        """
        if not self.everything:
            return
        artifact = self.wandb.Artifact(safe_name(name), type=f"{self.run.job_type}-run")
        skipped = {"wandb", *by_reference}
        for path in sorted(folder.iterdir()):
            if path.name in skipped or path.name.startswith("."):
                continue
            if path.is_dir():
                artifact.add_dir(str(path), name=path.name)
            else:
                artifact.add_file(str(path), name=path.name)
        for sub in by_reference:
            if (folder / sub).is_dir():
                artifact.add_reference((folder / sub).resolve().as_uri(), name=sub)
        self.run.log_artifact(artifact)

    @_harmless
    def finish(self, *, failed: bool = False) -> None:
        """Close the run.

        Args:
            failed: Whether the run failed; not by default.
        """
        self.run.finish(exit_code=1 if failed else 0)


def _run_id(folder: Path) -> str:
    """Return the run's id at W&B, kept in its folder: the same after an interruption."""
    path = folder / "wandb" / "run-id"
    try:
        known = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        known = ""
    if known.isalnum():
        return known
    fresh = secrets.token_hex(4)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{fresh}\n", encoding="ascii")
    except OSError as error:
        _say("run id", error)
    return fresh


def _tags(config: Mapping[str, Any], job_type: str, more: Sequence[str]) -> list[str]:
    """Return job type, version, data and tasks as tags, each at most 64 letters, as W&B asks."""
    data = config.get("data")
    target = str(data.get("_target_", "")) if isinstance(data, Mapping) else ""
    kind = target.rpartition(".")[2].removesuffix("Source").removesuffix("_source").lower()
    named = [config.get("exposure"), config.get("outcome"), kind]
    tags = [job_type, f"deepmr-{deepmr.__version__}", *named, *more]
    return list(dict.fromkeys(str(tag)[:64] for tag in tags if tag))
