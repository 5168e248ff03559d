"""Griffe extension: a docstring's ``Example:`` is a section of examples, as ``Examples:`` is."""

from __future__ import annotations

import re
from typing import Any

import griffe

_HEADING = re.compile(r"^Example:$", flags=re.MULTILINE)


class DoctestExamples(griffe.Extension):
    """Read the section that Deep MR's docstrings call ``Example`` as code that is shown as code."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:  # noqa: ARG002
        """Rename the section, once the object's docstring is known."""
        if obj.docstring is not None:
            obj.docstring.value = _HEADING.sub("Examples:", obj.docstring.value)
