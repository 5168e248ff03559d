"""What is compared: trainings, and ways from their networks to members."""

from __future__ import annotations

from dataclasses import dataclass

from deepmr.uncertainty import Augmented, Dropout, Ensemble, Snapshots, Uncertainty

__all__ = ["ENSEMBLES", "REAL", "SIMULATED", "TRAININGS", "Way"]

ENSEMBLES: dict[str, tuple[str, ...]] = {"seeds": (), "resamples": ("bootstrap=true",)}
"""What `train.py` is told for five networks; the rounds are those of the published simulation."""

TRAININGS: dict[str, tuple[str, ...]] = {
    "single": ("ensemble=1",),
    "dropout": ("ensemble=1", "model.dropout=0.1"),
    "snapshots": ("experiment=snapshots",),
    "long_snapshots": ("experiment=snapshots", "trainer.max_epochs=20"),
}
"""The same for one network, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A row of the table.

    Args:
        name: Of the row.
        training: A key of `ENSEMBLES` or `TRAININGS`; ``run`` for a run that was named.
        uncertainty: From its networks to members.
        alone: Whether it asks the first network only.
    """

    name: str
    training: str
    uncertainty: Uncertainty
    alone: bool = False


_SHIFTS = (-2, -1, 0, 1, 2)

SIMULATED = (
    Way(name="5 seeds", training="seeds", uncertainty=Ensemble()),
    Way(name="5 seeds, spread", training="seeds", uncertainty=Ensemble(shared=1.0)),
    Way(name="5 resamples", training="resamples", uncertainty=Ensemble()),
    Way(name="5 resamples, spread", training="resamples", uncertainty=Ensemble(shared=1.0)),
    Way(name="dropout .1, 30 draws", training="dropout", uncertainty=Dropout()),
    Way(
        name="dropout .1, error of the mean",
        training="dropout",
        uncertainty=Dropout(shared=0.0),
    ),
    Way(name="5 snapshots in 10 epochs", training="snapshots", uncertainty=Snapshots()),
    Way(name="5 snapshots in 20 epochs", training="long_snapshots", uncertainty=Snapshots()),
    Way(
        name="5 shifts of one network",
        training="single",
        uncertainty=Augmented(strands="forward", shifts=_SHIFTS),
    ),
)
"""On the simulation; its grammar reads one strand, so the other is no view of the same locus."""

REAL = (
    Way(name="ensemble", training="run", uncertainty=Ensemble(shared=1.0)),
    Way(name="ensemble, views averaged", training="run", uncertainty=Augmented()),
    Way(name="ensemble, dropout averaged", training="run", uncertainty=Dropout(draws=10)),
    Way(
        name="dropout of one network, 30 draws",
        training="run",
        uncertainty=Dropout(network=0),
        alone=True,
    ),
    Way(
        name="6 views of one network",
        training="run",
        uncertainty=Augmented(network=0),
        alone=True,
    ),
)
"""On a run that was trained on real peaks. The first is what the others are compared with."""
