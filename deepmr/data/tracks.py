"""Read the list of tracks: one row a task, with its file and the contigs it was measured on."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from deepmr.data.contigs import other_spelling
from deepmr.data.text import lines
from deepmr.tasks import Task

__all__ = ["Track", "covered", "measured_on", "read_tracks"]

_NEEDED = ("task", "target", "file")
_OPTIONAL = ("assay", "biosample", "kind", "covers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One measured track.

    Args:
        task: What the model predicts from it.
        file: Peak list (kind ``binary``) or bigWig (kinds ``signal`` and ``count``).
        covers: Contigs, or chromosomes, on which it was measured; empty means all of them.
            Elsewhere its label is missing, not negative.
    """

    task: Task
    file: Path
    covers: tuple[str, ...] = ()


def covered(contig: str, names: tuple[str, ...]) -> bool:
    """Tell whether a contig is meant by a list of names: its own, or its chromosome's.

    A contig's chromosome is the part of its name before the first underscore.

    Example:
        >>> covered("chr20_60000_8237912", ("chr20",))
        True
    """
    return contig in names or contig.split("_", 1)[0] in names


def measured_on(tracks: Sequence[Track], contigs: Sequence[str]) -> Bool[np.ndarray, "contig task"]:
    """Tell on which contigs each track was measured."""
    for track in tracks:
        _check_covers(track, contigs)
    table = [[not t.covers or covered(name, t.covers) for t in tracks] for name in contigs]
    return np.asarray(table, dtype=bool).reshape(len(contigs), len(tracks))


def _check_covers(track: Track, contigs: Sequence[str]) -> None:
    """Verify that a track's column ``covers`` is not spelled otherwise than the genome's contigs.

    Raises:
        ValueError: If it is.
    """
    if any(covered(name, track.covers) for name in contigs):
        return
    spelled = tuple(other_spelling(name) for name in track.covers)
    if any(covered(name, spelled) for name in contigs):
        raise ValueError(
            f"the column covers of {track.task.name} names {', '.join(track.covers[:5])}, which "
            f"the genome spells {', '.join(spelled[:5])}; write it so in the list of tracks"
        )


def read_tracks(path: Path) -> tuple[Track, ...]:
    """Read a tab-separated list of tracks, files relative to its folder.

    Columns, by a header line and in any order: ``task``, ``target``, ``file`` and, where wanted,
    ``assay``, ``biosample``, ``kind`` (``binary`` if absent) and ``covers`` (comma-separated).

    Raises:
        FileNotFoundError: If the list or a file named in it is missing.
        ValueError: If a line breaks a rule; the message names the file and the line.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"the list of tracks must be a file, got {path}; no such file; "
            "name it with data.tracks, relative to data.root"
        )
    header: list[str] = []
    tracks: dict[str, Track] = {}
    for number, line in enumerate(lines(path, hint="give tab-separated columns"), start=1):
        if not header:
            header = [name.strip() for name in line.split("\t")]
            _check_header(path, header)
            continue
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != len(header):
            raise ValueError(
                f"{path}, line {number}: a track has {len(header)} columns as the header does, "
                f"got {len(fields)}; separate them by tabs"
            )
        track = _track(path, number, dict(zip(header, map(str.strip, fields), strict=True)))
        if track.task.name in tracks:
            raise ValueError(
                f"{path}, line {number}: task names must differ, got {track.task.name} again"
            )
        tracks[track.task.name] = track
    if not header:
        _check_header(path, [])
    if not tracks:
        raise ValueError(f"{path} lists no track; give a header line and one line a track")
    return tuple(tracks.values())


def _check_header(path: Path, header: list[str]) -> None:
    for column in _NEEDED:
        if column not in header:
            raise ValueError(
                f"{path}, line 1: the header names the columns {', '.join(_NEEDED)}, "
                f"got {', '.join(header) or 'an empty line'}"
            )
    for column in header:
        if header.count(column) > 1:
            raise ValueError(f"{path}, line 1: columns must differ, got {column!r} twice")
        if column not in _NEEDED + _OPTIONAL:
            near = difflib.get_close_matches(column, _NEEDED + _OPTIONAL, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"{path}, line 1: no column is called {column!r}{hint}")


def _track(path: Path, number: int, fields: dict[str, str]) -> Track:
    try:
        task = Task(
            name=fields["task"],
            target=fields["target"],
            assay=fields.get("assay", ""),
            biosample=fields.get("biosample", ""),
            kind=fields.get("kind") or "binary",
        )
    except ValueError as error:
        raise ValueError(f"{path}, line {number}: {error}") from error
    file = path.parent / fields["file"]
    if not file.is_file():
        raise FileNotFoundError(
            f"{path}, line {number}: the file of {task.name} is missing: {file}; no such file"
        )
    covers = tuple(name.strip() for name in fields.get("covers", "").split(",") if name.strip())
    return Track(task=task, file=file, covers=covers)
