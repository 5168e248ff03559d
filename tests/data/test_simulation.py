"""The simulation as a data source."""

import numpy as np
import pytest

from deepmr.data.simulation import SimulationSource
from deepmr.data.source import SPLITS, DataSource, Split

SMALL = {"n_train": 60, "n_variants": 40, "n_calibration": 12, "n_test": 20, "length": 50}


@pytest.fixture(scope="module")
def source() -> SimulationSource:
    return SimulationSource(seed=1, confounding="both", **SMALL)


def test_the_contract_of_a_data_source_is_kept(source: SimulationSource) -> None:
    assert isinstance(source, DataSource)
    for name in SPLITS:
        assert isinstance(source.split(name), Split)
    assert source.tasks.names == ("GATA1", "TAL1")
    assert {task.kind for task in source.tasks} == {"count"}


def test_targets_are_anscombe_transformed_counts(source: SimulationSource) -> None:
    part = source.split("test")
    codes, target, mask = part.gather(np.array([3, 0, 3]))
    counts = source.dataset.counts[source.dataset.rows["test"][[3, 0, 3]]]
    # float32 keeps seven digits.
    np.testing.assert_allclose(target, 2 * np.sqrt(counts + 0.375), rtol=1e-6)
    assert codes.dtype == np.uint8
    assert mask.all()
    np.testing.assert_array_equal(codes[0], codes[2])


def test_keys_lead_back_to_the_sequences(source: SimulationSource) -> None:
    part = source.split("validation")
    codes, _, _ = part.gather(np.arange(len(part)))
    np.testing.assert_array_equal(source.sequences(part.chrom, part.start, part.end), codes)


def test_candidate_loci_hold_both_motifs_and_were_not_seen(source: SimulationSource) -> None:
    chrom, start, end = source.candidate_loci("pair", exposure="GATA1", outcome="TAL1")
    assert len(chrom) == 5  # a quarter of 20
    assert list(chrom) == sorted(chrom)
    assert not source.seen(chrom, start, end).any()
    for task, width in (("GATA1", 10), ("TAL1", 16)):
        inside = source.motif_variants(task, chrom, start, end)
        np.testing.assert_array_equal(inside.sum(axis=1), 3 * width)


def test_training_and_validation_sequences_count_as_seen(source: SimulationSource) -> None:
    for name, expected in zip(SPLITS, (True, True, False, False), strict=True):
        part = source.split(name)
        assert (source.seen(part.chrom, part.start, part.end) == expected).all()


def test_true_effects_are_those_of_the_grammar(source: SimulationSource) -> None:
    chrom, start, end = source.candidate_loci("pair", exposure="GATA1", outcome="TAL1")
    effects = source.true_effects(chrom, start, end)
    assert effects.shape == (5, 2, 150)
    codes = source.sequences(chrom, start, end)
    np.testing.assert_array_equal(effects, source.dataset.grammar.substitution_effects(codes))


def test_the_fingerprint_follows_the_data(source: SimulationSource) -> None:
    same = SimulationSource(seed=1, confounding="both", **SMALL)
    assert same.fingerprint == source.fingerprint
    others = [
        SimulationSource(seed=2, confounding="both", **SMALL),
        SimulationSource(seed=1, confounding="none", **SMALL),
        SimulationSource(seed=1, confounding="both", validation_fraction=0.2, **SMALL),
    ]
    prints = {other.fingerprint for other in others} | {source.fingerprint}
    assert len(prints) == 4


def test_the_summary_has_a_row_per_split_and_task(source: SimulationSource) -> None:
    table = source.summary()
    assert [(row["split"], row["task"]) for row in table] == [
        (split, task) for split in SPLITS for task in ("GATA1", "TAL1")
    ]
    assert sum(row["n"] for row in table) == 2 * 132


@pytest.mark.parametrize("name", ["chr1", "sim-000132", "sim-", "sim-1x"])
def test_an_unknown_sequence_is_refused(source: SimulationSource, name: str) -> None:
    with pytest.raises(LookupError, match="no simulated sequence is called"):
        source.sequences(np.array([name]), np.array([0]), np.array([50]))


def test_part_of_a_sequence_is_refused(source: SimulationSource) -> None:
    with pytest.raises(ValueError, match=r"whole sequences, 0 to 50; .*sim-000001"):
        source.sequences(np.array(["sim-000001"]), np.array([1]), np.array([50]))


def test_an_unknown_split_is_refused(source: SimulationSource) -> None:
    with pytest.raises(LookupError, match="there are train, validation, calibration, test"):
        source.split("holdout")


def test_bad_options_are_refused_before_anything_is_drawn() -> None:
    with pytest.raises(ValueError, match="confounding is one of"):
        SimulationSource(seed=1, confounding="all")
    with pytest.raises(ValueError, match="must share out GATA1, TAL1"):
        SimulationSource(seed=1, exposures=["GATA1"], outcomes=["GATA1"])


def test_seed_zero_is_a_seed() -> None:
    zero, one = (SimulationSource(seed=seed, **SMALL) for seed in (0, 1))
    assert zero.fingerprint != one.fingerprint


def test_rules_for_loci_nest(source: SimulationSource) -> None:
    pair = source.candidate_loci("pair", exposure="GATA1", outcome="TAL1")[0]
    some, every = source.candidate_loci("any_positive")[0], source.candidate_loci("all")[0]
    assert set(pair) < set(some) < set(every)
    assert every.tolist() == source.split("test").chrom.tolist()
    rows = np.array([int(name.removeprefix("sim-")) for name in some])
    planted = source.dataset.sequences
    assert ((planted.exposure_start[rows] >= 0) | (planted.outcome_start[rows] >= 0)).all()
