import re
from dataclasses import replace

import numpy as np
import pytest

from deepmr.report import PairsContent, PairsTables, render_pairs_report
from deepmr.verdict import Verdict

NAMES = ("<b>A</b>", "B & C", "empty")


def content() -> PairsContent:
    pairs = [(x, y) for x in NAMES for y in NAMES if x != y]
    words = dict.fromkeys(pairs, "none")
    words[NAMES[0], NAMES[1]], words[NAMES[1], NAMES[0]] = "forward", "reverse"
    n = len(pairs)
    missing = np.array([x == "empty" for x, _ in pairs])
    value = np.where(missing, np.nan, 0.5)
    numbers = {"value": value, "ci_lower": value - 0.1, "ci_upper": value + 0.1}
    numbers |= {name: np.where(missing, np.nan, 0.001) for name in ("q_bh", "q_by", "q_bh_pair")}
    counts = np.where(missing, 0, 12)
    table = {
        "exposure": np.array([x for x, _ in pairs], dtype=object),
        "outcome": np.array([y for _, y in pairs], dtype=object),
        "method": np.full(n, "ivw", dtype=object),
        "structure": np.array([words[pair] for pair in pairs], dtype=object),
        "middle": np.ones(n, dtype=bool),
        "n_loci": counts,
        "n_loci_instruments": counts,
        "n_instruments": counts,
        **numbers,
    }
    edges = {
        "exposure": np.array([NAMES[0]], dtype=object),
        "outcome": np.array([NAMES[1]], dtype=object),
        "method": np.array(["ivw"], dtype=object),
        "kind": np.array(["total"], dtype=object),
        "through": np.array([""], dtype=object),
        "caveats": np.array(["nested"], dtype=object),
        **{name: np.array([0.5]) for name in ("effect", "ci_lower", "ci_upper", "q_bh", "q_by")},
    }
    none = {name: np.array([], dtype=object) for name in ("exposure", "outcome", "given")}
    return PairsContent(
        exposures=NAMES,
        outcomes=NAMES,
        tables=PairsTables(pairs=table, direct=none, edges=edges),
        verdicts={
            pair: Verdict(exposure=pair[0], outcome=pair[1], structure=word)
            for pair, word in words.items()
        },
        n_loci=12,
    )


def test_every_cell_of_the_matrix_leads_to_a_section_of_the_page() -> None:
    page = render_pairs_report(content())
    links, sections = (
        set(re.findall(rf'{name}="#?(pair-[^"]+)"', page)) for name in ("href", "id")
    )
    assert links == sections == {"pair-0-1", "pair-0-2", "pair-1-2"}


def test_names_are_text_and_never_markup() -> None:
    page = render_pairs_report(content())
    assert "<b>A</b>" not in page
    assert "&lt;b&gt;A&lt;/b&gt;" in page


def test_the_page_asks_for_nothing_and_runs_its_own_script_alone() -> None:
    page = render_pairs_report(content())
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="(?!#|data:)', page)


def test_pairs_without_instruments_are_told() -> None:
    page = render_pairs_report(content())
    assert "2 pairs have no instrument at any locus" in page
    assert "no slope: no instrument" in page


def test_a_forward_pair_is_told_in_its_own_direction() -> None:
    page = render_pairs_report(content())
    assert "&lt;b&gt;A&lt;/b&gt; acts on B &amp; C" in page


def test_a_report_without_pairs_is_refused() -> None:
    one = content()
    empty = {name: column[:0] for name, column in one.tables.pairs.items()}
    with pytest.raises(ValueError, match="at least one pair"):
        replace(one, tables=replace(one.tables, pairs=empty))


def test_an_arrow_that_is_no_edge_is_told() -> None:
    one = content()
    assert "An arrow in the matrix, but no edge" not in render_pairs_report(one)
    edges = {name: column[:0] for name, column in one.tables.edges.items()}
    page = render_pairs_report(replace(one, tables=replace(one.tables, edges=edges)))
    assert "No pair is an edge." in page
    assert "there is none): &lt;b&gt;A&lt;/b&gt; → B &amp; C." in page


def test_files_of_the_run_are_linked_where_the_page_lies_beside_them() -> None:
    one = content()
    assert "This page stands alone" in render_pairs_report(one)
    page = render_pairs_report(replace(one, tables=replace(one.tables, files=("pairs.parquet",))))
    assert '<a href="pairs.parquet">' in page


def test_every_table_of_the_page_says_what_it_is() -> None:
    page = render_pairs_report(content())
    assert page.count("<table") == page.count("<caption")
