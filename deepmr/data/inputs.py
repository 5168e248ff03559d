"""The files of a data set: genome, tracks and excluded regions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepmr.data.tracks import Track, read_tracks

__all__ = ["DataFiles", "LocalFiles", "local_files"]

_GENOMES = (".fa", ".fasta", ".fna")
_PACKED = (".gz", ".bgz")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFiles:
    """The files of a data set, all on this machine.

    Args:
        genome: FASTA file.
        exclude: BED file of regions to leave out, or None.
        tracks: The tracks.
        listed: The list that names the tracks, where a user wrote one.
        records: What the portal said of each file: accession, source, checksum, description.
    """

    genome: Path
    exclude: Path | None
    tracks: tuple[Track, ...]
    listed: Path | None = None
    records: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFiles:
    """Files that a user placed in a folder.

    Args:
        root: Folder with a genome FASTA and the list of tracks.
        genome: FASTA file, relative to ``root``; None for the only one there.
        tracks: List of tracks, relative to ``root``; see `deepmr.data.tracks.read_tracks`.
        exclude: BED file of regions whose bins are left out, relative to ``root``; None for none.

    Raises:
        FileNotFoundError: If ``root`` is no folder.
    """

    root: Path | str
    genome: str | None = None
    tracks: str = "tracks.tsv"
    exclude: str | None = None

    def __post_init__(self) -> None:
        if not Path(self.root).is_dir():
            raise FileNotFoundError(
                f"data.root must be an existing folder, got {self.root}; give the folder that "
                f"holds the genome and {self.tracks}"
            )

    def collect(self) -> DataFiles:
        """Find the files in the folder; see `deepmr.data.inputs.local_files`."""
        return local_files(
            Path(self.root), genome=self.genome, tracks=self.tracks, exclude=self.exclude
        )


def local_files(root: Path, *, genome: str | None, tracks: str, exclude: str | None) -> DataFiles:
    """Collect the files named in a folder.

    Args:
        root: The folder.
        genome: FASTA file in it; None for the only one there.
        tracks: The list of tracks in it.
        exclude: BED file of regions to leave out, or None.

    Raises:
        FileNotFoundError: If a file is missing, or there is not exactly one genome.
        ValueError: If the list of tracks breaks a rule.
    """
    path = _only_genome(root) if genome is None else root / genome
    if not path.is_file():
        raise FileNotFoundError(
            f"data.genome must be a FASTA file in {root}, got {genome}; no such file"
        )
    regions = None if exclude is None else root / exclude
    if regions is not None and not regions.is_file():
        raise FileNotFoundError(
            f"data.exclude must be a BED file in {root}, got {exclude}; no such file"
        )
    listed = root / tracks
    return DataFiles(genome=path, exclude=regions, tracks=read_tracks(listed), listed=listed)


def _only_genome(root: Path) -> Path:
    found = []
    for path in sorted(root.iterdir()):
        plain = path.with_suffix("") if path.suffix in _PACKED else path
        if plain.suffix in _GENOMES and path.is_file():
            found.append(path)
    if len(found) != 1:
        listed = ", ".join(path.name for path in found) or "none"
        raise FileNotFoundError(
            f"{root} must hold one genome FASTA, found {listed}; name it with data.genome"
        )
    return found[0]
