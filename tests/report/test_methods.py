"""Methods in words: what was used is said and cited, and nothing else; data leave as CSV."""

from __future__ import annotations

import base64
import csv
import functools
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deepmr import interrogate
from deepmr.inference import GivenModel, Jackknife, Summary
from deepmr.instruments import All, AllOf, ByModeratedZ, ByPosition, ByZ, TopK
from deepmr.meta import common_effect, median_effect, random_effects, t_effects, trimmed_mean
from deepmr.report import ESTIMATOR_TITLES, bibtex
from deepmr.report.downloads import csv_uri
from deepmr.report.references import ESTIMATOR_KEYS, REFERENCES
from deepmr.workflow.methods_used import methods_used, pooling_weights

ESTIMATORS = Path(__file__).resolve().parents[2] / "conf" / "estimator"


class Linear(torch.nn.Module):
    """Two tasks that count G; effects are 1 and the slope."""

    def __init__(self, slope: float, size: float = 1.0) -> None:
        super().__init__()
        self.slope, self.size = slope, size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        g = self.size * x.sum(dim=2)[:, 2]
        return torch.stack([g, self.slope * g], dim=1)


@pytest.fixture(scope="module")
def findings():
    sequences = ["ACGTACGT", "GGGATTCA", "TTGACAGG"]
    networks = [Linear(s, z) for s, z in ((1.9, 0.95), (2.0, 1.0), (2.1, 1.05))]
    return interrogate(networks, ["X", "Y"], sequences, "X", "Y", controls="none").findings


def asked(findings, **settings):
    changed = replace(findings, question=replace(findings.question, **settings))
    return methods_used(changed, {"python": "3.11", "numpy": "2.4"})


def test_every_estimator_has_its_reference():
    assert set(ESTIMATOR_KEYS) == {path.stem for path in ESTIMATORS.glob("*.yaml")}
    assert set(ESTIMATOR_KEYS) == set(ESTIMATOR_TITLES)
    assert {key for keys in ESTIMATOR_KEYS.values() for key in keys} <= set(REFERENCES)
    assert all(one["doi"].startswith("10.") for one in REFERENCES.values())


def test_the_paragraph_cites_exactly_the_references_below_it(findings):
    for settings in (
        {},
        {"inference": Jackknife(), "pooling": t_effects},
        {"inference": Summary(), "pooling": functools.partial(random_effects, tau2="pm")},
    ):
        methods = asked(findings, **settings)
        cited = re.findall(r"[a-z]+\d{4}", " ".join(re.findall(r"\[[^]]*\]", methods.paragraph)))
        assert set(cited) == set(methods.keys)
        assert methods.bibtex.count("@") == len(methods.keys)


def test_the_paragraph_says_rule_weights_errors_and_versions(findings):
    text = asked(findings).paragraph
    for part in (
        "shrunk towards that of the locus's variants) of at least 3 and an absolute effect of at "
        "least 0.5 logits",
        "(the concordant slope); by MR-Egger and the weighted median beside it",
        "equal weights; loci had equal weights in the pooled slope",
        "Errors that all networks share do not show in their spread; for them the variance of a "
        "slope also counts",
        "between-locus variance by REML",
        "Python 3.11, NumPy 2.4",
    ):
        assert part in text, part


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (All(), "all variants"),
        (ByZ(min_z=4.0), "variants with a z-score of at least 4"),
        (TopK(k=7), "the 7 strongest variants of each locus by z"),
        (
            AllOf(rules=[ByPosition(start=2, end=5), ByModeratedZ()]),
            "variants at offsets 2 to 4 that are also variants with a moderated z-score",
        ),
    ],
)
def test_every_instrument_rule_is_said_in_words(findings, rule, words):
    assert words in asked(findings, rule=rule).paragraph


@pytest.mark.parametrize("pooling", [common_effect, median_effect, trimmed_mean, t_effects])
def test_every_pooling_is_said_in_words(findings, pooling):
    text = asked(findings, inference=Summary(), pooling=pooling).paragraph
    assert "by " + pooling.__name__ not in text, "no function's name"


def test_five_questions_of_a_referee_have_answers(findings):
    answers = dict(asked(findings).questions)
    assert list(answers) == [
        "Which instruments?",
        "Which weights?",
        "How were errors computed?",
        "What if the instrument threshold changes?",
        "Where are the data?",
    ]
    assert all(len(answer) > 30 for answer in answers.values())


def test_weights_of_the_pooled_slope_give_the_pooled_slope(findings):
    value = findings.answers[0].local.estimate.effect.value
    weights = pooling_weights(findings)
    assert weights.sum() == pytest.approx(1.0)
    assert np.nansum(weights * value) == pytest.approx(
        float(findings.answers[0].pooled.pooled.value), rel=1e-12
    )


def test_an_unknown_reference_is_refused():
    with pytest.raises(LookupError, match="no reference called 'nobody1900'"):
        bibtex(["nobody1900"])


def test_csv_keeps_every_digit_and_leaves_missing_numbers_empty():
    columns = {
        "name": np.array(["a,b", None], dtype=object),
        "value": np.array([1.0 / 3.0, np.nan]),
    }
    text = base64.b64decode(csv_uri(columns).partition(",")[2]).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["name"] == "a,b"
    assert float(rows[0]["value"]) == 1.0 / 3.0
    assert rows[1] == {"name": "", "value": ""}


def test_a_given_model_is_said_to_have_exact_effects_and_equal_weights(findings):
    methods = asked(findings, inference=GivenModel())
    answers = dict(methods.questions)
    assert "z-score" not in methods.paragraph, "effects without errors meet every z"
    assert "absolute effect of at least 0.5 logits" in answers["Which instruments?"]
    assert "loci had equal weights in the pooled slope" in answers["Which weights?"]
    assert "its effects as exact" in answers["How were errors computed?"]
    assert "hartung2001" not in methods.keys


def test_controls_that_were_not_run_are_not_said_to_be(findings):
    assert not findings.judgement.controls
    assert "negative control" not in asked(findings).paragraph


def test_an_estimator_is_called_by_its_full_name(findings):
    assert "by slope" not in asked(findings).paragraph
    assert "unweighted regression through the origin" in asked(findings).paragraph
