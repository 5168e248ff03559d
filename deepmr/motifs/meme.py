"""Reader of MEME files: the minimal format of motif libraries and MEME's own full text output."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from deepmr.motif import UNIFORM, Motif
from deepmr.motifs.source import Source, from_probabilities, is_numeric

__all__ = ["read_meme"]

_BACKGROUND_ROUNDING = 0.02  # MEME prints three decimals
_SETTING = re.compile(r"(\w+)\s*=\s*(\S+)")
_SUMMARY = re.compile(r"\s+width\s*=.*$")  # full output appends "width = 6 sites = 18 ..."


def read_meme(source: Source) -> list[Motif]:
    """Return the motifs of a MEME file, in its order.

    References:
        The MEME motif format, https://meme-suite.org/meme/doc/meme-format.html

    Raises:
        ValueError: If the alphabet is not ACGT, a motif has no letter-probability matrix, or a
            matrix is truncated or no probability matrix; the message names the line.
    """
    _check_alphabet(source)
    background = _background(source)
    starts = [i for i, line in enumerate(source.lines) if re.match(r"MOTIF\s", line)]
    if not starts:
        raise source.error(
            len(source.lines), "a MEME file needs a line that begins with MOTIF, found none"
        )
    sections: dict[str, list[range]] = {}
    for start, end in zip(starts, [*starts[1:], len(source.lines)], strict=True):
        name = _SUMMARY.sub("", source.lines[start][len("MOTIF") :]).strip()
        sections.setdefault(name, []).append(range(start, end))
    motifs = []
    for name, spans in sections.items():
        heads = [
            i
            for span in spans
            for i in span
            if source.lines[i].lower().startswith("letter-probability matrix")
        ]
        first = spans[0].start + 1
        if not name:
            raise source.error(first, "MOTIF must be followed by a name")
        if not heads:
            raise source.error(first, f"motif {name} has {_found_instead(source, spans)}")
        if len(heads) > 1:
            raise source.error(
                heads[1] + 1,
                f"motif {name} occurs twice (first in line {heads[0] + 1}); names must differ",
            )
        motifs.append(_matrix(source, heads[0], name, background))
    return motifs


def _found_instead(source: Source, spans: Sequence[range]) -> str:
    lines = [source.lines[i].lower() for span in spans for i in span]
    if any(line.startswith("log-odds matrix") for line in lines):
        return (
            "a log-odds matrix only, from which probabilities cannot be recovered; "
            "use a file with letter-probability matrices"
        )
    return "no letter-probability matrix; was the file cut short?"


def _check_alphabet(source: Source) -> None:
    for i, line in enumerate(source.lines):
        if not line.startswith("ALPHABET"):
            continue
        letters = line[len("ALPHABET") :].strip()
        if letters.startswith("="):
            letters = letters[1:].strip()
        else:
            letters = "".join(_core_letters(source, i))
        if letters == "ACGT":
            return
        advice = "write ALPHABET= ACGT" if letters.upper() == "ACGT" else "only DNA can be read"
        raise source.error(
            i + 1, f"the alphabet must be ACGT, got {letters[:40] or 'none'}; {advice}"
        )


def _core_letters(source: Source, start: int) -> list[str]:
    """Return the letters of a custom alphabet's block; lines with ``=`` define ambiguity codes."""
    letters: list[str] = []
    for line in source.lines[start + 1 :]:
        if line.startswith("END ALPHABET"):
            return sorted(letters)
        text = re.sub(r'"[^"]*"', "", line).split("#")[0]
        if "=" not in text and text.strip():
            letters += [side.split()[0] for side in text.split("~") if side.strip()]
    raise source.error(start + 1, "the ALPHABET block has no END ALPHABET; was the file cut short?")


def _background(source: Source) -> Float64[np.ndarray, " base"]:
    heading = re.compile(r"Background letter frequencies|MOTIF\s")
    i = next((i for i, line in enumerate(source.lines) if heading.match(line)), None)
    if i is None or source.lines[i].startswith("MOTIF"):
        return UNIFORM
    words: list[str] = []
    for line in source.lines[i + 1 :]:
        if len(words) >= 8 or re.match(r"MOTIF\s", line):
            break
        words += line.split()
    if words[0:8:2] != list("ACGT") or len(words) < 8:
        raise source.error(
            i + 2, f"the background must read A p C p G p T p, got {' '.join(words)[:60]!r}"
        )
    values = source.numbers(i + 2, " ".join(words[1:8:2]))
    if min(values) <= 0 or abs(sum(values) - 1.0) > _BACKGROUND_ROUNDING:
        raise source.error(
            i + 2,
            f"background frequencies must be positive and sum to 1, got {values} "
            f"with sum {sum(values):g}",
        )
    return np.asarray(np.array(values) / sum(values))


def _matrix(
    source: Source, head: int, name: str, background: Float64[np.ndarray, " base"]
) -> Motif:
    settings = dict(_SETTING.findall(source.lines[head]))
    if settings.get("alength", "4") != "4":
        raise source.error(
            head + 1, f"motif {name}: alength must be 4 (A C G T), got {settings['alength']}"
        )
    stated = settings.get("w", "")
    length = int(stated) if stated.isdecimal() else 0
    rows: list[tuple[int, list[float]]] = []
    for number, line in enumerate(source.lines[head + 1 :], start=head + 2):
        if not line.strip() and not rows:
            continue
        due = len(rows) < length and line.strip() and not line.startswith(("MOTIF", "URL", "--"))
        if not is_numeric(line) and not due:
            break
        rows.append((number, source.numbers(number, line)))
    if (stated and stated != str(len(rows))) or not rows:
        raise source.error(
            head + 1,
            f"motif {name}: expected {stated or 'some'} rows of probabilities, got {len(rows)}; "
            "was the file cut short?",
        )
    n_sites = source.numbers(head + 1, settings.get("nsites", "0"))[0]
    first, *rest = name.split(maxsplit=1)
    return from_probabilities(
        source,
        rows,
        name=rest[0].strip() if rest else first,
        accession=first if rest else "",
        n_sites=n_sites if n_sites > 0 else None,
        background=background,
    )
