"""Import Lightning without TorchDynamo, which takes a second and is needed to compile alone."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["import_lightning"]

_DYNAMO = "torch._dynamo"


class _IsCompiled(type):
    def __instancecheck__(cls, one: Any) -> bool:
        """Ask TorchDynamo's own class; nothing is compiled before that is loaded."""
        loaded = sys.modules.get(f"{_DYNAMO}.eval_frame")
        return loaded is not None and isinstance(one, loaded.OptimizedModule)


class _OptimizedModule(metaclass=_IsCompiled):
    """Stands in for the class of that name, of which Lightning asks only who is an instance."""


def _disable(
    function: Callable[..., Any] | None = None, recursive: bool = True, **options: Any
) -> Callable[..., Any]:
    """Keep a function out of compiled code, as TorchDynamo's decorator does, once that is there."""
    if function is None:
        return functools.partial(_disable, recursive=recursive, **options)

    @functools.wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        dynamo = sys.modules.get(_DYNAMO)
        plain = dynamo is None or not hasattr(dynamo, "disable")
        kept_out = function if plain else dynamo.disable(function, recursive, **options)
        return kept_out(*arguments, **named)

    return called


def import_lightning() -> ModuleType:
    """Import PyTorch Lightning; TorchDynamo stays unloaded until somebody compiles.

    Lightning takes one class and one decorator from TorchDynamo, at import. Where both packages
    are still unloaded, stand-ins that hand on to the real ones take their place; nothing of
    TorchDynamo is left replaced afterwards. Where one is loaded this is a plain import.

    Example:
        >>> import_lightning().Trainer.__name__
        'Trainer'
    """
    if _DYNAMO in sys.modules or "pytorch_lightning" in sys.modules:
        return importlib.import_module("pytorch_lightning")
    stand_in = ModuleType(_DYNAMO)
    stand_in.OptimizedModule = _OptimizedModule  # type: ignore[attr-defined]
    stand_in.disable = _disable  # type: ignore[attr-defined]
    sys.modules[_DYNAMO] = stand_in
    try:
        return importlib.import_module("pytorch_lightning")
    finally:
        del sys.modules[_DYNAMO]
