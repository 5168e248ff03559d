"""Milliseconds a locus of every MR estimator: value only, and value with error.

    python -m benchmarks.estimators --json OUT [--only presso,raps] [--loci 4]

CPU time of one process (set OMP_NUM_THREADS=1), the shortest of some runs, of loci without invalid
instruments and of loci of which a tenth have direct effects: what an estimator does may depend on
it. "Value only" is what `deepmr.mr.value_only` makes of the estimator; where it is the same
function, it is not timed twice.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.mr import simulate
from deepmr.effects import EffectSizes
from deepmr.mr import penalized_mode, slope, value_only
from deepmr.mr.all_estimators import ESTIMATORS

INSTRUMENTS = (300, 3000)
SAMPLE_SIZE = 10_000
COMMAND = "OMP_NUM_THREADS=1 python -m benchmarks.estimators --json OUT"
Timed = Callable[[EffectSizes], Any]


def timed_estimators() -> dict[str, Timed]:
    """Return the estimators by short name, with what they cannot do without filled in."""
    named: dict[str, Timed] = {"slope": slope, **ESTIMATORS, "penalized_mode": penalized_mode}
    named["constrained_ml"] = partial(named["constrained_ml"], sample_size=SAMPLE_SIZE)
    return named


def with_invalid(effects: EffectSizes, share: float) -> EffectSizes:
    """Give a share of each locus's instruments direct effects of about ten errors.

    Args:
        effects: Effects without direct effects.
        share: Share of the instruments, 0 to 1.
    """
    shape = effects.mask.shape
    rng = np.random.default_rng(1)
    direct = np.where(rng.random(shape) < share, rng.normal(0.1, 0.2, shape), 0.0)
    return EffectSizes(
        beta_exposure=effects.beta_exposure,
        se_exposure=effects.se_exposure,
        beta_outcome=effects.beta_outcome + direct,
        se_outcome=effects.se_outcome,
        mask=effects.mask,
    )


def milliseconds(estimator: Timed, effects: EffectSizes, *, least: float, most: int) -> float:
    """Return CPU milliseconds a locus: the shortest of at most ``most`` runs.

    Args:
        estimator: What is timed.
        effects: Loci, all of which it takes in one call.
        least: CPU seconds after which it is not run again.
        most: Number of runs at most.
    """
    found: list[float] = []
    while len(found) < most and sum(found) < least:
        start = time.process_time()
        estimator(effects)
        found.append(time.process_time() - start)
    return 1000 * min(found) / len(effects.mask)


def measured(name: str, estimator: Timed, *, loci: int, least: float) -> dict[str, Any]:
    """Return one estimator's times by data and number of instruments."""
    quick = value_only(estimator)
    row: dict[str, Any] = {"estimator": name, "error_costs": quick is not estimator}
    for invalid, label in ((0.0, "valid"), (0.1, "a_tenth_invalid")):
        for n in INSTRUMENTS:
            effects = with_invalid(simulate(loci, n), invalid)
            both = milliseconds(estimator, effects, least=least, most=20)
            alone = milliseconds(quick, effects, least=least, most=20) if quick is not estimator else both  # fmt: skip # noqa: E501
            row |= {f"{label}_{n}": round(both, 4), f"{label}_{n}_value": round(alone, 4)}
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """Return a Markdown table of milliseconds a locus."""
    names = [f"{label}_{n}{what}" for label in ("valid", "a_tenth_invalid") for n in INSTRUMENTS
             for what in ("_value", "")]  # fmt: skip
    lines = ["| estimator | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    lines += [
        f"| {row['estimator']} | " + " | ".join(f"{row[name]:.3g}" for name in names) + " |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Time all estimators, print the table and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default="", help="names, separated by commas")
    parser.add_argument("--loci", type=int, default=4, help="loci in a call")
    parser.add_argument("--least", type=float, default=0.5, help="CPU seconds of each number")
    options = parser.parse_args()
    named = timed_estimators()
    chosen = options.only.split(",") if options.only else list(named)
    unknown = sorted(set(chosen) - set(named))
    if unknown:
        parser.error(f"no estimator {', '.join(unknown)}; there are {', '.join(named)}")
    rows = []
    for name in chosen:
        rows.append(measured(name, named[name], loci=options.loci, least=options.least))
        print(table(rows[-1:]).splitlines()[-1], flush=True)
    print(table(rows))
    record = {
        "command": COMMAND + (f" --loci {options.loci}" if options.loci != 4 else ""),
        "unit": "CPU milliseconds a locus",
        "loci": options.loci,
        "sample_size": SAMPLE_SIZE,
        "machine": platform.machine(),
        "numpy": np.__version__,
        "rows": rows,
    }
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
