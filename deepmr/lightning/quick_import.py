"""Import Lightning without what it loads and a command does not need: two seconds of CPU time.

TorchDynamo is needed to compile alone; matplotlib by metrics that draw themselves; `scipy.signal`
is loaded by TorchMetrics for a patch of one audio metric.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

__all__ = ["import_lightning"]

_DYNAMO = "torch._dynamo"


class _Unloaded(type):
    """The class of a stand-in for a class: its instances are those of the real one."""

    home = ""
    name = ""

    def __instancecheck__(cls, one: Any) -> bool:
        """Ask the real class; there is no instance of it before its module is loaded."""
        loaded = sys.modules.get(cls.home)
        real = getattr(loaded, cls.name, None) if loaded is not None else None
        return isinstance(real, type) and not isinstance(real, _Unloaded) and isinstance(one, real)


def _unloaded(home: str, name: str) -> type:
    """Return a stand-in for a class of which Lightning asks only who is an instance.

    Args:
        home: Module that holds the class.
        name: Name of the class.
    """
    return _Unloaded(name, (), {"home": home, "name": name})


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


def _style_context(*given: Any, **named: Any) -> Any:
    """``matplotlib.pyplot.style.context``, asked for when the decorated function is called."""

    @contextlib.contextmanager
    def later() -> Iterator[Any]:
        pyplot = importlib.import_module("matplotlib.pyplot")
        with pyplot.style.context(*given, **named) as entered:
            yield entered

    return later()


class _StandIn(ModuleType):
    """A module with what Lightning takes of it; the real one is loaded for anything else.

    torchmetrics imports transformers and torchvision where they are installed, and those import
    parts of TorchDynamo.

    Args:
        name: Full name of the module.
        package: Outermost module that is stood in for with it.
        given: What the stand-in has.
    """

    def __init__(self, name: str, package: str, given: dict[str, Any]) -> None:
        super().__init__(name)
        self.__spec__ = importlib.util.find_spec(name) if name == package else None
        self.__path__: list[str] = []
        self.package = package
        vars(self).update(given)

    def __getattr__(self, name: str) -> Any:
        """Return a name of the real module; none that Python asks of every module."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(self.__name__, self.package), name)


class _Finder(MetaPathFinder):
    """Finds modules of a package by loading the real one.

    Args:
        package: The package.
    """

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        """Return where a module is; None for those of others."""
        if not fullname.startswith(f"{self.package}."):
            return None
        module = _real(fullname, self.package)
        del sys.modules[fullname]  # else Python takes the module's own spec, and runs it again
        return ModuleSpec(fullname, _Loaded(module))


def _real(name: str, package: str) -> ModuleType:
    _withdraw(package)
    importlib.import_module(package)
    return importlib.import_module(name)


def _withdraw(package: str) -> None:
    """Take a package's stand-ins and their finder out of their places."""
    for name, module in list(sys.modules.items()):
        if isinstance(module, _StandIn) and module.package == package:
            del sys.modules[name]
    sys.meta_path[:] = [
        one for one in sys.meta_path if not (isinstance(one, _Finder) and one.package == package)
    ]


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


_STAND_INS: dict[str, Callable[[], dict[str, dict[str, Any]]]] = {
    _DYNAMO: lambda: {
        _DYNAMO: {
            "OptimizedModule": _unloaded(f"{_DYNAMO}.eval_frame", "OptimizedModule"),
            "disable": _disable,
        }
    },
    # TorchMetrics looks whether it is there, and gives older versions' users one where it is not.
    "scipy.signal": lambda: {"scipy.signal": {"hamming": None}},
    "matplotlib": lambda: {
        "matplotlib": {},
        "matplotlib.axes": {"Axes": _unloaded("matplotlib.axes", "Axes")},
        "matplotlib.colors": {"Colormap": _unloaded("matplotlib.colors", "Colormap")},
        "matplotlib.pyplot": {
            "Figure": _unloaded("matplotlib.figure", "Figure"),
            "style": SimpleNamespace(context=_style_context),
        },
    },
}
"""By package: its modules with what Lightning and TorchMetrics take of them at import."""


def _stand_in(package: str) -> None:
    """Put stand-ins of a package's modules into their places."""
    modules = {
        name: _StandIn(name, package, given) for name, given in _STAND_INS[package]().items()
    }
    for name, module in modules.items():
        outer, _, last = name.rpartition(".")
        if outer in modules:
            vars(modules[outer])[last] = module
    sys.modules.update(modules)
    sys.meta_path.insert(0, _Finder(package))


def import_lightning() -> ModuleType:
    """Import PyTorch Lightning; what it need not load stays unloaded until somebody needs it.

    Lightning takes one class and one decorator from TorchDynamo, at import, and TorchMetrics three
    classes and a decorator from matplotlib. Where these packages are still unloaded, stand-ins
    that hand on to the real ones take their place; nothing of them is left replaced afterwards.
    Where one is loaded it is left as it is, and where another package that Lightning imports needs
    more of one, the real one is loaded.

    Example:
        >>> import_lightning().Trainer.__name__
        'Trainer'
    """
    if "pytorch_lightning" in sys.modules:
        return importlib.import_module("pytorch_lightning")
    packages = [package for package in _STAND_INS if package not in sys.modules]
    for package in packages:
        _stand_in(package)
    try:
        return importlib.import_module("pytorch_lightning")
    finally:
        for package in packages:
            _withdraw(package)
