import numpy as np
import pytest
from verdict.planted import planted

from deepmr.verdict import (
    effect_scale,
    judge,
    locus_maximum,
    member_agreement,
    pair_statistics,
)
from deepmr.verdict.controls import (
    controls_of,
    empirical_p,
    other_locus,
    permuted_within_loci,
    wanted_controls,
)

TASKS = {"X": {"a": 1.0}, "Y": {"a": 0.6, "b": 0.8}, "Z": {"a": 0.9, "c": 0.7}}


def _statistics(effects):
    scale = effect_scale(locus_maximum(effects))
    return pair_statistics(effects, scale=scale), member_agreement(effects, scale=scale)


@pytest.mark.parametrize("seed", range(5))
def test_permuted_effects_give_no_causal_word_though_members_agree(seed):
    effects = permuted_within_loci(planted(TASKS, noise=0.01), seed=seed)
    statistics, agreement = _statistics(effects)
    assert agreement.correlation.min() > 0.9
    found = controls_of("permuted", judge(statistics, agreement=agreement))
    assert all(one.passed for one in found)


def test_permutation_keeps_every_locus_effects_and_leaves_missing_variants_where_they_are():
    effects = planted(TASKS, noise=0.01, n_loci=4)
    effects.mask[:, ::7] = False
    changed = permuted_within_loci(effects, seed=0)
    for locus in range(4):
        kept = effects.mask[locus]
        for before, after in zip(effects.value[locus], changed.value[locus], strict=True):
            np.testing.assert_array_equal(
                np.sort(before[:, kept], axis=1), np.sort(after[:, kept], axis=1)
            )
            np.testing.assert_array_equal(before[:, ~kept], after[:, ~kept])
    assert not np.array_equal(effects.value, changed.value)


def test_other_locus_moves_whole_loci_and_gives_no_causal_word():
    effects = other_locus(planted(TASKS, noise=0.01))
    statistics, agreement = _statistics(effects)
    found = controls_of("other_locus", judge(statistics, agreement=agreement))
    assert all(one.passed for one in found)


def test_other_locus_refuses_fewer_loci_than_tasks():
    with pytest.raises(ValueError, match=r"at least as many loci as tasks \(3\) and two, got 2"):
        other_locus(planted(TASKS, n_loci=2))


def test_controls_that_are_not_run_say_why():
    run, left = wanted_controls("all", has_network=True, has_training=False)
    assert run == ("permuted", "other_locus", "untrained")
    assert left[0].to_record()["not_run"] == "the network's training is not at hand"
    _, left = wanted_controls("none", has_network=True, has_training=True)
    assert {one.reason for one in left} == {"not asked for (controls=none)"}
    with pytest.raises(ValueError, match="controls is one of none, standard, all; got 'some'"):
        wanted_controls("some", has_network=True, has_training=True)


def test_empirical_p_of_a_true_effect_is_small_and_of_a_control_is_not():
    effects = planted(TASKS, noise=0.01)
    statistics, _ = _statistics(effects)
    null = {
        str(seed): _statistics(permuted_within_loci(effects, seed=seed))[0] for seed in range(10)
    }
    p = empirical_p(statistics, null)
    # 60 control slopes: the smallest possible p is 1/61.
    assert p[0].max() < 0.02
    one = next(iter(null.values()))
    assert empirical_p(one, {k: v for k, v in null.items() if k != "0"}).min() > 0.02
