"""FASTA files as a stream of encoded bases; no index is read or made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from deepmr.data.text import pieces
from deepmr.sequence import encode

__all__ = ["read_fasta"]

_BLANKS = b"\n\r\t "
_NUCLEOTIDES = b"ACGTNRYSWKMBDHVX" + b"acgtnryswkmbdhvx"  # IUPAC; X is how some mask
_LONGEST_HEADER = 1 << 20


def read_fasta(path: Path, size: int = 1 << 24) -> Iterator[tuple[str, UInt8[np.ndarray, " _"]]]:
    """Yield contigs as codes, in pieces; each contig begins with an empty piece.

    Blank lines and lines of unequal length are allowed. Lower-case (soft-masked) bases are read as
    upper case; N and the IUPAC codes of several bases are unknown (code 4).

    Args:
        path: FASTA, plain, gzip or bgzip.
        size: Bytes read at a time.

    Yields:
        Name of the contig (its header up to the first blank) and some of its bases.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no FASTA of nucleotides, names a contig twice or none, has a
            contig without bases, or is cut short or damaged.
    """
    seen: dict[str, int] = {}
    name = ""
    for is_header, text in _parts(path, size):
        if is_header:
            _check_bases(path, name, seen)
            name = _name(path, text, seen)
            seen[name] = 0
            yield name, np.zeros(0, dtype=np.uint8)
            continue
        bases = text.translate(None, _BLANKS)
        if bases and not name:
            raise ValueError(
                f"{path} is no FASTA: it must begin with a line '>NAME', got {bases[:20]!r}"
            )
        _check_letters(path, name, seen.get(name, 0), bases)
        if bases:
            seen[name] += len(bases)
            yield name, encode(bases)
    _check_bases(path, name, seen)
    if not seen:
        raise ValueError(f"{path} holds no sequence; give a FASTA file")


def _parts(path: Path, size: int) -> Iterator[tuple[bool, bytes]]:
    """Yield header lines (without ``>``) and stretches of text between them, in order."""
    rest, at_line_start = b"", True
    for piece in pieces(path, size):
        data, at = rest + piece, 0
        rest = b""
        while at < len(data):
            if at_line_start and data[at : at + 1] == b">":
                end = data.find(b"\n", at)
                if end < 0:
                    rest = data[at:]
                    if len(rest) > _LONGEST_HEADER:
                        raise ValueError(
                            f"{path} is no FASTA: a header of more than {_LONGEST_HEADER} bytes; "
                            "are its lines ended by a carriage return alone?"
                        )
                    break
                yield True, data[at + 1 : end]
                at = end + 1
                continue
            found = data.find(b"\n>", at)
            end = len(data) if found < 0 else found + 1
            yield False, data[at:end]
            at_line_start = data[end - 1 : end] == b"\n"
            at = end
    if rest:
        yield True, rest[1:]


def _name(path: Path, header: bytes, seen: dict[str, int]) -> str:
    try:
        words = header.decode("utf-8").split()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} has a header that is not text ({header[:20]!r})") from error
    if not words or header[:1].isspace():
        raise ValueError(f"{path} has a FASTA header without a name; write '>NAME'")
    if words[0] in seen:
        raise ValueError(
            f"{path} is no FASTA to work with: it names the contig {words[0]} twice; leave one out"
        )
    return words[0]


def _check_bases(path: Path, name: str, seen: dict[str, int]) -> None:
    if name and not seen[name]:
        raise ValueError(
            f"{path} has no base of the contig {name}; is the FASTA file cut short? leave the "
            "contig out, or fetch the file again"
        )


def _check_letters(path: Path, name: str, done: int, bases: bytes) -> None:
    other = bases.translate(None, _NUCLEOTIDES)
    if not other:
        return
    letter = other[:1]
    place = done + bases.index(letter) + 1
    what = repr(letter.decode("latin-1"))
    hint = (
        "is this RNA? write T for U"
        if letter in b"Uu"
        else "is this a FASTA of nucleotides, undamaged?"
    )
    raise ValueError(
        f"{path}: a base is one of A, C, G, T, N or an IUPAC code, got {what} at base {place} of "
        f"{name}; {hint}"
    )
