"""Plain tables: a row a variant and task (long), or a row a variant and a column a task (wide)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from deepmr.data.effect_tables.columns import Batch, batches
from deepmr.data.effect_tables.format import EffectFormat, Tasks, signal
from deepmr.data.effect_tables.head import Head
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.tasks import Task

__all__ = ["FORMAT"]

_USUAL = {
    "chrom": ("chrom", "chr", "CHROM", "chromosome", "#chrom", "Chromosome", "Chrom", "CHR"),
    "pos": ("pos", "position", "POS", "Position", "Pos", "start"),
    "ref": ("ref", "REF", "Ref", "ref_allele", "reference"),
    "alt": ("alt", "ALT", "Alt", "alt_allele", "alternative"),
    "task": ("task",),
    "effect": ("effect", "beta"),
    "se": ("se", "standard_error"),
    "member": ("member", "fold", "replicate"),
    "locus": ("locus",),
}
_NO_TASK = frozenset(
    {"id", "ID", "name", "rsid", "snp", "SNP", "variant_id", "strand", "end", "", "index", "QUAL",
     "FILTER", "INFO", "qual", "filter", "Unnamed: 0"}
)  # fmt: skip
_ERROR = re.compile(r"^(?:se[_:](?P<behind>.+)|(?P<before>.+)[_:]se)$")
_UNSIGNED = re.compile(
    r"(?i)^(abs|max_abs|max_|mean_abs).*|.*(_abs|_absdiff|_abs_max|phred|p_?val(ue)?|quantile|"
    r"percentile|pip|zscore|z_score)$"
)


def _names(head: Head, settings: ReadSettings) -> dict[str, str]:
    """Return what this table calls its columns, those that it has."""
    found = {}
    for role, usual in _USUAL.items():
        if role in settings.columns:
            found[role] = settings.columns[role]
            continue
        name = next((name for name in usual if name in head.columns), None)
        if name is not None:
            found[role] = name
    return found


def _wide(head: Head, settings: ReadSettings) -> dict[str, str | None]:
    """Return the columns that are tasks, each with that of its standard error."""
    used = set(_names(head, settings).values())
    rest = [name for name in head.columns if name not in used and name not in _NO_TASK]
    errors: dict[str, str] = {}
    for name in rest:
        match = _ERROR.match(name)
        task = match and (match["behind"] or match["before"])
        if task and task in rest:
            errors[task] = name
    return {
        name: errors.get(name)
        for name in rest
        if name not in errors.values() and not _UNSIGNED.match(name)
    }


def _recognises(head: Head) -> bool:
    if head.kind not in ("text", "parquet"):
        return False
    names = _names(head, ReadSettings())
    return {"chrom", "pos", "ref", "alt"} <= names.keys()


def _tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:
    names = _names(head, settings)
    if "effect" not in names:
        return tuple(signal(name) for name in _wide(head, settings))
    if "task" not in names:
        return (signal(settings.task or names["effect"]),)
    seen: dict[str, None] = {}
    for batch in batches(head, [names["task"]]):
        seen.update(dict.fromkeys(np.unique(batch.text(names["task"])).tolist()))
    return tuple(signal(name) for name in seen if name)


def _read(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    names = _names(head, settings)
    needed = [role for role in ("chrom", "pos", "ref", "alt") if role not in names]
    if needed:
        raise ValueError(
            f"{head.path} has no column for {', '.join(needed)}; say what it is called, for "
            f"example effects.columns.{needed[0]}=NAME (it has {', '.join(head.columns[:20])})"
        )
    long = "effect" in names
    wide = {} if long else _wide(head, settings)
    chosen = [task for task in wide if wanted is None or task in wanted]
    if not long and not wide:
        raise ValueError(
            f"{head.path} has no effects: neither a column effect nor one named by a task; say "
            "which it is, effects.columns.effect=NAME"
        )
    columns = [names[role] for role in names if long or role not in ("task", "effect", "se")]
    columns += [*chosen, *(error for task in chosen if (error := wide[task]))]
    for batch in batches(head, columns):
        shared = _shared(batch, names, settings)
        if long:
            yield _long(batch, names, settings, shared)
        else:
            yield _matrix(batch, chosen, wide, shared)


def _shared(
    batch: Batch, names: dict[str, str], settings: ReadSettings
) -> dict[str, np.ndarray | str]:
    one_based = settings.one_based is not False
    found: dict[str, np.ndarray | str] = {
        "chrom": batch.text(names["chrom"]),
        "pos": batch.positions(names["pos"], one_based=one_based),
        "ref": batch.text(names["ref"]),
        "alt": batch.text(names["alt"]),
    }
    return found | {role: batch.text(names[role]) for role in ("member", "locus") if role in names}


def _long(
    batch: Batch,
    names: dict[str, str],
    settings: ReadSettings,
    shared: dict[str, np.ndarray | str],
) -> EffectRows:
    task = batch.text(names["task"]) if "task" in names else settings.task or names["effect"]
    return EffectRows.of(
        **shared,
        task=task,
        effect=batch.numbers(names["effect"]),
        se=batch.numbers(names["se"]) if "se" in names else np.nan,
    )


def _matrix(
    batch: Batch,
    tasks: Sequence[str],
    wide: dict[str, str | None],
    shared: dict[str, np.ndarray | str],
) -> EffectRows:
    nothing = np.full(batch.n_rows, np.nan)
    effect = np.stack([batch.numbers(task) for task in tasks], axis=1)
    errors = [batch.numbers(name) if (name := wide[task]) else nothing for task in tasks]
    return EffectRows.of_matrix(effect, tasks, np.stack(errors, axis=1), **shared)


FORMAT = EffectFormat(name="table", recognises=_recognises, read=_read, tasks=_tasks)
