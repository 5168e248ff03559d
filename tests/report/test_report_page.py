"""The report's page: whole, silent towards the network, escaping what it shows."""

import base64
import hashlib
import re

import numpy as np
import pytest

from deepmr.report import (
    Figure,
    render_report,
    write_report,
)
from tests.report.contents import (
    SVG,
    TIMES,
    Reader,
    content,
    estimates,
    meta,
)


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
