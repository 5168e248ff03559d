"""Verdicts on a data set's pairs, beside what is true of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.structures.ensembles import gather, read, read_designed
from benchmarks.structures.plan import PAPER_SCENARIOS
from deepmr.effects import MemberEffects
from deepmr.verdict import (
    DesignedEvidence,
    Verdict,
    effect_scale,
    judge,
    judge_designed,
    locus_maximum,
    member_agreement,
    pair_statistics,
)
from deepmr.verdict.controls import other_locus, permuted_within_loci

__all__ = ["answers", "one_dataset"]

Row = dict[str, Any]
_FEW = 60


def one_dataset(name: str, cell: str, cache: Path, members: int) -> list[dict[str, Any]]:
    """Train (unless cached) and judge one data set, on one thread."""
    import torch

    torch.set_num_threads(1)
    return answers(name, cell, gather(name, cache, members=members))


def answers(name: str, cell: str, path: Path) -> list[Row]:
    """Judge a data set: at all loci, with designed sequences, at 60, and its free controls.

    Args:
        name: Of the data set.
        cell: Where it belongs.
        path: Its effects.

    Returns:
        One row a question: cell, loci set, pair, truth and verdict.
    """
    if name.split("-", maxsplit=1)[0] in PAPER_SCENARIOS:
        with np.load(path) as content:
            sets = {"all": content["is_first"], "both_motifs": content["has_both"]}
        rows = [
            row
            for loci, kept in sets.items()
            for row in _rows(name, cell, loci, *read(path, loci=kept))
        ]
        designed = read_designed(path)
        if designed is not None:
            rows += _rows(name, cell, "all_designed", *read(path, loci=sets["all"]), designed)
        return _with_locus_set(rows)
    effects, truth = read(path)
    rows = _rows(name, cell, "all", effects, truth)
    if cell in ("untrained", "label_shuffled"):
        return rows
    designed = read_designed(path)
    if designed is not None:
        rows += _rows(name, cell, "all_designed", effects, truth, designed)
    few, _ = read(path, loci=slice(0, _FEW))
    rows += _rows(name, cell, "sixty", few, truth)
    rows += _rows(name, cell, "permuted", permuted_within_loci(effects, seed=0), truth)
    return rows + _rows(name, cell, "other_locus", other_locus(effects), truth)


def _with_locus_set(rows: list[Row]) -> list[Row]:
    """Add the caveat ``locus_set`` where the loci with both motifs give another verdict."""
    there = next(row["verdict"] for row in rows if row["loci"] == "both_motifs")
    for row in rows:
        differs = "undecided" not in (row["verdict"], there) and row["verdict"] != there
        if row["loci"] != "both_motifs" and differs:
            row["caveats"].append("locus_set")
    return rows


def _verdicts(
    effects: MemberEffects, designed: DesignedEvidence | None = None
) -> tuple[Verdict, ...]:
    scale = effect_scale(locus_maximum(effects))
    agreement = member_agreement(effects, scale=scale)
    statistics = pair_statistics(effects, scale=scale)
    verdicts = judge(statistics, agreement=agreement)
    return verdicts if designed is None else judge_designed(verdicts, designed, statistics.pairs)


def _rows(
    name: str,
    cell: str,
    loci: str,
    effects: MemberEffects,
    truth: Sequence[Row],
    designed: DesignedEvidence | None = None,
) -> list[Row]:
    given = {(one.exposure, one.outcome): one for one in _verdicts(effects, designed)}
    turned = {"forward": "reverse", "reverse": "forward"}
    rows = []
    for pair in truth:
        key = (pair["exposure"], pair["outcome"])
        word = pair["word"]
        if key not in given:
            key, word = key[::-1], turned.get(word, word)
        verdict = given[key]
        rows.append(
            {
                "cell": cell,
                "dataset": name,
                "loci": loci,
                "n_loci": int(effects.value.shape[0]),
                "exposure": key[0],
                "outcome": key[1],
                "kind": pair["kind"],
                "truth": word,
                "verdict": verdict.structure,
                "caveats": list(verdict.caveats),
            }
        )
    return rows
