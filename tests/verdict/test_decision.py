import json

import numpy as np
import pytest
from verdict.planted import of_loci, planted, rearranged

from deepmr.effects import MemberEffects
from deepmr.verdict import (
    EffectThresholds,
    MemberAgreement,
    PairStatistics,
    Verdict,
    effect_scale,
    judge,
    locus_maximum,
    member_agreement,
    pair_statistics,
)


def _judged(effects: MemberEffects, **options) -> dict[tuple[str, str], Verdict]:
    scale = effect_scale(locus_maximum(effects))
    verdicts = judge(
        pair_statistics(effects, scale=scale),
        agreement=member_agreement(effects, scale=scale),
        **options,
    )
    return {(one.exposure, one.outcome): one for one in verdicts}


def _structure(x: dict[str, float], y: dict[str, float], **options) -> str:
    return _judged(planted({"X": x, "Y": y}, noise=0.005, **options))["X", "Y"].structure


def test_outcome_with_a_site_of_its_own_is_forward_and_the_swapped_question_reverse():
    assert _structure({"a": 1.0}, {"a": 0.6, "b": 0.8}) == "forward"
    assert _structure({"a": 0.6, "b": 0.8}, {"a": 1.0}) == "reverse"


def test_repression_is_forward_too():
    assert _structure({"a": 1.0}, {"a": -0.6, "b": 0.8}) == "forward"


def test_common_cause_with_private_sites_on_both_sides_is_shared():
    assert _structure({"a": 1.0, "c": 0.8}, {"b": 0.9, "c": 1.0}) == "shared"


def test_same_sites_with_one_slope_are_inseparable():
    assert _structure({"a": 1.0, "b": 0.5}, {"a": 2.0, "b": 1.0}) == "inseparable"


def test_no_site_in_common_is_none():
    assert _structure({"a": 1.0}, {"b": 1.0}) == "none"


def test_nested_inputs_with_different_slopes_are_shared():
    assert _structure({"a": 1.0, "b": 0.4}, {"a": 0.4, "b": 1.0, "c": 0.9}) == "shared"


def test_single_kind_of_site_carries_the_nested_caveat():
    verdict = _judged(planted({"X": {"a": 1.0}, "Y": {"a": 0.6, "b": 0.8}}))["X", "Y"]
    assert verdict.caveats == ("nested",)
    assert "Y may itself read every motif that X reads" in verdict.reasons[-1]


def test_two_kinds_that_agree_lift_the_nested_caveat_only_where_another_task_tells_them_apart():
    x, y = {"a": 1.0, "b": 0.8}, {"a": 0.5, "b": 0.4, "c": 0.8}
    alone = _judged(planted({"X": x, "Y": y}, n_loci=120))["X", "Y"]
    beside = _judged(planted({"X": x, "Y": y, "T": {"a": 1.0}}, n_loci=120))["X", "Y"]
    assert (alone.structure, beside.structure) == ("forward", "forward")
    assert alone.caveats == ("nested",)
    assert beside.caveats == ()


def test_members_that_do_not_agree_leave_every_pair_undecided_and_say_what_would_help():
    effects = planted({"X": {"a": 1.0}, "Y": {"a": 0.6, "b": 0.8}}, members=5)
    noise = np.random.default_rng(1).standard_normal(effects.value.shape)
    effects.value[:] = noise
    verdict = _judged(effects)["X", "Y"]
    assert verdict.structure == "undecided"
    assert "correlation between members" in verdict.reasons[0]
    assert "more training sequences" in verdict.reasons[0]


def test_one_network_needs_three_times_the_effects_of_its_untrained_twin():
    effects = planted({"X": {"a": 1.0}, "Y": {"a": 0.6, "b": 0.8}}, members=1)
    scale = effect_scale(locus_maximum(effects))
    statistics = pair_statistics(effects, scale=scale)

    def answer(twin: np.ndarray | None) -> str:
        return judge(statistics, twin_scale=twin)[0].structure

    assert answer(None) == "undecided"
    assert answer(scale / 2.9) == "undecided"
    assert answer(scale / 3.1) == "forward"


def test_sparse_list_of_variants_is_undecided_and_says_why():
    effects = planted({"X": {"a": 1.0}, "Y": {"a": 0.6, "b": 0.8}})
    every_fourth = np.flatnonzero(np.arange(effects.value.shape[-1]) % 12 == 0)
    verdict = _judged(rearranged(effects, every_fourth))["X", "Y"]
    assert verdict.structure == "undecided"
    assert "sparse" in verdict.caveats
    assert "variants=saturation" in " ".join(verdict.reasons)


def test_few_loci_are_undecided():
    assert _structure({"a": 1.0}, {"a": 0.6, "b": 0.8}, n_loci=6) == "undecided"


def test_order_of_variants_units_and_padding_change_nothing():
    effects = planted({"X": {"a": 1.0, "c": 0.3}, "Y": {"a": 0.6, "b": 0.8}}, noise=0.01)
    rng = np.random.default_rng(3)
    mixed = rearranged(effects, rng.permutation(effects.value.shape[-1]))
    scaled = rearranged(effects, np.arange(effects.value.shape[-1]))
    scaled.value[:, 0] *= 250.0
    padded = rearranged(effects, np.r_[np.arange(effects.value.shape[-1]), 0, 1, 2])
    padded.mask[:, -3:] = False
    padded.value[..., -3:] = 1e6
    expected = _judged(effects)["X", "Y"].to_record()["evidence"]
    for other in (mixed, scaled, padded):
        found = _judged(other)["X", "Y"].to_record()["evidence"]
        for name, one in expected.items():
            # Sums in another order differ in the last digits.
            assert found[name]["value"] == pytest.approx(one["value"], rel=1e-9, abs=1e-12), name


def test_shards_joined_give_the_verdict_of_the_whole():
    effects = planted({"X": {"a": 1.0}, "Y": {"a": 0.6, "b": 0.8}, "Z": {"c": 1.0}}, noise=0.02)
    parts = [of_loci(effects, range(25)), of_loci(effects, range(25, 60))]
    scale = effect_scale(np.concatenate([locus_maximum(part) for part in parts]))
    joined = judge(
        PairStatistics.join([pair_statistics(part, scale=scale) for part in parts]),
        agreement=MemberAgreement.join([member_agreement(part, scale=scale) for part in parts]),
    )
    whole = tuple(_judged(effects).values())
    assert [one.structure for one in joined] == [one.structure for one in whole]
    for one, other in zip(joined, whole, strict=True):
        for name, measure in one.evidence.items():
            # Members' sums are added in another order.
            np.testing.assert_allclose(measure.value, other.evidence[name].value, rtol=1e-9)


def test_record_is_json_without_nan():
    record = _judged(planted({"X": {"a": 1.0}, "Y": {"b": 1.0}}))["X", "Y"].to_record()
    assert json.loads(json.dumps(record, allow_nan=False))["structure"] == "none"


def test_interval_of_concordance_holds_the_number_and_narrows_with_loci():
    tasks = {"X": {"a": 1.0, "c": 0.4}, "Y": {"a": 0.6, "b": 0.8}}

    def width(n_loci: int) -> float:
        one = _judged(planted(tasks, n_loci=n_loci))["X", "Y"].evidence["concordance_forward"]
        assert one.low <= one.value <= one.high
        return one.high - one.low

    # Four times the loci halve it; .7 leaves room for the chance of which loci hold what.
    assert width(320) < 0.7 * width(80)


def test_thresholds_refuse_an_instrument_above_the_locus_threshold():
    with pytest.raises(ValueError, match="considered must be at least"):
        EffectThresholds(instrument=0.5)


def _alternatives(third: str) -> MemberEffects:
    """X answers to a or, at other loci, to c; Y reads a and b; T reads what is named."""
    effects = planted({"X": {}, "Y": {"b": 0.8}, "T": {}}, n_loci=120, present=0.5)
    parts = planted({"a": {"a": 1.0}, "c": {"c": 1.0}}, n_loci=120, present=1.0).value
    at_c = np.arange(120) % 2 == 1
    a, c = parts[:, 0].copy(), parts[:, 1].copy()
    a[at_c], c[~at_c] = 0.0, 0.0
    effects.value[:, 0] = a + c
    effects.value[:, 1] += 0.9 * a
    effects.value[:, 2] = {"a": a, "c": c}[third]
    return effects


def test_third_task_reveals_a_kind_of_site_that_the_outcome_does_not_read():
    # Without the third task, X looks like a cause whose effect is gated.
    assert _judged(_alternatives("a"))["X", "Y"].structure == "forward"
    found = _judged(_alternatives("c"))["X", "Y"]
    assert found.structure != "forward"


def test_reasons_name_the_tasks_and_carry_the_numbers():
    forward = _judged(planted({"X": {"a": 1.0}, "Y": {"a": 0.6, "b": 0.8}}))["X", "Y"]
    assert forward.reasons[0] == (
        "Variants that move X move Y along one dose-response "
        "(concordance 1.00, 95 % interval 1.00 to 1.00)."
    )
    assert "Variants that do not move X carry a part of Y's squared effects" in forward.reasons[1]
    assert forward.reasons[3].startswith("The other way round: ")
    shared = _judged(planted({"X": {"a": 1.0, "c": 0.8}, "Y": {"b": 0.9, "c": 1.0}}))["X", "Y"]
    assert "neither task follows the other" in shared.reasons[0]
