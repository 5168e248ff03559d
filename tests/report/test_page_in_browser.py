"""The report in a real browser: it loads, sorts, says nothing to the console, asks for nothing."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from deepmr.report import (
    Figure,
    LocusCard,
    Methods,
    ReportContent,
    ReportedPair,
    ReportedVerdict,
    Supplement,
    slopes_table,
    write_report,
)
from deepmr.verdict import Measure, Verdict
from deepmr.verdict.controls import Control
from deepmr.verdict.panel import Check

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"></svg>'

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")


def content() -> ReportContent:
    names = {"exposure": ["A", "B"], "outcome": ["B", "A"], "method": ["ivw"] * 2}
    meta = {name: np.array(column, dtype=object) for name, column in names.items()}
    meta["pooling"] = np.array(["reml_hk"] * 2, dtype=object)
    numbers = {"n_loci": 3, "value": 0.5, "se": 0.1, "ci_lower": 0.3, "ci_upper": 0.7, "i2": 0.5}
    numbers |= {"tau2": 0.01, "prediction_lower": 0.1, "prediction_upper": 0.9}
    meta |= {
        k: np.full(2, v) for k, v in (numbers | {"neg_log10_p": 5.0, "true_value": 0.5}).items()
    }
    local = {name: np.repeat(meta[name], 3) for name in ("exposure", "outcome", "method")}
    local["chrom"] = np.array(["chr1"] * 6, dtype=object)
    local["start"] = np.tile([100, 200, 300], 2)
    local["end"] = local["start"] + 100
    local["flags"] = np.array(["few_instruments"] * 6, dtype=object)
    local["n_instruments"] = np.tile([7, 30, 4], 2)
    local |= {name: np.full(6, 0.5) for name in ("value", "ci_lower", "ci_upper", "true_value")}
    local |= {
        "neg_log10_p": np.tile([3.0, 2.0, 1.0], 2),
        "q": np.full(6, 9.0),
        "q_df": np.full(6, 6.0),
    }
    verdict, none = (Verdict(exposure="A", outcome="B", structure=s) for s in ("forward", "none"))
    number = Measure(value=0.5, low=0.4, high=0.6)
    return ReportContent(
        pair=ReportedPair(exposure="A", outcome="B"),
        meta=meta,
        estimates=local,
        judged=ReportedVerdict(
            verdict=verdict,
            controls=(Control(name="permuted", verdict=none, slope=number),),
            panel=(Check(name="linearity", state="pass", number=number, meaning="bend"),),
        ),
        figures=[Figure(name="Forest", caption="All loci.", content=SVG, alt="A forest plot")],
        supplement=Supplement(
            gallery=[locus_card(local)],
            n_loci=3,
            methods=Methods(
                sentences=("Slopes are weighted [burgess2013].",),
                questions=(("Which weights?", "Equal ones."),),
                keys=("burgess2013",),
            ),
            files=("meta.parquet", "estimates.parquet"),
        ),
        provenance={"command": "python interrogate.py", "packages": {"numpy": "2.4"}},
    )


def locus_card(local) -> LocusCard:
    first = {name: column[:1] for name, column in local.items()}
    figure = Figure(name="Effects along c:0-1", caption="Letters.", content=SVG)
    return LocusCard(
        name="c:0-1", kind="typical", figures=[figure], slopes=slopes_table(first),
        data={"position": np.array([5])},
    )  # fmt: skip


def browse(page: Path, home: Path, *flags: str) -> tuple[str, str]:
    """Return the page's DOM after its script has run, and what the browser logged of it."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={home}"]
    command += ["--enable-logging=stderr", "--v=0", "--dump-dom", *flags, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(console)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, content())
    for name in ("meta.parquet", "estimates.parquet"):
        (path.parent / name).write_bytes(b"PAR1")
    return path


def test_the_page_loads_without_a_word_on_the_console(page, tmp_path):
    dom, console = browse(page, tmp_path / "home")
    assert console == ""
    headings = re.findall(r"<h2[^>]*>([^<]*)</h2>", dom)
    order = ["Effect", "Direction", "Negative controls", "Assumptions", "Loci", "Methods"]
    assert [text for text in headings if text in order] == order, "the order of evidence"
    assert dom.index('class="lead"') < dom.index("<h2"), "the verdict comes first"
    read_aloud(dom)
    resolve(dom, page.parent)
    loud = tmp_path / "loud.html"
    loud.write_text("<script>console.error('a word')</script>")
    assert "a word" in browse(loud, tmp_path / "home")[1], "the log would have held one"


def read_aloud(dom: str) -> None:
    """Check what a reader who cannot see the page is told."""
    images = re.findall(r"<img [^>]*>", dom)
    assert images
    assert all(re.search(r'alt="[^"]+"', image) for image in images)
    assert dom.count("<table") == dom.count("<caption"), "every table says what it is"
    assert len(re.findall(r"<th(?![a-z])", dom)) == len(re.findall(r'<th scope="(?:col|row)"', dom))
    assert re.search(r'<a class="skip" href="#answer"', dom)
    assert dom.count("<h1") == 1


def resolve(dom: str, folder: Path) -> None:
    """Check that every link leads to something: a place in the page, a file, data."""
    ids = re.findall(r' id="([^"]+)"', dom)
    assert len(ids) == len(set(ids))
    links = re.findall(r'<a [^>]*href="([^"]+)"', dom)
    assert {"meta.parquet", "#loci"} <= set(links)
    for link in links:
        if link.startswith("#"):
            assert link[1:] in ids, link
        elif not link.startswith("data:"):
            assert (folder / link).exists(), link


def test_the_browser_asks_for_nothing_but_the_page(page, tmp_path):
    assert not requests(page, tmp_path)
    asking = tmp_path / "asking.html"
    asking.write_text("<img src='http://127.0.0.1:9/x.png'>")
    assert requests(asking, tmp_path) == {"http://127.0.0.1:9/x.png"}, "the log would have held one"


def requests(page: Path, folder: Path) -> set[str]:
    """Return the addresses that a page makes the browser ask for."""
    log = folder / "net.json"
    browse(page, folder / "home", f"--log-net-log={log}", "--disable-background-networking")
    events = json.loads(log.read_text())["events"]
    asked = {event.get("params", {}).get("url", "") for event in events}
    return {url for url in asked if url and not _of_chromium_itself(url)}


def _of_chromium_itself(url: str) -> bool:
    """Say whether a request is the browser's housekeeping (updates, accounts), not the page's."""
    return "google" in url or "gvt1.com" in url or url.startswith(("chrome", "data:", "file:"))


def test_a_click_on_a_column_sorts_the_loci(page, tmp_path):
    """The script's own hash is in the page's policy, so the click is made by a page around it."""
    inner = json.dumps(page.read_text()).replace("</", "<\\/")
    outer = tmp_path / "click.html"
    outer.write_text(
        "<iframe id=f></iframe><pre id=out></pre><script>"
        f"const f = document.getElementById('f'); f.srcdoc = {inner};"
        "f.onload = () => { const t = f.contentDocument.querySelector('table.sortable');"
        "t.querySelectorAll('th button')[1].click();"
        "document.getElementById('out').textContent = "
        "'order ' + [...t.tBodies[0].rows].map(r => r.cells[1].textContent).join(' '); };"
        "</script>"
    )
    dom, _ = browse(outer, tmp_path / "home", "--virtual-time-budget=2000")
    assert "order 4 7 30" in dom


def test_tables_fit_the_width_of_a_phone(page, tmp_path):
    inner = json.dumps(page.read_text()).replace("</", "<\\/")
    outer = tmp_path / "narrow.html"
    outer.write_text(
        "<iframe id=f style='border:0;height:800px'></iframe><pre id=out></pre><script>"
        f"const f = document.getElementById('f'); f.width = 390; f.srcdoc = {inner};"
        "f.onload = () => { const out = [];"
        "for (const w of [390, 900]) { f.width = w; const tables = [...f.contentDocument"
        ".querySelectorAll('table')].filter(t => t.tHead);"
        "out.push(tables.length + ' tables at ' + w + ', wider: '"
        " + tables.filter(t => t.scrollWidth > w).length + ', labelled: ' + tables.filter(t =>"
        " f.contentWindow.getComputedStyle(t.querySelector('td'), '::before').content"
        ".length > 6).length); }"
        "document.getElementById('out').textContent = out.join('; '); };"
        "</script>"
    )
    dom, _ = browse(outer, tmp_path / "home", "--virtual-time-budget=2000")
    found = re.findall(r"(\d+) tables at (\d+), wider: (\d+), labelled: (\d+)", dom)
    (count, _, wider, labelled), (_, _, _, at_large) = found
    assert int(count) >= 4
    assert wider == "0"
    assert int(labelled) == int(count), "every cell says what it is, without a head above it"
    assert at_large == "0", "the head says it"
