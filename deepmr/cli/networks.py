"""Load networks: from training runs, or from checkpoints of networks trained elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from deepmr.calibration import CalibratorTable
from deepmr.cli.parts import build_loss, build_network, build_source
from deepmr.cli.trust import Trust, build
from deepmr.data.source import DataSource
from deepmr.files import expand_paths, read_json, reading, safe_name, sha256
from deepmr.io.tables import read_table
from deepmr.lightning.prediction import predict_split
from deepmr.lightning.training import load_weights
from deepmr.losses import MultiTaskLoss
from deepmr.models import Adapter
from deepmr.models.adapter import EVERY
from deepmr.networks import EffectScale, Networks, identity_link
from deepmr.tasks import TaskTable, read_tasks
from deepmr.uncertainty import Auto, Trained, Uncertainty
from deepmr.weights import load_members, weights_file
from deepmr.workflow.calibration import calibrate, splits_read
from deepmr.workflow.post_hoc import with_calibrators
from deepmr.workflow.run_identity import CONFIG
from deepmr.workflow.trained_runs import SHARED_ERROR, TrainedRun, find_runs

__all__ = ["load_adapted", "load_checkpoints", "load_run", "networks_of_runs", "tasks_of"]


def load_run(
    path: str | Path | Sequence[str | Path],
    *,
    scale: str = "logit",
    uncertainty: Uncertainty | None = None,
    data: Mapping[str, Any] | None = None,
    trust: Sequence[str] = (),
    calibrator: str | Path | None = None,
) -> Networks:
    """Load the networks of a training run, calibrated, ready to be interrogated.

    Args:
        path: Folder of a finished training run, a glob, or a list of them: pooled as one ensemble.
        scale: ``logit`` (default), or ``probability`` for binary tasks.
        uncertainty: Where standard errors come from; by default the ensemble, or dropout draws of
            a single network.
        data: Settings of the data, where they lie elsewhere now than when the run was trained.
        trust: Packages with networks of your own that the run's settings may name; by default
            nothing but Deep MR and torch.nn is built from them.
        calibrator: Calibrators that ``deepmr calibrate`` fitted to these weights, in place of
            the run's own (None, the default).

    Raises:
        FileNotFoundError: If a run, or the data it was trained on, is missing.
        ValueError: If runs cannot be pooled, or weights and data do not belong together.

    Example:
        >>> networks = load_run("runs/train/demo")  # doctest: +SKIP
        >>> load_run("runs/train/a_run_that_nobody_trained")
        Traceback (most recent call last):
            ...
        FileNotFoundError: run runs/train/a_run_that_nobody_trained does not exist; give the ...
    """
    runs = find_runs([path] if isinstance(path, str | Path) else path)
    return networks_of_runs(
        runs,
        scale=scale,
        uncertainty=uncertainty or Auto(),
        settings={"data": data, "trust": list(trust), "calibrators": calibrator},
    )


def networks_of_runs(
    runs: Sequence[TrainedRun],
    *,
    scale: str,
    uncertainty: Uncertainty,
    settings: Mapping[str, Any],
    calibrators: CalibratorTable | None = None,
) -> Networks:
    """Load the networks of one or several training runs as one ensemble.

    Args:
        runs: Finished runs of the same tasks and data.
        scale: ``logit`` or ``probability``.
        uncertainty: Turns the networks into members.
        settings: Of the present command: their part ``data``, if any, says where the data lie, and
            ``trust`` which packages the runs may name, and ``calibrators`` where calibrators
            lie that were fitted post hoc.
        calibrators: Calibrators to take in place of the runs' own; None (the default) for those.

    Raises:
        FileNotFoundError: If a file of a run, or the data, is missing.
        ValueError: If weights and data do not belong together.
    """
    first = runs[0]
    trained = [network for run in runs for network in _trained(run, _trust(run, settings))]
    source = _source(first, settings)
    with reading(first.folder / CONFIG):
        loss = build_loss(first.config, source, _trust(first, settings))
    files = [path for run in runs for path in run.checkpoints]
    files += [path for run in runs for paths in run.snapshots for path in paths]
    members = uncertainty(trained)
    if len(trained) > 1:  # the errors were measured on an ensemble, not on draws from one network
        ratios: list[float] = []
        for run in runs:
            with reading(run.folder / SHARED_ERROR):
                ratios += [float(ratio) for ratio in run.error_ratios.values()]
        members = replace(members, error_ratios=tuple(ratios))
    other = settings.get("calibrators")
    if calibrators is None and other:
        calibrators = CalibratorTable.identity(first.tasks, reason="calibrated post hoc")
    if calibrators is None:
        calibrators = _calibrators(
            runs, [one.network for one in trained], source, loss, _trust(first, settings)
        )
    networks = Networks(
        members=members,
        scale=EffectScale(
            tasks=first.tasks, link=loss.to_effect_scale, calibrators=calibrators, scale=scale
        ),
        length=first.description["length"],
        name=safe_name(first.folder.resolve().name)
        if len(runs) == 1
        else f"{safe_name(first.folder.resolve().name)}-and-{len(runs) - 1}-more",
        description=", ".join(str(run.folder) for run in runs),
        files=tuple(files),
        digests=tuple(sha256(path) for path in files),
        metrics=read_table(first.folder / "metrics.parquet") if len(runs) == 1 else None,
        notes=(members.note,) if members.note else (),
        source=source,
    )
    return with_calibrators(networks, other) if other else networks


def load_checkpoints(
    settings: Mapping[str, Any], *, name: str, scale: str, uncertainty: Uncertainty
) -> Networks:
    """Load networks trained elsewhere: ``checkpoint=FILE model=mine tasks=tasks.tsv``.

    Args:
        settings: Of the command: checkpoint, model, tasks and, where they are known, data.
        name: Name of the model's part, for the folder.
        scale: ``logit`` or ``probability``.
        uncertainty: Turns the networks into members.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If model= or tasks= is missing, or the weights belong to another network.
    """
    if not settings.get("model"):
        raise ValueError(
            "checkpoint= needs model= as well; for example "
            "checkpoint=net.pt model=mine tasks=tasks.tsv"
        )
    own = Trust(packages=settings.get("trust") or (), own=True)
    files = [weights_file(p) for p in expand_paths(settings["checkpoint"], what="checkpoint")]
    modules, said = load_members(functools.partial(load_adapted, settings, own, None), files)
    tasks = tasks_of(settings, modules[0])
    source = build_source(settings, own) if settings.get("data") else None
    members = uncertainty([Trained(network=network) for network in modules])
    notes = ["The network was interrogated as it came, without calibration.", *said]
    if source is None:
        notes.insert(
            0,
            "The regions this network was trained on are unknown: nothing keeps it from having "
            "seen these loci.",
        )
    networks = Networks(
        members=members,
        scale=EffectScale(
            tasks=tasks,
            link=identity_link,
            calibrators=CalibratorTable.identity(tasks, reason="a network trained elsewhere"),
            scale=scale,
        ),
        length=source.length if source else None,
        name=safe_name(f"{name}-{files[0].stem}"),
        description=", ".join(str(path) for path in files),
        files=tuple(files),
        digests=tuple(sha256(path) for path in files),
        notes=(*notes, *([members.note] if members.note else [])),
        source=source,
    )
    networks = networks.as_adapted(modules)
    other = settings.get("calibrators")
    return with_calibrators(networks, other) if other else networks


def load_adapted(settings: Mapping[str, Any], own: Trust, path: Path | None) -> nn.Module:
    """Build a network, with parts of its own, and load its weights; an adapter's are the inner's.

    Args:
        settings: Of the command: model and, where a file names its tasks, tasks.
        own: The user's word.
        path: The checkpoint; None leaves the weights random.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the network cannot be built, or the weights belong to another.
    """
    model = dict(settings["model"])
    if settings.get("tasks") and EVERY in (model.get("outputs") or ()):
        model["tasks"] = settings["tasks"]
    network: nn.Module = build(model, "model", own, partial=False)
    if path is not None:
        load_weights(network.network if isinstance(network, Adapter) else network, path)
    return network


def tasks_of(settings: Mapping[str, Any], network: nn.Module) -> TaskTable:
    """Return the outputs in order: an adapter names them, for others a file does.

    Args:
        settings: Of the command: model and tasks.
        network: The network that the model builds.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the tasks are named twice, or nowhere.
    """
    file = settings.get("tasks")
    if isinstance(network, Adapter):
        if file and EVERY not in (settings["model"].get("outputs") or ()):
            raise ValueError(
                f"tasks={file} names the tasks that the model's outputs name already; leave it out"
            )
        return network.tasks
    if not file:
        raise ValueError(
            "checkpoint= needs tasks= as well, or a model with outputs (deepmr.models.Adapter); "
            "for example checkpoint=net.pt model=mine tasks=tasks.tsv"
        )
    return read_tasks(file)


def _trust(run: TrainedRun, settings: Mapping[str, Any]) -> Trust:
    """Settings of a run are a stranger's word; the present command says whom it trusts."""
    return Trust(packages=settings.get("trust") or (), origin=str(run.folder / CONFIG))


def _trained(run: TrainedRun, trust: Trust) -> list[Trained]:
    builder = build_network(run.config, run.shape, trust)

    def load(paths: Sequence[Path]) -> list[nn.Module]:
        return [load_weights(builder(), path) for path in paths]

    with reading(run.folder / CONFIG):
        builder()
    return [
        Trained(network=load_weights(builder(), path), snapshots=functools.partial(load, snapshots))
        for path, snapshots in zip(run.checkpoints, run.snapshots, strict=True)
    ]


def _source(run: TrainedRun, settings: Mapping[str, Any]) -> Any:
    """Build the data a run was trained on, checked to be the same."""
    if settings.get("data"):
        source = build_source(settings, Trust(packages=settings.get("trust") or (), own=True))
    else:
        with reading(run.folder / CONFIG):
            source = build_source(run.config, _trust(run, settings))
            source.fingerprint, source.tasks  # noqa: B018  (they read the settings)
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
    trust: Trust,
) -> CalibratorTable:
    if len(runs) == 1:
        path = runs[0].folder / "calibrator.json"
        with reading(path):
            table = CalibratorTable.from_record(read_json(path))
            if set(table.names) != set(runs[0].tasks.names):
                raise ValueError("its tasks are not those of tasks.json")
            return table
    with reading(runs[0].folder / CONFIG):
        specification = build(runs[0].config["calibrator"], "calibrator", trust)
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
