"""What is compared: trainings, and ways from their networks to members."""

from __future__ import annotations

from dataclasses import dataclass

from deepmr.uncertainty import Dropout, Ensemble, Snapshots, Uncertainty, Views

__all__ = ["REAL", "SIMULATED", "TRAININGS", "Way"]

TRAININGS: dict[str, tuple[str, ...]] = {
    "seeds": ("ensemble=5", "bootstrap=false"),
    "resamples": ("ensemble=5", "bootstrap=true"),
    "dropout": ("ensemble=1", "bootstrap=false", "model.dropout=0.1"),
    "snapshots": ("experiment=snapshots",),
    "long_snapshots": ("experiment=snapshots", "trainer.max_epochs=40"),
}
"""What `train.py` is told, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A row of the table.

    Args:
        name: Of the row.
        training: A key of `TRAININGS`.
        uncertainty: From its networks to members.
        trained: Networks it needs, for the cost; 0: all of the training.
    """

    name: str
    training: str
    uncertainty: Uncertainty
    trained: int = 0


_SHIFTS = (-2, -1, 0, 1, 2)

SIMULATED = (
    Way(name="5 seeds", training="seeds", uncertainty=Ensemble()),
    Way(name="5 seeds, spread", training="seeds", uncertainty=Ensemble(shared=1.0)),
    Way(name="5 resamples", training="resamples", uncertainty=Ensemble()),
    Way(name="5 resamples, spread", training="resamples", uncertainty=Ensemble(shared=1.0)),
    Way(
        name="5 seeds, 5 shifts averaged",
        training="seeds",
        uncertainty=Views(strands="forward", shifts=_SHIFTS),
    ),
    Way(name="dropout .1, 30 draws", training="dropout", uncertainty=Dropout()),
    Way(
        name="dropout .1, error of the mean",
        training="dropout",
        uncertainty=Dropout(shared=0.0),
    ),
    Way(name="5 snapshots of 4 epochs", training="snapshots", uncertainty=Snapshots()),
    Way(name="5 snapshots of 8 epochs", training="long_snapshots", uncertainty=Snapshots()),
    Way(
        name="5 shifts of one network",
        training="seeds",
        uncertainty=Views(strands="forward", shifts=_SHIFTS, network=0),
        trained=1,
    ),
)
"""On the simulation; its grammar reads one strand, so the other is no view of the same locus."""

REAL = (
    Way(name="ensemble", training="run", uncertainty=Ensemble(shared=1.0)),
    Way(name="ensemble, views averaged", training="run", uncertainty=Views()),
    Way(name="ensemble, dropout averaged", training="run", uncertainty=Dropout(draws=10)),
    Way(
        name="dropout of one network, 30 draws",
        training="run",
        uncertainty=Dropout(network=0),
        trained=1,
    ),
    Way(
        name="6 views of one network",
        training="run",
        uncertainty=Views(network=0),
        trained=1,
    ),
)
"""On a run that was trained on real peaks. The first is what the others are compared with."""
