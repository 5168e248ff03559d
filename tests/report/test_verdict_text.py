"""Sentences of verdicts: on a model, or on a table of effects that no model may have made."""

from __future__ import annotations

import pytest

from deepmr.report import verdict_text
from deepmr.report.verdict_text import verdict_sentence
from deepmr.verdict import STRUCTURES, Verdict


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_verdict_on_a_table_speaks_of_its_effects_and_of_no_model(structure: str) -> None:
    pair = {"exposure": "X", "outcome": "Y", "structure": structure}
    of_model, of_table = (
        verdict_sentence(Verdict(**pair, of_table=table)) for table in (False, True)
    )
    assert "this model" in of_model
    assert "these effects" in of_table
    assert "model" not in of_table
    shown = verdict_text(Verdict(**pair, of_table=True))
    assert of_table.split(",")[0] in " ".join(shown.split())
