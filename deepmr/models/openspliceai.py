"""SpliceAI's network as OpenSpliceAI trains it, from the authors' package."""

from __future__ import annotations

import numpy as np
from torch import nn

__all__ = ["build"]

_UNITS = {  # bases on either side: residual units of four, each with width and dilation
    40: ((11, 1),),
    200: ((11, 1), (11, 4)),
    1000: ((11, 1), (11, 4), (21, 10)),
    5000: ((11, 1), (11, 4), (21, 10), (41, 25)),
}


def build(*, flank: int = 200, filters: int = 32) -> nn.Module:
    """Return OpenSpliceAI's network without weights, its softmax left out.

    It maps ``(batch, 4, n + 2 flank)`` to ``(batch, 3, n)``: scores of neither, acceptor and donor
    at every base, before their softmax.

    Args:
        flank: Bases that it reads on either side: 40, 200 (the default), 1000 or 5000; the
            networks called 80nt, 400nt, 2000nt and 10000nt.
        filters: Channels of each layer, 32 by default.

    Raises:
        ValueError: If there is no network of this flank, or the package ``openspliceai`` is not
            installed.

    References:
        Jaganathan et al. 2019, doi:10.1016/j.cell.2018.12.015 (the network); Chao et al. 2025,
        doi:10.7554/eLife.107454 (the package and its weights).
    """
    if flank not in _UNITS:
        raise ValueError(
            f"openspliceai has networks that read {', '.join(map(str, _UNITS))} bases on either "
            f"side, got {flank}; set model.input.flank"
        )
    try:
        from openspliceai.train_base.openspliceai import SpliceAI
    except ModuleNotFoundError as error:
        raise ValueError(
            "model=openspliceai needs its authors' package (GPL-3): pip install openspliceai"
        ) from error
    width, dilation = (np.repeat([one[k] for one in _UNITS[flank]], 4) for k in (0, 1))
    network: nn.Module = SpliceAI(filters, width, dilation, apply_softmax=False)
    # torch.fx and the engine take Python's integers; the package leaves numpy's
    network.crop.cropping = tuple(int(one) for one in network.crop.cropping)
    for module in network.modules():
        if isinstance(module, nn.Conv1d):
            for name in ("kernel_size", "padding", "dilation"):
                setattr(module, name, tuple(int(one) for one in getattr(module, name)))
    return network
