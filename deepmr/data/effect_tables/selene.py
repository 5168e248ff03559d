"""selene and Sei: a row a variant, a column a feature; mutagenesis, and HDF5."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepmr.data.effect_tables.columns import Batch, batches
from deepmr.data.effect_tables.format import EffectFormat, Tasks, signal
from deepmr.data.effect_tables.head import Head, look, open_h5
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.data.effect_tables.saturated import task_names, window_places
from deepmr.tasks import Task

__all__ = ["MATRIX", "MUTAGENESIS", "SEI", "VARIANTS"]

_VARIANT = ("chrom", "pos", "name", "ref", "alt", "strand", "ref_match", "contains_unk")
_ROWS = 4096


def _features(head: Head, known: tuple[str, ...]) -> list[str]:
    return [name for name in head.columns if name not in known]


def _signed(head: Head) -> None:
    """Refuse scores that are not differences, by the name that selene gives their file.

    Raises:
        ValueError: If the file has absolute differences or predictions.
    """
    for word, reason in (
        ("abs_diffs", "absolute differences, without a sign"),
        ("ref_predictions", "predictions of one allele"),
        ("alt_predictions", "predictions of one allele"),
    ):
        if word in head.name:
            raise ValueError(f"{head.path} holds {reason}; give selene's _diffs or _logits file")


def _variant_tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:  # noqa: ARG001
    _signed(head)
    return tuple(_feature(name) for name in _features(head, (*_VARIANT, *_SEI)))


def _feature(name: str) -> Task:
    """Return the task of a feature such as ``K562|DNase|None`` or ``K562 | DNase | ID:1``."""
    cell, _, rest = name.partition("|")
    assay = rest.partition("|")[0].strip()
    return signal(name, target=assay or name, biosample=cell.strip() if assay else "")


def _read_variants(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    _signed(head)
    chosen = [t.name for t in _variant_tasks(head, settings) if wanted is None or t.name in wanted]
    is_sei = head.has("seqclass_max_absdiff")
    for batch in batches(head, [*_VARIANT, *chosen]):
        rows = _matrix(batch, chosen, batch.positions("pos", one_based=True))
        # selene scored such rows with a reference that the genome does not have.
        differs = np.char.lower(batch.text("ref_match").astype(str)) == "false"
        yield rows if is_sei else rows.where(np.repeat(~differs, len(chosen)))


def _matrix(batch: Batch, tasks: list[str], pos: np.ndarray) -> EffectRows:
    return EffectRows.of_matrix(
        np.stack([batch.numbers(task) for task in tasks], axis=1),
        tasks,
        chrom=batch.text("chrom"),
        pos=pos,
        ref=batch.text("ref"),
        alt=batch.text("alt"),
    )


VARIANTS = EffectFormat(
    name="selene",
    recognises=lambda head: head.kind != "h5" and head.has(*_VARIANT) and len(head.columns) > 8
    and not head.has("seqclass_max_absdiff"),
    read=_read_variants,
    tasks=_variant_tasks,
    note="Variants whose reference is not the genome's (ref_match False) were left out.",
)  # fmt: skip

_SEI = ("seqclass_max_absdiff", "index")
SEI = EffectFormat(
    name="sei",
    recognises=lambda head: head.kind != "h5" and head.has(*_VARIANT, *_SEI),
    read=_read_variants,
    tasks=_variant_tasks,
)


def _mutagenesis_tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:  # noqa: ARG001
    _signed(head)
    return tuple(_feature(name) for name in _features(head, ("pos", "ref", "alt")))


def _read_mutagenesis(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    names = [task.name for task in _mutagenesis_tasks(head, settings)]
    chosen = [name for name in names if wanted is None or name in wanted]
    length = settings.windows[0][2] - settings.windows[0][1] if settings.windows else 0
    chrom, start = window_places(head, settings, 1, length)[0]
    end = start + length
    baseline: np.ndarray | float = 0.0
    for batch in batches(head, ["pos", "ref", "alt", *chosen]):
        offset, effect = batch.text("pos"), np.stack([batch.numbers(t) for t in chosen], axis=1)
        reference = offset == "input_sequence"
        if reference.any():  # a file of predictions: the sequence as it was comes first
            baseline = effect[reference][0]
        elif "predictions" in head.name and np.ndim(baseline) == 0:
            raise ValueError(
                f"{head.path} lacks the row input_sequence that predictions begin with"
            )
        single = ~reference & np.asarray([";" not in one for one in offset.tolist()])
        pos = offset[single].astype(np.int64)
        if length and ((pos < 0) | (pos >= length)).any():
            raise ValueError(
                f"{head.path} has position {pos.max()}, effects.windows only {length} bases"
            )
        yield EffectRows.of_matrix(
            (effect - baseline)[single],
            chosen,
            chrom=chrom,
            pos=start + pos,
            ref=batch.text("ref")[single],
            alt=batch.text("alt")[single],
            locus=f"{chrom}:{start}-{end}" if length else chrom,
        )


MUTAGENESIS = EffectFormat(
    name="selene_ism",
    recognises=lambda head: head.kind == "text" and head.columns[:3] == ("pos", "ref", "alt"),
    read=_read_mutagenesis,
    tasks=_mutagenesis_tasks,
    note="Several mutations at once were left out.",
)


def _labels(head: Head) -> Head:
    """Return the table of variants beside an h5 file of selene.

    Raises:
        ValueError: If there is none.
    """
    stem = head.path.name
    for word in (".diffs.h5", "_diffs.h5", ".logits.h5", "_logits.h5", ".abs_diffs.h5", ".h5"):
        stem = stem.removesuffix(word)
    path = head.path.with_name(f"{stem}_row_labels.txt")
    if not path.is_file():
        raise ValueError(f"{head.path} names no variants; put {path.name} beside it")
    return look(path)


def _matrix_tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:
    _signed(head)
    return tuple(_feature(name) for name in task_names(head, settings, head.shapes["data"][1]))


def _read_matrix(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    names = [task.name for task in _matrix_tasks(head, settings)]
    kept = [place for place, name in enumerate(names) if wanted is None or name in wanted]
    first, n = 0, head.shapes["data"][0]
    with open_h5(head.path) as file:
        for batch in batches(_labels(head), list(_VARIANT)):
            end = first + batch.n_rows
            if end > n:
                break
            rows = EffectRows.of_matrix(
                np.asarray(file["data"][first:end, kept], dtype=np.float64),
                [names[place] for place in kept],
                chrom=batch.text("chrom"),
                pos=batch.positions("pos", one_based=True),
                ref=batch.text("ref"),
                alt=batch.text("alt"),
            )
            first = end
            match = np.char.lower(batch.text("ref_match").astype(str)) != "false"
            yield rows.where(np.repeat(match, len(kept)))
        else:
            if first == n:
                return
    raise ValueError(f"{head.path} has {n} rows, the table of variants beside it another number")


MATRIX = EffectFormat(
    name="selene_h5",
    recognises=lambda head: head.kind == "h5" and head.columns == ("data",),
    read=_read_matrix,
    tasks=_matrix_tasks,
    note=VARIANTS.note,
)
