"""Notice networks whose outputs for binary tasks are probabilities where logits are expected."""

from __future__ import annotations

import logging

import numpy as np

from deepmr.calibration import FittedIdentity
from deepmr.effect_shard import Effects
from deepmr.networks import Networks, identity_link
from deepmr.tasks import Task

__all__ = ["probability_notes"]

_LOG = logging.getLogger(__name__)
_FEWEST = 8  # outputs, of loci and members, that could lie in [0, 1] by chance


def probability_notes(
    networks: Networks, effects: Effects, pair: tuple[Task, Task]
) -> tuple[str, ...]:
    """Return a warning where every output of a binary task lies between 0 and 1; it is logged too.

    Only networks that were given without link and calibrator are in doubt: those that were trained
    here give logits.

    Args:
        networks: Whose outputs.
        effects: Their effects, with the outputs of the unmutated loci.
        pair: Exposure and outcome.
    """
    scale = networks.scale
    if scale.link is not identity_link:
        return ()
    names = (pair[0].name, pair[1].name)
    reference = np.concatenate([shard.reference for shard in effects.read(names)])
    # on the scale of probabilities the outputs went through a (second) sigmoid
    low, high = (0.0, 1.0) if scale.scale != "probability" else (0.5, 1.0 / (1.0 + np.exp(-1.0)))
    found = []
    for column, task in enumerate(pair):
        fitted = scale.calibrators.calibrators[scale.calibrators.names.index(task.name)]
        values = reference[:, column].ravel()
        if task.kind != "binary" or not isinstance(fitted, FittedIdentity) or len(values) < _FEWEST:
            continue
        if low <= values.min() < values.max() <= high:
            found.append(task.name)
    if not found:
        return ()
    note = (
        f"All outputs for {' and '.join(found)} lie between 0 and 1, as probabilities do; the "
        "network of a binary task must return logits. If it ends in a sigmoid, leave that out, or "
        "give Networks.of(link=torch.logit)."
    )
    _LOG.warning(note)
    return (note,)
