"""Expected cost of an interrogation: mutants, disk, memory, and how long each step takes."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence

import numpy as np

from deepmr.effect_sizes import EffectSizes, SampleSizes
from deepmr.inference.over_members import OverMembers
from deepmr.inference.question import Question
from deepmr.io.shard_size import estimate_bytes
from deepmr.io.shard_store import ShardStore
from deepmr.lightning.mutagenesis import Start
from deepmr.loci import Loci
from deepmr.mr import MREstimate, value_only
from deepmr.mutagenesis import (
    VariantSet,
    bytes_in_memory,
    mutants_per_second,
    sequences_per_second,
)

__all__ = [
    "check_size",
    "duration_text",
    "estimate_duration",
    "estimator_seconds",
    "slower_than_mutagenesis",
]

_MOST_COUNTED = 32
"""Largest number of shards whose variants are counted; the total is extrapolated from them."""

_TIMED = 300
"""Largest number of variants of the locus that is timed; beyond it times grow in proportion."""

_BRIEF = 0.05


def check_size(
    store: ShardStore, loci: Loci, variants: VariantSet, *, n_outputs: int, n_passes: int
) -> str:
    """Return the disk space and memory that the missing shards need, as a sentence.

    Args:
        store: Shard store of the run.
        loci: All loci of the run.
        variants: Variants of the loci.
        n_outputs: Number of the network's outputs.
        n_passes: Number of forward passes for each mutant: one for each network and augmentation.

    Raises:
        OSError: If the effects need more than the free disk space.
    """
    # shards with a file are checked when they are read
    missing = [index for index in range(store.n_shards) if not store.path(index).is_file()]
    n, length = loci.codes.shape
    what = (
        f"{n} loci of {length} bases, {store.n_members} members, {len(store.tasks)} tasks kept "
        f"as {store.dtype}"
    )
    if not missing:
        return f"{what}: all effects are already computed"
    mutants = sum(_count(store, loci, variants, missing)) * n_passes
    shape = {
        "n_variants": variants.max_variants,
        "n_tasks": len(store.tasks),
        "n_members": store.n_members,
    }
    n_missing = sum(len(store.loci_of(index)) for index in missing)
    needed = estimate_bytes(
        n_loci=n_missing, dtype=store.dtype, loci_per_shard=store.loci_per_shard, **shape
    )
    memory = bytes_in_memory(n_loci=min(n, store.loci_per_shard), n_outputs=n_outputs, **shape)
    free = shutil.disk_usage(store.folder.parent).free
    if needed > free:
        raise OSError(
            f"the effects need {needed / 1e9:.2f} GB and {free / 1e9:.2f} GB are free at "
            f"{store.folder.parent}; lower loci.n, set store.keep=pair or store.dtype=float16, "
            "or choose paths.output="
        )
    done = store.n_shards - len(missing)
    left = f" ({done} of {store.n_shards} shards are already computed)" if done else ""
    return (
        f"{what}: {mutants:,} mutants to measure{left}, at most {needed / 1e6:,.1f} MB on disk, "
        f"about {memory / 1e6:,.0f} MB of memory a shard in each process"
    )


def estimate_duration(
    start: Start,
    store: ShardStore,
    loci: Loci,
    variants: VariantSet,
    *,
    remark: Callable[[float], str] | None = None,
) -> str:
    """Time the first member for about a second, and return the expected duration as a sentence.

    A process computes whole shards, so the duration is that of the process with most of them.

    Args:
        start: Engine of the first member on its device, and the missing shards.
        store: Shard store of the run.
        loci: All loci of the run.
        variants: Variants of the loci.
        remark: Returns a further line from the expected seconds, or nothing; by default none.
    """
    substitutions, others = _count(store, loci, variants, start.missing)
    seconds = 0.0
    speed = float("nan")
    for index in start.missing:
        first = index * store.loci_per_shard
        codes = loci.codes[first : first + len(store.loci_of(index))]
        batch = variants.of(first, codes).substitutions
        if batch.mask.any():
            speed = mutants_per_second(start.engine, codes, batch)
            seconds += substitutions / speed
            break
    if others:
        seconds += others / sequences_per_second(start.engine, loci.codes[:1])
    most = math.ceil(len(start.missing) / start.processes)
    total = store.n_members * seconds * most / max(len(start.missing), 1)
    speeds = f"about {speed:,.0f} mutants/s" if math.isfinite(speed) else "forward passes alone"
    where = f"{start.engine.settings['engine']} engine on {start.device}"
    shared = f" in each of {start.processes} processes" if start.processes > 1 else ""
    further = remark(total) if remark else ""
    return f"{where}, {speeds}{shared}: {duration_text(total)}" + (
        f"\n{further}" if further else ""
    )


def duration_text(seconds: float) -> str:
    """Return a rough duration as text.

    Args:
        seconds: Duration in seconds.

    Example:
        >>> duration_text(3.2), duration_text(95), duration_text(5400), duration_text(2e5)
        ('under 10 s', 'about 95 s', 'about 90 min', 'about 56 h')
    """
    if seconds < 10:
        return "under 10 s"
    if seconds < 120:
        return f"about {seconds:.0f} s"
    if seconds < 7200:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.0f} h"


def _count(
    store: ShardStore, loci: Loci, variants: VariantSet, shards: Sequence[int]
) -> tuple[int, int]:
    """Return the substitutions of some shards' loci, and the other alleles, for one member."""
    chosen = np.unique(np.linspace(0, len(shards) - 1, min(len(shards), _MOST_COUNTED)).astype(int))
    substitutions = others = n_loci = 0
    for index in (shards[position] for position in chosen):
        first = index * store.loci_per_shard
        codes = loci.codes[first : first + len(store.loci_of(index))]
        batch = variants.of(first, codes)
        substitutions += int(batch.substitutions.mask.sum())
        others += len(batch.others)
        n_loci += len(codes)
    share = sum(len(store.loci_of(index)) for index in shards) / max(n_loci, 1)
    return round(substitutions * share), round(others * share)


def _locus(n_variants: int) -> EffectSizes:
    rng = np.random.default_rng(0)
    x = rng.normal(0.0, 0.1, (1, n_variants))
    error = np.full(x.shape, 0.02)
    y = 0.5 * x + error * rng.standard_normal(x.shape)
    size = np.asarray(10_000.0)
    return EffectSizes(
        beta_exposure=x,
        se_exposure=error,
        beta_outcome=y,
        se_outcome=error,
        mask=np.ones(x.shape, bool),
        sample_sizes=SampleSizes(exposure=size, outcome=size),
    )


def estimator_seconds(
    question: Question, *, n_loci: int, n_variants: int, n_members: int
) -> dict[str, float]:
    """Time each estimator on one simulated locus, and return its expected seconds in both directions.

    Inference over members asks for the value of every member; other inference for one value with
    its error.

    Args:
        question: The estimators and the inference.
        n_loci: Number of loci.
        n_variants: Largest number of variants of a locus.
        n_members: Number of members.

    Example:
        >>> found = estimator_seconds(Question(), n_loci=10, n_variants=30, n_members=2)
        >>> sorted(found)
        ['egger', 'slope', 'weighted_median']
    """  # noqa: E501
    over_members = isinstance(question.inference, OverMembers)
    locus = _locus(min(max(n_variants, 2), _TIMED))
    times = 2 * n_loci * (n_members if over_members else 1)
    scale = max(n_variants / _TIMED, 1.0) * times
    return {
        name: scale * _seconds(value_only(one) if over_members else one, locus)
        for name, one in question.estimators.items()
    }


def _seconds(estimator: Callable[..., MREstimate], locus: EffectSizes) -> float:
    """Return the seconds of a call; of a brief one, which may have been its first, the second's."""
    for _ in range(2):
        start = time.perf_counter()
        estimator(locus)
        seconds = time.perf_counter() - start
        if seconds > _BRIEF:
            break
    return seconds


def slower_than_mutagenesis(estimation: dict[str, float], mutagenesis: float) -> str:
    """Return a sentence on the estimators that will take longer than mutagenesis; empty for none.

    What takes less than ten seconds is not spoken of.

    Args:
        estimation: Expected seconds by estimator, from `estimator_seconds`.
        mutagenesis: Expected seconds of mutagenesis.

    Example:
        >>> slower_than_mutagenesis({"egger": 1.0, "constrained_ml": 300.0}, 20.0)
        'estimation will take longer than mutagenesis: constrained_ml about 5 min'
    """
    least = max(mutagenesis, 10.0)
    slow = [f"{name} {duration_text(s)}" for name, s in estimation.items() if s > least]
    return f"estimation will take longer than mutagenesis: {', '.join(slow)}" if slow else ""
