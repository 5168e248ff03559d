import numpy as np
import pytest

from deepmr.data.structures import StructuresSource, structures_source
from deepmr.effects import MemberEffects
from deepmr.verdict import Measure, Verdict, all_pairs, effect_scale, locus_maximum
from deepmr.verdict.design import (
    WINDOW_WIDTH,
    DesignPlan,
    inserted,
    neutral_backgrounds,
    plan_designed,
)
from deepmr.verdict.designed import (
    DesignedEvidence,
    directions,
    equal_x_agreement,
    judge_designed,
    measure_designed,
)


@pytest.fixture(scope="module")
def source() -> StructuresSource:
    return structures_source(seed=3, graph="fifteen", n_train=20, n_variants=0, n_test=150)


@pytest.fixture(scope="module")
def asked(source: StructuresSource) -> tuple[DesignPlan, DesignedEvidence, int]:
    """Return a plan, what was measured, and how many sequences were predicted for it."""
    loci = source.candidate_loci("pair", exposure="X", outcome="N")
    codes = source.sequences(*loci)
    offset = np.tile(np.repeat(np.arange(source.length), 3), (len(codes), 1))
    effects = MemberEffects(
        value=source.true_effects(*loci)[:, :, None],
        tasks=source.tasks.names,
        offset=offset,
        ref=np.zeros_like(offset),
        alt=np.zeros_like(offset),
        mask=np.ones(offset.shape, dtype=bool),
    )
    scale = effect_scale(locus_maximum(effects))
    plan = plan_designed(effects, codes, scale=scale, per_task=8, n_candidates=200)
    predict = _predictor(source)
    return plan, measure_designed(plan, predict), sum(predict.asked)


@pytest.fixture(scope="module")
def measured(asked: tuple[DesignPlan, DesignedEvidence, int]) -> DesignedEvidence:
    return asked[1]


def _predictor(source: StructuresSource):
    asked = []

    def predict(codes: np.ndarray) -> np.ndarray:
        asked.append(len(codes))
        return source._readings.noiseless(codes.astype(np.uint8))[..., None]

    predict.asked = asked
    return predict


def test_kinds_are_the_motifs_and_their_responses_the_tasks_inputs(source, measured):
    reads = measured.response >= 0.15
    rows = {tuple(row) for row in reads.tolist()}
    graph = {
        motif: tuple(
            motif in {*one.shared, *one.own_exposure}
            for task in source.tasks.names
            for one in [source.structure(task, "X" if task != "X" else "N")]
        )
        for motif in ("A", "B", "C")
    }
    assert rows == set(graph.values())


def test_designed_sequences_bear_out_every_direction_and_refute_every_common_cause(
    source, measured
):
    borne, refuted, _ = directions(measured)
    names = source.tasks.names
    for pair in source.structures():
        a, b = names.index(pair["exposure"]), names.index(pair["outcome"])
        if pair["kind"] == "directed":
            cause, effect = (a, b) if pair["word"] == "forward" else (b, a)
            assert borne[cause, effect], pair
            assert not refuted[cause, effect], pair
            assert not borne[effect, cause], pair
        if pair["kind"] == "common":
            assert refuted[a, b], pair
            assert refuted[b, a], pair


def test_backgrounds_leave_every_task_quieter_than_the_candidates(source):
    rng = np.random.default_rng(0)
    candidates = rng.integers(0, 4, (60, 100)).astype(np.uint8)
    plan = DesignPlan(
        windows=candidates[:1, :WINDOW_WIDTH], candidates=candidates, scale=np.ones(15), seed=0
    )

    def level(codes: np.ndarray) -> np.ndarray:
        return source._readings.noiseless(codes.astype(np.uint8))

    quiet = np.median(level(candidates), axis=0)
    before = np.sort(np.abs(level(candidates) - quiet).max(axis=1))[:3]
    after = np.abs(level(neutral_backgrounds(plan, level)) - quiet).max(axis=1)
    assert after.max() <= before.max()
    assert after.mean() < before.mean()


def test_code_four_leaves_the_background_as_it_is():
    background = np.arange(12, dtype=np.uint8).reshape(1, 12) % 4
    pieces = np.full((1, 2, 3), 4, dtype=np.uint8)
    pieces[0, 1] = 1
    made = inserted(background, pieces, np.array([0, 6]))[0, 0]
    np.testing.assert_array_equal(made[:6], background[0, :6])
    np.testing.assert_array_equal(made[6:9], [1, 1, 1])


def _made(kinds: list[list[float]]) -> DesignedEvidence:
    """Additive kinds: every context has the same effect, in proportion to the dose."""
    effect = np.asarray(kinds)
    n = len(effect)
    present = np.zeros((n, 2, n), dtype=bool)
    for k in range(n):
        present[k, 1] = np.arange(n) != k
    dose = np.array([0.0, 0.35, 0.7, 1.0])
    context = np.einsum("kcj,jt->kct", present.astype(float), effect)
    level = context[:, :, None] + dose[:, None] * effect[:, None, None]
    return DesignedEvidence(level=level, present=present, explained=np.ones(effect.shape[1]))


def _verdict(structure: str, *, reliable: bool = True) -> Verdict:
    evidence = {"is_reliable": Measure(value=float(reliable))}
    return Verdict(exposure="X", outcome="Y", structure=structure, evidence=evidence)


def _revised(kinds: list[list[float]], structure: str, **options) -> str:
    pairs = all_pairs(2)
    return judge_designed([_verdict(structure, **options)], _made(kinds), pairs)[0].structure


def test_private_kind_of_the_source_vetoes_its_direction():
    assert _revised([[1.0, 0.6], [0.5, 0.0], [0.0, 1.0]], "forward") == "shared"
    assert _revised([[1.0, 0.6], [0.0, 1.0]], "forward") == "forward"


def test_kinds_that_move_the_target_unlike_at_equal_source_veto():
    unlike = [[1.0, 1.0], [1.0, 0.2], [0.0, 1.0]]
    np.testing.assert_allclose(equal_x_agreement(_made(unlike))[0, 1], 0.2)
    assert _revised(unlike, "forward") == "shared"


def test_open_pairs_are_rescued_but_none_and_unreliable_ones_stay():
    causal = [[1.0, 0.6], [0.0, 1.0]]
    assert _revised(causal, "undecided") == "forward"
    assert _revised([row[::-1] for row in causal], "inseparable") == "reverse"
    assert _revised(causal, "none") == "none"
    assert _revised(causal, "undecided", reliable=False) == "undecided"


def test_rescued_direction_carries_the_nested_caveat():
    made = _made([[1.0, 0.6], [0.0, 1.0]])
    (verdict,) = judge_designed([_verdict("undecided")], made, all_pairs(2))
    assert verdict.caveats == ("nested",)
    assert "designed sequences" in verdict.reasons[0]
    assert verdict.reasons[-1].startswith("Y may itself read every motif that X reads")
    refuting = _made([[1.0, 0.6], [0.5, 0.0], [0.0, 1.0]])
    (vetoed,) = judge_designed([verdict], refuting, all_pairs(2))
    assert vetoed.caveats == ()
    assert not any("may itself read" in reason for reason in vetoed.reasons)


def test_a_single_kind_of_site_is_measured_without_company():
    rng = np.random.default_rng(0)
    candidates = rng.integers(0, 4, (40, 60)).astype(np.uint8)
    windows = rng.integers(0, 4, (4, WINDOW_WIDTH)).astype(np.uint8)
    windows[:, 5:11] = 0
    plan = DesignPlan(windows=windows, candidates=candidates, scale=np.ones(2), seed=0)

    def runs_of_a(codes: np.ndarray) -> np.ndarray:
        run = np.lib.stride_tricks.sliding_window_view(codes == 0, 6, axis=1).all(axis=-1)
        return np.repeat(run.any(axis=1).astype(float)[:, None, None], 2, axis=1)

    found = measure_designed(plan, runs_of_a)
    assert found.level.shape == (1, 1, 4, 2)
    np.testing.assert_array_equal(found.response, [[1.0, 1.0]])


def test_lost_kind_abstains():
    made = _made([[1.0, 0.6], [0.5, 0.0], [0.0, 1.0]])
    lost = DesignedEvidence(level=made.level, present=made.present, explained=np.array([0.8, 1.0]))
    assert judge_designed([_verdict("forward")], lost, all_pairs(2))[0].structure == "forward"


def test_plan_says_its_cost_before_anything_is_predicted(asked):
    plan, _, predicted = asked
    assert predicted <= plan.n_sequences
