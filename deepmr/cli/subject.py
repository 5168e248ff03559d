"""Who is interrogated: trained runs, or a network trained elsewhere."""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import Tensor, nn

from deepmr.calibration import CalibratorTable
from deepmr.cli.plans import build_loss, build_network, build_source, part, short_name
from deepmr.data.source import DataSource
from deepmr.files import read_json, sha256
from deepmr.io.tables import read_table
from deepmr.lightning.prediction import predict_split
from deepmr.lightning.training import load_weights
from deepmr.losses import MultiTaskLoss
from deepmr.tasks import Task, TaskTable
from deepmr.uncertainty import Trained
from deepmr.workflow.calibrate import calibrate, splits_read
from deepmr.workflow.runs import TrainedRun, find_runs, newest_run

__all__ = ["Subject", "foreign_subject", "read_tasks", "source_of", "trained_subject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Trained networks and what is known of them.

    Args:
        name: Of the folder its interrogations go to.
        description: In words, for the manifest and the report.
        trained: The networks, in order.
        tasks: Their outputs.
        length: Bases of their input.
        link: From raw outputs to the effect scale before calibration.
        calibrators: One a task.
        source: The data they were trained on; None where nobody knows.
        weights: Files of their weights, snapshots included.
        metrics: Columns of the run's ``metrics.parquet``, where there is one run.
        notes: What the reader of a report must know.
    """

    name: str
    description: str
    trained: Sequence[Trained]
    tasks: TaskTable
    length: int
    link: Any
    calibrators: CalibratorTable
    source: DataSource | None
    weights: Sequence[Path]
    metrics: Mapping[str, Any] | None
    notes: Sequence[str]

    @property
    def identity(self) -> list[str]:
        """Digests of the weights, in order."""
        return [sha256(path) for path in self.weights]


def trained_subject(config: DictConfig, settings: Mapping[str, Any]) -> Subject:
    """Load the training runs that ``run=`` names, or the newest that predicts both tasks.

    Raises:
        FileNotFoundError: If a run or a file of it is missing.
        LookupError: If no run predicts both tasks.
        ValueError: If runs cannot be pooled, or weights and data do not belong together.
    """
    if config.run is None:
        folder = Path(config.paths.output) / "train"
        runs = [newest_run(folder, config.exposure, config.outcome)]
        print(f"run: {runs[0].folder} (the newest that predicts both; run= names another)")
    else:
        runs = find_runs(settings["run"])
        print(f"run: {', '.join(str(run.folder) for run in runs)}")
    first = runs[0]
    source = source_of(first, settings)
    loss = build_loss(first.config, source)
    trained = [one for run in runs for one in _trained(run)]
    weights = [path for run in runs for path in run.checkpoints]
    weights += [path for run in runs for paths in run.snapshots for path in paths]
    return Subject(
        name=first.folder.name
        if len(runs) == 1
        else f"{first.folder.name}-and-{len(runs) - 1}-more",
        description=", ".join(str(run.folder) for run in runs),
        trained=trained,
        tasks=first.tasks,
        length=first.description["length"],
        link=loss.to_effect_scale,
        calibrators=_calibrators(runs, [one.network for one in trained], source, loss),
        source=source,
        weights=weights,
        metrics=read_table(first.folder / "metrics.parquet") if len(runs) == 1 else None,
        notes=[],
    )


def _trained(run: TrainedRun) -> list[Trained]:
    build = build_network(run.config, run.shape)

    def load(paths: Sequence[Path]) -> list[nn.Module]:
        return [load_weights(build(), path) for path in paths]

    return [
        Trained(network=load_weights(build(), path), snapshots=functools.partial(load, snapshots))
        for path, snapshots in zip(run.checkpoints, run.snapshots, strict=True)
    ]


def source_of(run: TrainedRun, settings: Mapping[str, Any] | None = None) -> Any:
    """Build the data a run was trained on, checked to be the same.

    Args:
        run: The run.
        settings: Of the present command: their part ``data``, if any, says where the data lie now.

    Raises:
        FileNotFoundError: If the data are not there.
        ValueError: If they have changed.
    """
    source = build_source(settings if settings and settings.get("data") else run.config)
    if source.fingerprint != run.description["data_fingerprint"]:
        raise ValueError(
            f"{run.folder} was trained on other data (fingerprint "
            f"{run.description['data_fingerprint']}, now {source.fingerprint}); "
            "have its files changed? data= names where they lie"
        )
    return source


def _calibrators(
    runs: Sequence[TrainedRun],
    networks: Sequence[nn.Module],
    source: DataSource,
    loss: MultiTaskLoss,
) -> CalibratorTable:
    if len(runs) == 1:
        return CalibratorTable.from_record(read_json(runs[0].folder / "calibrator.json"))
    specification = instantiate(runs[0].config["calibrator"], _convert_="all")
    predictions = {
        name: predict_split(
            networks,
            source.split(name),
            loss.to_effect_scale,
            batch_size=256,
            title=f"calibrating the pooled ensemble ({name} split)",
        )
        for name in splits_read(specification, source.tasks)
    }
    return calibrate(source.tasks, predictions, specification)


def read_tasks(path: Path) -> TaskTable:
    """Read the outputs of a network trained elsewhere: tab-separated, with a header.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column is missing or a row breaks a rule.
    """
    if not path.is_file():
        raise FileNotFoundError(f"tasks={path}: no such file")
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream, delimiter="\t")
        header = [name for name in reader.fieldnames or [] if name]
        known = ("name", "target", "assay", "biosample", "kind")
        if "name" not in header:
            raise ValueError(
                f"{path} must have a tab-separated header with name (and {', '.join(known[1:])}), "
                f"got {', '.join(header) or 'nothing'}"
            )
        tasks = []
        for number, row in enumerate(reader, start=2):
            given = {key: row[key] for key in known if row.get(key)}
            try:
                tasks.append(Task(**{"target": row["name"], **given}))
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
    return TaskTable(tuple(tasks))


def foreign_subject(config: DictConfig, settings: Mapping[str, Any]) -> Subject:
    """Load a network trained elsewhere: ``checkpoint=FILE model=mine tasks=tasks.tsv``.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If model= or tasks= is missing, or the weights belong to another network.
    """
    for key in ("model", "tasks"):
        if not settings.get(key):
            raise ValueError(
                f"checkpoint= needs {key}= as well; for example "
                "checkpoint=net.pt model=mine tasks=tasks.tsv"
            )
    paths = settings["checkpoint"]
    weights = [Path(path) for path in ([paths] if isinstance(paths, str) else paths)]
    tasks = read_tasks(Path(settings["tasks"]))
    source = build_source(settings) if settings.get("data") else None
    build = part(settings["model"])
    trained = [Trained(network=load_weights(build(), path)) for path in weights]
    length = settings["loci"].get("length") or (source.length if source else None)
    if length is None:
        raise ValueError(
            "loci.length must say how many bases the network reads (nothing else does here)"
        )
    unknown = "The regions this network was trained on are unknown: nothing keeps it from having "
    notes = [f"{unknown}seen these loci."] if source is None else []
    notes.append("The network was interrogated as it came, without calibration.")
    return Subject(
        name=f"{short_name(config, 'model')}-{weights[0].stem}",
        description=", ".join(str(path) for path in weights),
        trained=trained,
        tasks=tasks,
        length=int(length),
        link=_as_it_is,
        calibrators=CalibratorTable.identity(tasks, reason="a network trained elsewhere"),
        source=source,
        weights=weights,
        metrics=None,
        notes=notes,
    )


def _as_it_is(raw: Tensor) -> Tensor:
    return raw
