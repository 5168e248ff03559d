"""`data=teacher`: a trained run becomes the source of its students' data."""

from __future__ import annotations

from pathlib import Path

from deepmr.calibration import CalibratorTable
from deepmr.cli.plans import build_loss, build_network
from deepmr.cli.subject import source_of
from deepmr.data.teacher import TeacherSource
from deepmr.files import read_json, sha256
from deepmr.lightning.training import load_weights
from deepmr.workflow.runs import TrainedRun
from deepmr.workflow.scale import EffectScale
from deepmr.workflow.teacher import Teacher

__all__ = ["teacher_source"]


def teacher_source(
    *, run: str, seed: int, noise: str = "residuals", neighbours: int = 50
) -> TeacherSource:
    """Return the data that a trained run teaches.

    Args:
        run: Folder of a finished training run.
        seed: Of the draws.
        noise: See `TeacherSource`.
        neighbours: See `TeacherSource`.

    Raises:
        FileNotFoundError: If the run, or the data it was trained on, is missing.
        ValueError: If its data have changed, or an option is out of range.
    """
    trained = TrainedRun.read(Path(run))
    source = source_of(trained)
    weights = [*trained.checkpoints, *(path for paths in trained.snapshots for path in paths)]
    record = read_json(trained.folder / "calibrator.json")
    loss = build_loss(trained.config, source)
    build = build_network(trained.config, trained.shape)
    teacher = Teacher(
        members=[load_weights(build(), path) for path in trained.checkpoints],
        scale=EffectScale(
            tasks=trained.tasks,
            link=loss.to_effect_scale,
            calibrators=CalibratorTable.from_record(record),
        ),
        length=source.length,
    )
    return TeacherSource(
        source,
        predict=teacher.predict,
        effects=teacher.effects,
        teacher=[sha256(path) for path in weights],
        seed=seed,
        noise=noise,
        neighbours=neighbours,
        fitted_to_counts=loss.count == "poisson",
        facts={"calibrators": record},
        weights=weights,
    )
