"""What tests of data=encode share: a source is made, its list of tracks edited, a split read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from deepmr.data.encode import EncodeSource
from deepmr.data.source import Split

Make = Callable[..., EncodeSource]


def edit(root: Path, old: str, new: str) -> None:
    tracks = root / "tracks.tsv"
    tracks.write_text(tracks.read_text().replace(old, new))


def everything(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return split.gather(np.arange(len(split)))
