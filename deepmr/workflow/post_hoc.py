"""Post-hoc calibration: fit calibrators to trained networks on held-out labels."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deepmr.adapted import adapter_of
from deepmr.calibration import ByKind, CalibratorTable, FittedIdentity
from deepmr.data.source import DataSource
from deepmr.files import read_json, reading, sha256, write_json
from deepmr.lightning.prediction import predict_split
from deepmr.models import as_read
from deepmr.mutagenesis import check_repeatable
from deepmr.networks import Networks, identity_link
from deepmr.tasks import TaskTable
from deepmr.uncertainty import Member
from deepmr.workflow.calibration import Predictions, splits_read
from deepmr.workflow.calibration_slope import post_hoc_metrics
from deepmr.workflow.evaluation import Evaluation, evaluate
from deepmr.workflow.network_checks import REPEATABLE, check_readings
from deepmr.workflow.run_folder import RunFolder
from deepmr.workflow.score_text import changes, score_text

__all__ = ["CALIBRATOR", "PostHoc", "calibrate_post_hoc", "with_calibrators"]

CALIBRATOR = "calibrator.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostHoc:
    """Settings of a post-hoc calibration: networks, labels, calibrators, folder.

    Args:
        networks: The trained networks, each as it is (`deepmr.uncertainty.Given`).
        source: The labelled data; tasks are matched to the networks' by name.
        specification: Calibrator of each kind of task.
        folder: The folder of the results.
        batch_size: Windows in a forward pass, 256 by default.
        device: Of the forward passes, ``cpu`` by default.

    Raises:
        ValueError: If no task has labels, kinds or lengths differ, the networks are read at places
            that windows do not have, or a split is empty.
    """

    networks: Networks
    source: Any
    specification: ByKind
    folder: RunFolder
    batch_size: int = 256
    device: torch.device | str = "cpu"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {self.batch_size}")
        _check_kinds(self.networks, self.source.tasks)
        length = self.networks.length
        if length is not None and length != self.source.length:
            raise ValueError(
                f"the network reads {length} bases and the data's windows have "
                f"{self.source.length}; set the data's window (data.context={length} of "
                "data=encode)"
            )
        if any(getattr(one, "per_locus", False) for one in self.networks.members.networks):
            raise ValueError(
                "the network is read at places of a BED file's lines, which labelled windows do "
                "not have; calibrate it with positions that are the same at every locus"
            )

    @property
    def labelled(self) -> TaskTable:
        """The networks' tasks that have labels, in the networks' order.

        Without those that are read on the scale of logarithms, which labels are not on.
        """
        known = set(self.source.tasks.names) - set(self.networks.scale.named_units)
        return TaskTable(tuple(task for task in self.networks.tasks if task.name in known))

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that are read: those that calibrators are fitted on, and the test split."""
        return (*splits_read(self.specification, self.labelled), "test")


def calibrate_post_hoc(job: PostHoc) -> float:
    """Fit calibrators, show scores before and after on the test split, write the folder.

    Args:
        job: The settings.

    Returns:
        The mean negative log-likelihood of the binary tasks on the test split after calibration,
        for a sweeper; NaN without any.

    Raises:
        FileExistsError: If the calibration is finished, or has other settings.
        ValueError: If outputs of a binary task are probabilities, a split has no window, or the
            weights changed meanwhile.
    """
    started = datetime.now(UTC)
    if job.folder.leader:
        job.source.prepare()
    with job.folder.open() as folder:
        if not job.folder.leader:
            return float("nan")
        print(f"calibrating in {job.folder.path}")
        _check_foreign(job)
        predictions = {name: _predictions(job, name) for name in job.splits}
        _refuse_probabilities(job, predictions["calibration"][0])
        evaluation = evaluate(job.labelled, predictions, job.specification)
        table = _of_all(job, evaluation)
        _check_unchanged(job.networks)
        _write(job, folder, table, evaluation)
        print(score_text(evaluation))
        job.folder.finish(
            device=str(job.device),
            started=started,
            inputs=[*job.networks.files, *job.source.inputs()],
            outputs=[folder / name for name in (CALIBRATOR, "scores.parquet", "figures")],
            value=_mean_nll(evaluation),
            facts={
                "network": job.networks.description,
                "weights": list(job.networks.digests),
                "data_fingerprint": job.source.fingerprint,
                "nll_change": {
                    name: [one.value, one.lower, one.upper]
                    for name, one in changes(evaluation).items()
                },
            },
        )
    print(f"calibrator: {job.folder.path / CALIBRATOR} (interrogate with calibrator=PATH)")
    return _mean_nll(evaluation)


def with_calibrators(networks: Networks, path: Path | str) -> Networks:
    """Return the networks with calibrators that `calibrate_post_hoc` fitted to these weights.

    Args:
        networks: The networks.
        path: A ``calibrator.json``, or the folder that holds one.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it was fitted to other weights or tasks, or says to none.
    """
    file = Path(path)
    if file.is_dir():
        file /= CALIBRATOR
    if not file.is_file():
        raise FileNotFoundError(
            f"calibrator={path}: there is no {CALIBRATOR}; give what deepmr calibrate wrote"
        )
    with reading(file):
        record = dict(read_json(file))
        weights = record.get("weights")
        table = CalibratorTable.from_record(record)
    if not isinstance(weights, list) or not weights:
        raise ValueError(
            f"{file} does not say which weights it was fitted to; deepmr calibrate writes one "
            "that does"
        )
    if sorted(map(str, weights)) != sorted(networks.digests):
        raise ValueError(
            f"{file} was fitted to other weights (sha256 {str(weights[0])[:12]}..., here "
            f"{', '.join(one[:12] for one in networks.digests[:1])}...); calibrate these with "
            "deepmr calibrate"
        )
    if set(table.names) != set(networks.tasks.names):
        raise ValueError(f"{file} was fitted to other tasks: {', '.join(table.names[:5])}")
    ordered = CalibratorTable(
        names=networks.tasks.names,
        calibrators=tuple(table.of(name) for name in networks.tasks.names),
    )
    notes = tuple(note for note in networks.notes if "without calibration" not in note)
    return replace(
        networks,
        scale=replace(networks.scale, calibrators=ordered),
        metrics=post_hoc_metrics(networks.metrics, file.parent / "scores.parquet"),
        notes=(*notes, f"Calibrated post hoc, without training, by {file}."),
    )


class _Averaged(nn.Module):
    """A member's forward passes, their raw outputs averaged: both strands of an adapter, say."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        self.networks = nn.ModuleList([one.network for one in member])
        self.reverse = [one.augmentation.reverse for one in member]

    def forward(self, sequence: Tensor) -> Tensor:
        """Return the mean of the raw outputs."""
        outputs = [
            network(sequence.flip(1, 2) if reverse else sequence)  # A, C, G, T backwards
            for network, reverse in zip(self.networks, self.reverse, strict=True)
        ]
        return torch.stack(outputs).mean(dim=0)


def _predictions(job: PostHoc, name: str) -> Predictions:
    split = job.source.split(name)
    if len(split) == 0:
        raise ValueError(f"the {name} split of the data holds no window; see data.splits.{name}")
    labelled = job.labelled.names
    own = [job.networks.tasks.names.index(task) for task in labelled]
    theirs = [job.source.tasks.names.index(task) for task in labelled]
    found, target, mask = predict_split(
        [_Averaged(member) for member in job.networks.members.members],
        split,
        functools.partial(_selected, job.networks.scale.link, own),
        batch_size=job.batch_size,
        device=job.device,
        title=f"predicting the {name} split",
    )
    if not np.isfinite(found).all():
        raise ValueError(f"an output for the {name} split is not finite; is the network trained?")
    return found, target[:, theirs], mask[:, theirs]


def _check_foreign(job: PostHoc) -> None:
    """Check networks trained elsewhere, with one line for each check, before any work."""
    if job.networks.scale.link not in (identity_link, as_read):
        return
    networks = job.networks.members.networks
    lines = list(check_readings(networks, job.source.length))
    for network in networks:
        check_repeatable(network, length=job.source.length)
    for line in (*lines, REPEATABLE):
        print(f"checked: {line}")


def _selected(link: Callable[[Tensor], Tensor], columns: Sequence[int], raw: Tensor) -> Tensor:
    return link(raw)[..., list(columns)]


def _check_kinds(networks: Networks, labelled: TaskTable) -> None:
    names = networks.tasks.names
    left = set(networks.scale.named_units)
    common = [task for task in networks.tasks if task.name in set(labelled.names) - left]
    if not common:
        raise ValueError(
            f"no output can be compared with labels: the network's tasks are "
            f"{', '.join(names[:5])}, the data's {', '.join(labelled.names[:5])}; tasks are "
            "matched by name, and those on the scale of logarithms have no labels"
        )
    for task in common:
        kind = labelled[labelled.names.index(task.name)].kind
        if kind != task.kind:
            raise ValueError(
                f"{task.name} is a {task.kind} task of the network and a {kind} one of the data; "
                "give the tasks of one kind"
            )


def _refuse_probabilities(job: PostHoc, found: np.ndarray) -> None:
    """Refuse binary tasks whose outputs all look like probabilities, unless logits were said."""
    if job.networks.scale.link not in (identity_link, as_read):
        return
    adapter = adapter_of(job.networks.members.networks)
    unsaid = job.labelled.names if adapter is None else adapter.unsaid
    for column, task in enumerate(job.labelled):
        low, high = found[..., column].min(), found[..., column].max()
        if task.name in unsaid and task.kind == "binary" and 0.0 <= low < high <= 1.0:
            raise ValueError(
                f"all outputs for {task.name} lie between 0 and 1, as probabilities do, and a "
                "binary task must return logits; say activation: sigmoid in the outputs of "
                "deepmr.models.Adapter"
            )


def _of_all(job: PostHoc, evaluation: Evaluation) -> CalibratorTable:
    """Return a calibrator for every output; those without labels stay as they are."""
    bare = FittedIdentity(reason=f"no labels in {job.source.name}")
    fitted = evaluation.calibrators
    names = job.networks.tasks.names
    return CalibratorTable(
        names=names,
        calibrators=tuple(fitted.of(name) if name in fitted.names else bare for name in names),
    )


def _check_unchanged(networks: Networks) -> None:
    now = tuple(sha256(path) for path in networks.files)
    if now != networks.digests:
        raise ValueError(
            "files of the weights changed while they were calibrated; give the command again"
        )


def _write(job: PostHoc, folder: Path, table: CalibratorTable, evaluation: Evaluation) -> None:
    source: DataSource = job.source
    record: Mapping[str, Any] = {
        **table.to_record(),
        "weights": list(job.networks.digests),
        "data": source.name,
        "data_fingerprint": source.fingerprint,
        "splits": {name: list(source.splits.get(name, [])) for name in job.splits},
    }
    evaluation.write_scores(folder / "scores.parquet")
    (folder / "figures").mkdir(exist_ok=True)
    evaluation.draw(folder / "figures")
    write_json(folder / CALIBRATOR, record)


def _mean_nll(evaluation: Evaluation) -> float:
    found = [
        row.value
        for row in evaluation.scores
        if (row.kind, row.stage, row.score) == ("binary", "calibrated", "nll")
    ]
    return float(np.mean(found)) if found else float("nan")
