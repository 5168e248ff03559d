"""Data source of peaks and signals on a genome: ``data=encode``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped, UInt8

from deepmr.data.cache import content_hash
from deepmr.data.encode_portal import PortalFiles
from deepmr.data.genome import EncodedGenome
from deepmr.data.heads import choose_tasks, divide
from deepmr.data.inputs import DataFiles, LocalFiles
from deepmr.data.loci import inside_windows, strongest, summits
from deepmr.data.measured_alleles import AlleleWindows, WithAlleles, read_measured_alleles
from deepmr.data.partition import fold_splits, split_contigs
from deepmr.data.prepared import Recipe, prepare
from deepmr.data.settings import (
    Heads,
    Labels,
    Negatives,
    PeakFiles,
    Splits,
    Training,
    WindowSizes,
    check_empty,
    take,
)
from deepmr.data.source import LOCI_RULES, SPLITS, check_rule
from deepmr.data.summary import positive_weights
from deepmr.data.tracks import Track, covered, measured_on
from deepmr.data.windows import Windows, WindowSplit, WindowTargets
from deepmr.files import fingerprint as digits_of
from deepmr.files import read_json
from deepmr.tasks import TaskTable

__all__ = ["EncodeSource", "encode_source"]


def encode_source(
    root: Path | str | None = None, *, splits: Mapping[str, Sequence[str]], **options: Any
) -> EncodeSource:
    """Build a source from flat options, as conf/data/encode.yaml spells them.

    Args:
        root: Folder of a genome and tracks; None for the files of the catalogue, which come from
            the ENCODE portal.
        splits: Contigs or chromosomes of train, validation, calibration and test.
        options: Fields of the groups in `deepmr.data.settings`, by name. Of `LocalFiles` and
            `PortalFiles` the group that ``root`` does not choose is not used.

    Raises:
        TypeError: If no group has an option of that name.
        ValueError: If an option is out of range.
        FileNotFoundError: If ``root`` is given and is no folder.
    """
    local = {"root": root} | {
        name: options.pop(name) for name in ("genome", "tracks", "exclude") if name in options
    }
    portal = take(PortalFiles, options)
    options["splits"] = splits
    source = EncodeSource(
        portal if root is None else LocalFiles(**local),
        splits=take(Splits, options),
        heads=take(Heads, options),
        windows=take(WindowSizes, options),
        labels=take(Labels, options),
        negatives=take(Negatives, options),
        peak_files=take(PeakFiles, options),
        training=take(Training, options),
    )
    groups = (
        LocalFiles, PortalFiles, Splits, Heads, WindowSizes, Labels, Negatives, PeakFiles, Training
    )  # fmt: skip
    check_empty(options, groups)
    return source


class EncodeSource:
    """Tracks on a genome, as `deepmr.data.source.DataSource`.

    Construction reads nothing; the genome is encoded and the labels are made on first use, once,
    under a lock, in the cache (``DEEPMR_CACHE``). `encode_source` builds one from flat options.

    Args:
        files: Where the genome, the peaks and the signals come from.
        splits: Chromosomes of each split.
        heads: Tasks on the exposure and the outcome head.
        windows: Sizes of window and labelled bin.
        labels: How peaks and signals become labels.
        negatives: Which windows without a peak are taken.
        peak_files: What is done with peaks that do not fit the genome.
        training: Augmentation, and the weights of positives.
    """

    name = "encode"

    def __init__(
        self,
        files: LocalFiles | PortalFiles,
        *,
        splits: Splits,
        heads: Heads = Heads(),  # noqa: B008 - frozen
        windows: WindowSizes = WindowSizes(),  # noqa: B008
        labels: Labels = Labels(),  # noqa: B008
        negatives: Negatives = Negatives(),  # noqa: B008
        peak_files: PeakFiles = PeakFiles(),  # noqa: B008
        training: Training = Training(),  # noqa: B008
    ) -> None:
        self.length = windows.context
        self._sources = files
        self._chosen_splits = splits
        self._chosen_heads = heads
        self._windows = windows
        self._labels = labels
        self._negatives = negatives
        self._peak_files = peak_files
        self._training = training

    def download(self) -> list[Path]:
        """Fetch every file of the catalogue that the cache lacks; return where all of them lie.

        Raises:
            FileNotFoundError: If a file cannot be fetched; the message says where each one is and
                where it belongs.
        """
        return self.inputs()

    @cached_property
    def _files(self) -> DataFiles:
        return self._sources.collect()

    @cached_property
    def genome(self) -> EncodedGenome:
        """The encoded genome, built on first use."""
        return EncodedGenome.from_fasta(self._files.genome)

    @cached_property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks asked for: all there are, or those on the two heads if both are named."""
        tracks = self._files.tracks
        table = TaskTable(tuple(track.task for track in tracks))
        first, second = self._named_tasks(table)
        if first is None or second is None:
            return tracks
        return tuple(track for track in tracks if track.task.name in first | second)

    @cached_property
    def recipe(self) -> Recipe:
        """Everything that decides the windows and their labels."""
        return Recipe(
            tracks=self.tracks,
            splits=split_contigs(self.genome.contigs, self.splits),
            exclude=self._files.exclude,
            windows=self._windows,
            labels=self._labels,
            negatives=self._negatives,
            peak_files=self._peak_files,
            jitter=self._training.jitter,
        )

    @cached_property
    def splits(self) -> dict[str, list[str]]:
        """The chromosomes of each split."""
        chosen = self._chosen_splits
        if chosen.fold is None:
            return chosen.named()
        named = tuple(name for names in chosen.named().values() for name in names)
        contigs = {
            contig: size for contig, size in self.genome.contigs.items() if covered(contig, named)
        }
        return fold_splits(contigs, folds=chosen.folds, fold=chosen.fold)

    @cached_property
    def fingerprint(self) -> str:
        """Digits that change with any file or setting that decides windows and labels."""
        plain = self.recipe.fingerprint(self.genome)
        path = self._training.alleles
        if path is None:
            return plain
        if not Path(path).is_file():
            raise FileNotFoundError(f"data.alleles must be a file, got {path}; no such file")
        return digits_of([plain, content_hash(Path(path))], digits=16)

    def prepare(self) -> None:
        """Encode the genome and make the labels, unless the cache holds them."""
        _ = self._prepared
        if self._training.alleles is not None:
            _ = self._alleles  # a fault in the table is told before training starts

    @cached_property
    def _prepared(self) -> tuple[Path, dict[str, Any]]:
        folder = prepare(self.recipe, self.genome, self.recipe.fingerprint(self.genome))
        record = read_json(folder / "prepared.json")
        dropped = [t.task.name for t in self.tracks if t.task.name not in record["tasks"]]
        if dropped:
            warnings.warn(
                f"without a label in the training split, so dropped: {', '.join(dropped)}",
                stacklevel=2,
            )
        if record["notes"]:
            warnings.warn("; ".join(record["notes"]), stacklevel=2)
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
        return divide(self.tasks, *self._named_tasks(table))

    def _named_tasks(self, table: TaskTable) -> tuple[set[str] | None, set[str] | None]:
        return choose_tasks(table, self._chosen_heads.exposures, self._chosen_heads.outcomes)

    def split(self, name: str) -> WindowSplit | WithAlleles:
        """Return a split; see `deepmr.data.source.DataSource`.

        Raises:
            LookupError: If there is none of that name.
        """
        if name not in SPLITS:
            raise LookupError(f"no split is called {name!r}; there are {', '.join(SPLITS)}")
        if name != "train" or self._training.alleles is None:
            return self._split(name)
        return WithAlleles(self._split(name), self._alleles)

    @cached_property
    def _alleles(self) -> AlleleWindows:
        found = read_measured_alleles(
            Path(str(self._training.alleles)),
            self.genome,
            self.tasks,
            contigs=self.recipe.splits["train"],
        )
        if found.outside:
            warnings.warn(
                f"{self._training.alleles}: {found.outside} alleles lie on no contig of the "
                "training split and were left out",
                stacklevel=2,
            )
        return AlleleWindows(
            found,
            genome=self.genome,
            length=self.length,
            flip=self._training.reverse_complement,
            jitter=self._training.jitter,
        )

    def _split(self, name: str) -> WindowSplit:
        folder, _ = self._prepared
        kept = [track for track in self.tracks if track.task.name in self.tasks.names]
        with np.load(folder / f"{name}.npz") as stored:
            contig, start, row = stored["contig"], stored["start"], stored["row"]
            signal = stored["signal"]
        return WindowSplit(
            windows=Windows(genome=self.genome, contig=contig, start=start, length=self.length),
            targets=WindowTargets(
                row=row,
                labels=np.asarray(np.load(folder / "labels.npy", mmap_mode="r")),
                signal=signal,
                is_signal=np.asarray([track.task.kind != "binary" for track in kept]),
                measured=measured_on(kept, self.genome.names),
            ),
            flip=self._training.reverse_complement,
            jitter=self._training.jitter,
        )

    def summary(self) -> list[dict[str, Any]]:
        """Describe the labels, a row per split and task; ``gc_positives`` is an extra key."""
        return [dict(row) for row in self._prepared[1]["summary"]]

    def inputs(self) -> list[Path]:
        """Return the files that were read."""
        files = self._files
        alleles = None if self._training.alleles is None else Path(self._training.alleles)
        some = [files.genome, files.listed, files.exclude, alleles]
        some += [track.file for track in self.tracks]
        return [path for path in some if path is not None]

    def provenance(self) -> list[dict[str, Any]]:
        """Return accession, source, checksum and description of every file from the portal."""
        return [dict(record) for record in self._files.records]

    def weights(self) -> Float32[np.ndarray, " task"] | None:
        """Return the weight of each task's positives, or None."""
        kind = self._training.class_weights
        if kind == "none":
            return None
        weight = positive_weights(self.tasks, self.summary())
        return np.sqrt(weight) if kind == "sqrt" else weight

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

    def loci_rules(self) -> tuple[str, ...]:
        """Return the rules that `candidate_loci` knows."""
        return LOCI_RULES

    def candidate_loci(
        self, rule: str, *, exposure: str | None = None, outcome: str | None = None
    ) -> tuple[
        Shaped[np.ndarray, " locus"], Int64[np.ndarray, " locus"], Int64[np.ndarray, " locus"]
    ]:
        """Return windows of the test split to interrogate, none overlapping another.

        With ``any_positive`` and ``pair`` each window is centred on a peak's summit (the middle,
        where the file names none; for a signal, on the bins of the strongest percent) and moved
        inwards at a contig's end. Where windows overlap, the one of the task that comes first is
        kept: in the order of `tasks`, or exposure before outcome. With ``all`` the windows are
        those of the split itself, the first of overlapping ones kept. Windows with an unknown
        base are left out.

        Args:
            rule: ``any_positive`` (peaks of any task), ``all`` or ``pair`` (peaks of the two).
            exposure: Name of a task; read by rule ``pair`` alone.
            outcome: Name of a task; read by rule ``pair`` alone.

        Raises:
            LookupError: If a rule or a name is unknown, or the test split holds no such window.
            ValueError: If the rule is ``pair`` and a name is missing.
        """
        check_rule(rule, self.loci_rules(), exposure, outcome)
        if rule == "all":
            contig, centre = self._split("test").inner_centres()
            what = "window without unknown bases"
        else:
            named = (exposure, outcome) if rule == "pair" else self.tasks.names
            names = [self.tasks.select(str(name)).name for name in named]
            points = [self._points(name) for name in names]
            contig, centre = (np.concatenate(column) for column in zip(*points, strict=True))
            what = f"peak of {' or '.join(map(str, named))}"
        here = np.isin(contig, self.genome.locate(np.asarray(self.recipe.splits["test"])))
        contig, start = inside_windows(self.genome, contig[here], centre[here], self.length)
        if not start.size:
            raise LookupError(
                f"the test split ({', '.join(self.splits['test'])}) holds no {what} to "
                "interrogate; choose other chromosomes, another loci.rule or loci=bed"
            )
        return np.asarray(self.genome.names)[contig], start, start + self.length

    def _points(self, name: str) -> tuple[Int64[np.ndarray, " point"], Int64[np.ndarray, " point"]]:
        track = next(track for track in self.tracks if track.task.name == name)
        if track.task.kind == "binary":
            return summits(track.file, self.genome, self._peak_files)
        return strongest(self._split("test"), self.tasks.names.index(name), self.genome)

    def true_effects(
        self,
        chrom: Shaped[np.ndarray, " locus"],  # noqa: ARG002 - the contract's argument
        start: Int64[np.ndarray, " locus"],  # noqa: ARG002 - the contract
        end: Int64[np.ndarray, " locus"],  # noqa: ARG002 - the contract
    ) -> None:
        """Return None: nobody knows the true effects of substitutions in a real genome."""
        return

    def seen(
        self,
        chrom: Shaped[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],  # noqa: ARG002 - splits are whole contigs
        end: Int64[np.ndarray, " locus"],  # noqa: ARG002 - the contract
    ) -> Bool[np.ndarray, " locus"]:
        """Tell which regions lie on a contig of the training or validation split.

        Raises:
            LookupError: If a chromosome is not in the genome.
        """
        self.genome.locate(chrom)
        used = self.recipe.splits["train"] + self.recipe.splits["validation"]
        return np.isin(chrom, used)
