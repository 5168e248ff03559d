"""Peaks and signals on a genome as a data source: ``data=encode``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped, UInt8

from deepmr.data.encode_portal.catalogue import Catalogue
from deepmr.data.encode_portal.portal import ADDRESS, Portal
from deepmr.data.genome import EncodedGenome
from deepmr.data.heads import choose_tasks, divide
from deepmr.data.inputs import DataFiles, local_files
from deepmr.data.loci import inside_windows, strongest, summits
from deepmr.data.options import check_options
from deepmr.data.partition import fold_splits, split_contigs
from deepmr.data.prepared import Recipe, measured_on, prepare
from deepmr.data.source import LOCI_RULES, SPLITS, check_rule
from deepmr.data.summary import positive_weights
from deepmr.data.tracks import Track, covered
from deepmr.data.windows import WindowSplit
from deepmr.files import read_json
from deepmr.tasks import TaskTable

__all__ = ["EncodeSource"]


class EncodeSource:
    """Tracks on a genome, as `deepmr.data.source.DataSource`.

    With ``root`` the files are those that a user placed in a folder, without it those of the
    catalogue, fetched from the ENCODE portal into the cache. Construction reads nothing; the
    genome is encoded and the labels are made on first use, once, under a lock, in the cache
    (``DEEPMR_CACHE``).

    Args:
        root: Folder with a genome FASTA and the list of tracks; None for the catalogue's.
        splits: Contigs or chromosomes of train, validation, calibration and test.
        genome: FASTA file, relative to ``root``; None for the only one there.
        tracks: List of tracks, relative to ``root``; see `deepmr.data.tracks.read_tracks`.
        exclude: BED file of regions to leave out, relative to ``root``.
        catalogue: What `deepmr.data.encode_portal.catalogue.Catalogue` takes as its settings.
        targets: With the catalogue: targets, or accessions of files; None for its own list.
        biosample: With the catalogue: where the targets were measured.
        portal: Address of the ENCODE portal.
        download_only: For the caller: fetch the files (`download`) and stop.
        parallel: Largest number of downloads at a time.
        retries: How often a passing failure of the network is tried again.
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
        missing_contigs: What to do with peaks on contigs the genome lacks: ``refuse`` or
            ``drop``.
        signal: How a bigWig is summarised over the bin for tasks of kind ``signal``: ``mean``,
            ``max`` or ``total``. Kind ``count`` takes the total, on the Anscombe scale.
        gaps: What a base without a value in a bigWig counts as: ``zero`` or ``missing``.
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
        exclude: str | None = None,
        catalogue: Mapping[str, Any] | None = None,
        targets: Sequence[str] | None = None,
        biosample: str = "K562",
        portal: str = ADDRESS,
        download_only: bool = False,
        parallel: int = 4,
        retries: int = 3,
        exposures: Sequence[str] | None = None,
        outcomes: Sequence[str] | None = None,
        bin: int = 200,  # noqa: A002 - the field's word, and the name of the option
        context: int = 1000,
        overlap: int | float = 0.5,
        negatives: int | float | None = 1.0,
        match_gc: bool = True,
        max_unknown: int | float = 0.1,
        missing_contigs: str = "refuse",
        signal: str = "mean",
        gaps: str = "zero",
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
        self.root = None if root is None else Path(root)
        self.length = context
        self.download_only = download_only
        self._asked = {split: [str(name) for name in names] for split, names in splits.items()}
        self._local = {"genome": genome, "tracks": tracks, "exclude": exclude}
        self._catalogue = catalogue
        self._remote = {
            "targets": targets,
            "biosample": biosample,
            "portal": Portal(address=portal.rstrip("/"), retries=retries),
            "parallel": parallel,
        }
        self._heads_asked = (exposures, outcomes)
        self._options = {
            "bin": bin,
            "context": context,
            "overlap": overlap,
            "negatives": negatives,
            "match_gc": match_gc,
            "max_unknown": max_unknown,
            "jitter": jitter,
            "missing_contigs": missing_contigs,
            "signal": signal,
            "gaps": gaps,
            "seed": seed,
        }
        check_options(self._options, class_weights=class_weights)
        self._folds, self._fold = folds, fold
        self._flip, self._jitter = reverse_complement, jitter
        self._class_weights = class_weights

    def download(self) -> list[Path]:
        """Fetch every file of the catalogue that the cache lacks; return where all of them lie.

        Raises:
            FileNotFoundError: If a file cannot be fetched; the message says where each one is and
                where it belongs.
        """
        return self.inputs()

    @cached_property
    def _files(self) -> DataFiles:
        if self.root is not None:
            return local_files(self.root, **self._local)
        if self._catalogue is None:
            raise FileNotFoundError(
                "data.root must name the folder of the genome and the tracks where there is no "
                "catalogue, got none; set data.root=DIR"
            )
        return Catalogue(self._catalogue, **self._remote).fetch()

    @cached_property
    def genome(self) -> EncodedGenome:
        """The encoded genome, built on first use."""
        return EncodedGenome.from_fasta(self._files.genome)

    @cached_property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks asked for: all there are, or those on the two heads if both are named."""
        tracks = self._files.tracks
        table = TaskTable(tuple(track.task for track in tracks))
        first, second = choose_tasks(table, *self._heads_asked)
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
            **self._options,
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
        return self.recipe.fingerprint(self.genome)

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
        return divide(self.tasks, *choose_tasks(table, *self._heads_asked))

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
            signal = stored["signal"]
        return WindowSplit(
            genome=self.genome,
            contig=contig,
            start=start,
            length=self.length,
            row=row,
            labels=np.asarray(np.load(folder / "labels.npy", mmap_mode="r")),
            signal=signal,
            is_signal=np.asarray([track.task.kind != "binary" for track in kept]),
            measured=measured_on(kept, self.genome.names),
            flip=self._flip,
            jitter=self._jitter,
        )

    def summary(self) -> list[dict[str, Any]]:
        """Describe the labels, a row per split and task; ``gc_positives`` is an extra key."""
        return [dict(row) for row in self._prepared[1]["summary"]]

    def inputs(self) -> list[Path]:
        """Return the files that were read."""
        files = self._files
        some = [files.genome, files.listed, files.exclude, *(track.file for track in self.tracks)]
        return [path for path in some if path is not None]

    def provenance(self) -> list[dict[str, Any]]:
        """Return accession, source, checksum and description of every file from the portal."""
        return [dict(record) for record in self._files.records]

    def weights(self) -> Float32[np.ndarray, " task"] | None:
        """Return the weight of each task's positives, or None."""
        if self._class_weights == "none":
            return None
        weight = positive_weights(self.tasks, self.summary())
        return np.sqrt(weight) if self._class_weights == "sqrt" else weight

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
            return summits(track.file, self.genome, missing=self.recipe.missing_contigs)
        return strongest(self._split("test"), self.tasks.names.index(name), self.genome)

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
