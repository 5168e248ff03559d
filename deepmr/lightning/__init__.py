"""Training, prediction and mutagenesis with PyTorch Lightning, and experiment tracking."""

import logging
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import distributed

from deepmr.lightning.quick_import import import_lightning

_lightning = import_lightning()  # it sets the level below itself: set it afterwards
Callback, Trainer = _lightning.Callback, _lightning.Trainer

# Lightning reports hardware that it did not find, for each Trainer, and its own deprecations.
for _name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch"):
    logging.getLogger(_name).setLevel(logging.WARNING)
warnings.filterwarnings("ignore", message=".*isinstance\\(treespec, LeafSpec\\).*")
warnings.filterwarnings("ignore", message=".*does not have many workers.*")
warnings.filterwarnings("ignore", message=".*exists and is not empty.*")


def _leave_signals_alone() -> None:
    """Stand in for Lightning's registration of signal handlers."""


@contextmanager
def interruptible(trainer: Any) -> Iterator[None]:
    """Context manager: Ctrl-C and the caller's signals reach the caller, not Lightning.

    Lightning would end the process at Ctrl-C, note a SIGTERM without heeding it, and requeue a
    SLURM job.

    Args:
        trainer: The Lightning Trainer that runs inside.
    """
    # its connector registers handlers at each run, from here on the caller's again
    connector = trainer._signal_connector  # noqa: SLF001  (there is no public way)
    connector.register_signal_handlers = _leave_signals_alone
    try:
        yield
    except SystemExit:
        if not trainer.interrupted:
            raise
        signal.signal(signal.SIGINT, signal.default_int_handler)  # Lightning left it ignored
        raise KeyboardInterrupt from None


def device_of_trainer(trainer: Callable[..., Any]) -> str:
    """Return the device that a trainer computes on, such as ``cpu`` or ``cuda:0``.

    Args:
        trainer: Builds the Lightning Trainer.
    """
    return str(trainer(logger=False, enable_checkpointing=False).strategy.root_device)


def leave_process_group() -> None:
    """Leave the process group, so that the next job of a sweep can found its own.

    Lightning keeps it for the next Trainer of the same job.
    """
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()
