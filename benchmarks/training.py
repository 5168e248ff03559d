"""A training step of the framework against a minimal loop written by hand, on the CPU.

    python -m benchmarks.training --json OUT [--rounds 5] [--steps 60]

The same network, initial weights, windows, batches, optimizer, schedule and clipping take turns in
one process (set OMP_NUM_THREADS=1). CPU seconds of a training epoch over its steps, gathering of
the batches included, validation and checkpoints not; the first round is not counted. The minimal
loop has no missing labels, kinds of tasks, logging, progress or resumption.
"""

from __future__ import annotations

import argparse
import copy
import json
import platform
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn
from torch.nn import functional

from deepmr.lightning.datamodule import EpochSampler, SequenceDataModule
from deepmr.lightning.module import MultiTaskModule
from deepmr.lightning.training import train_member
from deepmr.losses import MultiTaskLoss
from deepmr.models import MotifScanner, PaperCNN
from deepmr.sequence import one_hot
from deepmr.tasks import Task, TaskTable

NETWORKS = {"cnn": MotifScanner, "paper": PaperCNN}
LENGTH, BATCH, TASKS, RATE = 100, 256, 2, 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSplit:
    """Random windows with random binary labels, all measured."""

    codes: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.codes)

    def gather(
        self,
        index: np.ndarray,
        *,
        seed: int | None = None,  # noqa: ARG002 - the contract
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return codes, targets and mask; without augmentation."""
        target = self.target[index]
        return self.codes[index], target, np.ones(target.shape, bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSource:
    """What the data module asks of a data source."""

    splits: dict[str, RandomSplit]

    def split(self, name: str) -> RandomSplit:
        """Return a split."""
        return self.splits[name]


class EpochTime(pl.Callback):
    """CPU seconds from the start of the training epoch to the end of its last batch."""

    def __init__(self) -> None:
        self.start = self.end = 0.0

    def on_train_epoch_start(self, *_: Any) -> None:
        """Start the clock."""
        self.start = time.process_time()

    def on_train_batch_end(self, *_: Any) -> None:
        """Stop it; the last batch's stays."""
        self.end = time.process_time()


def random_source(steps: int) -> RandomSource:
    """Draw a training split of so many batches, and a validation split of one."""
    rng = np.random.default_rng(0)
    return RandomSource(
        splits={
            name: RandomSplit(
                codes=rng.integers(0, 4, (n * BATCH, LENGTH)).astype(np.uint8),
                target=rng.integers(0, 2, (n * BATCH, TASKS)).astype(np.float32),
            )
            for name, n in (("train", steps), ("validation", 1))
        }
    )


def framework(network: nn.Module, source: RandomSource, steps: int) -> float:
    """Train the network for an epoch by `train_member`; return CPU seconds a step."""
    tasks = TaskTable(tuple(Task(f"task-{k}") for k in range(TASKS)))
    build = partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=RATE)
    module = MultiTaskModule(
        network,
        MultiTaskLoss(tasks),
        optimizer=partial(torch.optim.AdamW, lr=RATE, weight_decay=0.01),
        schedule={"interval": "step", "build": build},
        tasks=tasks,
        seed=0,
        member=0,
    )
    data = SequenceDataModule(source, batch_size=BATCH, seed=0, member=0)
    clock = EpochTime()
    trainer = partial(
        pl.Trainer,
        accelerator="cpu",
        devices=1,
        max_epochs=1,
        gradient_clip_val=1.0,
        log_every_n_steps=10,
    )
    with tempfile.TemporaryDirectory() as folder:
        train_member(module, data, Path(folder), trainer=trainer, callbacks=[lambda: clock])
    return (clock.end - clock.start) / steps


def minimal(network: nn.Module, source: RandomSource, steps: int) -> float:
    """Train the network for an epoch by hand; return CPU seconds a step."""
    network.train()
    split = source.split("train")
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=steps)
    sampler = EpochSampler(len(split), BATCH, seed=0, member=0, train=True)
    start = time.process_time()
    for index, _ in sampler:
        codes = torch.from_numpy(split.codes[index])
        target = torch.from_numpy(split.target[index])
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(network(one_hot(codes)), target)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return (time.process_time() - start) / steps


def compared(name: str, *, steps: int, rounds: int) -> dict[str, Any]:
    """Let both take turns on copies of one network."""
    source = random_source(steps)
    torch.manual_seed(0)
    first = NETWORKS[name](LENGTH, [0], [1])
    times: dict[str, list[float]] = {"framework": [], "minimal": []}
    for _ in range(rounds + 1):
        ours, theirs = copy.deepcopy(first), copy.deepcopy(first)
        times["framework"].append(framework(ours, source, steps))
        times["minimal"].append(minimal(theirs, source, steps))
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    apart = max(float((a - b).detach().abs().max()) for a, b in pairs)
    kept = {key: np.asarray(values[1:]) for key, values in times.items()}
    ratios = kept["framework"] / kept["minimal"]
    return {
        "network": name,
        **{f"{key}_ms": round(1000 * float(np.median(v)), 3) for key, v in kept.items()},
        "ratio": round(float(np.median(ratios)), 3),
        "ratios": [round(float(r), 3) for r in ratios],
        "ratio_of_shortest": round(float(kept["framework"].min() / kept["minimal"].min()), 3),
        "largest_difference_of_weights": apart,
    }


def main() -> None:
    """Compare on each network, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    options = parser.parse_args()
    rows = []
    for name in options.networks:
        rows.append(compared(name, steps=options.steps, rounds=options.rounds))
        print(json.dumps(rows[-1]), flush=True)
    record = {
        "command": f"OMP_NUM_THREADS=1 python -m benchmarks.training --json OUT --networks {' '.join(options.networks)} --rounds {options.rounds} --steps {options.steps}",  # noqa: E501
        "batch": BATCH,
        "length": LENGTH,
        "machine": platform.machine(),
        "torch": torch.__version__,
        "rows": rows,
    }
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
