"""Verdicts on a data set's pairs, beside what is true of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.structures.ensembles import gather, read, read_designed
from benchmarks.structures.plan import PAPER_SCENARIOS
from deepmr.effect_shard import EffectShard, EffectsInMemory
from deepmr.effects import MemberEffects
from deepmr.loci import Loci
from deepmr.motif import Motif
from deepmr.motifs import MotifLibrary
from deepmr.simulation import load_motifs
from deepmr.verdict import (
    DesignedEvidence,
    DoseEvidence,
    Verdict,
    effect_scale,
    judge,
    judge_designed,
    judge_doses,
    locus_maximum,
    member_agreement,
    pair_statistics,
)
from deepmr.verdict.controls import other_locus, permuted_within_loci
from deepmr.workflow.motif_inputs import motif_evidence

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
    rows += _rows(name, cell, "all_motifs", effects, truth, motifs=_motifs(path, effects))
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


def _motifs(path: Path, effects: MemberEffects) -> DoseEvidence:
    """Return which of the simulation's motifs each task reads; nobody says which is whose own."""
    with np.load(path) as content:
        codes = content["codes"]
    n, length = codes.shape
    loci = Loci(
        chrom=np.array([f"sequence-{k}" for k in range(n)]),
        start=np.zeros(n, dtype=np.int64),
        end=np.full(n, length, dtype=np.int64),
        codes=codes,
    )
    reference = np.zeros((n, len(effects.tasks), effects.n_members))
    shard = EffectShard(index=0, loci=loci.intervals(), effects=effects, reference=reference)
    measured = EffectsInMemory(shard=shard, effect_scale={})
    library = MotifLibrary(
        motifs=tuple(
            Motif(name=one.name, probabilities=one.probability)
            for one in load_motifs("all").values()
        )
    )
    scale = effect_scale(locus_maximum(effects))
    return motif_evidence(measured, effects.tasks, loci, library, scale=scale)


def _verdicts(
    effects: MemberEffects,
    designed: DesignedEvidence | None = None,
    motifs: DoseEvidence | None = None,
) -> tuple[Verdict, ...]:
    scale = effect_scale(locus_maximum(effects))
    agreement = member_agreement(effects, scale=scale)
    statistics = pair_statistics(effects, scale=scale)
    verdicts = judge(statistics, agreement=agreement)
    if motifs is not None:
        verdicts = judge_doses(verdicts, motifs, statistics.pairs)
    return verdicts if designed is None else judge_designed(verdicts, designed, statistics.pairs)


def _rows(
    name: str,
    cell: str,
    loci: str,
    effects: MemberEffects,
    truth: Sequence[Row],
    designed: DesignedEvidence | None = None,
    motifs: DoseEvidence | None = None,
) -> list[Row]:
    given = {(one.exposure, one.outcome): one for one in _verdicts(effects, designed, motifs)}
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
