"""Readings of the tasks of a causal graph: counts or peaks, and the effects behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, UInt8

from deepmr.simulation.causal import CausalGraph
from deepmr.simulation.grammar import anscombe
from deepmr.simulation.motif import Motif
from deepmr.simulation.planted import plant

__all__ = ["TARGETS", "GraphDataset", "GraphSizes", "Readings", "simulate_graph"]

TARGETS = ("counts", "peaks")
_LOGIT_RANGE = 3.0  # a peak has log odds of -3 without activity, +3 at full activity
_LARGE = 0.1  # of a dose
_AT_ONCE = 64  # loci, bounds the memory of effects on some 20 tasks to about 20 MB
_STREAMS = (
    "present", "train", "variant", "motif_variant", "validation", "calibration", "test",
    "read_train", "read_calibration", "read_test",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What is read of a sequence: a graph, the motifs behind its doses, and the kind of target.

    Args:
        graph: The causal graph.
        motifs: A matrix for each of the graph's motifs, in its order.
        targets: ``counts``: Poisson counts, effects on the Anscombe scale. ``peaks``: a peak or
            none; its log odds rise with the Anscombe-transformed expected count, from -3 at none
            to +3 at full activity; effects are changes of log odds.

    Raises:
        ValueError: If ``targets`` is another word, or motifs are missing.
    """

    graph: CausalGraph
    motifs: tuple[Motif, ...]
    targets: str = "counts"

    def __post_init__(self) -> None:
        if self.targets not in TARGETS:
            raise ValueError(f"data.targets is one of {', '.join(TARGETS)}; got {self.targets!r}")
        if len(self.motifs) != len(self.graph.motifs):
            raise ValueError(
                f"the graph has {len(self.graph.motifs)} motifs, got {len(self.motifs)} matrices"
            )

    def doses(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float64[np.ndarray, "sequence motif"]:
        """Return each motif's occupancy."""
        return np.stack([motif.occupancy(codes) for motif in self.motifs], axis=-1)

    def expected_counts(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float64[np.ndarray, "sequence task"]:
        """Return the expected counts of every task."""
        return self.graph.counts(self.doses(codes))

    def noiseless(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float64[np.ndarray, "sequence task"]:
        """Return every task on the effect scale: Anscombe counts, or log odds of a peak."""
        return self._scaled(self.expected_counts(codes))

    def _scaled(
        self, counts: Float64[np.ndarray, "*batch task"]
    ) -> Float64[np.ndarray, "*batch task"]:
        level = anscombe(counts)
        if self.targets == "counts":
            return level
        nodes = [node for node in self.graph.nodes if not node.hidden]
        low = anscombe(np.array([node.base for node in nodes]))
        high = anscombe(np.array([node.base + node.counts_at_full_activity for node in nodes]))
        return np.asarray(_LOGIT_RANGE * (2 * (level - low) / (high - low) - 1))

    def substitution_effects(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float64[np.ndarray, "sequence task variant"]:
        """Return the noiseless change of every task under every single substitution.

        Alternative minus reference, on the effect scale, variants in the order of
        `variant_order`. Only windows that cover a variant are scanned again.
        """
        n, length = codes.shape
        effects = np.empty((n, len(self.graph.tasks), 3 * length))
        for start in range(0, n, _AT_ONCE):
            part = codes[start : start + _AT_ONCE]
            alternative = np.arange(4) != part[..., None]
            doses = [
                motif.substituted_occupancy(part)[alternative].reshape(len(part), -1)
                for motif in self.motifs
            ]
            changed = self._scaled(self.graph.counts(np.stack(doses, axis=-1)))
            change = changed - self.noiseless(part)[:, None]
            effects[start : start + _AT_ONCE] = np.moveaxis(change, -1, 1)
        return effects

    def overlap(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float64[np.ndarray, "motif motif"]:
        """Return how far motifs share sites, where the graph takes them for separate inputs.

        Row i, column j: the share of motif i's squared dose changes, over substitutions that
        change its dose by more than .1, at substitutions that change the dose of motif j by more
        than .1, too. 0 where no substitution changes motif i's dose so far.

        Args:
            codes: Sequences, bases as 0 to 3.
        """
        change = np.stack(
            [
                m.substituted_occupancy(codes) - m.occupancy(codes)[:, None, None]
                for m in self.motifs
            ]
        )
        large = np.abs(change) > _LARGE
        square = np.where(large, change**2, 0.0).reshape(len(self.motifs), -1)
        both = square @ large.reshape(len(self.motifs), -1).T
        return np.asarray(both / np.maximum(square.sum(axis=1, keepdims=True), 1e-300))

    def observe(
        self, rng: np.random.Generator, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Int[np.ndarray, "sequence task"]:
        """Draw Poisson counts, or peaks as 0 and 1."""
        counts = self.expected_counts(codes)
        if self.targets == "counts":
            return np.asarray(rng.poisson(counts))
        chance = 1.0 / (1.0 + np.exp(-self._scaled(counts)))
        return np.asarray(rng.random(counts.shape) < chance).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSizes:
    """How many sequences a data set holds, and what is planted in them.

    Args:
        train: Sequences to learn from, those held out for validation included.
        variants: Variants of them with one substitution anywhere, added to them.
        motif_variants: Variants of them with one substitution inside a planted motif, added too.
        validation_fraction: Share of the families (a sequence and its variants) held out.
        calibration: Sequences to calibrate on.
        test: Sequences to interrogate.
        length: Bases of a sequence.
        copies: Largest number of copies of one motif in a sequence.

    Raises:
        ValueError: If a size is not positive, or the fraction leaves a part empty.
    """

    train: int = 10_000
    variants: int = 2_500
    motif_variants: int = 0
    validation_fraction: float = 0.15
    calibration: int = 1_000
    test: int = 300
    length: int = 100
    copies: int = 1

    def __post_init__(self) -> None:
        for name in ("train", "calibration", "test", "length", "copies"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("variants", "motif_variants"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 < round(self.train * self.validation_fraction) < self.train:
            raise ValueError(
                "validation_fraction must leave sequences to train on and to validate on, "
                f"got {self.validation_fraction} of {self.train}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphDataset:
    """Sequences with readings of every task of a graph, and which part each belongs to.

    Args:
        readings: What produced the observations.
        present: Probability that each motif was planted.
        codes: All sequences, of all parts, bases as 0 to 3.
        starts: First base of each planted copy; -1 where it is absent.
        observed: Counts, or peaks as 0 and 1.
        rows: The sequences of train, validation, calibration and test, ascending.
    """

    readings: Readings
    present: Float64[np.ndarray, " motif"]
    codes: UInt8[np.ndarray, "sequence length"]
    starts: Int[np.ndarray, "sequence motif copy"]
    observed: Int[np.ndarray, "sequence task"]
    rows: Mapping[str, Int[np.ndarray, " part"]]


def simulate_graph(
    seed: int,
    readings: Readings,
    *,
    sizes: GraphSizes,
    present: Sequence[float] | float | None = 0.5,
) -> GraphDataset:
    """Simulate a data set, wholly determined by its arguments.

    Every part has a random stream of its own, so that changing the size of one leaves the
    others' sequences as they were. Variants stay with their parents.

    Args:
        seed: Of all randomness.
        readings: Graph, motifs and kind of target.
        sizes: How many sequences, how long.
        present: Probability that a motif is planted, one for all or one each; None draws each
            from 0.35 to 0.65.

    Raises:
        ValueError: If the motifs do not fit, or a probability lies outside 0 to 1.
    """
    spawned = np.random.SeedSequence(seed).spawn(len(_STREAMS))
    rng = {
        name: np.random.default_rng(stream) for name, stream in zip(_STREAMS, spawned, strict=True)
    }
    chance = _chances(rng["present"], present, len(readings.motifs))
    drawn = {
        name: plant(
            rng[name], n, sizes.length, readings.motifs, present=chance, copies=sizes.copies
        )
        for name, n in (
            ("train", sizes.train),
            ("calibration", sizes.calibration),
            ("test", sizes.test),
        )
    }
    codes, starts, family = _with_variants(rng, drawn["train"], readings.motifs, sizes)
    parts = {"train": (codes, starts), "calibration": drawn["calibration"], "test": drawn["test"]}
    observed = [readings.observe(rng[f"read_{name}"], part[0]) for name, part in parts.items()]
    held_out = np.isin(family, rng["validation"].permutation(sizes.train)[: _n_validation(sizes)])
    first = family.size + np.cumsum([0, sizes.calibration, sizes.test])
    return GraphDataset(
        readings=readings,
        present=chance,
        codes=np.concatenate([part[0] for part in parts.values()]),
        starts=np.concatenate([part[1] for part in parts.values()]),
        observed=np.concatenate(observed),
        rows={
            "train": np.flatnonzero(~held_out),
            "validation": np.flatnonzero(held_out),
            "calibration": np.arange(first[0], first[1]),
            "test": np.arange(first[1], first[2]),
        },
    )


def _n_validation(sizes: GraphSizes) -> int:
    return round(sizes.train * sizes.validation_fraction)


def _chances(
    rng: np.random.Generator, present: Sequence[float] | float | None, n: int
) -> Float64[np.ndarray, " motif"]:
    drawn = rng.uniform(0.35, 0.65, n)
    chance = drawn if present is None else np.broadcast_to(np.asarray(present, dtype=float), n)
    if bool(np.any((chance < 0) | (chance > 1))):
        raise ValueError(f"data.present is a probability, 0 to 1; got {present}")
    return np.array(chance, dtype=np.float64)


def _with_variants(
    rng: Mapping[str, np.random.Generator],
    drawn: tuple[np.ndarray, np.ndarray],
    motifs: Sequence[Motif],
    sizes: GraphSizes,
) -> tuple[np.ndarray, np.ndarray, Int[np.ndarray, " sequence"]]:
    """Add variants to the training sequences; return the row of each one's parent as family."""
    codes, starts = drawn
    width = np.repeat([motif.width for motif in motifs], starts.shape[2])
    parents, columns = [], []
    free = rng["variant"]
    parents.append(free.integers(0, sizes.train, sizes.variants))
    columns.append(free.integers(0, sizes.length, sizes.variants))
    inside = rng["motif_variant"]
    row, slot = np.nonzero(starts.reshape(len(starts), -1) >= 0)
    if sizes.motif_variants and row.size:
        site = inside.integers(0, row.size, sizes.motif_variants)
        first = starts.reshape(len(starts), -1)[row[site], slot[site]]
        parents.append(row[site])
        columns.append(first + inside.integers(0, width[slot[site]]))
    parent, column = np.concatenate(parents), np.concatenate(columns)
    changed = codes[parent]
    shift = np.concatenate(
        [free.integers(1, 4, sizes.variants), inside.integers(1, 4, parent.size - sizes.variants)]
    )
    at = np.arange(parent.size)
    changed[at, column] = (changed[at, column] + shift) % 4
    return (
        np.concatenate([codes, changed]),
        np.concatenate([starts, starts[parent]]),
        np.concatenate([np.arange(sizes.train), parent]),
    )
