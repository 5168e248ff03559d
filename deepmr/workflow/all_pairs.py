"""Ask all pairs of tasks of one set of effects, shard by shard, and resume where it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepmr.effect_shard import Effects
from deepmr.files import fingerprint
from deepmr.inference.question import Question
from deepmr.loci import Loci
from deepmr.progress import Progress
from deepmr.verdict import STATISTICS, PairStatistics
from deepmr.workflow.pair_answers import PairAnswers, answer_pairs
from deepmr.workflow.pair_parts import PairPart, PartFolder, compute_part, task_scale
from deepmr.workflow.task_selection import PairSelection

__all__ = ["PairSettings", "ask_pairs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSettings:
    """Settings of a question about many pairs, besides those of each.

    Args:
        level: Largest false discovery rate (Benjamini and Hochberg) of an edge, .05 by default.
        direct: ``auto`` (default): direct effects of edges given each task between their ends;
            ``none``; or names of tasks that are held fixed for every pair.

    Raises:
        ValueError: If the level is not between 0 and 1, or ``direct`` is another word.
    """

    level: float = 0.05
    direct: str | tuple[str, ...] = "auto"

    def __post_init__(self) -> None:
        if not 0.0 < self.level <= 1.0:
            raise ValueError(f"pairs.level must lie between 0 and 1, got {self.level}")
        if isinstance(self.direct, str) and self.direct not in ("auto", "none"):
            raise ValueError(
                f"pairs.direct is auto, none or a list of tasks, got {self.direct!r}; a list is "
                f"written [{self.direct}]"
            )

    @property
    def given(self) -> tuple[str, ...] | None:
        """Tasks held fixed for every pair; None where they are chosen for each edge."""
        return None if isinstance(self.direct, str) else self.direct


def ask_pairs(
    effects: Effects,
    loci: Loci,
    selection: PairSelection,
    question: Question,
    *,
    settings: PairSettings | None = None,
    targets: Mapping[str, str] | None = None,
    folder: Path | None = None,
    identity: str = "",
    progress: bool = False,
    seed: int = 0,
) -> PairAnswers:
    """Estimate and judge every pair of a selection from one set of effects.

    Effects are read twice, shard by shard. What a shard contributes is kept in ``folder`` until the
    run is finished, so that the same question goes on where it was stopped.

    Args:
        effects: Effects on all tasks of the selection.
        loci: The loci, in their order.
        selection: The pairs.
        question: Instrument rule, estimators, inference and pooling.
        settings: Level of edges and choice of direct effects.
        targets: What each task measures, for instruments by motif; by default its name.
        folder: Where parts are kept; None keeps none.
        identity: Digest of networks, variants and settings, for the parts.
        progress: Show a progress bar.
        seed: Of the bootstrap behind the verdicts' intervals.

    Raises:
        LookupError: If effects on a task were not kept.
        ValueError: If there are fewer members than the inference needs.
    """
    settings = settings or PairSettings()
    scale = task_scale(effects, selection)
    names = {name: name for name in selection.tasks} | dict(targets or {})
    store = _store(selection, question, scale, folder, identity)
    units = dict(effects.effect_scale)
    parts: list[PairPart] = []
    start = 0
    bar = Progress("pairs", len(loci), "locus") if progress else None
    for index, shard in enumerate(effects.read(selection.tasks)):
        here = _some(loci, start, len(shard.loci))
        start += len(shard.loci)
        part = store.read(index)
        if part is None or part.n_loci != len(shard.loci):
            part = compute_part(
                shard, here, selection, question, scale=scale, units=units, targets=names
            )
            store.write(index, part)
        parts.append(part)
        if bar is not None:
            bar.advance(part.n_loci)
    if bar is not None:
        bar.close()
    answers = answer_pairs(
        parts,
        selection,
        question,
        level=settings.level,
        given=settings.given,
        direct=settings.direct != "none",
        seed=seed,
    )
    store.remove()
    return answers


def _store(
    selection: PairSelection,
    question: Question,
    scale: np.ndarray,
    folder: Path | None,
    identity: str,
) -> PartFolder:
    pairs = selection.unordered
    return PartFolder(
        path=folder,
        fingerprint=fingerprint(
            [identity, selection.exposures, selection.outcomes, scale.tolist()], digits=32
        ),
        names=tuple(question.estimators),
        template=PairStatistics(
            value=np.zeros((0, len(pairs), 2, len(STATISTICS))),
            pairs=pairs,
            tasks=selection.tasks,
            scale=scale,
        ),
    )


def _some(loci: Loci, start: int, count: int) -> Loci:
    """Return the loci of a shard: places and sequences are all that is read of them."""
    kept = slice(start, start + count)
    return Loci(
        chrom=loci.chrom[kept],
        start=loci.start[kept],
        end=loci.end[kept],
        codes=loci.codes[kept],
        split=loci.split,
    )
