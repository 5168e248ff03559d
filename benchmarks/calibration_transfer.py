"""How a temperature fitted on the calibration split does on other splits.

    python -m benchmarks.calibration_transfer RUN

Prints, for ways of fitting and for shrinkages of the logarithm of the temperature, how many binary
tasks' negative log-likelihood falls on the validation and the test split, and its mean change.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from deepmr.cli.plans import build_loss, build_network, build_source
from scipy.optimize import minimize, minimize_scalar

from deepmr.lightning.prediction import predict_split
from deepmr.lightning.training import load_weights
from deepmr.workflow.trained_runs import TrainedRun

SPLITS = ("validation", "calibration", "test")
LEAST = {"validation": 30, "test": 50}
"""Positives a task needs to be judged."""

Sample = tuple[np.ndarray, np.ndarray]
Transform = Callable[[np.ndarray], np.ndarray]


def negative_log_likelihood(
    logit: np.ndarray, label: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Return the mean cross-entropy of labels under logits."""
    return float(np.average(np.logaddexp(0, logit) - label * logit, weights=weights))


def slope(logit: np.ndarray, label: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the best factor on logits, one over the temperature."""
    return float(
        minimize_scalar(
            lambda a: negative_log_likelihood(a * logit, label, weights),
            bounds=(0.2, 5.0),
            method="bounded",
        ).x
    )


def ways(logit: np.ndarray, label: np.ndarray, prevalence: float) -> dict[str, Transform]:
    """Fit every way on one task's calibration sample."""
    prior = np.log(prevalence / (1 - prevalence))
    positive, negative = prevalence / label.mean(), (1 - prevalence) / (1 - label.mean())
    weighted = slope(logit, label, np.where(label == 1, positive, negative))
    plain = slope(logit, label)
    scale, shift = minimize(
        lambda p: negative_log_likelihood(p[0] * logit + p[1], label), [1.0, 0.0]
    ).x
    found: dict[str, Transform] = {
        "scale and shift": lambda z: scale * z + shift,
        "scale, around the mean logit": lambda z: z.mean() + scale * (z - z.mean()),
        "scale, around the training prior": lambda z: prior + scale * (z - prior),
        "temperature, training prevalence": lambda z: weighted * z,
    }
    for share in (1.0, 0.5, 0.4, 0.3, 0.2):
        found[f"temperature, {share:g} of its log"] = lambda z, a=plain**share: a * z
    return found


def main() -> None:
    """Fit on the calibration split, judge on the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished training run")
    run = TrainedRun.read(parser.parse_args().run)
    source = build_source(run.config)
    loss = build_loss(run.config, source)
    members = [load_weights(build_network(run.config, run.shape)(), p) for p in run.checkpoints]
    predicted = {
        name: predict_split(members, source.split(name), loss.to_effect_scale, batch_size=256)
        for name in SPLITS
    }
    prevalence = {
        row["task"]: row["prevalence"]
        for row in run.description["summary"]
        if row["split"] == "train"
    }

    def sample(split: str, column: int) -> Sample:
        logit, target, mask = predicted[split]
        kept = mask[:, column]
        return logit.mean(axis=0)[kept, column], target[kept, column].astype(float)

    change: dict[tuple[str, str], list[float]] = {}
    for column, task in enumerate(run.tasks):
        if task.kind != "binary":
            continue
        fitted = ways(*sample("calibration", column), prevalence[task.name])
        for split, least in LEAST.items():
            logit, label = sample(split, column)
            if label.sum() < least:
                continue
            before = negative_log_likelihood(logit, label)
            for way, transform in fitted.items():
                after = negative_log_likelihood(transform(logit), label)
                change.setdefault((way, split), []).append(after - before)
    for (way, split), values in sorted(change.items(), key=lambda item: item[0][1]):
        lower = sum(value < 0 for value in values)
        print(f"{split:<11} {way:<34} {lower}/{len(values)}  mean {np.mean(values):+.5f}")


if __name__ == "__main__":
    main()
