"""Random motifs and sequences, and the slow definitions that fast code is compared with."""

import itertools

import numpy as np

from deepmr.motifs import Binding, Motif


def random_motif(
    seed: int, length: int, *, background: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)
) -> Motif:
    """Return a motif of mixed information, some of its probabilities exactly zero."""
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet([0.4] * 4, length)
    rows[0] = [0.0, 0.5, 0.5, 0.0]
    return Motif(
        name=f"random {seed}",
        probabilities=rows / rows.sum(axis=1, keepdims=True),
        background=np.array(background),
        n_sites=50.0,
    )


def random_codes(seed: int, n: int, length: int, *, unknown: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (n, length)).astype(np.uint8)
    codes[rng.random(codes.shape) < unknown] = 4
    return codes


def window_scores(motif: Motif, row: np.ndarray, pseudocount: float = 0.1) -> list[list[float]]:
    """Return the log-odds of each window, base by base, on both strands; nothing where unknown."""
    table = motif.log_odds(pseudocount)
    scores: list[list[float]] = []
    for start in range(len(row) - motif.length + 1):
        window = row[start : start + motif.length]
        if (window == 4).any():
            scores.append([])
            continue
        other = [3 - base for base in window[::-1]]
        scores.append(
            [
                sum(table[j, base] for j, base in enumerate(read))
                for read in (window.tolist(), other)
            ]
        )
    return scores


def occupancy(motif: Motif, row: np.ndarray, binding: Binding) -> float:
    """Return the occupancy of one sequence as its definition says."""
    kept = slice(None) if binding.strands == "both" else slice(1)
    z = [
        2.0 ** (score - binding.threshold)
        for scores in window_scores(motif, row, binding.pseudocount)
        for score in scores[kept]
    ]
    total = sum(z)
    return {
        "independent": 1.0 - float(np.prod([1.0 / (1.0 + odds) for odds in z])),
        "exclusive": total / (1.0 + total),
        "log": float(np.log(1.0 + total)),
        "linear": total,
    }[binding.response]


def all_words(length: int) -> np.ndarray:
    return np.array(list(itertools.product(range(4), repeat=length)), dtype=np.uint8)
