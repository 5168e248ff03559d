"""Peaks on a genome as a data source: ``data=encode``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped, UInt8

from deepmr.data.cache import content_hash
from deepmr.data.genome import EncodedGenome
from deepmr.data.heads import choose_tasks, divide
from deepmr.data.loci import separate, windows_around
from deepmr.data.partition import fold_splits, split_contigs
from deepmr.data.peaks import Peaks, read_peaks
from deepmr.data.prepared import Recipe, measured_on, prepare
from deepmr.data.source import SPLITS
from deepmr.data.tracks import Track, covered, read_tracks
from deepmr.data.windows import WindowSplit
from deepmr.files import fingerprint, read_json
from deepmr.sequence import UNKNOWN
from deepmr.tasks import TaskTable

__all__ = ["EncodeSource"]

_VERSION = 1  # raised when the same settings would give other windows or labels
_GENOMES = ("*.fa", "*.fasta", "*.fa.gz", "*.fasta.gz", "*.fa.bgz", "*.fasta.bgz", "*.fna*")


class EncodeSource:
    """Peak tracks and a genome from local files, as `deepmr.data.source.DataSource`.

    Construction reads nothing but names; the genome is encoded and the labels are made on first
    use, once, under a lock, in the cache (``DEEPMR_CACHE``).

    Args:
        root: Folder with a genome FASTA and the list of tracks.
        splits: Contigs or chromosomes of train, validation, calibration and test.
        genome: FASTA file, relative to ``root``; if None, the only one there.
        tracks: List of tracks, relative to ``root``; see `deepmr.data.tracks.read_tracks`.
        exposures: Tasks on the exposure head, by name or target; None means the transcription
            factors. Naming both lists leaves all other tasks out.
        outcomes: Tasks on the outcome head; None means the rest.
        bin: Bases in the labelled bin.
        context: Bases in a window, the network's input; the bin lies in its middle.
        overlap: Share of the bin that one peak must exceed for the label to be positive.
        negatives: Windows without any peak for each one with a peak, in every split alike, so
            that a calibration holds for the test split; None keeps all.
        match_gc: Choose them with the positives' GC content.
        max_unknown: Largest share of unknown bases in a window.
        exclude: BED file of regions to leave out, relative to ``root``.
        missing_contigs: What to do with peaks on contigs the genome lacks: ``refuse`` or
            ``drop``.
        folds: Number of folds for cross-validation over the chromosomes named in ``splits``.
        fold: The fold to test, from 0; None takes ``splits`` as they are.
        reverse_complement: Show half of the training windows from the other strand.
        jitter: Shift training windows by up to as many bases.
        class_weights: Weight of positives in the loss: ``none``, ``balanced`` (negatives over
            positives) or ``sqrt`` (its square root).
        seed: Decides which windows without a peak are taken.

    Raises:
        ValueError: If an option is out of range.
        FileNotFoundError: If ``root`` is given and is no folder.
    """

    name = "encode"

    def __init__(
        self,
        root: Path | str | None = None,
        *,
        splits: Mapping[str, Sequence[str]],
        genome: str | None = None,
        tracks: str = "tracks.tsv",
        exposures: Sequence[str] | None = None,
        outcomes: Sequence[str] | None = None,
        bin: int = 200,  # noqa: A002 - the field's word, and the name of the option
        context: int = 1000,
        overlap: int | float = 0.5,
        negatives: int | float | None = 1.0,
        match_gc: bool = True,
        max_unknown: int | float = 0.1,
        exclude: str | None = None,
        missing_contigs: str = "refuse",
        folds: int = 5,
        fold: int | None = None,
        reverse_complement: bool = True,
        jitter: int = 0,
        class_weights: str = "none",
        seed: int = 0,
    ) -> None:
        if root is not None and not Path(root).is_dir():
            raise FileNotFoundError(
                f"data.root must be an existing folder, got {root}; give the folder that holds "
                f"the genome and {tracks}"
            )
        _check_options(bin, context, max_unknown, jitter, missing_contigs, class_weights)
        self.root = None if root is None else Path(root)
        self.length = context
        self._asked = {split: [str(name) for name in names] for split, names in splits.items()}
        self._genome_file = genome
        self._tracks_file = tracks
        self._exposures = exposures
        self._outcomes = outcomes
        self._bin = bin
        self._overlap = overlap
        self._negatives = negatives
        self._match_gc = match_gc
        self._max_unknown = max_unknown
        self._exclude = exclude
        self._missing_contigs = missing_contigs
        self._folds = folds
        self._fold = fold
        self._flip = reverse_complement
        self._jitter = jitter
        self._class_weights = class_weights
        self._seed = seed

    @cached_property
    def genome(self) -> EncodedGenome:
        """The encoded genome, built on first use."""
        return EncodedGenome.from_fasta(self._genome_path)

    @cached_property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks asked for: all of the list, or those on the two heads if both are named."""
        tracks = read_tracks(self._folder / self._tracks_file)
        table = TaskTable(tuple(track.task for track in tracks))
        first, second = choose_tasks(table, self._exposures, self._outcomes)
        if first is None or second is None:
            return tracks
        return tuple(track for track in tracks if track.task.name in first | second)

    @cached_property
    def recipe(self) -> Recipe:
        """Everything that decides the windows and their labels."""
        contigs = self.genome.contigs
        return Recipe(
            tracks=self.tracks,
            splits=split_contigs(contigs, self.splits),
            bin=self._bin,
            context=self.length,
            overlap=self._overlap,
            negatives=self._negatives,
            match_gc=self._match_gc,
            max_unknown=self._max_unknown,
            jitter=self._jitter,
            exclude=None if self._exclude is None else self._folder / self._exclude,
            missing_contigs=self._missing_contigs,
            seed=self._seed,
        )

    @cached_property
    def splits(self) -> dict[str, list[str]]:
        """The chromosomes of each split."""
        if self._fold is None:
            return self._asked
        named = tuple(name for names in self._asked.values() for name in names)
        contigs = {
            contig: size for contig, size in self.genome.contigs.items() if covered(contig, named)
        }
        return fold_splits(contigs, folds=self._folds, fold=self._fold)

    @cached_property
    def fingerprint(self) -> str:
        """Digits that change with any file or setting that decides windows and labels."""
        record = asdict(self.recipe)
        record["tracks"] = [
            asdict(track.task) | {"sha256": content_hash(track.file), "covers": track.covers}
            for track in self.tracks
        ]
        exclude = self.recipe.exclude
        record["exclude"] = None if exclude is None else content_hash(exclude)
        record["genome"] = self.genome.sha256
        record["version"] = _VERSION
        return fingerprint(record, digits=16)

    def prepare(self) -> None:
        """Encode the genome and make the labels, unless the cache holds them."""
        _ = self._prepared

    @cached_property
    def _prepared(self) -> tuple[Path, dict[str, Any]]:
        folder = prepare(self.recipe, self.genome, self.fingerprint)
        record = read_json(folder / "prepared.json")
        dropped = [t.task.name for t in self.tracks if t.task.name not in record["tasks"]]
        if dropped:
            warnings.warn(
                f"without a label in the training split, so dropped: {', '.join(dropped)}",
                stacklevel=2,
            )
        return folder, record

    @property
    def tasks(self) -> TaskTable:
        """The tasks with training labels."""
        table = TaskTable(tuple(track.task for track in self.tracks))
        return table.subset(self._prepared[1]["tasks"])

    @property
    def exposures(self) -> tuple[str, ...]:
        """Tasks on the exposure head."""
        return self._heads[0]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Tasks on the outcome head."""
        return self._heads[1]

    @cached_property
    def _heads(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        table = TaskTable(tuple(track.task for track in self.tracks))
        return divide(self.tasks, *choose_tasks(table, self._exposures, self._outcomes))

    def split(self, name: str) -> WindowSplit:
        """Return a split; see `deepmr.data.source.DataSource`.

        Raises:
            LookupError: If there is none of that name.
        """
        if name not in SPLITS:
            raise LookupError(f"no split is called {name!r}; there are {', '.join(SPLITS)}")
        return self._split(name)

    def _split(self, name: str) -> WindowSplit:
        folder, _ = self._prepared
        kept = [track for track in self.tracks if track.task.name in self.tasks.names]
        with np.load(folder / f"{name}.npz") as stored:
            contig, start, row = stored["contig"], stored["start"], stored["row"]
        return WindowSplit(
            genome=self.genome,
            contig=contig,
            start=start,
            length=self.length,
            row=row,
            labels=np.load(folder / "labels.npy"),
            signal=np.zeros((start.size, 0), dtype=np.float32),
            is_signal=np.zeros(len(kept), dtype=bool),
            measured=measured_on(kept, self.genome.names),
            flip=self._flip,
            jitter=self._jitter,
        )

    def summary(self) -> list[dict[str, Any]]:
        """Describe the labels, a row per split and task; ``gc_positives`` is an extra key."""
        return [dict(row) for row in self._prepared[1]["summary"]]

    def inputs(self) -> list[Path]:
        """Return the files that were read."""
        listed = [self._genome_path, self._folder / self._tracks_file]
        files = [track.file for track in self.tracks]
        exclude = self.recipe.exclude
        return [*listed, *files, *([] if exclude is None else [exclude])]

    def weights(self) -> Float32[np.ndarray, " task"] | None:
        """Return the weight of each task's positives, or None."""
        if self._class_weights == "none":
            return None
        rows = {row["task"]: row for row in self.summary() if row["split"] == "train"}
        counts = [(rows[name]["n"], rows[name]["positives"]) for name in self.tasks.names]
        n, positives = np.asarray(counts, dtype=np.float32).T
        odds = (n - positives) / positives
        return np.sqrt(odds) if self._class_weights == "sqrt" else odds

    def sequences(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        end: Int64[np.ndarray, " locus"],
    ) -> UInt8[np.ndarray, "locus length"]:
        """Return the codes of loci of equal length; see `deepmr.data.source.DataSource`."""
        lengths = np.unique(end - start)
        if lengths.size != 1:
            raise ValueError(
                f"loci are fetched at one length, got lengths {lengths.tolist()[:5]}; "
                "resize them or fetch them apart"
            )
        return self.genome.windows(self.genome.locate(chrom), start, int(lengths[0]))

    def candidate_loci(
        self, exposure: str, outcome: str
    ) -> tuple[
        Shaped[np.ndarray, " locus"], Int64[np.ndarray, " locus"], Int64[np.ndarray, " locus"]
    ]:
        """Return windows on peaks of either task in the test split, none overlapping another.

        Each window is centred on a summit (the middle, where the file names none) and moved
        inwards at a contig's rim. Where windows overlap the exposure's come first. Windows with
        an unknown base are left out.

        Raises:
            LookupError: If a name is unknown, or the test split holds no such window.
        """
        test = self.genome.locate(np.asarray(self.recipe.splits["test"]))
        contig, start = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        for name in (exposure, outcome):
            peaks = self._peaks(self.tasks.select(name).name)
            here = np.isin(peaks.contig, test)
            order = np.lexsort((peaks.summit[here], peaks.contig[here]))
            where = peaks.contig[here][order]
            first, fits = windows_around(
                peaks.summit[here][order], self.genome.lengths[where], self.length
            )
            contig = np.concatenate([contig, where[fits]])
            start = np.concatenate([start, first[fits]])
        known = (self.genome.windows(contig, start, self.length) < UNKNOWN).all(axis=1)
        contig, start = contig[known], start[known]
        kept = separate(contig, start, self.length)
        if not kept.size:
            raise LookupError(
                f"the test split ({', '.join(self.splits['test'])}) holds no peak of {exposure} "
                f"or {outcome} to interrogate; choose other chromosomes or give loci=bed"
            )
        order = kept[np.lexsort((start[kept], contig[kept]))]
        chrom = np.asarray(self.genome.names)[contig[order]]
        return chrom, start[order], start[order] + self.length

    def _peaks(self, task: str) -> Peaks:
        track = next(track for track in self.tracks if track.task.name == task)
        return read_peaks(track.file, self.genome.contigs, missing=self._missing_contigs)

    def true_effects(
        self,
        chrom: Shaped[np.ndarray, " locus"],  # noqa: ARG002 - the contract's argument
        start: Int64[np.ndarray, " locus"],  # noqa: ARG002 - likewise
        end: Int64[np.ndarray, " locus"],  # noqa: ARG002 - likewise
    ) -> None:
        """Return None: nobody knows the true effects of substitutions in a real genome."""
        return

    def seen(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],  # noqa: ARG002 - splits are whole contigs
        end: Int64[np.ndarray, " locus"],  # noqa: ARG002 - likewise
    ) -> Bool[np.ndarray, " locus"]:
        """Tell which regions lie on a contig of the training or validation split.

        Raises:
            LookupError: If a chromosome is not in the genome.
        """
        self.genome.locate(chrom)
        used = self.recipe.splits["train"] + self.recipe.splits["validation"]
        return np.isin(chrom, used)

    @property
    def _folder(self) -> Path:
        if self.root is None:
            raise FileNotFoundError(
                "data.root must name the folder of the genome and the tracks, got none; "
                "set data.root=DIR"
            )
        return self.root

    @property
    def _genome_path(self) -> Path:
        folder = self._folder
        if self._genome_file is not None:
            return folder / self._genome_file
        found = sorted({path for pattern in _GENOMES for path in folder.glob(pattern)})
        found = [path for path in found if path.suffix not in {".fai", ".gzi"}]
        if len(found) != 1:
            listed = ", ".join(path.name for path in found) or "none"
            raise FileNotFoundError(
                f"{folder} must hold one genome FASTA, found {listed}; name it with data.genome"
            )
        return found[0]


def _check_options(
    size: int,
    context: int,
    max_unknown: int | float,
    jitter: int,
    missing_contigs: str,
    class_weights: str,
) -> None:
    if not 0 < size <= context:
        raise ValueError(
            f"data.bin must be at least 1 and at most data.context ({context}), got {size}"
        )
    if (context - size) % 2:
        raise ValueError(
            f"data.context minus data.bin must be even, so that the bin lies in the middle, "
            f"got {context} - {size}"
        )
    if not 0 <= max_unknown <= 1:
        raise ValueError(f"data.max_unknown is a share from 0 to 1, got {max_unknown}")
    if jitter < 0:
        raise ValueError(f"data.jitter must be 0 or more, got {jitter}")
    for option, value, allowed in (
        ("missing_contigs", missing_contigs, ("refuse", "drop")),
        ("class_weights", class_weights, ("none", "balanced", "sqrt")),
    ):
        if value not in allowed:
            raise ValueError(f"data.{option} is one of {', '.join(allowed)}; got {value!r}")
