"""Every yaml of the group pools, and the result carries the yaml's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from deepmr import meta

FILES = sorted((Path(__file__).parents[2] / "conf" / "meta").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_method_is_the_yamls_short_name(path):
    options = yaml.safe_load(path.read_text("utf-8"))
    package, name = options.pop("_target_").rsplit(".", 1)
    assert package == "deepmr.meta"
    assert options.pop("_partial_") is True
    options = {key: value for key, value in options.items() if value is not None}
    result = getattr(meta, name)(np.array([0.1, 0.3, 0.2]), np.full(3, 0.1), **options)
    assert result.method == {"random_effects": "reml_hk"}.get(path.stem, path.stem)
