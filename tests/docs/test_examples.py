"""Every public name has an example: its own, its room's, or that of a function that returns it."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from types import ModuleType
from typing import Any, get_origin

import pytest

ROOMS = (
    "deepmr",
    "deepmr.mr",
    "deepmr.meta",
    "deepmr.inference",
    "deepmr.verdict",
    "deepmr.calibration",
    "deepmr.motifs",
    "deepmr.plot",
    "deepmr.models",
)


def code(text: str | None) -> str:
    """Return the code of a docstring's examples."""
    examples = doctest.DocTestParser().get_examples(text or "")
    return "\n".join(example.source for example in examples)


def is_shown(name: str, thing: Any, room: ModuleType) -> bool:
    """Say whether examples of the thing, of its room or of its file use the name."""
    home = inspect.getmodule(thing)
    methods = [one.__doc__ for one in vars(thing).values()] if inspect.isclass(thing) else []
    own = [thing.__doc__, *methods] if inspect.isclass(thing) or callable(thing) else []
    if any(code(text) for text in own if isinstance(text, str)):
        return True
    around = code(room.__doc__) + code(home.__doc__ if home else "")
    return re.search(rf"\b{name}\b", around) is not None


def needs_none(thing: Any) -> bool:
    """Say whether it is a constant, a type alias or a protocol: nothing that is called."""
    if not callable(thing) or get_origin(thing) is not None:
        return True
    return bool(getattr(thing, "_is_protocol", False))


def returned_by(thing: Any) -> set[str]:
    """Return the names of types that a function, or the methods of a class, return."""
    functions = [thing, *(vars(thing).values() if inspect.isclass(thing) else [])]
    kinds = [getattr(one, "__annotations__", {}).get("return", "") for one in functions]
    return {word for kind in kinds for word in re.findall(r"\w+", str(kind))}


@pytest.mark.parametrize("name", ROOMS)
def test_every_public_name_has_an_example(name: str) -> None:
    room = importlib.import_module(name)
    public = {one: getattr(room, one) for one in room.__all__ if one != "__version__"}
    shown = {one for one, thing in public.items() if is_shown(one, thing, room)}
    results = {word for one in shown for word in returned_by(public[one])}
    lacking = {
        one for one, thing in public.items() if one not in shown | results and not needs_none(thing)
    }
    assert not lacking
