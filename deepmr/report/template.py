"""The page's templates, style and script, with what they need to be filled in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from deepmr.report.figure import Figure
from deepmr.report.links import locus_links

__all__ = ["fill"]


def fill(template: str, parts: Sequence[str] = ("page",), **values: Any) -> str:
    """Fill a template of the report in; all text is escaped.

    Args:
        template: Name of the template's file.
        parts: Names of the style sheets and scripts that go into it, in order.
        values: Values by name; style and script are added.
    """
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(_resource),
    )
    environment.filters |= {
        "unbroken": _unbroken,
        "data_uri": _data_uri,
        "locus_links": locus_links,
    }
    script = "".join(_resource(f"{name}.js") for name in parts)
    sheet = "".join(_resource(f"{name}.css") for name in parts)
    return environment.get_template(template).render(
        style=Markup(sheet),  # noqa: S704  (our own files)
        script=Markup(script),  # noqa: S704  (our own files)
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **values,
    )


def _resource(name: str) -> str:
    return resources.files("deepmr.report").joinpath(name).read_text(encoding="utf-8")


def _unbroken(sentence: str) -> str:
    """Keep a number and its percent sign on one line."""
    return sentence.replace(" %", "\N{NO-BREAK SPACE}%")


def _data_uri(figure: Figure) -> str:
    return f"data:{figure.media_type};base64,{base64.b64encode(figure.content).decode()}"
