"""What an adapter's strand and positions mean for the members, the loci and the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import nn

from deepmr.loci import BedRegions, Loci
from deepmr.models import Adapter, Readout
from deepmr.models.readout import LOGIT_LIMIT
from deepmr.mutagenesis import Augmentation, Placement
from deepmr.mutagenesis.model_state import device_of, evaluation_mode
from deepmr.sequence import one_hot
from deepmr.uncertainty import Members

__all__ = ["adapter_notes", "adapter_of", "both_strands", "fitting_regions", "placement"]


def adapter_of(networks: Sequence[nn.Module]) -> Adapter | None:
    """Return the adapter around a network, or None where it is read as it is.

    Args:
        networks: Networks of one kind.

    Raises:
        ValueError: If some have an adapter and others none, or they read different tasks.

    Example:
        >>> adapter_of([nn.Flatten()]) is None
        True
    """
    found = [one for one in networks if isinstance(one, Adapter)]
    if not found:
        return None
    if len(found) < len(networks) or any(one.readouts != found[0].readouts for one in found):
        raise ValueError("networks of one ensemble must be read in one way, by one adapter each")
    return found[0]


def both_strands(members: Members) -> Members:
    """Return members each of which is the average of both strands.

    Args:
        members: Members on the forward strand.

    Raises:
        ValueError: If strands are what tells the members apart.
    """
    if any(one.augmentation.reverse for one in members.passes):
        raise ValueError(
            "input.strand=both averages the strands that uncertainty=tta tells apart; use "
            "input.strand=forward, or another uncertainty"
        )
    turned = tuple(
        tuple(
            replace(one, augmentation=Augmentation(shift=one.augmentation.shift, reverse=reverse))
            for reverse in (False, True)
            for one in member
        )
        for member in members.members
    )
    return replace(members, members=turned)


def placement(members: Members, loci: Loci) -> Placement | None:
    """Return on which strand and at which outputs loci are read; None if all alike.

    Args:
        members: Members with one adapter each, or without.
        loci: The loci, with their BED lines where the adapter reads them.

    Raises:
        ValueError: If the loci have no BED lines, or a task is read beyond the output.
    """
    adapter = adapter_of(members.networks)
    if adapter is None or not (adapter.format.strand == "bed" or adapter.per_locus):
        return None
    regions = _regions(adapter, loci.regions)
    if any(one.augmentation != Augmentation() for one in members.passes):
        raise ValueError(
            "input.strand=bed and places of BED lines do not go with shifted or turned views; use "
            "another uncertainty than tta"
        )
    reverse = _reverse(adapter, regions)
    if not adapter.per_locus:
        return Placement(reverse=reverse, column=None)
    column, inside = _columns(adapter, regions, loci.start, int(loci.codes.shape[1]))
    if not inside.all():
        row = int(np.flatnonzero(~inside)[0])
        raise ValueError(
            f"{loci.names()[row]}: its BED line's places lie outside what the network's output "
            "covers; leave it out, or let the network read more (model.input.length)"
        )
    return Placement(reverse=reverse, column=column)


def fitting_regions(
    networks: Sequence[nn.Module],
    regions: BedRegions,
    start: Int64[np.ndarray, " locus"],
    length: int,
) -> Bool[np.ndarray, " locus"]:
    """Return which loci are long enough for the places at which their tasks are read.

    Args:
        networks: The networks.
        regions: BED line of each locus.
        start: First base of each locus.
        length: Bases of a locus.
    """
    adapter = adapter_of(networks)
    if adapter is None or not adapter.per_locus:
        return np.ones(len(start), dtype=bool)
    return _columns(adapter, regions, start, length)[1]


def _regions(adapter: Adapter, regions: BedRegions | None) -> BedRegions:
    if regions is not None:
        return regions
    what = "input.strand=bed" if adapter.format.strand == "bed" else "a place of each BED line"
    raise ValueError(
        f"the network is read by {what}, and these loci come from no BED file; use loci=bed "
        "loci.path=FILE, or change the model's strand and positions"
    )


def _reverse(adapter: Adapter, regions: BedRegions) -> Bool[np.ndarray, " locus"]:
    bed = adapter.format.strand == "bed"
    return np.asarray(regions.strand == -1 if bed else np.zeros(len(regions.strand), dtype=bool))


def _columns(
    adapter: Adapter, regions: BedRegions, start: Int64[np.ndarray, " locus"], length: int
) -> tuple[Int64[np.ndarray, "locus task"], Bool[np.ndarray, " locus"]]:
    """Return the raw output of each task at each locus, and which loci have all of them."""
    with evaluation_mode(adapter):
        codes = torch.zeros((1, length), dtype=torch.uint8, device=device_of(adapter))
        sizes = adapter.check(one_hot(codes))
    reverse = _reverse(adapter, regions)
    columns, inside, first = [], np.ones(len(start), dtype=bool), 0
    for one in adapter.readouts:
        if not one.per_locus or one.positions is None:
            columns.append(np.full(len(start), first))
            first += 1
            continue
        places = sizes[one.name] - one.positions.count + 1
        base = regions.base(one.positions.anchor or "") - start
        base = np.where(reverse, length - 1 - base, base)
        place = _output_position(one, base, adapter, sizes[one.name], length)
        place = place + one.positions.start
        inside &= (place >= 0) & (place < places)
        columns.append(first + np.clip(place, 0, places - 1))
        first += places
    return np.stack(columns, axis=1).astype(np.int64), inside


def _output_position(
    readout: Readout, base: Int64[np.ndarray, " locus"], adapter: Adapter, size: int, length: int
) -> Int64[np.ndarray, " locus"]:
    """Return the output position of a base: outputs lie in the middle of what the network reads."""
    padding = adapter.format.padding
    cropped = (length + 2 * padding - size * readout.bin) // 2
    return np.asarray((base + padding - cropped) // readout.bin)


def adapter_notes(adapter: Adapter) -> tuple[str, ...]:
    """Return sentences for the report on how the tasks are read.

    Args:
        adapter: Around the networks.
    """
    notes = []
    undone = [one.name for one in adapter.readouts if one.activation in ("sigmoid", "softmax")]
    if undone:
        few = ", ".join(undone[:3]) + (" and others" if len(undone) > 3 else "")
        notes.append(
            f"Outputs of {few} are probabilities, turned back into logits; in float32 they tell "
            f"no logit beyond {LOGIT_LIMIT:.0f}, which are clipped there, and large ones coarsely."
        )
    if adapter.format.strand == "both":
        notes.append("Every output is the average of both strands, on the scale of the effects.")
    if adapter.format.strand == "bed":
        notes.append("Every locus is read on the strand of its line of the BED file.")
    return tuple(notes)
