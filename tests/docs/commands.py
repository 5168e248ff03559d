"""Find the commands that README.md, CONTRIBUTING.md and docs/*.md tell a reader to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^ *```.*?^ *```", flags=re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"(?:^(?: {4,}|\t).*\n)+", flags=re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(
    r"^\s*(?:\S+=\S+ )*(?:srun )?(?:\S*python3? (?:-m )?|torchrun (?:--\S+ )*)?"
    r"(?P<words>(?:train|interrogate)\.py(?: .*)?|deepmr(?: [a-z]+.*))$"
)
_BENCHMARK = re.compile(r"python3? -m (benchmarks\.\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A documented command.

    Args:
        where: File, relative to the repository.
        name: Subcommand: train, interrogate, ...
        words: What follows, as a shell would split it.
        in_sentence: Whether it stands in a sentence, where arguments may be left out.
    """

    where: str
    name: str
    words: tuple[str, ...]
    in_sentence: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.name} {' '.join(self.words)}"


def documents() -> list[Path]:
    """Return the documents whose commands are checked; the changelog names old ones as well."""
    top = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"]
    return [*top, *sorted((REPOSITORY / "docs").rglob("*.md"))]


def commands(text: str, where: str) -> list[Command]:
    """Return the commands of a document: lines of code blocks, and code within sentences."""
    prose = _SPAN.findall(_FENCE.sub("", text))
    lines = [(line, False) for line in _code_lines(text)] + [(line, True) for line in prose]
    found = []
    for line, in_sentence in lines:
        match = _COMMAND.match(line)
        if match is None:
            continue
        for words in _alternatives(match["words"]):
            name, *rest = words if words[0] != "deepmr" else words[1:]
            name = name.removesuffix(".py")
            found.append(
                Command(where=where, name=name, words=tuple(rest), in_sentence=in_sentence)
            )
    return found


def benchmarks(text: str) -> set[str]:
    """Return the modules of benchmarks that a document names."""
    return set(_BENCHMARK.findall(text))


def _code_lines(text: str) -> Iterator[str]:
    fenced = _FENCE.findall(text)
    indented = _INDENTED.findall(_FENCE.sub("", text))
    for block in [*fenced, *indented]:
        yield from re.sub(r" *\\\n\s*", " ", block).splitlines()


def _alternatives(line: str) -> Iterator[list[str]]:
    """Split a line as a shell does; ``a|b`` stands for either, ``[--option]`` for an option."""
    line = re.sub(r" \[-[^\]]*\]", "", line)
    line = re.split(r" & | > | \| |  +[a-z]", line)[0].rstrip(" &")
    words = shlex.split(line, comments=True)
    yield from (list(one) for one in product(*(word.split("|") for word in words)))
