"""The methods of an answer in words: a paragraph to paste, answers to a referee, references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepmr.report.references import bibtex

__all__ = ["Methods"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Methods:
    """The methods behind an answer.

    Args:
        sentences: The methods paragraph, a sentence each; ``[key]`` cites a reference.
        questions: What a referee asks, each with its answer.
        keys: Keys of the references cited, in order.

    Raises:
        LookupError: If a reference is unknown.

    Example:
        >>> Methods(sentences=("Slopes are inverse-variance weighted [burgess2013].",),
        ...     keys=("burgess2013",)).paragraph
        'Slopes are inverse-variance weighted [burgess2013].'
    """

    sentences: Sequence[str]
    questions: Sequence[tuple[str, str]] = ()
    keys: Sequence[str] = ()

    def __post_init__(self) -> None:
        bibtex(self.keys)

    @property
    def paragraph(self) -> str:
        """The sentences as one paragraph."""
        return " ".join(self.sentences)

    @property
    def bibtex(self) -> str:
        """BibTeX entries of the references, in order."""
        return bibtex(self.keys)
