import numpy as np
import pytest
from verdict.planted import of_loci, planted

from deepmr.verdict import (
    Measure,
    Verdict,
    all_pairs,
    compare_locus_sets,
    effect_scale,
    locus_maximum,
)
from deepmr.verdict.doses import DoseStatistics, dose_evidence, dose_statistics
from deepmr.verdict.motif_inputs import judge_doses, likely_inputs

TASKS = {
    "X": {"a": 1.0},
    "Y": {"a": 0.6, "b": 0.8},
    "W": {"b": 0.7, "c": 0.9},
    "U": {"c": 1.0},
}


def _doses(seed: int = 0):
    """Doses are what tasks that read one site alone would show; decoys are random."""
    alone = planted({name: {name: 1.0} for name in "abc"}, noise=0.0, seed=seed)
    true = alone.value.mean(axis=2)
    decoys = np.random.default_rng(1).standard_normal((len(true), 2, true.shape[-1])) * 0.1
    return np.concatenate([true, decoys], axis=1)


def _evidence(motifs: str = "abc", *, bend: bool = False):
    effects = planted(TASKS, noise=0.01)
    if bend:
        effects.value[:] = np.sign(effects.value) * np.abs(effects.value) ** 1.5
    names = ["a", "b", "c", "d1", "d2"]
    kept = [k for k, name in enumerate(names) if name in motifs or name.startswith("d")]
    return dose_evidence(
        dose_statistics(
            effects,
            _doses()[:, kept],
            scale=effect_scale(locus_maximum(effects)),
            motifs=[names[k] for k in kept],
            is_decoy=[names[k].startswith("d") for k in kept],
        )
    )


def test_inputs_are_the_motifs_that_each_task_reads():
    found = _evidence()
    inputs = [found.inputs(task) for task in range(4)]
    assert inputs == [("a",), ("a", "b"), ("b", "c"), ("c",)]
    # Noise of .01 on effects of .5 to 1 leaves less than a hundredth unexplained.
    assert found.explained.min() > 0.97


def test_containment_of_inputs_is_the_structure():
    pairs = all_pairs(4)
    found = dict(zip(map(tuple, pairs.tolist()), _evidence().structure(pairs), strict=True))
    assert found[0, 1] == "forward"
    assert found[1, 2] == "shared"
    assert found[2, 3] == "reverse"
    assert found[0, 3] == "none"


def test_a_missing_motif_makes_the_guard_abstain():
    found = _evidence("bc")
    assert not found.trusted[:2].any()
    assert set(found.structure(np.array([[0, 1], [1, 2]]))) == {"undecided"}
    assert found.trusted[3]


def test_shards_joined_give_the_same_evidence():
    effects = planted(TASKS, noise=0.01)
    scale = effect_scale(locus_maximum(effects))
    options = {"scale": scale, "motifs": list("abcde"), "is_decoy": [False] * 3 + [True] * 2}
    whole = dose_evidence(dose_statistics(effects, _doses(), **options))
    parts = [
        dose_statistics(of_loci(effects, rows), _doses()[list(rows)], **options)
        for rows in (range(20), range(20, 60))
    ]
    joined = dose_evidence(DoseStatistics.join(parts))
    # Each locus is solved on its own; batching changes the last digits at most.
    np.testing.assert_allclose(joined.response, whole.response, rtol=1e-9)
    np.testing.assert_allclose(joined.explained, whole.explained, rtol=1e-9)


def _verdict(structure: str) -> Verdict:
    evidence = {"is_reliable": Measure(value=1.0)}
    return Verdict(exposure="X", outcome="Y", structure=structure, evidence=evidence)


def test_doses_rescue_open_pairs_veto_private_motifs_and_name_the_motifs():
    found = _evidence()
    (rescued,) = judge_doses([_verdict("undecided")], found, np.array([[0, 1]]))
    assert (rescued.structure, rescued.caveats) == ("forward", ("nested",))
    assert "X reads a and Y reads a, b" in rescued.reasons[0]
    (vetoed,) = judge_doses([_verdict("forward")], found, np.array([[1, 2]]))
    assert vetoed.structure == "shared"
    (kept,) = judge_doses([_verdict("none")], found, np.array([[0, 1]]))
    assert kept.structure == "none"


def test_doses_of_another_number_of_variants_are_refused():
    effects = planted(TASKS)
    with pytest.raises(ValueError, match=r"dose_change of shape \(60, 1, 180\)"):
        dose_statistics(effects, np.zeros((60, 1, 90)), scale=np.ones(4), motifs=["a"])


def test_verdict_that_depends_on_the_loci_says_so_and_an_undecided_one_does_not():
    there = [_verdict("shared")]
    (changed,) = compare_locus_sets([_verdict("forward")], there, name="loci with both motifs")
    assert "At loci with both motifs the verdict is shared" in changed.reasons[-1]
    (same,) = compare_locus_sets([_verdict("undecided")], there, name="loci with both motifs")
    assert same.caveats == ()


MUTUAL = {
    "F": {"a": 1.0, "b": 0.5},
    "G": {"a": 0.5, "b": 1.0},
    "E": {"a": 1.0, "b": 0.5},
}


def _mutual():
    effects = planted(MUTUAL, noise=0.01)
    alone = planted({name: {name: 1.0} for name in "ab"}, noise=0.0)
    return dose_evidence(
        dose_statistics(
            effects,
            alone.value.mean(axis=2),
            scale=effect_scale(locus_maximum(effects)),
            motifs=["a", "b"],
        )
    )


@pytest.mark.parametrize("word", ["shared", "undecided", "inseparable"])
def test_own_motifs_that_move_either_task_are_feedback_with_its_caveat(word):
    (found,) = judge_doses([_verdict(word)], _mutual(), np.array([[0, 1]]), own=("a", "b", "a"))
    assert (found.structure, found.caveats) == ("both", ("feedback",))
    # Own over other is 1 : .5 for F, over .5 : 1 for G.
    assert found.evidence["own_motif_weight"].value == pytest.approx(2.0, rel=0.05)
    assert "Sites of a, the motif of X, move Y" in found.reasons[0]


@pytest.mark.parametrize(
    ("own", "pair"),
    [
        ((), [0, 1]),  # nobody's motif
        (("b", "a", "b"), [0, 1]),  # each moves the other task more
        (("a", "a", "b"), [0, 1]),  # one motif of both
        (("a", None, "b"), [0, 2]),  # equal inputs of equal weights
        (("a", "c", None), [0, 1]),  # a motif that was not kept
    ],
)
def test_without_two_own_motifs_that_each_move_their_own_task_more_there_is_no_feedback(own, pair):
    (found,) = judge_doses([_verdict("shared")], _mutual(), np.array([pair]), own=own)
    assert found.structure == "shared"


def test_a_direction_is_never_made_feedback_by_its_motifs():
    (found,) = judge_doses([_verdict("forward")], _mutual(), np.array([[0, 1]]), own=("a", "b"))
    assert found.structure == "forward"


def test_likely_inputs_keep_one_of_motifs_that_bind_alike_and_those_asked_for():
    effects = planted({"X": {"a": 1.0, "b": 0.5}}, noise=0.01).value.mean(axis=2).swapaxes(0, 1)
    alone = planted({name: {name: 1.0} for name in "abc"}, noise=0.0).value.mean(axis=2)
    doses = np.concatenate([alone, 0.5 * alone[:, :1]], axis=1).swapaxes(0, 1)
    assert likely_inputs(effects, doses, n=2).tolist() == [0, 1]
    assert likely_inputs(effects, doses, n=1, always=[2]).tolist() == [0, 2]
