"""Networks of gReLU: a checkpoint tells its architecture, tasks and scale itself."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from deepmr.files import expand_paths
from deepmr.models.adapter import Adapter
from deepmr.weights import Checkpoint, read_checkpoint, weights_file

__all__ = ["GReLU", "grelu_outputs"]

# What the network's raw outputs are, by the task and loss it was trained with: kind, activation.
_READ_AS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("regression", "poisson"): ("count", "log"),
    ("regression", "poisson_multinomial"): ("count", "log"),
    ("regression", "mse"): ("signal", "none"),
    ("binary", "bce"): ("binary", "none"),
    ("multiclass", ""): ("binary", "log_softmax"),
}
# Types that fetch published weights when built, and the architecture that each is.
_FETCHED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "EnformerPretrainedModel": ("EnformerModel", {}),
    "BorzoiPretrainedModel": (
        "BorzoiModel",
        {"crop_len": 0},
    ),
}


class GReLU(Adapter):
    """A network that gReLU trained, read by the task table of its own checkpoint.

    Architecture and tasks are read from the checkpoint as data; the layers are those of the
    package gReLU. Its outputs before the activation are read: logits of binary tasks, logarithms
    of counts (loss ``poisson``), the signal (``mse``), log-odds of a class (``multiclass``).

    Args:
        checkpoint: A file that ``LightningModel`` of gReLU saved; of several, or a glob, the first
            tells.
        positions: Output positions that tasks are read at; by default all there are, which is one
            where the network ends in a pooling. See `Positions`.
        reduce: How several positions become one value; by default there is one.
        input: See `InputFormat`; by default the length in training, and both channels and layout
            as gReLU has them.
        build: Returns a network by type and settings; by default that of gReLU.

    Raises:
        ModuleNotFoundError: If gReLU is not installed.
        ValueError: If the checkpoint is not one of gReLU, or of an architecture or loss that is
            unknown.

    References:
        https://github.com/Genentech/gReLU (layout of the checkpoints, version 1.1)

    Example:
        >>> import tempfile, torch
        >>> file = {
        ...     "hyper_parameters": {
        ...         "model_params": {"model_type": "ConvModel", "n_tasks": 2},
        ...         "train_params": {"task": "binary", "loss": "bce"},
        ...     },
        ...     "data_params": {"tasks": {"name": ["K562", "HepG2"]}},
        ... }
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save(file, Path(folder, "net.ckpt"))
        ...     network = GReLU(
        ...         f"{folder}/net.ckpt", build=lambda kind, n_tasks: nn.Conv1d(4, n_tasks, 9)
        ...     )
        >>> network.tasks.names, network(torch.zeros(1, 4, 9)).shape
        (('K562', 'HepG2'), torch.Size([1, 2]))
    """

    def __init__(
        self,
        checkpoint: str | Path | Sequence[str | Path],
        positions: Any = None,
        reduce: str | None = None,
        input: Mapping[str, Any] | None = None,  # noqa: A002  (the yaml's word)
        build: Callable[..., nn.Module] | None = None,
    ) -> None:
        if not checkpoint:
            raise ValueError("model=grelu reads its tasks from the weights; add checkpoint=FILE")
        file = read_checkpoint(weights_file(expand_paths(checkpoint, what="checkpoint")[0]))
        settings = _settings(file)
        kind = str(settings["model_params"].get("model_type"))
        architecture = {k: v for k, v in settings["model_params"].items() if k != "model_type"}
        train = (file.content.get("data_params") or {}).get("train") or {}
        length = train.get("seq_len")
        super().__init__(
            (build or _build)(kind, **architecture),
            grelu_outputs(file, positions=positions, reduce=reduce),
            {"length": int(length)} | dict(input or {}) if length else input,
        )


def grelu_outputs(
    checkpoint: Checkpoint, *, positions: Any = None, reduce: str | None = None
) -> dict[str, dict[str, Any]]:
    """Return how each task of a gReLU checkpoint is read, in the notation of `Adapter`.

    Args:
        checkpoint: Of `deepmr.weights.read_checkpoint`.
        positions: Output positions; by default not said.
        reduce: How positions become one value; by default not said.

    Raises:
        ValueError: If it is not of gReLU, or its loss is unknown.
    """
    settings = _settings(checkpoint)
    task = str(settings["train_params"].get("task")).lower()
    loss = str(settings["train_params"].get("loss")).lower()
    known = _READ_AS.get((task, loss)) or _READ_AS.get((task, ""))
    if known is None:
        raise ValueError(
            f"checkpoint {checkpoint.path} was trained by gReLU with task={task}, loss={loss}, "
            "whose outputs Deep MR cannot place; declare them by deepmr.models.Adapter"
        )
    kind, activation = known
    table = (checkpoint.content.get("data_params") or {}).get("tasks") or {}
    number = int(settings["model_params"].get("n_tasks", 0))
    names = [str(name) for name in table.get("name", ())] or [f"task_{k}" for k in range(number)]
    if len(names) != number:
        raise ValueError(
            f"checkpoint {checkpoint.path} names {len(names)} tasks for {number} outputs"
        )
    read = {"kind": kind, "activation": activation, "positions": positions, "reduce": reduce}
    said = {key: value for key, value in read.items() if value is not None}
    assays = table.get("assay", ())
    outputs: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(names):
        outputs[name] = {"channel": place, **said}
        if place < len(assays):
            outputs[name]["assay"] = str(assays[place])
    if len(outputs) != len(names):
        raise ValueError(f"checkpoint {checkpoint.path} names two tasks alike")
    return outputs


def _settings(checkpoint: Checkpoint) -> Mapping[str, Any]:
    settings = checkpoint.content.get("hyper_parameters")
    parts = ("model_params", "train_params")
    if not isinstance(settings, Mapping) or not all(
        isinstance(settings.get(part), Mapping) for part in parts
    ):
        raise ValueError(
            f"checkpoint {checkpoint.path} is not of gReLU's LightningModel: it has no "
            "hyper_parameters with model_params and train_params; use another model="
        )
    return settings


def _build(kind: str, **settings: Any) -> nn.Module:
    """Build a network of gReLU from plain data, without fetching anything."""
    models = importlib.import_module("grelu.model.models")
    name, fixed = _FETCHED.get(kind, (kind, {}))
    home = getattr(models, name, None)
    if name not in _ARCHITECTURES or home is None:
        raise ValueError(
            f"model_type {kind!r:.80} is no architecture of gReLU; known are "
            f"{', '.join((*_ARCHITECTURES, *_FETCHED))}"
        )
    if name != kind:
        settings = {k: v for k, v in settings.items() if k != "fold"}
    try:
        network: nn.Module = home(**{**fixed, **settings})
    except TypeError as error:
        raise ValueError(
            f"gReLU's {name} does not take the checkpoint's settings: {error}"
        ) from error
    return network


_ARCHITECTURES = (
    "ConvModel",
    "DilatedConvModel",
    "ConvGRUModel",
    "ConvTransformerModel",
    "ConvMLPModel",
    "BorzoiModel",
    "EnformerModel",
)
