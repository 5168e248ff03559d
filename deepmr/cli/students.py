"""`inference=parametric_bootstrap`: what students found, read from their interrogations."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate
from jaxtyping import Bool

from deepmr.cli.plans import part
from deepmr.estimate import Estimate
from deepmr.inference import Inference, StudentEstimates
from deepmr.io.manifest import is_finished
from deepmr.io.tables import read_table
from deepmr.workflow.folder import read_config
from deepmr.workflow.loci import Loci

__all__ = ["build_inference"]

_SAME = ("scale", "instruments", "estimator", "meta", "variants", "uncertainty", "mutagenesis")
_ASIDE = ("chunk", "seed")  # of the mutagenesis: the speed; of dropout: which draws

Table = Mapping[str, np.ndarray]


def build_inference(
    settings: dict[str, Any], teacher: Sequence[str], pair: tuple[str, str], loci: Loci
) -> tuple[Inference, list[str]]:
    """Build the inference; a parametric bootstrap is completed with what its students found.

    Args:
        settings: Of the interrogation; the digests of the students' weights are added, so that
            the run is known by them.
        teacher: Digests of the weights that are asked.
        pair: Names of exposure and outcome.
        loci: The loci that are asked.

    Returns:
        The inference, and what the reader of the report must know of it.

    Raises:
        ValueError: If no students are named, or some do not fit.
        FileNotFoundError: If a folder is missing or not finished.
    """
    chosen = dict(settings["inference"])
    if "students" not in chosen:
        return instantiate(chosen, _convert_="all"), []
    folders = _folders(chosen.pop("students"))
    found = {folder: _checked(folder, settings, chosen["base"], teacher) for folder in folders}
    weights = [list(config["weights"]) for config in found.values()]
    for later, digests in enumerate(weights):
        if digests in weights[:later]:
            first = folders[weights.index(digests)]
            raise ValueError(f"{folders[later]} and {first} ask the same students; name each once")
    if len(folders) < 2:
        raise ValueError(
            f"inference.students must name at least 2 ensembles of students, got {folders[0]}; "
            "train more (train.py -m data=teacher seed=1,2,3,4)"
        )
    settings["students"] = weights
    estimates, meta = (
        {folder: read_table(folder / f"{name}.parquet") for folder in folders}
        for name in ("estimates", "meta")
    )
    students = [
        _collect(estimates, meta, (exposure, outcome, method), loci)
        for exposure, outcome in (pair, pair[::-1])
        for method in settings["estimator"]
    ]
    built = part(chosen)(students=students)
    return built, built.notes()


def _folders(named: str | Sequence[str] | None) -> list[Path]:
    if not named:
        raise ValueError(
            "inference=parametric_bootstrap needs the students' interrogations; set "
            "'inference.students=runs/interrogate/NAME-student-*/EXPOSURE-OUTCOME-*'"
        )
    folders: list[Path] = []
    for pattern in [named] if isinstance(named, str) else list(named):
        magic = glob.has_magic(str(pattern))
        matches = sorted(glob.glob(str(pattern))) if magic else [pattern]  # noqa: PTH207
        if not matches:
            raise FileNotFoundError(f"no interrogation matches inference.students={pattern}")
        folders += [Path(match) for match in matches if Path(match) not in folders]
    return folders


def _checked(
    folder: Path, settings: Mapping[str, Any], base: Mapping[str, Any], teacher: Sequence[str]
) -> dict[str, Any]:
    """Return a student's configuration if it was asked what its teacher is asked."""
    if not is_finished(folder):
        raise FileNotFoundError(f"{folder} is no finished interrogation; see inference.students")
    config = read_config(folder)
    if "teacher" not in config:
        raise ValueError(f"{folder} did not ask students (train.py data=teacher data.run=...)")
    if list(config["teacher"]) != list(teacher):
        raise ValueError(
            f"{folder} asked students of another run than the one that is asked now; "
            "run= and the students' data.run must be the same"
        )
    if len(config["weights"]) != len(teacher):
        raise ValueError(
            f"{folder} asked students of {len(config['weights'])} files of weights, the teacher "
            f"has {len(teacher)}; train students with the teacher's recipe"
        )
    theirs = {key: config.get(key) for key in _SAME} | {"inference": config["inference"]}
    ours = {key: settings[key] for key in _SAME} | {"inference": base}
    for key, wanted in ours.items():
        if _plain(theirs[key]) != _plain(wanted):
            raise ValueError(
                f"{folder} asked students with other settings: {key} is {theirs[key]} there, must "
                f"be {wanted}; ask them again with the same {key}"
                + (" (inference=per_member)" if key == "inference" else "")
            )
    return config


def _plain(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: _plain(one) for key, one in value.items() if key not in _ASIDE}


def _collect(
    estimates: Mapping[Path, Table],
    meta: Mapping[Path, Table],
    key: tuple[str, str, str],
    loci: Loci,
) -> StudentEstimates:
    local = [_local(folder, table, key, loci) for folder, table in estimates.items()]
    pooled = [_pooled(folder, table, key) for folder, table in meta.items()]
    value, se, df, teacher = (np.stack(column) for column in zip(*local, strict=True))
    mean, error, freedom, truth = (np.array(column) for column in zip(*pooled, strict=True))
    exposure, outcome, method = key
    return StudentEstimates(
        exposure=exposure,
        outcome=outcome,
        method=method,
        local=Estimate(value=value, se=se, df=df),
        teacher=teacher,
        pooled=Estimate(value=mean, se=error, df=freedom),
        teacher_pooled=truth,
    )


def _rows(table: Table, key: tuple[str, str, str]) -> Bool[np.ndarray, " row"]:
    columns = ("exposure", "outcome", "method")
    return np.asarray(
        np.all([table[name] == value for name, value in zip(columns, key, strict=True)], axis=0)
    )


def _local(
    folder: Path, table: Table, key: tuple[str, str, str], loci: Loci
) -> tuple[np.ndarray, ...]:
    """Return value, se, df and the teacher's slope of each locus, in the order of the loci."""
    rows = np.flatnonzero(_rows(table, key))
    if not rows.size:
        raise ValueError(f"{folder} did not ask {key[0]} on {key[1]} by {key[2]}")
    places = zip(*(table[name][rows].tolist() for name in ("chrom", "start", "end")), strict=True)
    row_of = dict(zip(places, rows.tolist(), strict=True))
    wanted = loci.places()
    missing = [place for place in wanted if place not in row_of]
    if missing or len(row_of) != len(wanted):
        raise ValueError(
            f"{folder} asked {len(row_of)} loci, {len(wanted) - len(missing)} of the {len(wanted)} "
            "that are asked now; ask students with the same loci and seed"
        )
    order = [row_of[place] for place in wanted]
    return tuple(table[name][order] for name in ("value", "se", "df", "true_value"))


def _pooled(folder: Path, table: Table, key: tuple[str, str, str]) -> tuple[float, ...]:
    rows = np.flatnonzero(_rows(table, key))
    if rows.size != 1:
        raise ValueError(
            f"{folder} has {rows.size} pooled effects of {key[0]} on {key[1]} by {key[2]}, not one"
        )
    names = ("value", "se", "df", "true_value")
    return tuple(float(table[name][rows[0]]) for name in names)
