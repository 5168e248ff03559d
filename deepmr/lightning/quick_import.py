"""Import Lightning without TorchDynamo, which takes a second and is needed to compile alone."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
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


class _StandIn(ModuleType):
    """TorchDynamo with what Lightning takes of it; the real one is loaded for anything else.

    torchmetrics imports transformers and torchvision where they are installed, and those import
    parts of TorchDynamo.
    """

    def __init__(self) -> None:
        super().__init__(_DYNAMO)
        self.__path__: list[str] = []
        self.OptimizedModule = _OptimizedModule
        self.disable = _disable

    def __getattr__(self, name: str) -> Any:
        """Return a name of the real package; none that Python asks of every module."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(), name)


class _Finder(MetaPathFinder):
    """Finds modules of TorchDynamo by loading the real package."""

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        """Return where a module is; None for those of others."""
        if not fullname.startswith(f"{_DYNAMO}."):
            return None
        _real()
        module = importlib.import_module(fullname)
        del sys.modules[fullname]  # else Python takes the module's own spec, and runs it again
        return ModuleSpec(fullname, _Loaded(module))


def _real() -> ModuleType:
    _withdraw()
    return importlib.import_module(_DYNAMO)


def _withdraw() -> None:
    """Take the stand-in and its finder out of their places."""
    if isinstance(sys.modules.get(_DYNAMO), _StandIn):
        del sys.modules[_DYNAMO]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]


class _Loaded(Loader):
    """A loader of a module that is loaded already.

    Args:
        module: The module.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, _: ModuleSpec) -> ModuleType:
        """Return the module."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Restore what importing it again would overwrite."""
        module.__spec__ = self._spec


def import_lightning() -> ModuleType:
    """Import PyTorch Lightning; TorchDynamo stays unloaded until somebody needs it.

    Lightning takes one class and one decorator from TorchDynamo, at import. Where both packages
    are still unloaded, stand-ins that hand on to the real ones take their place; nothing of
    TorchDynamo is left replaced afterwards. Where one is loaded this is a plain import, and where
    another package that Lightning imports needs more of TorchDynamo, the real one is loaded.

    Example:
        >>> import_lightning().Trainer.__name__
        'Trainer'
    """
    if _DYNAMO in sys.modules or "pytorch_lightning" in sys.modules:
        return importlib.import_module("pytorch_lightning")
    sys.modules[_DYNAMO] = _StandIn()
    sys.meta_path.insert(0, _Finder())
    try:
        return importlib.import_module("pytorch_lightning")
    finally:
        _withdraw()
