"""A teacher's data: real sequences and splits, drawn targets, its own effects as truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepmr.data.simulation import SimulationSource
from deepmr.data.source import SPLITS, DataSource
from deepmr.data.teacher import TeacherSource
from deepmr.tasks import TaskTable

SMALL = {"n_train": 300, "n_variants": 20, "n_calibration": 80, "n_test": 60, "length": 60}


def gc_of(codes):
    return np.isin(codes, (1, 2)).mean(axis=1)


def predict(split):
    """A teacher that reads the content of G and C."""
    codes, _, _ = split.gather(np.arange(len(split)))
    gc = gc_of(codes)
    return np.stack([3 + 8 * gc, 20 - 10 * gc], axis=1)


def effects(codes):
    return np.tile(np.arange(3.0 * codes.shape[1]), (len(codes), 2, 1))


def teacher(kinds=("count", "count"), **options):
    source = SimulationSource(seed=0, confounding="independent", **SMALL)
    source.tasks = TaskTable(
        tuple(replace(task, kind=kind) for task, kind in zip(source.tasks, kinds, strict=True))
    )
    settings = {"seed": 1, "teacher": ["a", "b"], "predict": predict, "effects": effects}
    return source, TeacherSource(source, **(settings | options))


def targets(source, split="train"):
    part = source.split(split)
    return part.gather(np.arange(len(part)))[1]


def test_it_is_a_data_source_with_the_real_sequences_splits_and_loci() -> None:
    real, taught = teacher()
    assert isinstance(taught, DataSource)
    assert taught.tasks == real.tasks
    assert taught.splits == real.splits
    for name in SPLITS:
        ours, theirs = taught.split(name), real.split(name)
        np.testing.assert_array_equal(ours.chrom, theirs.chrom)
        index = np.arange(len(theirs))
        np.testing.assert_array_equal(ours.gather(index)[0], theirs.gather(index)[0])
    places = taught.candidate_loci("GATA1", "TAL1")
    np.testing.assert_array_equal(places[0], real.candidate_loci("GATA1", "TAL1")[0])
    np.testing.assert_array_equal(taught.seen(*places), real.seen(*places))
    assert taught.true_effects(*places)[0, 0].tolist() == list(range(180))


def test_targets_are_a_function_of_the_seed_and_drawn_once() -> None:
    _, one = teacher()
    _, again = teacher()
    _, other = teacher(seed=2)
    np.testing.assert_array_equal(targets(one), targets(again))
    np.testing.assert_array_equal(targets(one), targets(one))
    assert not np.array_equal(targets(one), targets(other))
    assert one.fingerprint == again.fingerprint
    assert len({one.fingerprint, other.fingerprint}) == 2
    for changed in ({"teacher": ["a", "c"]}, {"noise": "poisson"}, {"neighbours": 20}):
        assert teacher(**changed)[1].fingerprint != one.fingerprint
    assert teacher(facts={"calibrators": 1})[1].fingerprint != one.fingerprint


def test_splits_have_noise_of_their_own() -> None:
    _, taught = teacher()
    noise = [
        targets(taught, name)[:40] - predict(taught.source.split(name))[:40]
        for name in ("validation", "test")
    ]
    assert abs(np.corrcoef(noise[0][:, 0], noise[1][:, 0])[0, 1]) < 0.6  # 1 if they shared a stream


def test_what_confounds_the_readings_still_does() -> None:
    real, taught = teacher()
    mean = predict(real.split("train"))
    noise = targets(taught) - mean
    # The coin that moves both counts: their residuals go together, as real ones do.
    expected = np.corrcoef((targets(real) - mean).T)[0, 1]
    assert np.corrcoef(noise.T)[0, 1] == pytest.approx(expected, abs=0.15)
    assert np.abs(noise.mean(axis=0)).max() < 0.25 * noise.std(axis=0).max()
    apart = teacher(noise="poisson")[1]
    assert abs(np.corrcoef((targets(apart) - mean).T)[0, 1]) < 0.2  # 275 windows: three errors


def test_kinds_are_drawn_by_their_own_laws() -> None:
    _, taught = teacher(kinds=("binary", "signal"), predict=lambda split: predict(split) - 7)
    drawn = targets(taught)
    assert set(np.unique(drawn[:, 0])) == {0.0, 1.0}
    assert len(np.unique(drawn[:, 1])) > 100
    rows = {(row["split"], row["task"]): row for row in taught.summary()}
    row = rows["train", "GATA1"]
    assert row["positives"] == int(drawn[:, 0].sum())
    assert row["prevalence"] == pytest.approx(drawn[:, 0].mean())
    assert rows["train", "TAL1"]["positives"] is None


def test_what_was_not_measured_is_not_drawn() -> None:
    real, _ = teacher()
    split = real.split("train")

    class Gaps:
        chrom, start, end = split.chrom, split.start, split.end

        def __len__(self):
            return len(split)

        def gather(self, index, *, seed=None):
            codes, target, mask = split.gather(index, seed=seed)
            mask = mask.copy()
            mask[::2, 1] = False
            return codes, np.where(mask, target, 0), mask

    taught = TeacherSource(real, predict=predict, effects=effects, teacher=["a"], seed=1)
    real.split, whole = (lambda name: Gaps() if name == "train" else whole(name)), real.split
    _, target, mask = taught.split("train").gather(np.arange(len(split)))
    assert (target[::2, 1] == 0).all()
    assert (mask.sum(axis=0) == [len(split), len(split) // 2]).all()


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match=r"data.noise is one of residuals, poisson; got 'normal'"):
        teacher(noise="normal")
    with pytest.raises(ValueError, match=r"choose data.noise=poisson"):
        teacher(fitted_to_counts=True)
    with pytest.raises(ValueError, match=r"data.neighbours must be at least 2"):
        teacher(neighbours=1)
    with pytest.raises(LookupError, match="no split is called 'tests'"):
        teacher()[1].split("tests")
