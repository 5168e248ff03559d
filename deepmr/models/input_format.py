"""What a network reads: channels, layout, length, flanks, strand and constant inputs."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import nn

__all__ = ["STRANDS", "InputFormat", "channel_order"]

STRANDS = ("forward", "both", "bed")
_LAYOUTS = ("ncl", "nlc", "nc1l")
_FLANKS = ("genome", "N")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFormat:
    """What a network reads.

    Args:
        channels: Its channels in order: A, C, G, T, each once, and where it has them N (1 where
            the base is unknown) and 0 (always 0). ``ACGT`` by default.
        layout: ``ncl`` (batch, channel, position; the default), ``nlc`` or ``nc1l``.
        length: Bases between the flanks; None (the default) if any length will do.
        flank: Bases that it reads in addition at either end; 0 by default.
        flank_of: ``genome`` (the default): loci are longer by both flanks; ``N``: flanks are
            unknown bases, added to each locus.
        strand: ``forward`` (the default); ``both``: outputs are the average with those of the
            reverse complement; ``bed``: loci are read on the strand of their BED line.
        extra: Further inputs of one value: a mapping from argument names to ``{shape, value}``
            (shape without the batch), or a list of these for positional arguments.

    Raises:
        ValueError: If a setting is unknown or wrong.

    Example:
        >>> InputFormat(length=300, flank=200).locus_length
        700
    """

    channels: str = "ACGT"
    layout: str = "ncl"
    length: int | None = None
    flank: int = 0
    flank_of: str = "genome"
    strand: str = "forward"
    extra: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        letters = str(self.channels).upper()
        object.__setattr__(self, "channels", letters)
        bases = "".join(sorted(letters.replace("N", "", 1).replace("0", "")))
        if bases != "ACGT":
            raise ValueError(
                "input.channels must hold each of A, C, G, T once (and where the network has them "
                f"N and 0), as ACGT or AGCT; got {self.channels!r}"
            )
        known = (("layout", _LAYOUTS), ("strand", STRANDS), ("flank_of", _FLANKS))
        for key, names in known:
            if getattr(self, key) not in names:
                raise ValueError(
                    f"input.{key} must be one of {', '.join(names)}; got {getattr(self, key)!r}"
                )
        if self.length is not None and self.length < 1:
            raise ValueError(f"input.length must be 1 or more bases, got {self.length}")
        if self.flank < 0:
            raise ValueError(f"input.flank must be 0 or more bases, got {self.flank}")

    @classmethod
    def of(cls, settings: Any) -> InputFormat:
        """Return the format that a yaml describes; None is the default.

        Raises:
            ValueError: If a setting is unknown or wrong.
        """
        if isinstance(settings, cls):
            return settings
        given = dict(settings or {})
        names = [one.name for one in fields(cls)]
        unknown = sorted(set(map(str, given)) - set(names))
        if unknown:
            raise ValueError(
                f"input has no setting {', '.join(unknown)}; known are {', '.join(names)}"
            )
        return cls(**{key: value for key, value in given.items() if value is not None})

    @property
    def padding(self) -> int:
        """Unknown bases added at either end of a locus."""
        return self.flank if self.flank_of == "N" else 0

    @property
    def locus_length(self) -> int | None:
        """Bases of a locus; None if any number will do."""
        if self.length is None:
            return None
        return self.length + (2 * self.flank if self.flank_of == "genome" else 0)


def channel_order(channels: str) -> nn.Conv1d | None:
    """Return the convolution of width 1 that puts A, C, G, T into a network's channels.

    Args:
        channels: The network's channels, as `InputFormat` has them; None is returned for ACGT.
    """
    if channels == "ACGT":
        return None
    order = nn.Conv1d(4, len(channels), 1, bias="N" in channels)
    with torch.no_grad():
        order.weight.zero_()
        for row, letter in enumerate(channels):
            if letter == "N":
                order.weight[row] = -1.0
            elif letter != "0":
                order.weight[row, "ACGT".index(letter)] = 1.0
        if order.bias is not None:
            order.bias.zero_()
            order.bias[channels.index("N")] = 1.0
    return order.requires_grad_(requires_grad=False)
