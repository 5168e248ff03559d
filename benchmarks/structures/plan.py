"""Which data sets the study trains on, by cell; development and judging kept apart."""

from __future__ import annotations

from typing import Any

__all__ = ["BARS", "CELLS", "DEVELOPMENT", "NETWORKS", "PAPER_SCENARIOS"]

PAPER_SCENARIOS = ("none", "independent", "sequence", "both")

NETWORKS: dict[str, tuple[str, ...]] = {
    "paper": (
        "model=paper",
        "loss=plain",
        "optimizer=adam",
        "scheduler=constant",
        "batch_size=1000",
        "trainer.max_epochs=100",
        "trainer.gradient_clip_val=null",
        "callbacks.early_stopping.patience=10",
    ),
    "deepsea_small": ("model=deepsea_small", "model.pool=4"),  # 300 bases or more
}
"""What `train.py` is told for a network other than the default, by the word in a name."""

_HAND_WRITTEN = ("layers", "loops", "hidden", "rivals")

CELLS: dict[str, tuple[str, ...]] = {
    "fifteen": tuple(f"fifteen-{1000 + k}" for k in range(10)),
    "hand_written": tuple(f"{graph}-{1000 + k}" for graph in _HAND_WRITTEN for k in range(2)),
    "random": tuple(f"random-{100 + k}" for k in range(10)),
    "peaks": ("fifteen-1010-peaks", "layers-1010-peaks"),
    "small": ("fifteen-1011-small", "layers-1011-small"),
    "long": ("fifteen-1012-long", "layers-1012-long"),
    "paper_network": ("fifteen-1013-paper", "layers-1013-paper"),
    "deepsea_small": ("fifteen-1014-long-deepsea_small", "layers-1014-long-deepsea_small"),
    "untrained": ("fifteen-1000-untrained", "layers-1000-untrained", "hidden-1000-untrained"),
    "label_shuffled": ("fifteen-1015-shuffled", "layers-1015-shuffled"),
    "paper_simulation": tuple(
        f"{scenario}-{2000 + k}-effect{effect}"
        for k in range(10)
        for effect in (1, 0)
        for scenario in PAPER_SCENARIOS
    ),
}
"""Judging data sets of each cell: GRAPH-SEED-WORD. Seeds from 1000, random graphs from 100 and
the graphs layers, loops, hidden and rivals fixed no constant."""

DEVELOPMENT: dict[str, tuple[str, ...]] = {
    "fifteen": ("fifteen-0", "fifteen-1", "fifteen-2"),
    "hand_written": ("chains-0", "chains-1", "logic-0", "logic-1"),
    "random": tuple(f"random-{k}" for k in range(6)),
    "peaks": ("fifteen-0-peaks",),
    "small": ("fifteen-0-small",),
    "long": ("fifteen-0-long",),
    "paper_network": ("fifteen-0-paper",),
    "deepsea_small": ("fifteen-0-long-deepsea_small",),
    "untrained": ("fifteen-0-untrained",),
    "label_shuffled": ("fifteen-0-shuffled",),
    "paper_simulation": tuple(
        f"{scenario}-1000-effect{effect}" for effect in (1, 0) for scenario in PAPER_SCENARIOS
    ),
}
"""Data sets that fixed the rule's constants, by the same cells."""

BARS: dict[str, dict[str, Any]] = {
    "fifteen": {
        "directed_right": 0.95,
        "wrong_way": 1 / 320,
        "common": 0.01,
        "equal": 0.01,
        "unrelated": 0.01,
        "nested_without_caveat": 0.05,
    },
    "other_graphs": {
        "directed_right": 0.70,
        "wrong_way": 1 / 300,
        "common": 0.02,
        "equal": 0.05,
        "unrelated": 0.01,
        "nested_without_caveat": 0.15,
    },
    "other_graphs, designed": {
        "directed_right": 0.78,
        "wrong_way": 1 / 300,
        "common": 0.005,
        "equal": 0.05,
        "unrelated": 0.01,
        "nested_without_caveat": 0.15,
    },
    "peaks": {"false_words": 0.02},
    "small": {"false_words": 0.02},
    "long": {"false_words": 0.02},
    "paper_network": {"false_words": 0.02},
    "deepsea_small": {"false_words": 0.02},
    "controls": {"causal_words": 1 / 500},
}
"""What each cell's shares are held against: at least for directed_right, at most for others."""
