"""The parametric bootstrap's arithmetic: planted bias found, intervals repaired."""

import numpy as np
import pytest

from deepmr.estimate import Estimate
from deepmr.inference import teacher_correction


def students(rng, teacher, *, ratio=1.0, shift=0.0, spread=0.05, reported=0.05, n=8):
    value = ratio * teacher + shift + spread * rng.normal(size=(n, teacher.size))
    return Estimate(value=value, se=np.full(value.shape, reported), df=np.asarray(np.inf))


def test_a_planted_shrinkage_is_undone():
    rng = np.random.default_rng(0)
    teacher = rng.uniform(0.5, 3.0, 200)
    found = teacher_correction(teacher, students(rng, teacher, ratio=0.8))
    # 1,600 slopes with errors of .05 around effects of about 1.9: the ratio is known to .001.
    assert found.ratio == pytest.approx(0.8, abs=0.005)
    corrected = found.apply(Estimate(value=np.asarray(1.6), se=np.asarray(0.1)))
    assert float(corrected.value) == pytest.approx(2.0, abs=0.02)
    assert float(corrected.se) >= 0.1 / 0.8


def test_a_planted_shift_is_undone():
    rng = np.random.default_rng(1)
    teacher = np.zeros(200)
    found = teacher_correction(teacher, students(rng, teacher, shift=0.3), kind="additive")
    corrected = found.apply(Estimate(value=np.asarray(0.3), se=np.asarray(0.1)))
    assert float(corrected.value) == pytest.approx(0.0, abs=0.01)  # error .05 / 40


def test_intervals_that_are_half_as_wide_as_they_should_be_are_doubled():
    rng = np.random.default_rng(2)
    teacher = rng.uniform(0.5, 3.0, 400)
    found = teacher_correction(teacher, students(rng, teacher, spread=0.1, reported=0.05))
    # The 95th percentile of 3,200 half-normals: an error of about 2 %.
    assert found.widening == pytest.approx(2.0, rel=0.06)


def test_intervals_that_cover_are_never_narrowed():
    rng = np.random.default_rng(3)
    teacher = rng.uniform(0.5, 3.0, 50)
    assert teacher_correction(teacher, students(rng, teacher, reported=1.0)).widening == 1.0


def test_a_locus_without_an_estimate_does_not_count():
    rng = np.random.default_rng(4)
    teacher = rng.uniform(0.5, 3.0, 50)
    some = students(rng, teacher)
    value = some.value.copy()
    value[:, 7] = np.nan
    wild = teacher.copy()
    wild[7] = 1e6
    one = teacher_correction(wild, Estimate(value=value, se=some.se, df=some.df))
    kept = np.arange(50) != 7
    two = teacher_correction(
        teacher[kept], Estimate(value=value[:, kept], se=some.se[:, kept], df=some.df)
    )
    for name in ("ratio", "ratio_se", "shift", "widening"):  # up to the order of a sum
        assert getattr(one, name) == pytest.approx(getattr(two, name), rel=1e-9)


def test_what_cannot_be_corrected_is_refused():
    rng = np.random.default_rng(5)
    teacher = rng.uniform(0.5, 3.0, 10)
    with pytest.raises(ValueError, match="at least 2 replicates, got 1"):
        teacher_correction(teacher, students(rng, teacher, n=1))
    with pytest.raises(ValueError, match="choose kind=additive"):
        teacher_correction(np.zeros(10), students(rng, teacher))
    with pytest.raises(ValueError, match="must recover the teacher's sign"):
        teacher_correction(teacher, students(rng, teacher, ratio=-1.0))
    with pytest.raises(ValueError, match=r"students must have shape \(replicate, \*locus\)"):
        teacher_correction(teacher[:5], students(rng, teacher))


def test_each_replicate_may_be_held_against_slopes_over_its_own_instruments():
    rng = np.random.default_rng(6)
    teacher = rng.uniform(0.5, 3.0, (8, 200))
    value = 0.9 * teacher
    found = teacher_correction(teacher, Estimate(value=value, se=np.full(value.shape, 0.1)))
    assert found.ratio == pytest.approx(0.9)
    assert found.ratio_se == pytest.approx(0.0, abs=1e-12)
    assert found.widening == 1.0


def test_a_ratio_is_taken_only_where_it_is_known():
    rng = np.random.default_rng(7)
    strong, none = rng.uniform(0.5, 3.0, 100), rng.normal(0, 1e-3, 100)
    assert (
        teacher_correction(strong, students(rng, strong, ratio=0.9), kind="auto").kind
        == "multiplicative"
    )
    weak = teacher_correction(none, students(rng, none, shift=0.2), kind="auto")
    assert weak.kind == "additive"
    assert weak.shift == pytest.approx(0.2, abs=0.01)  # .05 over 800 slopes: five errors


def test_the_pooled_error_is_never_less_than_what_replicates_show():
    own = Estimate(value=np.asarray(1.0), se=np.asarray(0.001), df=np.asarray(4.0))
    value = 1.0 + np.array([-0.1, 0.0, 0.1, 0.0])
    pooled = Estimate(value=value, se=np.full(4, 0.001))
    for kind in ("multiplicative", "additive"):
        found = teacher_correction(np.ones(4), pooled, kind=kind)
        corrected = found.apply_pooled(own)
        # A prediction interval: the spread, and the error of its centre, with 3 df.
        assert float(corrected.se) == pytest.approx(value.std(ddof=1) * np.sqrt(1 + 1 / 4))
        assert float(corrected.df) == 3.0
    wide = Estimate(value=np.asarray(1.0), se=np.asarray(1.0), df=np.asarray(4.0))
    kept = found.apply_pooled(wide)
    assert float(kept.se) == pytest.approx(1.0, rel=1e-2)
    assert float(kept.df) == pytest.approx(4.0, rel=2e-2)


def test_pooled_intervals_cover_when_replicates_err_as_the_teacher_does():
    rng = np.random.default_rng(9)
    covered = 0
    for _ in range(2000):
        truth = 2.0
        teacher = 0.8 * truth * (1 + 0.05 * rng.normal())
        seen = 0.8 * teacher * (1 + 0.05 * rng.normal(size=4))
        found = teacher_correction(
            np.full(4, teacher), Estimate(value=seen, se=np.full(4, 1e-6)), kind="multiplicative"
        )
        corrected = found.apply_pooled(
            Estimate(value=np.asarray(teacher), se=np.asarray(1e-6), df=np.asarray(4.0))
        )
        low, high = corrected.interval()
        covered += bool(low <= truth <= high)
    # 2,000 rounds: a binomial error of .005; the product of two errors of 5 % skews little.
    assert covered / 2000 == pytest.approx(0.95, abs=0.015)


def test_without_correction_of_bias_the_students_whole_error_widens():
    rng = np.random.default_rng(10)
    teacher = rng.uniform(0.5, 3.0, 400)
    found = teacher_correction(teacher, students(rng, teacher, shift=0.1), kind="none")
    local = Estimate(value=np.asarray(1.0), se=np.asarray(0.05))
    assert float(found.apply(local).value) == 1.0
    # |N(.1, .05)| has its 95th percentile at .1822; the reach of an error of .05 is .098.
    assert found.widening == pytest.approx(0.1822 / 0.098, rel=0.03)
    errors = np.array([-0.1, 0.0, 0.2, 0.1])
    pooled = teacher_correction(
        np.ones(4), Estimate(value=1.0 + errors, se=np.full(4, 0.001)), kind="none"
    ).apply_pooled(Estimate(value=np.asarray(1.0), se=np.asarray(0.001), df=np.asarray(4.0)))
    assert float(pooled.value) == 1.0
    assert float(pooled.se) == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert float(pooled.df) == 4.0
