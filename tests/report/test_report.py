"""What the report answers: verdict, effect, caveats, cautions, controls."""

import re

import numpy as np
import pytest

from deepmr.inference import effect_z_scores
from deepmr.report import (
    ReportedVerdict,
    Supplement,
    effect_error_sentence,
    render_report,
    summary_table,
    verdict_text,
)
from deepmr.report.headline import headline
from deepmr.report.tables import loci_table
from deepmr.verdict import CAUSAL, STRUCTURES, Measure
from deepmr.verdict.controls import Control, ControlNotRun
from deepmr.verdict.panel import Check
from tests.report.contents import DASH, NESTED, VERDICTS, Reader, content, estimates, meta, verdict


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_verdict_comes_first_and_an_effect_is_claimed_only_where_it_is_causal(structure):
    one = content(structure=structure)
    said = headline(one)
    assert said.verdict.startswith(VERDICTS[structure])
    assert (" changes " in said.effect) == (structure in CAUSAL)
    assert said.reasons == ("Concordance 0.97.", "Own share 0.42.")
    text = Reader(render_report(one)).text
    order = [text.index(part) for part in (said.verdict, said.effect, "Concordance 0.97.")]
    assert order == sorted(order)
    assert verdict_text(one.judged.verdict).split()[:2] == ["verdict:", structure]
    assert " ".join(verdict_text(one.judged.verdict).split()).find(VERDICTS[structure]) > 0


def test_the_effect_of_a_verdict_forward_is_a_sentence_with_estimate_and_interval():
    assert headline(content(structure="forward")).effect == (
        "One logit more GATA1 changes TAL1 by 0.507 logits "
        "(95 % interval 0.477 to 0.537), on average over 111 loci."
    )


def test_the_effect_of_a_verdict_reverse_is_that_of_the_outcome_on_the_exposure():
    said = headline(content(structure="reverse"))
    assert said.effect.startswith("One logit more TAL1 changes GATA1 by 0.020 logits")
    assert (
        "The slope the other way round (GATA1 → TAL1), 0.507 (0.477 to 0.537) over 111 loci, is "
        "that of the variants both share, not an effect of GATA1 on TAL1." in said.details
    )


@pytest.mark.parametrize(("forward", "reverse"), [(0.5, 0.0), (0.5, 0.5), (0.0, 0.5), (-0.5, 0.0)])
def test_without_a_verdict_nothing_causal_is_said_whatever_the_p_values(forward, reverse):
    said = headline(content(meta(forward, reverse)))
    assert said.verdict.startswith("No verdict was asked for")
    words = " ".join([said.effect, *said.details, *said.cautions])
    assert not re.search(r"\b(changes|acts|cause|causal|effect of|opposite)\b", words)


def test_caveats_follow_the_reasons_and_a_failed_control_comes_before_them():
    nested = verdict("forward", caveats=("nested",))
    failed = Control(name="permuted", verdict=verdict("forward"), slope=Measure(value=0.5))
    said = headline(content(judged=ReportedVerdict(verdict=nested, controls=(failed,))))
    assert said.reasons == ("Concordance 0.97.", "Own share 0.42.")
    assert "(permuted): do not trust this one" in said.caveats[0]
    assert said.caveats[1].startswith(NESTED)
    turned = headline(
        content(judged=ReportedVerdict(verdict=verdict("reverse", caveats=("nested",))))
    )
    assert turned.caveats[0].startswith("GATA1 may itself read every motif that TAL1 reads")


def test_prediction_interval_other_direction_and_noiseless_slopes_are_said():
    assert headline(content(meta(truth=0.6), structure="forward")).details == (
        "Of 3 loci that were asked, 3 gave an estimate, from 7 instruments each (median).",
        "The slope differs between loci (τ = 0.1): 95 % prediction interval for a single locus "
        "0.31 to 0.71.",
        "The slope of the noiseless effects over the same variants is 0.600, outside the interval; "
        "the estimate is 15 % off.",
        "The slope the other way round (TAL1 → GATA1), 0.020 (\N{MINUS SIGN}0.010 to 0.050) over "
        "111 loci, is that of the variants both share, not an effect of TAL1 on GATA1.",
        "The slope of the noiseless effects over the same variants (TAL1 → GATA1) is 0.000, inside "
        "the interval.",
    )


def test_loci_are_not_said_to_differ_where_no_variance_between_them_was_found():
    details = " ".join(headline(content(meta(tau2=np.zeros(4)))).details)
    assert "No difference between loci beyond chance was found (τ = 0)" in details
    assert "slope differs" not in details


def test_the_reverse_slope_is_labelled_on_its_card_and_in_the_terminal():
    label = "slope over the variants both share, not an effect of TAL1 on GATA1"
    reader = Reader(render_report(content(structure="forward")))
    assert reader.text.count(label) == 2, "the card and the table's note"
    assert reader.text.count("effect of GATA1 on TAL1") == 1
    pooled = meta(structure=np.array(["forward"] * 2 + ["reverse"] * 2, dtype=object))
    lines = summary_table(pooled).splitlines()
    assert lines.index("TAL1 -> GATA1") < lines.index(f"  ({label})")
    assert sum("not an effect" in line for line in lines) == 1


def test_controls_are_a_table_with_those_not_run_and_their_reason():
    judged = ReportedVerdict(
        verdict=verdict("forward"),
        controls=(
            Control(
                name="permuted",
                verdict=verdict("none"),
                slope=Measure(value=0.051, low=0.042, high=0.062),
            ),
            Control(name="other_locus", verdict=verdict("forward"), slope=Measure(value=0.4)),
        ),
        controls_not_run=(ControlNotRun(name="untrained", reason="a table has no network"),),
    )
    text = Reader(render_report(content(judged=judged))).text
    assert "permuted passed none 0.051 (0.042 to 0.062) the variants of each locus" in text
    assert "other locus failed forward 0.4 each task's effects" in text
    assert f"untrained not run {DASH} {DASH} the same question asked" in text
    assert "; not run: a table has no network" in text
    assert "Negative controls" not in Reader(render_report(content())).text


def test_the_assumption_panel_is_a_table_and_what_fails_is_among_the_cautions():
    passed, failed = (
        Check(name=name, state=state, number=Measure(value=x), meaning=f"of {name}", advice=advice)
        for name, state, x, advice in (
            ("ensemble size", "pass", 5.0, ""),
            ("linearity", "fail", 0.76, "smaller effects only"),
        )
    )
    one = content(judged=ReportedVerdict(verdict=verdict("forward"), panel=(passed, failed)))
    text = Reader(render_report(one)).text
    assert f"ensemble size pass 5 of ensemble size {DASH}" in text
    assert "linearity fail 0.76 of linearity smaller effects only" in text
    assert headline(one).cautions == (
        "Assumptions that do not hold or are in doubt: linearity (fail).",
    )
    assert "Each assumption behind" not in Reader(render_report(content())).text


def test_a_question_asked_one_way_only_is_said_to_be():
    one_way = {name: column[:2] for name, column in meta().items()}
    assert "was not computed" in headline(content(one_way)).details[-1]
    effect = headline(content(one_way, structure="reverse")).effect
    assert "not an effect of GATA1 on TAL1" in effect


def test_without_an_estimate_there_is_no_slope():
    assert headline(content(meta(np.nan, n_loci=np.zeros(4, int)))).effect == (
        "There is no estimate of the slope of TAL1 on GATA1: no locus had an estimate, too few "
        "to pool."
    )


def test_a_single_locus_has_no_interval_and_the_answer_says_so():
    nothing = np.full(4, np.nan)
    one = meta(n_loci=np.ones(4, int), ci_lower=nothing, ci_upper=nothing)
    effect = headline(content(one, structure="forward")).effect
    assert "by 0.507 logits (no interval), on average over 1 locus." in effect


def test_the_loci_behind_the_answer_and_their_coverage_are_counted():
    local = estimates(4)
    local["value"][3] = np.nan
    local["true_value"][:4] = [0.0, 1.4, 2.6, np.nan]
    details = headline(content(estimates=local)).details
    assert "Of 4 loci that were asked, 3 gave an estimate" in details[0]
    assert "the 3 loci with a 95 % interval" in details[2]
    assert "holds it at 2 (67 %)" in details[2]
    local["value"][:4] = np.nan
    assert "None of the 4 loci" in headline(content(estimates=local)).details[0]


def test_a_question_without_any_locus_is_still_a_page():
    none = {name: column[:0] for name, column in estimates().items()}
    text = Reader(render_report(content(meta(np.nan), estimates=none))).text
    assert "There is no estimate of the slope" in text
    assert "0 of 0 loci" in text


def test_an_unbounded_interval_is_shown_as_such():
    local = estimates()
    local["ci_lower"][2], local["ci_upper"][2] = -np.inf, np.inf
    table, _ = loci_table(content(estimates=local))
    texts = [row[table.header.index("95 % interval")].text for row in table.rows]
    assert texts[0] == "\N{MINUS SIGN}∞ to ∞"


@pytest.mark.parametrize(
    ("changes", "caution"),
    [
        ({"n_loci": np.full(4, 6)}, "Only 6 loci were pooled"),
        ({"i2": np.full(4, 0.9)}, "90 % of the variation between loci is more than chance"),
        ({"prediction_lower": np.full(4, -0.1)}, "prediction interval includes zero"),
        ({"ci_upper": np.array([0.6, -0.4, 0, 0.0])}, "disagree on the sign: ivw 0.507, egger"),
    ],
)
def test_what_should_give_pause_is_said_and_only_then(changes, caution):
    assert headline(content()).cautions == ()
    assert any(caution in said for said in headline(content(meta(**changes))).cautions)


def test_single_effects_errors_are_judged_where_the_truth_is_known():
    rng = np.random.default_rng(0)
    truth = np.zeros(4000)
    right, short = (
        effect_z_scores(rng.normal(0, size, 4000), np.ones(4000), truth, df=np.inf)
        for size in (1.0, 3.0)
    )
    page = render_report(
        content(supplement=Supplement(effect_errors={"GATA1": right, "TAL1": short}))
    )
    text = " ".join(Reader(page).texts)
    # with errors three times as large as said, 1.96 standard errors are .65 of one: 49 %
    assert re.search(r"noiseless effect for 9[456] % \(GATA1\) and 4[789] % \(TAL1\)", text)
    assert "too narrow, use them for no variant alone" in text
    assert "Median |z| / nominal" in text
    assert "4,000" in text
    assert "too narrow" not in effect_error_sentence({"GATA1": right})


def test_nothing_is_said_of_single_effects_where_no_truth_is_known():
    assert "Do single effects' standard errors" not in render_report(content())
    assert effect_error_sentence({}) == ""
