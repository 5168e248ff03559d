"""Build the objects that a configuration names, and refuse code that nobody vouches for.

A `_target_` is a dotted path to a class or function that is then called. In the configuration of a
run folder it may come from a stranger. Two rules decide, both before anything is called:

1. The path must begin with ``deepmr``, ``torch.nn``, ``torch.optim``, ``pytorch_lightning`` or a
   package that the user trusts; any other is not even imported, because importing runs code.
2. The *object* that the path leads to must be of the kind that its place allows (a network under
   ``model``, an optimizer under ``optimizer``) and must be defined in the modules of that place,
   or in a package that the user trusts. ``torch.nn.modules.module.torch.load`` begins well and
   leads to `torch.load`, which is defined in ``torch.serialization``.

The settings of the present command (its arguments, the user's own yamls) are the user's own word:
packages that they name are trusted. What is read from a run folder is a stranger's word: there the
user names each package, as ``trust=[mypackage]`` or ``load_run(..., trust=["mypackage"])``.

Nested targets, positional arguments and partials are held to the same rules. The objects are built
here, not by Hydra: what was checked is exactly what is called.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any, NoReturn

import torch
from torch import nn

from deepmr.cli.optional_packages import how_to_install
from deepmr.lightning import Callback, Trainer
from deepmr.lightning.tracking import NoTracker
from deepmr.lightning.wandb_tracker import WandbTracker

__all__ = ["PLACES", "Place", "Trust", "build"]

_SPECIAL = frozenset({"_target_", "_args_", "_partial_", "_convert_", "_recursive_"})
_SHARED = frozenset({"deepmr", "torch", "pytorch_lightning"})
_HEADS = ("deepmr", "torch.nn", "torch.optim", "pytorch_lightning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What may be built at one place of a configuration.

    Args:
        what: The kind of object, in words.
        modules: Modules, with those below them, in which its classes are defined.
        bases: Classes of which it is a subclass; empty where the modules alone decide.
        functions: Functions that build it, or packages all of whose public functions do.
    """

    what: str
    modules: tuple[str, ...] = ()
    bases: tuple[type, ...] = ()
    functions: tuple[str, ...] = ()


PLACES: Mapping[str, Place] = MappingProxyType(
    {
        "model": Place(
            what="a network",
            modules=("deepmr.models", "torch.nn"),
            bases=(nn.Module,),
            functions=("deepmr.models.openspliceai.build",),
        ),
        "loss": Place(what="a loss", modules=("deepmr.losses",), bases=(nn.Module,)),
        "data": Place(
            what="a data source",
            modules=("deepmr.data.simulation",),
            functions=(
                "deepmr.data.encode.encode_source",
                "deepmr.data.structures.structures_source",
            ),
        ),
        "optimizer": Place(
            what="an optimizer", modules=("torch.optim",), bases=(torch.optim.Optimizer,)
        ),
        "scheduler": Place(
            what="a learning-rate schedule",
            modules=("torch.optim.lr_scheduler", "torch.optim.swa_utils"),
            bases=(torch.optim.lr_scheduler.LRScheduler,),
            functions=("deepmr.lightning.snapshots.cosine_cycles",),
        ),
        "trainer": Place(what="a Lightning Trainer", modules=("pytorch_lightning",)),
        "callbacks": Place(
            what="a Lightning callback",
            modules=("pytorch_lightning.callbacks", "deepmr.lightning"),
            bases=(Callback,),
        ),
        "calibrator": Place(what="a calibrator", modules=("deepmr.calibration",)),
        "logger": Place(
            what="a tracker",
            modules=("deepmr.lightning.tracking", "deepmr.lightning.wandb_tracker"),
            bases=(NoTracker, WandbTracker),
        ),
        "uncertainty": Place(what="a kind of uncertainty", modules=("deepmr.uncertainty",)),
        "inference": Place(what="an inference method", modules=("deepmr.inference",)),
        "instruments": Place(
            what="an instrument rule", modules=("deepmr.instruments", "deepmr.motifs.instruments")
        ),
        "estimator": Place(what="an estimator", functions=("deepmr.mr",)),
        "meta": Place(what="a meta-analysis", functions=("deepmr.meta",)),
        "loci": Place(
            what="a choice of loci",
            functions=("deepmr.workflow.loci.bed_loci", "deepmr.workflow.loci.held_out_loci"),
        ),
        "variants": Place(
            what="a choice of variants",
            functions=("deepmr.workflow.variants.from_vcf", "deepmr.workflow.variants.saturate"),
        ),
        "mutagenesis": Place(
            what="a mutagenesis engine", functions=("deepmr.mutagenesis.build.build_engine",)
        ),
    }
)
"""Group of the configuration: what may be built there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose word a configuration is, and which packages of code the user trusts.

    Args:
        packages: Top-level packages that the user named (``trust=[mypackage]``).
        origin: Where the configuration was read, for messages: a file, or ``this command``.
        own: Whether it is the user's own word, so that any package it names is trusted.

    Raises:
        ValueError: If a package's name is no name, or belongs to Python, PyTorch, Lightning or
            Deep MR, which are not the user's to trust as a whole.

    Example:
        >>> Trust(packages=("mypackage",), origin="runs/train/x/config.yaml").allows("mypackage")
        True
        >>> Trust(packages=("os",))
        Traceback (most recent call last):
        ValueError: trust= names packages with your own networks; os is part of Python
    """

    packages: Sequence[Any] = ()
    origin: str = "this command"
    own: bool = False

    def __post_init__(self) -> None:
        named = [self.packages] if isinstance(self.packages, str) else list(self.packages or ())
        for name in named:
            if not isinstance(name, str) or not name.isidentifier():
                raise ValueError(
                    f"trust= must list names of packages, such as trust=[mypackage], got {name!r}"
                )
            if name in sys.stdlib_module_names or name in _SHARED:
                owner = "Python" if name in sys.stdlib_module_names else "what Deep MR checks"
                raise ValueError(
                    f"trust= names packages with your own networks; {name} is part of {owner}"
                )
        object.__setattr__(self, "packages", tuple(named))

    def allows(self, package: str) -> bool:
        """Say whether code of a top-level package may run."""
        if package in _SHARED or package in sys.stdlib_module_names:
            return False
        return self.own or package in self.packages


def build(
    config: Mapping[str, Any], place: str, trust: Trust, *, partial: bool | None = None
) -> Any:
    """Build what a part of a configuration describes, once all of it is checked.

    Args:
        config: With ``_target_``; plain data, resolved.
        place: Group of the configuration it stands under, a key of `PLACES`.
        trust: Whose word it is.
        partial: Return the outermost object's builder, with its settings filled in; by default as
            its ``_partial_`` says.

    Raises:
        ValueError: If a target is not allowed (nothing was called), or takes no such settings.
        TypeError: If a target's own code refuses the type of a setting.
    """
    if not isinstance(config, Mapping) or "_target_" not in config:
        raise ValueError(f"{trust.origin}: {place} must hold a _target_, got {config!r:.80}")
    plan = _Plan(place=place, trust=trust)
    checked = plan.checked(config, place)
    if partial is not None:
        checked["_partial_"] = partial
    return plan.built(checked, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Two passes over a part: check every target without a call, then call them."""

    place: str
    trust: Trust

    def checked(self, node: Any, key: str, *, nested: bool = False) -> Any:
        """Return a node whose targets are objects that may be called."""
        if isinstance(node, Mapping):
            content = {
                name: self.checked(value, f"{key}.{name}", nested=True)
                for name, value in node.items()
                if name != "_target_"
            }
            if "_target_" in node:
                content["_target_"] = self._target(node["_target_"], key, nested=nested)
            return content
        if isinstance(node, list | tuple):
            return [self.checked(one, f"{key}[{i}]", nested=True) for i, one in enumerate(node)]
        return node

    def built(self, node: Any, key: str) -> Any:
        """Call the targets of a checked node, innermost first."""
        if isinstance(node, list):
            return [self.built(one, key) for one in node]
        if not isinstance(node, dict):
            return node
        if "_target_" not in node:
            return {name: self.built(value, f"{key}.{name}") for name, value in node.items()}
        target = node["_target_"]
        positional = self.built(node.get("_args_") or [], key)
        settings = {
            name: self.built(value, f"{key}.{name}")
            for name, value in node.items()
            if name not in _SPECIAL
        }
        lazily = bool(node.get("_partial_"))
        self._check_arguments(target, positional, settings, key, partial=lazily)
        if lazily:
            return functools.partial(target, *positional, **settings)
        return target(*positional, **settings)

    def _check_arguments(
        self,
        target: Callable[..., Any],
        positional: Sequence[Any],
        settings: Mapping[str, Any],
        key: str,
        *,
        partial: bool,
    ) -> None:
        try:
            signature = inspect.signature(target)
        except (TypeError, ValueError):
            return
        try:
            (signature.bind_partial if partial else signature.bind)(*positional, **settings)
        except TypeError as error:
            name = getattr(target, "__name__", str(target))
            raise ValueError(
                f"{self.trust.origin}: {key}: {name} does not take these settings: {error}"
            ) from error

    def _target(self, path: Any, key: str, *, nested: bool) -> Callable[..., Any]:
        where = f"{self.trust.origin}: {key}._target_={path!s:.120}"
        names = path.split(".") if isinstance(path, str) else []
        if len(names) < 2 or not all(name.isidentifier() for name in names):
            raise ValueError(f"{where} must be the dotted path of a class")
        if not _lies_in(path, _HEADS) and not self.trust.allows(names[0]):
            self._refuse(where, names[0])
        if any(name.startswith("__") for name in names):
            raise ValueError(f"{where} must be the public path of a class")
        target = _located(names, where)
        home = str(getattr(target, "__module__", None))
        if self._is_trusted(target, home) or self._is_ours(target, home, nested=nested):
            return target
        found = f"{home}.{getattr(target, '__qualname__', type(target).__name__)}"
        raise ValueError(
            f"{where} leads to {found}, which is not {PLACES[self.place].what}; "
            "nothing of it was run"
        )

    def _refuse(self, where: str, package: str) -> NoReturn:
        if package in sys.stdlib_module_names or package in _SHARED:
            kind = PLACES[self.place].what
            raise ValueError(
                f"{where} lies where no {kind.split(' ', 1)[1]} is; nothing of it was run"
            )
        raise ValueError(
            f"{where} is code of the package {package}, which is not part of Deep MR, torch.nn or "
            f"torch.optim; nothing of it was run. If you trust its author, add trust=[{package}]"
        )

    def _is_trusted(self, target: Any, home: str) -> bool:
        if not self.trust.allows(home.partition(".")[0]):
            return False
        bases = PLACES[self.place].bases
        if isinstance(target, type):
            return self.place != "model" or issubclass(target, bases)
        return inspect.isfunction(target)

    def _is_ours(self, target: Any, home: str, *, nested: bool) -> bool:
        place = PLACES[self.place]
        if isinstance(target, type):
            if self.place == "trainer" and not nested and not issubclass(target, Trainer):
                return False
            return _lies_in(home, place.modules) and (
                not place.bases or issubclass(target, place.bases)
            )
        if not inspect.isfunction(target) or target.__qualname__ != target.__name__:
            return False
        name = target.__name__
        return not name.startswith("_") and (
            f"{home}.{name}" in place.functions or _lies_in(home, place.functions)
        )


def _lies_in(module: str, packages: Sequence[str]) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in packages)


def _located(names: Sequence[str], where: str) -> Any:
    """Follow a dotted path as Hydra does, importing modules as needed; call nothing."""
    try:
        found: Any = importlib.import_module(names[0])
        for depth in range(1, len(names)):
            if not hasattr(found, names[depth]) and isinstance(found, ModuleType):
                found = importlib.import_module(".".join(names[: depth + 1]))
            else:
                found = getattr(found, names[depth])
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{where} cannot be found: {error}{how_to_install(names[0])}") from error
    return found
