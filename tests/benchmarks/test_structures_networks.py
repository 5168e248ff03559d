"""Ensembles on simulated tasks with a known causal graph."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.structures_networks import dataset, effects, read_effects, trained, write_effects
from deepmr.data.structures import structures_source


def test_a_name_says_graph_seed_and_settings() -> None:
    source = dataset("random-2-peaks-small")
    assert source.graph == structures_source(seed=2, graph="random").graph
    assert {task.kind for task in source.tasks} == {"binary"}
    assert len(source.split("train")) + len(source.split("validation")) == 2_500
    with pytest.raises(KeyError, match="tiny"):
        dataset("random-2-tiny")


@pytest.mark.slow
def test_effects_are_those_of_networks_trained_on_the_source(tmp_path: Path) -> None:
    sizes = {"n_train": 300, "n_variants": 0, "n_calibration": 30, "n_test": 6}
    source = structures_source(seed=0, **sizes)
    networks = trained(source, 0, members=2, options=["trainer.max_epochs=1"])
    content = effects(networks, source)
    assert content["x"].shape == (6, 15, 2, 300)
    assert content["truth"].shape == (6, 15, 300)
    assert np.abs(content["x"]).max() > 0
    assert np.any(content["x"][:, :, 0] != content["x"][:, :, 1])
    assert len(json.loads(str(content["structures"]))) == 105
    np.savez(tmp_path / "fifteen-0.npz", **content)
    # A file that is there is left as it is.
    path = write_effects("fifteen-0", tmp_path)
    arrays, table = read_effects(path)
    np.testing.assert_array_equal(arrays["x"], content["x"])
    assert table[0]["exposure"] == "X"
