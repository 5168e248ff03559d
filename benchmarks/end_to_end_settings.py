"""What the benchmark of a whole interrogation varies: loci, members, tasks kept, bases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

AXES = ("loci", "members", "tasks", "length", "real")
REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "encode_subset"
"""The real subset, beside the checkout."""

_QUIET = (
    "trainer.accelerator=cpu",
    "trainer.enable_progress_bar=false",
    "logger=none",
)
_SMALL = ("data.n_train=4000", "data.n_variants=1000", "data.n_calibration=500")
_SMALLEST = ("data.n_train=400", "data.n_variants=40", "data.n_calibration=60")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """An interrogation of a small ensemble.

    Args:
        source: ``simulation``, ``structures`` or ``encode``.
        members: Networks of the ensemble.
        length: Bases of a locus; of a simulation alone.
        loci: Asked at most.
        keep: ``pair`` (the default) or ``all`` tasks on disk.
        controls: None by default, so that a stage is one thing.
        quick: Smaller training and test data; False by default.
    """

    source: str = "simulation"
    members: int = 2
    length: int = 100
    loci: int = 300
    keep: str = "pair"
    controls: str = "none"
    quick: bool = False

    @property
    def network(self) -> str:
        """Name of the ensemble."""
        return f"{self.source}-{self.members}-{self.length}" + ("-quick" if self.quick else "")

    @property
    def key(self) -> str:
        """Name of the setting in the results."""
        return (
            f"{self.source} members={self.members} length={self.length} loci={self.loci} "
            f"keep={self.keep} controls={self.controls}" + (" quick" if self.quick else "")
        )

    @property
    def train(self) -> tuple[str, ...]:
        """Words of ``train.py``."""
        words = (f"ensemble={self.members}", *_QUIET)
        if self.source == "encode":
            few = ("trainer.max_epochs=1",)
            return ("experiment=encode_subset", "data.root=DATA", *words, *few)
        size = _SMALLEST if self.quick else _SMALL
        steps = (f"trainer.max_epochs={1 if self.quick else 4}", "batch_size=64")
        number = 120 if self.quick else 2000 if self.source == "simulation" else 600
        effect = ("data.effect=1",) if self.source == "simulation" else ()
        data = (f"data={self.source}", f"data.length={self.length}", f"data.n_test={number}")
        return (*data, *effect, *words, *size, *steps)

    @property
    def words(self) -> tuple[str, ...]:
        """Words of ``interrogate.py``."""
        pair = {
            "simulation": ("exposure=GATA1", "outcome=TAL1"),
            "structures": ("exposure=X", "outcome=P"),
            "encode": ("exposure=TEAD4", "outcome=EP300"),
        }[self.source]
        kept = (f"loci.n={self.loci}", f"store.keep={self.keep}", f"controls={self.controls}")
        return (*pair, *kept, *_QUIET)


DEFAULT = Setting(controls="standard")
"""With the negative controls that an interrogation asks by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One thing that is varied.

    Args:
        name: One of `AXES`.
        unit: What a line's rise is for, such as ``100 loci``.
        amounts: How many units each setting has.
        settings: As many settings.
    """

    name: str
    unit: str
    amounts: tuple[float, ...]
    settings: tuple[Setting, ...]

    def __post_init__(self) -> None:
        if len(self.amounts) != len(self.settings):
            raise ValueError(
                f"axis {self.name} needs an amount a setting, got {len(self.amounts)} for "
                f"{len(self.settings)}"
            )


def axes(names: Sequence[str], *, quick: bool = False) -> list[Axis]:
    """Return axes by name, with two small settings each where it must be quick.

    Args:
        names: Of `AXES`.
        quick: Whether networks and loci are few; False by default.

    Raises:
        LookupError: If there is no such axis.

    Example:
        >>> axes(["members"])[0].amounts
        (2, 3, 5)
    """
    unknown = [name for name in names if name not in AXES]
    if unknown:
        raise LookupError(f"no axis {unknown[0]!r}; there are {', '.join(AXES)}")
    base = Setting(loci=40 if quick else 300, quick=quick)
    loci = (20, 40) if quick else (75, 150, 300, 1000)
    members, lengths = ((2, 3), (100, 200)) if quick else ((2, 3, 5), (100, 200, 400))
    real = (10, 20) if quick else (25, 100)
    many = replace(base, source="structures")
    known = [
        _axis("loci", "100 loci", [n / 100 for n in loci], [replace(base, loci=n) for n in loci]),
        _axis("members", "a member", members, [replace(base, members=n) for n in members]),
        _axis("tasks", "a task kept", (2, 15), [many, replace(many, keep="all")]),
        _axis(
            "length",
            "100 bases",
            [n / 100 for n in lengths],
            [replace(base, length=n) for n in lengths],
        ),
        _axis(
            "real",
            "100 loci",
            [n / 100 for n in real],
            [replace(base, source="encode", length=1000, loci=n) for n in real],
        ),
    ]
    return [axis for axis in known if axis.name in names]


def _axis(name: str, unit: str, amounts: Sequence[float], settings: Sequence[Setting]) -> Axis:
    return Axis(name=name, unit=unit, amounts=tuple(amounts), settings=tuple(settings))


def why_not(axis: Axis) -> str:
    """Return why an axis cannot be measured here; nothing if it can.

    Args:
        axis: The axis.
    """
    if axis.name == "real" and not (REAL / "tracks.tsv").is_file():
        return "shared/data/encode_subset is not beside the checkout"
    return ""
