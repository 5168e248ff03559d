"""The page's templates, style and script, with what they need to be filled in."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from deepmr.report.figure import Figure
from deepmr.report.links import locus_links

__all__ = ["fill"]


def fill(template: str, **values: Any) -> str:
    """Fill a template of the report in; all text is escaped.

    Args:
        template: Name of the template's file.
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
    script = _resource("page.js")
    return environment.get_template(template).render(
        style=Markup(_resource("page.css")),  # noqa: S704  (our own file)
        script=Markup(script),  # noqa: S704  (our own file)
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
