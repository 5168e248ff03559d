"""Check networks trained elsewhere, before any work and by their outputs: a line, or a refusal."""

from __future__ import annotations

import logging

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import nn

from deepmr.adapted import adapter_of, placement
from deepmr.calibration import FittedIdentity
from deepmr.effect_shard import Effects
from deepmr.loci import Loci
from deepmr.models import Adapter, as_read
from deepmr.models.readout import LOGIT_LIMIT
from deepmr.mutagenesis import check_repeatable
from deepmr.mutagenesis.dense import Dense
from deepmr.mutagenesis.model_state import device_of, evaluation_mode
from deepmr.networks import Networks, identity_link
from deepmr.sequence import one_hot
from deepmr.tasks import Task

__all__ = [
    "check_length",
    "check_networks",
    "check_readings",
    "check_reference",
    "probability_notes",
]

_NETWORKS = 3  # of an ensemble or of dropout draws: one architecture, one yaml
_LOCI = 16
_RANDOM = 8  # sequences beside the loci: outputs of one or two could lie in [0, 1] by chance


def check_length(networks: Networks, length: int | None, *, named: str) -> None:
    """Refuse loci of another length than the networks say that they read.

    Args:
        networks: The networks; those that say no length read any.
        length: Bases of a locus; None where it is unknown.
        named: What was set, for the message.

    Raises:
        ValueError: If the lengths differ.
    """
    if length is None or networks.length is None or length == networks.length:
        return
    adapter = adapter_of(networks.members.networks)
    where = "" if adapter is None else " (model.input.length, with flanks that are bases)"
    raise ValueError(
        f"{named} is {length} bases, but the network reads {networks.length}{where}; leave the "
        "length out, or set it to that"
    )


def check_networks(networks: Networks, loci: Loci) -> tuple[str, ...]:
    """Check that networks trained elsewhere can be interrogated on some loci.

    Args:
        networks: The networks; those that were trained here pass without a look.
        loci: The loci of the question.

    Returns:
        A line for each check, for the terminal.

    Raises:
        ValueError: If outputs are missing, not finite, change between calls or with the rest of
            the batch, or are probabilities where logits are expected.
    """
    length = int(loci.codes.shape[1])
    check_length(networks, length, named="the length of the loci")
    if networks.source is not None and networks.scale.link not in (identity_link, as_read):
        return ()
    chosen = networks.members.networks[:_NETWORKS]
    lines = list(check_readings(chosen, length))
    for network in chosen:
        check_repeatable(network, length=length)
    lines.append(REPEATABLE)
    placed = placement(networks.members, loci)
    reference = []
    for network in chosen:
        engine = Dense(network, length=length)
        few = loci.codes[:_LOCI]
        if placed is None:
            reference.append(engine.predict(np.concatenate([few, _random(length)])))
        else:  # random sequences have no places
            reference.append(placed.rows(slice(len(few))).on(engine).predict(few))
    lines += check_reference(np.concatenate(reference), adapter_of(chosen), networks)
    return tuple(lines)


REPEATABLE = (
    "one sequence alone, twice, and beside others: the same output (dropout off, no layer reads "
    "the batch)"
)


def check_readings(networks: list[nn.Module], length: int) -> tuple[str, ...]:
    """Check that every task can be read from the networks' outputs.

    Args:
        networks: Networks of one kind.
        length: Bases of a locus.

    Returns:
        A line on the outputs of adapters; none for other networks, which the engine checks.

    Raises:
        ValueError: If a task cannot be read.
    """
    sizes: dict[str, int] = {}
    for network in networks:
        if not isinstance(network, Adapter):
            continue
        with evaluation_mode(network):
            codes = torch.from_numpy(_random(length)).to(device_of(network))
            try:
                sizes = network.check(one_hot(codes))
            except (RuntimeError, TypeError, IndexError) as error:
                what = str(error).strip().splitlines()[0][:200] if str(error).strip() else ""
                raise ValueError(
                    f"{type(network.network).__name__} cannot read sequences of {length} bases "
                    f"({type(error).__name__}: {what}); see input.channels, layout, length and "
                    "flank of the model"
                ) from error
    if not sizes:
        return ()
    shown = ", ".join(
        f"{name} ({size:,} positions)" if size > 1 else name
        for name, size in list(sizes.items())[:4]
    )
    more = f" and {len(sizes) - 4} more" if len(sizes) > 4 else ""
    return (f"outputs have the shapes that the tasks are read from: {shown}{more}",)


def check_reference(
    reference: Float[np.ndarray, "sequence task"], adapter: Adapter | None, networks: Networks
) -> tuple[str, ...]:
    """Check raw outputs of sequences that nobody mutated.

    Args:
        reference: Raw outputs, a column a task.
        adapter: The adapter around the network, if there is one.
        networks: The networks.

    Returns:
        A line for each check.

    Raises:
        ValueError: If outputs are not finite, or a binary task's, whose activation was not said,
            all lie between 0 and 1.
    """
    if not np.isfinite(reference).all():
        column = int(np.flatnonzero(~np.isfinite(reference).all(axis=0))[0])
        names = networks.tasks.names
        which = names[column] if len(names) == reference.shape[1] else f"column {column}"
        raise ValueError(
            f"raw outputs must be finite numbers, got NaN or infinity for {which}; does the "
            "checkpoint belong to this network, and the activation to its output?"
        )
    lines = [f"outputs of {len(reference)} sequences: finite"]
    if adapter is None or reference.shape[1] != len(adapter.readouts):
        return tuple(lines)
    for column, one in enumerate(adapter.readouts):
        values = reference[:, column]
        if one.name in adapter.unsaid and 0 <= values.min() < values.max() <= 1:
            raise ValueError(
                f"all outputs for {one.name} lie between 0 and 1 ({values.min():.3g} to "
                f"{values.max():.3g}), as probabilities do, and a binary task is read in logits; "
                f"say outputs.{one.name}.activation: sigmoid (or softmax), or none if they are "
                "logits all the same"
            )
        if one.activation in ("sigmoid", "softmax") and (np.abs(values) > LOGIT_LIMIT - 1).any():
            lines.append(
                f"{one.name}: probabilities reach the last that float32 tells from 0 or 1; their "
                "logits are clipped"
            )
    return tuple(lines)


def _random(length: int) -> UInt8[np.ndarray, "sequence length"]:
    drawn = np.random.default_rng(0).integers(0, 4, (_RANDOM, length))
    return drawn.astype(np.uint8)


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
