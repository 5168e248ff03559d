"""Contents of reports that tests render, and a reader of the page."""

import re
from html.parser import HTMLParser

import numpy as np

from deepmr.report import (
    ReportContent,
    ReportedPair,
    ReportedVerdict,
)
from deepmr.verdict import CAVEATS, Verdict

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


NESTED = "TAL1 may itself read every motif that GATA1 reads: effects of sequence cannot tell"


def verdict(structure, *, caveats=()):
    names = ("TAL1", "GATA1") if structure == "reverse" else ("GATA1", "TAL1")
    said = [CAVEATS[one].format(exposure=names[0], outcome=names[1]) for one in caveats]
    return Verdict(
        exposure="GATA1",
        outcome="TAL1",
        structure=structure,
        caveats=caveats,
        reasons=(
            "Concordance 0.97.",
            "Own share 0.42.",
            *(f"{t[0].upper()}{t[1:]}." for t in said),
        ),
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
