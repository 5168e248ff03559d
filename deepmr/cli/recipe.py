"""Students are trained as their teacher was: its recipe replaces the defaults."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from deepmr.workflow.runs import TrainedRun

__all__ = ["with_recipe"]

_RECIPE = (
    "model",
    "loss",
    "optimizer",
    "scheduler",
    "callbacks",
    "calibrator",
    "ensemble",
    "batch_size",
    "bootstrap",
)
_OWN = {  # of the trainer: where and how fast, not what
    "accelerator",
    "devices",
    "num_nodes",
    "strategy",
    "log_every_n_steps",
    "enable_progress_bar",
}
_TARGET = "deepmr.cli.teacher.teacher_source"


def with_recipe(config: DictConfig, overrides: Sequence[str] | None = None) -> DictConfig:
    """Return the configuration of a training, with its teacher's recipe where it has a teacher.

    A bootstrap repeats the whole procedure, so the network, loss, optimizer, schedule, calibrator,
    number of members and epochs are the run's; hardware, logging and names stay one's own.

    Args:
        config: Of ``train.py``.
        overrides: What was said on the command line; by default what Hydra knows.

    Raises:
        ValueError: If no run is named, the recipe is overridden, or the seed is the teacher's.
        FileNotFoundError: If the run is missing or not finished.
    """
    if config.data.get("_target_") != _TARGET:
        return config
    if OmegaConf.is_missing(config.data, "run") or not config.data.run:
        raise ValueError("data=teacher needs the teacher's folder; set data.run=runs/train/NAME")
    run = TrainedRun.read(Path(config.data.run))
    if overrides is None:
        overrides = HydraConfig.get().overrides.task if HydraConfig.initialized() else ()
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        group, _, rest = override.key_or_group.partition(".")
        taken_over = group in (*_RECIPE, "experiment") or (
            group == "trainer" and rest and rest.split(".")[0] not in _OWN
        )
        if taken_over:
            raise ValueError(
                f"students are trained as their teacher {run.folder} was; "
                f"leave out {override.input_line}"
            )
    if config.seed == run.config["seed"]:
        raise ValueError(
            f"seed={config.seed} is the teacher's, whose initial weights students must not share; "
            "choose others (-m seed=1,2,3,4)"
        )
    taken = config.copy()
    OmegaConf.set_struct(taken, False)
    for key in _RECIPE:
        taken[key] = run.config[key]
    own = {key: value for key, value in config.trainer.items() if key in _OWN}
    taken.trainer = {**run.config["trainer"], **own}
    return taken
