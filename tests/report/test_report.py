"""The report: it says what the tables say, needs nothing but itself, and escapes what it shows."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from deepmr.inference import effect_z_scores
from deepmr.report import (
    Figure,
    ReportContent,
    ReportedPair,
    ReportedVerdict,
    Supplement,
    effect_error_sentence,
    render_report,
    summary_table,
    verdict_text,
    write_report,
)
from deepmr.report import tables as report_tables
from deepmr.report.flags import count_flags
from deepmr.report.headline import headline
from deepmr.report.tables import calibration_table, loci_table, pooled_table
from deepmr.verdict import CAUSAL, CAVEATS, STRUCTURES, Measure, Verdict
from deepmr.verdict.controls import Control, ControlNotRun
from deepmr.verdict.panel import Check

DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"></svg>'


def meta(forward=0.507, reverse=0.02, *, half=0.03, truth=np.nan, **changes):
    """Two directions by two methods; the second method's effects are a tenth larger."""
    value = np.array([forward, 1.1 * forward, reverse, 1.1 * reverse])
    columns = {
        "exposure": np.array(["GATA1", "GATA1", "TAL1", "TAL1"], dtype=object),
        "outcome": np.array(["TAL1", "TAL1", "GATA1", "GATA1"], dtype=object),
        "method": np.array(["ivw", "egger"] * 2, dtype=object),
        "pooling": np.array(["reml_hk"] * 4, dtype=object),
        "n_loci": np.full(4, 111),
        "value": value,
        "se": np.full(4, half / 1.96),
        "df": np.full(4, 110.0),
        "ci_lower": value - half,
        "ci_upper": value + half,
        "p_value": np.zeros(4),
        "neg_log10_p": np.full(4, 412.3),
        "q": np.full(4, 220.0),
        "q_df": np.full(4, 110.0),
        "tau2": np.full(4, 0.01),
        "i2": np.full(4, 0.5),
        "prediction_lower": value - 0.2,
        "prediction_upper": value + 0.2,
        "true_value": np.array([truth, truth, 0.0 * truth, 0.0 * truth]),
    }
    return {**columns, **changes}


def estimates(n=3, chrom="chr8"):
    """Locus k has forward effect k and reverse effect -k, by ivw; Egger's has a flag everywhere."""
    blocks = []
    for exposure, outcome, sign in (("GATA1", "TAL1", 1.0), ("TAL1", "GATA1", -1.0)):
        for method in ("ivw", "egger"):
            k = np.arange(n, dtype=float)
            flags = ["weak_instruments" if method == "egger" else ""] * n
            flags[0] = "few_instruments;mystery"
            blocks.append(
                {
                    "chrom": np.array([chrom] * n, dtype=object),
                    "start": 100 * np.arange(n),
                    "end": 100 * np.arange(n) + 100,
                    "exposure": np.array([exposure] * n, dtype=object),
                    "outcome": np.array([outcome] * n, dtype=object),
                    "method": np.array([method] * n, dtype=object),
                    "n_instruments": np.full(n, 7),
                    "value": sign * k,
                    "ci_lower": sign * k - 0.5,
                    "ci_upper": sign * k + 0.5,
                    "neg_log10_p": k,
                    "intercept": np.full(n, np.nan),
                    "q": np.full(n, 9.0),
                    "q_df": np.full(n, 6.0),
                    "flags": np.array(flags, dtype=object),
                    "true_value": np.full(n, np.nan),
                }
            )
    # Rows of the directions are shuffled against each other: loci are joined by key.
    turned = [
        {name: column[::-1] if i > 1 else column for name, column in block.items()}
        for i, block in enumerate(blocks)
    ]
    return {name: np.concatenate([block[name] for block in turned]) for name in turned[0]}


def content(pooled=None, *, outcome="TAL1", exposure="GATA1", structure=None, **changes):
    pair = ReportedPair(
        exposure=exposure, outcome=outcome, exposure_unit="logit", outcome_unit="logit"
    )
    settings = {
        "pair": pair,
        "meta": meta() if pooled is None else pooled,
        "estimates": estimates(),
        "judged": ReportedVerdict(verdict=None if structure is None else verdict(structure)),
    }
    return ReportContent(**{**settings, **changes})


NESTED = "TAL1 may also read every motif that GATA1 reads, itself: effects of sequence cannot tell"


def verdict(structure, *, caveats=()):
    names = ("TAL1", "GATA1") if structure == "reverse" else ("GATA1", "TAL1")
    said = [CAVEATS[one].format(exposure=names[0], outcome=names[1]) for one in caveats]
    return Verdict(
        exposure="GATA1",
        outcome="TAL1",
        structure=structure,
        caveats=caveats,
        reasons=("Concordance .97.", "Own share .42.", *(f"{t[0].upper()}{t[1:]}." for t in said)),
    )


class Reader(HTMLParser):
    """Collect the visible text, every attribute, and check that tags are closed in order."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts, self.attributes, self.stack = [], [], []
        self.feed(page)
        assert not self.stack

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


VERDICTS = {
    "forward": "In this model, GATA1 acts on TAL1, and TAL1 does not act on GATA1.",
    "reverse": "In this model, TAL1 acts on GATA1, and GATA1 does not act on TAL1: the reverse of "
    "the question.",
    "both": "In this model, GATA1 and TAL1 act on each other.",
    "inseparable": "In this model, GATA1 and TAL1 cannot be told apart",
    "shared": "In this model, GATA1 and TAL1 share regulatory sites, and neither acts on the",
    "none": "In this model, neither of GATA1 and TAL1 acts on the other",
    "undecided": "It is undecided whether GATA1 acts on TAL1 in this model.",
}


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_verdict_comes_first_and_an_effect_is_claimed_only_where_it_is_causal(structure):
    one = content(structure=structure)
    said = headline(one)
    assert said.verdict.startswith(VERDICTS[structure])
    assert (" changes " in said.effect) == (structure in CAUSAL)
    assert said.reasons == ("Concordance .97.", "Own share .42.")
    text = Reader(render_report(one)).text
    order = [text.index(part) for part in (said.verdict, said.effect, "Concordance .97.")]
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
    assert said.reasons == ("Concordance .97.", "Own share .42.")
    assert "(permuted): do not trust this one" in said.caveats[0]
    assert said.caveats[1].startswith(NESTED)
    turned = headline(
        content(judged=ReportedVerdict(verdict=verdict("reverse", caveats=("nested",))))
    )
    assert turned.caveats[0].startswith("GATA1 may also read every motif that TAL1 reads")


def test_prediction_interval_other_direction_and_noiseless_slopes_are_said():
    assert headline(content(meta(truth=0.6), structure="forward")).details == (
        "Of 3 loci that were asked, 3 gave an estimate, each from 7 instruments (median).",
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
    assert f"untrained not run {DASH} {DASH} the same questions" in text
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
        "There is no estimate of the slope of TAL1 on GATA1: 0 loci had an estimate, too few to "
        "pool."
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
    assert "2 of 3 (67 %) hold the locus's own noiseless slope" in details[2]
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


def test_the_page_is_whole_html_with_every_part():
    reader = Reader(
        render_report(
            content(
                figures=[Figure(name="Forest", caption="All loci.", content=SVG)],
                notes=["One member only: errors from dropout."],
                provenance={
                    "command": "python interrogate.py",
                    "git_commit": None,
                    "packages": {"numpy": "2.4", "inner": {"a": 1}},
                    "inputs": [{"path": "x.bed", "sha256": "ab"}],
                    "settings": "loci:\n  n: 3\n",
                },
            )
        )
    )
    for part in (
        *("Does GATA1 act on TAL1?", "0.477 to 0.537", f"5{TIMES}10⁻⁴¹³", "Forest. All loci."),
        *("One member only: errors from dropout.", "few instruments", "mystery", "chr8:200-300"),
        *(
            "python interrogate.py",
            "source code commit unknown",
            "inner.a 1",
            "x.bed ab",
            "loci: n: 3",
        ),
        "The answer is about the model",
    ):
        assert part in re.sub(r" ([.:])", r"\1", reader.text), part


def test_the_page_asks_nothing_of_the_network_and_its_policy_forbids_it():
    page = render_report(content(figures=[Figure(name="a", caption="b", content=SVG)]))
    reader = Reader(page)
    sources = [v for _, name, v in reader.attributes if name in ("src", "srcset")]
    assert len(sources) == 1
    assert sources[0].startswith("data:image/svg+xml;base64,")
    assert base64.b64decode(sources[0].partition(",")[2]) == SVG
    links = [v for _, name, v in reader.attributes if name == "href"]
    assert all(link.startswith(("#", "data:text/csv;base64,")) for link in links), links
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(v for _, n, v in reader.attributes if n == "content" and "default-src" in v)
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )


def test_whatever_a_name_contains_is_shown_and_not_run():
    evil = "<script>alert(1)</script>"
    pooled = meta()
    for name in ("exposure", "outcome"):
        pooled[name] = np.where(pooled[name] == "GATA1", evil, pooled[name]).astype(object)
    page = render_report(
        content(
            pooled,
            exposure=evil,
            estimates=estimates(chrom="<img src=x onerror=alert(1)>"),
            provenance={"command": evil, "settings": f"{evil}\n", "inputs": [evil]},
            notes=[evil],
            figures=[Figure(name='"><b onload=x>', caption=evil, content=SVG)],
        )
    )
    assert evil not in page
    assert "<img src=x" not in page
    reader = Reader(page)
    assert not [name for _, name, _ in reader.attributes if name.startswith("on")]
    assert evil in reader.text


def test_writing_is_atomic_and_repeats_to_the_same_bytes(tmp_path):
    write_report(tmp_path / "report.html", content())
    first = (tmp_path / "report.html").read_bytes()
    write_report(tmp_path / "report.html", content())
    assert (tmp_path / "report.html").read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_loci_are_ordered_by_evidence_joined_by_key_and_cut_with_their_number_said(monkeypatch):
    monkeypatch.setattr(report_tables, "MOST_LOCI", 3)
    table, total = loci_table(content(estimates=estimates(5)))
    assert total == 5
    column = {name: k for k, name in enumerate(table.header)}
    assert [row[0].text for row in table.rows] == ["chr8:400-500", "chr8:300-400", "chr8:200-300"]
    for row in table.rows:
        assert row[column["Slope the other way"]].value == -row[column["Slope"]].value
        assert row[column["Q / df"]].value == 1.5
    assert "Noiseless slope" not in column
    assert "3 of 5 loci" in Reader(render_report(content(estimates=estimates(5)))).text


def test_columns_without_any_content_are_left_out():
    bare = estimates()
    assert "Q / df" in loci_table(content(estimates=bare))[0].header
    bare["q"][:] = np.nan
    assert "Q / df" not in loci_table(content(estimates=bare))[0].header
    assert "Noiseless slope" not in pooled_table(content()).header


def test_the_noiseless_slope_has_the_decimals_of_the_estimate_beside_it():
    table = pooled_table(content(meta(truth=0.6)))
    assert table.rows[0][table.header.index("Noiseless slope")].text == "0.600"


def test_missing_cells_sort_last_and_p_values_by_their_logarithm():
    table, _ = loci_table(content())
    column = {name: k for k, name in enumerate(table.header)}
    assert [row[column["p"]].sort_value for row in table.rows] == ["-2.0", "-1.0", "-0.0"]
    broken = estimates()
    broken["value"][1] = np.nan
    cells = [row[column["Slope"]] for row in loci_table(content(estimates=broken))[0].rows]
    assert {cell.sort_value for cell in cells} == {"2.0", "", "0.0"}


def test_the_headlines_row_is_set_apart_and_a_second_pooling_gets_a_column():
    assert pooled_table(content()).emphasised == frozenset({0})
    assert pooled_table(content(method="egger")).emphasised == frozenset({1})
    assert "Pooling" not in pooled_table(content()).header
    two = meta(pooling=np.array(["reml_hk", "common", "reml_hk", "common"], dtype=object))
    assert "Pooling" in pooled_table(content(two)).header


def test_flags_are_counted_by_question_and_method():
    counted = count_flags(estimates(4), [("GATA1", "TAL1", "ivw"), ("GATA1", "TAL1", "egger")])
    assert [(flag.name, flag.counts, flag.totals) for flag in counted] == [
        ("few_instruments", (1, 1), (4, 4)),
        ("weak_instruments", (0, 3), (4, 4)),
        ("mystery", (1, 1), (4, 4)),
    ]
    assert counted[0].explanation
    assert not counted[2].explanation


def test_calibration_shows_the_ensembles_held_out_scores_before_and_after():
    rows = [
        (None, "test", "before", "GATA1", "nll", 1.2),
        (None, "test", "after", "GATA1", "nll", 1.0),
        (0, "test", "after", "GATA1", "nll", 9.0),
        (None, "calibration", "after", "GATA1", "nll", 9.0),
        (None, "test", None, "GATA1", "auroc", 0.9),
        (None, "test", "before", "CTCF", "nll", 1.2),
        (None, "test", "after", "CTCF", "nll", 1.0),
    ]
    names = ("member", "split", "stage", "task", "metric", "value")
    metrics = {
        name: np.array(column, dtype=float if name in ("member", "value") else object)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    table = calibration_table(metrics, ("GATA1", "TAL1"))
    assert [[cell.text for cell in row] for row in table.rows] == [["GATA1", "nll", "1.2", "1"]]
    assert "GATA1 nll 1.2 1" in Reader(render_report(content(metrics=metrics))).text


def test_a_report_on_a_question_that_was_not_pooled_is_refused():
    with pytest.raises(LookupError, match="effect of GATA1 on CTCF, the table has none"):
        content(outcome="CTCF")
    with pytest.raises(LookupError, match="effect of GATA1 on TAL1 by mode"):
        content(method="mode")


def test_figures_must_be_png_or_svg():
    with pytest.raises(ValueError, match=r"'a' must be a PNG or SVG file, got .*GIF89a"):
        Figure(name="a", caption="b", content=b"GIF89a")


def test_wide_figures_are_told_from_their_header():
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (300).to_bytes(4) + (100).to_bytes(4)
    assert Figure(name="a", caption="", content=png).wide
    assert not Figure(name="a", caption="", content=png[:16] + png[20:24] + png[16:20]).wide
    assert Figure(name="a", caption="", content=SVG).wide


def test_the_terminals_table_is_plain_narrow_and_complete():
    text = summary_table(meta(truth=0.513))
    lines = text.splitlines()
    assert text.isascii()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if "->" in line] == ["GATA1 -> TAL1", "TAL1 -> GATA1"]
    numbers = ["ivw", "0.507", "0.477", "to", "0.537", "0.31", "to", "0.71", "5e-413", "111"]
    assert lines[2].split() == [*numbers, "50", "%", "0.513"]
    assert "noiseless" not in summary_table(meta())


def test_the_terminals_table_shows_what_is_missing_as_a_dash():
    row = summary_table(meta(np.nan, neg_log10_p=np.full(4, np.nan))).splitlines()[2]
    assert row.split() == ["ivw", "-", "-", "-", "-", "111", "50", "%"]


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
    assert "right (GATA1), underestimated 3" in text
    assert "use them for no per-variant interval" in text
    assert "Median |z| / nominal" in text
    assert "4,000" in text
    assert "per-variant" not in effect_error_sentence({"GATA1": right})
    wide = effect_z_scores(rng.normal(0, 0.2, 4000), np.ones(4000), truth, df=np.inf)
    assert "overestimated 5" in effect_error_sentence({"GATA1": wide})


def test_nothing_is_said_of_single_effects_where_no_truth_is_known():
    assert "Do single effects' standard errors" not in render_report(content())
    assert effect_error_sentence({}) == ""
