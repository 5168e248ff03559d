"""Windows and labels in the cache, keyed by the files and settings that they depend on."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from deepmr.anscombe import anscombe
from deepmr.data.cache import cache_folder, content_hash
from deepmr.data.contigs import describe_mismatch, match_contig
from deepmr.data.genome import EncodedGenome
from deepmr.data.labelling import ContigBins, Windows, choose_windows, label_contig
from deepmr.data.partition import check_disjoint
from deepmr.data.settings import Labels, Negatives, PeakFiles, WindowSizes
from deepmr.data.signal import checked_contigs, read_signal
from deepmr.data.summary import summarise, write_summary
from deepmr.data.tracks import Track, measured_on
from deepmr.files import fingerprint, locked, read_json, sha256, umask, write_json
from deepmr.progress import Progress

__all__ = ["Recipe", "prepare"]

_COUNTED = {
    "missing": "lie on contigs that the genome lacks and were left out",
    "beyond": "reach beyond their contig and were left out",
    "clipped": "reached beyond their contig and were cut off at its end",
}
_VERSION = 3  # raised when the same settings would give other windows or labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides which windows there are and how they are labelled.

    Args:
        tracks: The tracks, in the order of the tasks.
        splits: Contigs of each split.
        windows: Sizes of window and labelled bin.
        labels: How peaks and signals become labels.
        negatives: Which windows without a peak are taken.
        peak_files: What is done with peaks that do not fit the genome.
        jitter: Largest shift of a window in training, for the check that nothing leaks.
        exclude: BED file of regions whose bins are left out, or None.
    """

    tracks: tuple[Track, ...]
    splits: Mapping[str, list[str]]
    windows: WindowSizes
    labels: Labels
    negatives: Negatives
    peak_files: PeakFiles
    jitter: int
    exclude: Path | None

    @property
    def is_signal(self) -> Bool[np.ndarray, " task"]:
        """Which tracks are real-valued (kinds signal and count), not peaks."""
        return np.asarray([track.task.kind != "binary" for track in self.tracks], dtype=bool)

    def fingerprint(self, genome: EncodedGenome) -> str:
        """Return digits that change with any file or setting that decides windows and labels."""
        tracks = [
            asdict(track.task) | {"sha256": content_hash(track.file), "covers": track.covers}
            for track in self.tracks
        ]
        exclude = None if self.exclude is None else content_hash(self.exclude)
        record = asdict(self) | {"tracks": tracks, "exclude": exclude}
        return fingerprint([_VERSION, genome.sha256, record], digits=16)


def prepare(recipe: Recipe, genome: EncodedGenome, name: str) -> Path:
    """Return the folder of a prepared data set in the cache, made under a lock if absent.

    It holds, for each split, ``<split>.npz`` (contig, start, row and signal of each window), the
    label rows ``labels.npy``, ``summary.tsv`` for people and, written last, ``prepared.json``.

    Raises:
        ValueError: If a file breaks a rule, no task has a label in the training split, or a
            split holds no window.
    """
    folder = cache_folder("prepared") / name
    if _usable(folder):
        return folder
    with locked(folder, wait=True):
        if not _usable(folder):
            work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{name}-"))
            try:
                _build(recipe, genome, work)
                shutil.rmtree(folder, ignore_errors=True)
                work.chmod(0o777 & ~umask())
                work.replace(folder)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return folder


def _usable(folder: Path) -> bool:
    """Tell whether a folder holds a prepared data set whose files are as they were written."""
    if not (folder / "prepared.json").exists():
        return False
    try:
        files = read_json(folder / "prepared.json")["files"]
        damaged = [n for n, digest in files.items() if content_hash(folder / n) != digest]
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        damaged = [f"prepared.json ({error!r})"]
    if damaged:
        warnings.warn(
            f"{folder} is damaged, so the labels are made again: {', '.join(damaged)}",
            stacklevel=4,
        )
    return not damaged


def _build(recipe: Recipe, genome: EncodedGenome, folder: Path) -> None:
    measured = measured_on(recipe.tracks, genome.names)
    contigs, notes = _label(recipe, genome, measured[:, ~recipe.is_signal])
    kept = _trainable(recipe, contigs["train"], measured)
    if not kept.any():
        raise ValueError(
            "no task has a label in the training split; look at data.splits.train and at the "
            "column covers of the list of tracks"
        )
    tracks = [track for track, keep in zip(recipe.tracks, kept, strict=True) if keep]
    is_signal, measured = recipe.is_signal[kept], measured[:, kept]
    labels = [np.zeros((1, int((~is_signal).sum())), dtype=np.uint8)]  # for all without a peak
    summary: list[dict[str, Any]] = []
    windows = {}
    for split, parts in contigs.items():
        column = kept[~recipe.is_signal]
        parts = [part.restrict(column, bool(measured[part.contig].any())) for part in parts]
        chosen = choose_windows(
            parts,
            size=recipe.windows.bin,
            context=recipe.windows.context,
            # Without a task of peaks there are no negatives to sample: all bins are taken.
            negatives=recipe.negatives.negatives if column.any() else None,
            match_gc=recipe.negatives.match_gc,
            seed=recipe.negatives.seed,
        )
        if not chosen.start.size:
            raise ValueError(f"the {split} split holds no window; change data.splits.{split}")
        rows = np.concatenate([part.labels for part in parts])
        # Row 0 is the zero row: -1, no peak, goes there, and each split's rows follow the last's.
        row = np.where(chosen.row < 0, 0, chosen.row + sum(map(len, labels))).astype(np.int32)
        labels.append(rows)
        signal = _signals(recipe, genome, tracks, chosen, measured)
        np.savez(
            folder / f"{split}.npz",
            contig=chosen.contig,
            start=chosen.start,
            row=row,
            signal=signal,
        )
        target = np.full((row.size, len(tracks)), np.nan, dtype=np.float32)
        target[:, is_signal] = signal
        target[:, ~is_signal] = np.concatenate([labels[0], rows])[chosen.row + 1]
        target[~measured[chosen.contig]] = np.nan
        summary += summarise(split, tracks, chosen.gc, target)
        windows[split] = chosen
    _check_leaks(recipe, genome, windows)
    np.save(folder / "labels.npy", np.concatenate(labels))
    write_summary(folder / "summary.tsv", summary)
    files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    names = [track.task.name for track in tracks]
    record = {"tasks": names, "summary": summary, "notes": notes, "files": files}
    write_json(folder / "prepared.json", record)


def _trainable(
    recipe: Recipe, train: Sequence[ContigBins], measured: Bool[np.ndarray, "contig task"]
) -> Bool[np.ndarray, " task"]:
    """Tell which tracks have a label in the training split: a peak, or a measured signal."""
    kept = np.zeros(len(recipe.tracks), dtype=bool)
    for part in train:
        kept[~recipe.is_signal] |= part.labels.any(axis=0)
        kept[recipe.is_signal] |= measured[part.contig, recipe.is_signal] & part.usable.any()
    return kept


def _signals(
    recipe: Recipe,
    genome: EncodedGenome,
    tracks: Sequence[Track],
    windows: Windows,
    measured: Bool[np.ndarray, "contig task"],
) -> Float32[np.ndarray, "window signal"]:
    """Summarise the real-valued tracks over the windows' bins; NaN where not measured."""
    columns = [at for at, track in enumerate(tracks) if track.task.kind != "binary"]
    result = np.full((windows.start.size, len(columns)), np.nan, dtype=np.float32)
    place = windows.start + (recipe.windows.context - recipe.windows.bin) // 2
    for column, at in enumerate(columns):
        is_count = tracks[at].task.kind == "count"
        names = _names_in(tracks[at].file, genome, recipe.peak_files.contig_names)
        for contig in np.unique(windows.contig):
            if not measured[contig, at] or names[contig] is None:
                continue
            rows = windows.contig == contig
            value = read_signal(
                tracks[at].file,
                str(names[contig]),
                place[rows],
                recipe.windows.bin,
                summary="total" if is_count else recipe.labels.signal,
                gaps=recipe.labels.gaps,
            )
            try:
                result[rows, column] = anscombe(value) if is_count else value
            except ValueError as error:
                raise ValueError(f"{tracks[at].file}: {error}") from error
    return result


def _names_in(path: Path, genome: EncodedGenome, spelling: str) -> list[str | None]:
    """Return the name that a bigWig has for each contig of the genome, or None."""
    known = checked_contigs(path)
    names = [match_contig(name, known, spelling) for name in genome.names]
    if not any(names):
        raise ValueError(
            f"{path}: " + describe_mismatch(known, genome.names, option="data.contig_names")
        )
    for name, size, theirs in zip(genome.names, genome.lengths.tolist(), names, strict=True):
        if theirs is not None and known[theirs] != size:
            raise ValueError(
                f"{path}: its contig {theirs} has {known[theirs]} bases, {name} of the genome has "
                f"{size}; use a signal of the same assembly"
            )
    return names


def _label(
    recipe: Recipe, genome: EncodedGenome, measured: Bool[np.ndarray, "contig task"]
) -> tuple[dict[str, list[ContigBins]], list[str]]:
    """Label the bins of every split, and say which peaks were cut off or left out."""
    contigs = genome.contigs
    peaks = [
        recipe.peak_files.read(track.file, contigs)
        for track in recipe.tracks
        if track.task.kind == "binary"
    ]
    exclude = recipe.peak_files.read_exclusions(recipe.exclude, contigs) if recipe.exclude else None
    position = {name: place for place, name in enumerate(genome.names)}
    result: dict[str, list[ContigBins]] = {}
    total = sum(map(len, recipe.splits.values()))
    with closing(Progress("labels", total, "contig")) as bar:
        for split, names in recipe.splits.items():
            result[split] = []
            for name in names:
                part = label_contig(
                    genome,
                    position[name],
                    peaks,
                    exclude,
                    measured=measured[position[name]],
                    size=recipe.windows.bin,
                    context=recipe.windows.context,
                    overlap=recipe.labels.overlap,
                    max_unknown=recipe.windows.max_unknown,
                )
                result[split].append(part)
                bar.advance(1)
    files = [track.file for track in recipe.tracks if track.task.kind == "binary"]
    notes = [
        f"{path.name}: {count} of {one.listed} peaks {_COUNTED[what]}"
        for path, one in zip(files, peaks, strict=True)
        for what, count in one.counts.items()
    ]
    return result, notes


def _check_leaks(recipe: Recipe, genome: EncodedGenome, windows: Mapping[str, Windows]) -> None:
    reach = {name: recipe.jitter if name == "train" else 0 for name in windows}
    widest = max(reach.values())
    check_disjoint(
        {
            name: (
                part.contig.astype(np.int64),
                part.start - widest,
                part.start + recipe.windows.context + widest,
            )
            for name, part in windows.items()
        },
        genome.names,
    )
