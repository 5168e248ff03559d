"""Packages of other authors that shipped yamls name: none of them is installed with Deep MR."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["HOW_TO_INSTALL", "how_to_install"]

HOW_TO_INSTALL: Mapping[str, str] = MappingProxyType(
    {
        "bpnetlite": "pip install bpnet-lite",
        "borzoi_pytorch": "pip install borzoi-pytorch",
        "enformer_pytorch": "pip install enformer-pytorch",
        "grelu": "pip install gReLU",
        "openspliceai": "pip install openspliceai",
        "pangolin": "git clone https://github.com/tkzeng/Pangolin && pip install ./Pangolin "
        "(the package pangolin on PyPI is other software)",
        "puffin": "git clone https://github.com/jzhoulab/puffin, and run in that folder with "
        "PYTHONPATH=. (the package puffin on PyPI is other software)",
        "model": "git clone https://github.com/autosome-ru/human_legnet, and add it to PYTHONPATH "
        "(the package legnet on PyPI is other software)",
    }
)
"""How to install the package of each module that a shipped yaml names."""


def how_to_install(module: str) -> str:
    """Return the end of a message about a module that is missing; empty if it is not known.

    Args:
        module: Top-level name, as in ``_target_``.

    Example:
        >>> how_to_install("borzoi_pytorch")
        '; install it: pip install borzoi-pytorch'
        >>> how_to_install("mypackage")
        ''
    """
    command = HOW_TO_INSTALL.get(module)
    if command is None or importlib.util.find_spec(module) is not None:
        return "" if command is None else f"; is it whole? {command}"
    return f"; install it: {command}"
