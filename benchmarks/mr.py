"""Mendelian randomization of many loci: batched numpy against a loop over loci.

    python -m benchmarks.mr --json OUT [--loci 10000] [--instruments 3000] [--median-error]

Timed in one process, one thread (set OMP_NUM_THREADS=1):

- IVW and MR-Egger, batched, against statsmodels' WLS in a loop over loci (on a share of the loci,
  extrapolated), and both with the weighted median (the loop's in plain numpy);
- the weighted median's standard error by its sampling distribution, for all loci, with a bootstrap
  on a few loci beside it to show that they agree and what it would have cost;
- peak memory above the inputs, in a process of its own, whose high-water mark is its own;
- R's MendelianRandomization, where Rscript is found with the package.

statsmodels is no dependency of the package: `pip install statsmodels` first.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.effects import EffectSizes
from deepmr.mr import egger, inverse_variance_weighted, weighted_median

TRUE_EFFECT = 0.5
R_SCRIPT = """
suppressMessages(library(MendelianRandomization))
d <- as.matrix(read.csv(commandArgs(TRUE)[1], header = FALSE))
n <- as.integer(commandArgs(TRUE)[2])
loci <- split(seq_len(nrow(d)), (seq_len(nrow(d)) - 1) %/% n)
t <- system.time(for (k in loci) {
  o <- mr_input(d[k, 1], d[k, 2], d[k, 3], d[k, 4]); mr_ivw(o); mr_egger(o)
})
cat(t[["elapsed"]] / length(loci))
"""


def simulate(loci: int, instruments: int) -> EffectSizes:
    """Draw exposure effects, outcome effects at half of them, and errors."""
    rng = np.random.default_rng(0)
    shape = (loci, instruments)
    x = rng.normal(0.0, 0.1, shape)
    sx = rng.uniform(0.01, 0.02, shape)
    sy = rng.uniform(0.01, 0.03, shape)
    y = TRUE_EFFECT * x
    y += sy * rng.standard_normal(shape)
    x += sx * rng.standard_normal(shape)
    return EffectSizes(
        beta_exposure=x,
        se_exposure=sx,
        beta_outcome=y,
        se_outcome=sy,
        mask=np.ones(shape, bool),
    )


def _part(effects: EffectSizes, loci: int) -> EffectSizes:
    return EffectSizes(
        beta_exposure=effects.beta_exposure[:loci],
        se_exposure=effects.se_exposure[:loci],
        beta_outcome=effects.beta_outcome[:loci],
        se_outcome=effects.se_outcome[:loci],
        mask=effects.mask[:loci],
    )


def plain_median(x: np.ndarray, y: np.ndarray, sy: np.ndarray) -> float:
    """Return one locus's weighted median as one would write it."""
    ratio, weight = y / x, (x / sy) ** 2
    order = np.argsort(ratio)
    ratio, weight = ratio[order], weight[order]
    middle = (np.cumsum(weight) - weight / 2) / weight.sum()
    return float(np.interp(0.5, middle, ratio))


def loop_regressions(effects: EffectSizes) -> np.ndarray:
    """Fit IVW and MR-Egger locus by locus with statsmodels."""
    import statsmodels.api as sm

    found = []
    columns = (effects.beta_exposure, effects.beta_outcome, effects.se_outcome)
    for x, y, sy in zip(*columns, strict=True):
        weight = 1 / sy**2
        sign = np.sign(x)
        first = sm.WLS(y, x, weights=weight).fit()
        second = sm.WLS(y * sign, sm.add_constant(x * sign), weights=weight).fit()
        spread = max(1.0, float(np.sqrt(first.scale)))
        found.append(
            (first.params[0], first.bse[0] / np.sqrt(first.scale) * spread, second.params[1],
             second.bse[1])
        )  # fmt: skip
    return np.asarray(found)


def loop_medians(effects: EffectSizes) -> np.ndarray:
    """Take weighted medians locus by locus."""
    columns = (effects.beta_exposure, effects.beta_outcome, effects.se_outcome)
    return np.asarray([plain_median(*row) for row in zip(*columns, strict=True)])


def best_of(function: Callable[[], Any], times: int = 3) -> float:
    """Return the shortest of a few runs, in seconds."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def point_medians(effects: EffectSizes) -> np.ndarray:
    """Take all weighted medians without their errors."""
    return np.asarray(weighted_median(effects, error="none").effect.value)


def regressions(effects: EffectSizes) -> None:
    """Estimate IVW and MR-Egger at all loci."""
    inverse_variance_weighted(effects)
    egger(effects)


def memory_above_inputs(loci: int, instruments: int) -> float:
    """Return what the three estimators add to a fresh process's peak memory, in MiB."""
    code = (
        "import resource\n"
        "from benchmarks.mr import simulate, regressions, point_medians\n"
        f"effects = simulate({loci}, {instruments})\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = sum(c.nbytes for c in (effects.beta_exposure, effects.se_exposure,\n"
        "    effects.beta_outcome, effects.se_outcome, effects.mask)) / 1024\n"
        "resident = int(open('/proc/self/statm').read().split()[1]) * 4\n"
        "open('/proc/self/clear_refs', 'w').write('5')\n"
        "regressions(effects); point_medians(effects)\n"
        "status = open('/proc/self/status').read()\n"
        "high = int(status.split('VmHWM:')[1].split()[0])\n"
        "print((high - resident) / 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def r_seconds(effects: EffectSizes, loci: int = 10) -> float | None:
    """Return R's seconds a locus for IVW and MR-Egger; None without Rscript or the package."""
    program = shutil.which("Rscript")
    if program is None:
        return None
    part = _part(effects, loci)
    table = np.stack(
        [part.beta_exposure, part.se_exposure, part.beta_outcome, part.se_outcome], axis=-1
    ).reshape(-1, 4)
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "data.csv", Path(folder) / "run.R"
        np.savetxt(path, table, delimiter=",")
        script.write_text(R_SCRIPT)
        n = str(effects.mask.shape[1])
        done = subprocess.run(
            [program, str(script), str(path), n], capture_output=True, text=True, check=False
        )
    return float(done.stdout) if done.returncode == 0 else None


def median_errors(effects: EffectSizes, few: int = 5) -> dict[str, float]:
    """Time the sampling distribution on all loci and compare it with the bootstrap on a few."""
    start = time.perf_counter()
    quick = weighted_median(effects, error="sampling_distribution").effect.se
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    slow = weighted_median(_part(effects, few), error="bootstrap", iterations=1000).effect.se
    each = (time.perf_counter() - start) / few
    ratio = quick[:few] / slow
    return {
        "seconds": seconds,
        "bootstrap_seconds_extrapolated": each * len(quick),
        "error_over_bootstrap_mean": float(ratio.mean()),
        "error_over_bootstrap_min": float(ratio.min()),
        "error_over_bootstrap_max": float(ratio.max()),
    }


def main() -> None:
    """Run everything and print, and write, one record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--loci", type=int, default=10_000)
    parser.add_argument("--instruments", type=int, default=3_000)
    parser.add_argument("--loop-loci", type=int, default=500)
    parser.add_argument("--median-error", action="store_true")
    options = parser.parse_args()
    try:
        import statsmodels
    except ModuleNotFoundError:
        sys.exit("benchmarks.mr compares with statsmodels, which is not installed: "
                 "pip install statsmodels")  # fmt: skip
    effects = simulate(options.loci, options.instruments)
    part = _part(effects, min(options.loop_loci, options.loci))
    scale = options.loci / len(part.mask)
    loop = scale * best_of(lambda: loop_regressions(part), 2)
    loop_median = scale * best_of(lambda: loop_medians(part), 2)
    batched = best_of(lambda: regressions(effects))
    batched_median = best_of(lambda: point_medians(effects))
    ours = inverse_variance_weighted(part), egger(part)
    theirs = loop_regressions(part)
    together = [ours[0].effect.value, ours[0].effect.se, ours[1].effect.value]
    record = {
        "loci": options.loci,
        "instruments": options.instruments,
        "ivw_egger_seconds": batched,
        "ivw_egger_loop_seconds": loop,
        "ivw_egger_times_loop": loop / batched,
        "with_median_seconds": batched + batched_median,
        "with_median_loop_seconds": loop + loop_median,
        "with_median_times_loop": (loop + loop_median) / (batched + batched_median),
        "largest_relative_difference": float(
            np.max(np.abs(np.stack(together, axis=1) / theirs[:, :3] - 1))
        ),
        "peak_memory_above_inputs_mib": memory_above_inputs(options.loci, options.instruments),
        "inputs_mib": 4 * effects.mask.size * 8 / 2**20,
        "r_seconds_per_locus": r_seconds(effects),
        "statsmodels": statsmodels.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "peak_memory_of_benchmark_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if options.median_error:
        record["weighted_median_error"] = median_errors(effects)
    print(json.dumps(record, indent=2))
    if options.json:
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
