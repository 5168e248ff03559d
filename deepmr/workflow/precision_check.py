"""Numerical error of effects at reduced precision, relative to their standard errors."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from deepmr.adapted import placement
from deepmr.io.shard_store import ShardStore
from deepmr.loci import Loci
from deepmr.mutagenesis import Variants
from deepmr.mutagenesis.member_effects import member_effects
from deepmr.networks import Networks
from deepmr.tasks import Task
from deepmr.workflow.measurement import Compute

__all__ = ["MeasuredError", "check_precision", "is_reduced"]

_LOCI = 4
_MUTANTS = 8
_NOT_SMALL = 0.1
"""Largest negligible error, in standard errors: variances add, so it inflates them by .5 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredError:
    """Numerical error of stored effects relative to forward passes in double precision.

    Args:
        computed: Precision of the arithmetic, such as ``bfloat16``.
        kept: Type of the effects on disk, ``float32`` or ``float16``.
        n_mutants: Number of mutants compared.
        n_loci: Number of loci that they were drawn from.
        rms: Root mean square error of the members' mean effect, in median standard errors at
            those loci; the larger of exposure's and outcome's. Infinite where all members agree.
        largest: Largest absolute error, in the same unit.
    """

    computed: str
    kept: str
    n_mutants: int
    n_loci: int
    rms: float
    largest: float

    def __str__(self) -> str:
        text = (
            f"Effects were computed in {self.computed} and kept as {self.kept}: for "
            f"{self.n_mutants} mutants of {self.n_loci} loci they are off from whole forward "
            f"passes in float64 by {self.rms:.2g} median standard errors (root mean square; at "
            f"most {self.largest:.2g})."
        )
        if self.rms <= _NOT_SMALL:
            return text
        return (
            f"{text} That is not negligible beside the standard errors: use "
            "mutagenesis.precision=float32 and store.dtype=float32."
        )

    def record(self) -> dict[str, Any]:
        """Return plain values for the manifest."""
        ratios = {"rms_error_to_median_se": self.rms, "largest_error_to_median_se": self.largest}
        return {
            "computed": self.computed,
            "kept": self.kept,
            "mutants": self.n_mutants,
            "loci": self.n_loci,
            **{name: value if np.isfinite(value) else None for name, value in ratios.items()},
        }


def is_reduced(computed: str, kept: str) -> bool:
    """Return whether effects are rounded beyond float32, in the arithmetic or on disk.

    Args:
        computed: Precision of the arithmetic.
        kept: Type of the effects on disk.

    Example:
        >>> is_reduced("float32", "float32"), is_reduced("float32", "float16")
        (False, True)
    """
    return computed not in ("float32", "float64") or kept == "float16"


def check_precision(
    store: ShardStore,
    loci: Loci,
    pair: tuple[Task, Task],
    networks: Networks,
    compute: Compute,
    seed: int = 0,
) -> MeasuredError | None:
    """Compare a few stored effects with those of whole forward passes in double precision.

    Args:
        store: Shard store with all shards.
        loci: Loci in the order of the store.
        pair: Tasks of exposure and outcome.
        networks: Networks of the members.
        compute: Engine, precision and storage of the effects; the engine has the options
            ``engine`` and ``precision``.
        seed: Seed of the draw of mutants, 0 by default.

    Returns:
        The error, which is printed as well; None at full precision, or if the compared loci have
        no substitution.
    """
    if not is_reduced(compute.precision, compute.dtype):
        return None
    if len(networks.members) < 2:
        print("precision: not compared, since effects of one network have no standard errors")
        return None
    names = (pair[0].name, pair[1].name)
    exact = functools.partial(compute.engine, engine="dense", precision="float64")
    engines = networks.members.engines(exact, length=loci.codes.shape[1])
    placed = placement(networks.members, loci)
    generator = np.random.default_rng(seed)
    errors, standard, n_loci = [], [], 0
    rows = np.unique(np.linspace(0, len(loci) - 1, min(len(loci), _LOCI)).astype(int))
    for row in rows.tolist():
        stored = store.locus(row, names)
        present = np.flatnonzero(stored.mask & (stored.alt >= 0))
        if not len(present):
            continue
        chosen = np.sort(generator.choice(present, min(_MUTANTS, len(present)), replace=False))
        some = Variants(
            offset=stored.offset[None, chosen].astype(np.int64),
            ref=stored.ref[None, chosen].astype(np.int64),
            alt=stored.alt[None, chosen].astype(np.int64),
            mask=np.ones((1, len(chosen)), dtype=bool),
        )
        codes = loci.codes[row : row + 1]
        here = engines
        if placed is not None:
            here = [placed.rows(slice(row, row + 1)).on(engine) for engine in engines]
        raw = (engine(codes, some) for engine in here)
        true, _ = member_effects(raw, some, networks.scale, names)
        errors.append((stored.value[..., chosen] - true.value[0]).mean(axis=1))
        summary = stored.summarise(*names)
        standard.append(np.stack([summary.se_exposure, summary.se_outcome])[:, stored.mask])
        n_loci += 1
    if not errors:
        return None
    error = _compared(
        np.concatenate(errors, axis=1),
        np.concatenate(standard, axis=1),
        compute.precision,
        store,
        n_loci,
    )
    print(f"precision: {error}")
    return error


def _compared(
    error: Float64[np.ndarray, "task mutant"],
    se: Float64[np.ndarray, "task variant"],
    computed: str,
    store: ShardStore,
    n_loci: int,
) -> MeasuredError:
    median = np.median(se, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rms = np.sqrt(np.mean(error**2, axis=1)) / median
        largest = np.abs(error).max(axis=1) / median
    return MeasuredError(
        computed=computed,
        kept=store.dtype,
        n_mutants=error.shape[1],
        n_loci=n_loci,
        rms=float(np.nan_to_num(rms, posinf=np.inf).max()),
        largest=float(np.nan_to_num(largest, posinf=np.inf).max()),
    )
