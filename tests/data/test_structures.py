"""Simulated tasks of a causal graph as a data source."""

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from deepmr.data.source import SPLITS, DataSource, Split
from deepmr.data.structures import StructuresSource, structures_source
from tests.conftest import REPOSITORY

SMALL = {"n_train": 60, "n_variants": 40, "n_calibration": 12, "n_test": 20, "length": 60}


@pytest.fixture(scope="module")
def source() -> StructuresSource:
    return structures_source(seed=1, **SMALL)


def test_the_contract_of_a_data_source_is_kept(source: StructuresSource) -> None:
    assert isinstance(source, DataSource)
    for name in SPLITS:
        assert isinstance(source.split(name), Split)
    assert len(source.tasks) == 15
    assert {task.kind for task in source.tasks} == {"count"}
    assert (source.exposures, source.outcomes) == (source.tasks.names, ())


def test_targets_are_anscombe_transformed_counts(source: StructuresSource) -> None:
    codes, target, mask = source.split("test").gather(np.array([3, 0, 3]))
    counts = source.dataset.observed[source.dataset.rows["test"][[3, 0, 3]]]
    # float32 keeps seven digits.
    np.testing.assert_allclose(target, 2 * np.sqrt(counts + 0.375), rtol=1e-6)
    assert codes.dtype == np.uint8
    assert mask.all()


def test_peaks_are_zeros_and_ones() -> None:
    source = structures_source(seed=1, targets="peaks", **SMALL)
    _, target, _ = source.split("train").gather(np.arange(50))
    assert set(np.unique(target)) == {0.0, 1.0}
    assert {task.kind for task in source.tasks} == {"binary"}
    row = source.summary()[0]
    assert row["positives"] == round(row["prevalence"] * row["n"])


def test_all_test_sequences_are_loci_whatever_the_pair(source: StructuresSource) -> None:
    first = source.candidate_loci("pair", exposure="X", outcome="Lo")
    second = source.candidate_loci("any_positive")
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(first[0]) == 20
    assert not source.seen(*first).any()
    with pytest.raises(LookupError, match=r"no task is called 'GATA1'"):
        source.candidate_loci("pair", exposure="X", outcome="GATA1")


def test_keys_lead_back_to_the_sequences(source: StructuresSource) -> None:
    for name, seen in zip(SPLITS, (True, True, False, False), strict=True):
        part = source.split(name)
        codes, _, _ = part.gather(np.arange(len(part)))
        np.testing.assert_array_equal(source.sequences(part.chrom, part.start, part.end), codes)
        assert (source.seen(part.chrom, part.start, part.end) == seen).all()


def test_true_effects_are_those_of_the_graph(source: StructuresSource) -> None:
    loci = source.candidate_loci("all")
    effects = source.true_effects(*loci)
    assert effects.shape == (20, 15, 180)
    readings, codes = source.dataset.readings, source.sequences(*loci)
    np.testing.assert_array_equal(effects, readings.substitution_effects(codes))
    # T is 60 q where S is 100 q: what moves the one moves the other.
    s, t = (effects[:, source.tasks.names.index(name)] for name in ("S", "T"))
    np.testing.assert_array_equal(s != 0, t != 0)


def test_the_structure_of_a_pair_turns_with_it(source: StructuresSource) -> None:
    assert source.structure("M", "Z").word == "forward"
    assert source.structure("Z", "M").word == "reverse"
    assert len(source.structures()) == 105
    with pytest.raises(LookupError, match=r"no task is called 'W'"):
        source.structure("M", "W")


def test_the_fingerprint_follows_the_data(source: StructuresSource) -> None:
    assert structures_source(seed=1, **SMALL).fingerprint == source.fingerprint
    others = [
        {"seed": 2},
        {"seed": 1, "graph": "chains"},
        {"seed": 1, "targets": "peaks"},
        {"seed": 1, "strength": 5.0},
        {"seed": 1, "present": None},
        {"seed": 1, "n_motif_variants": 5},
    ]
    prints = {structures_source(**{**SMALL, **other}).fingerprint for other in others}
    assert len(prints | {source.fingerprint}) == 7


def test_random_graphs_follow_their_own_seed_if_there_is_one() -> None:
    by_data, own = (
        structures_source(seed=seed, graph="random", graph_seed=graph_seed, n_tasks=8, **SMALL)
        for seed, graph_seed in ((3, None), (4, 3))
    )
    assert by_data.graph == own.graph
    assert by_data.fingerprint != own.fingerprint
    assert len(own.tasks) == 8


def test_a_graph_may_be_declared_in_plain_data() -> None:
    graph = {"motifs": {"A": "CTCF"}, "tasks": {"X": {"of": ["A"]}, "Y": {"of": ["A"]}}}
    source = structures_source(seed=0, graph=graph, exposures=["X"], outcomes=["Y"], **SMALL)
    assert source.structure("X", "Y").word == "inseparable"
    assert (source.exposures, source.outcomes) == (("X",), ("Y",))


def test_a_graph_may_be_declared_on_the_command_line() -> None:
    override = (
        "data.graph={motifs: {A: CTCF, B: SP1}, tasks: {X: {of: [A]}, Y: {of: {X: 60, B: 40}}}}"
    )
    with initialize_config_dir(config_dir=str(REPOSITORY / "conf"), version_base="1.3"):
        config = compose("train", overrides=["data=structures", override, "seed=3"])
    source = instantiate(OmegaConf.to_container(config.data, resolve=True), _convert_="all")
    assert source.structure("X", "Y").word == "forward"
    assert source.tasks.names == ("X", "Y")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"graph": "sixteen"}, r"data.graph is one of .*; got 'sixteen'"),
        ({"targets": "reads"}, r"data.targets is one of counts, peaks; got 'reads'"),
        ({"exposures": ["X"]}, r"must share out X, N, .*, got \['X'\] and \[\]"),
        ({"graph": {"motifs": {"A": "Z9"}, "tasks": {"X": {"of": ["A"]}}}}, r"motif Z9 is not sh"),
        ({"n_test": 0}, r"test must be at least 1, got 0"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_drawn(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        structures_source(seed=0, **{**SMALL, **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["chr1", "sim-999999", "sim-"])
def test_an_unknown_sequence_is_refused(source: StructuresSource, name: str) -> None:
    with pytest.raises(LookupError, match=r"no simulated sequence is called"):
        source.sequences(np.array([name]), np.array([0]), np.array([60]))
