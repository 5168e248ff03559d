"""CPU, wall, memory and disk of a whole interrogation by stage, and how they grow.

``python -m benchmarks.end_to_end --run runs/train/demo --json OUT`` interrogates a trained run in a
process of its own for each setting: with fewer loci, with fewer positions a locus, and by default
(with controls). CPU seconds of stages are fitted by a line in what was varied.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LOCI = (75, 150, 300)
EVERY = (1, 2, 4)
STAGES = {
    "networks": ("deepmr.cli.interrogate", "_networks"),
    "measure": ("deepmr.interrogation", "measure"),
    "estimate": ("deepmr.interrogation", "estimate"),
    "judge": ("deepmr.interrogation", "judge_pair"),
    "tables": ("deepmr.workflow.outputs", "write_tables"),
    "figures": ("deepmr.workflow.outputs", "draw_figures"),
    "gallery": ("deepmr.workflow.outputs", "draw_gallery"),
    "page": ("deepmr.workflow.outputs", "write_page"),
}
"""Where each stage is called; the page's time is given without figures and gallery."""


def _timed(function: Callable[..., Any], name: str, spent: dict[str, list[float]]) -> Any:
    def called(*arguments: Any, **named: Any) -> Any:
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            before = spent.get(name, [0.0, 0.0])
            spent[name] = [
                before[0] + time.process_time() - cpu,
                before[1] + time.perf_counter() - wall,
            ]

    return called


def child(out: Path, words: list[str]) -> None:
    """Interrogate in this process, and write the seconds of each stage."""
    start = time.perf_counter()
    spent: dict[str, list[float]] = {}
    from deepmr.cli import run
    from deepmr.cli.interrogate import run_interrogation
    from deepmr.cli.scripts import interrogate

    assert callable(run_interrogation)
    spent["import"] = [time.process_time(), time.perf_counter() - start]
    for stage, (module, name) in STAGES.items():
        home = sys.modules[module]
        setattr(home, name, _timed(getattr(home, name), stage, spent))
    sys.argv = ["interrogate.py", *words]
    run(interrogate, "interrogate")
    whole = [time.process_time(), time.perf_counter() - start]
    for k in (0, 1):
        spent["page"][k] -= spent["figures"][k] + spent["gallery"][k]
    inner = np.sum(list(spent.values()), axis=0)
    spent["other"] = [whole[k] - float(inner[k]) for k in (0, 1)]
    spent["all"] = whole
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out.write_text(json.dumps({"seconds": spent, "memory_mib": memory}))


def measured(train: Path, words: list[str]) -> dict[str, Any]:
    """Interrogate in a fresh process and folder."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        command = [sys.executable, "-m", "benchmarks.end_to_end", "--child", str(out)]
        given = [f"run={train.resolve()}", f"paths.output={folder}/runs", "logger=none", *words]
        subprocess.run([*command, *given], check=True, stdout=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads(out.read_text())
        files = [path for path in Path(folder, "runs").rglob("*") if path.is_file()]
        found["disk_mb"] = sum(path.stat().st_size for path in files) / 1e6
    for stage, (cpu, wall) in found["seconds"].items():
        found["seconds"][stage] = {"cpu": round(cpu, 3), "wall": round(wall, 3)}
    return {"words": words, **{k: round(v, 2) if k != "seconds" else v for k, v in found.items()}}


def growth(rows: list[dict[str, Any]], amounts: list[float]) -> dict[str, dict[str, float]]:
    """Fit each stage's CPU seconds, the memory and the disk by a line in what was varied."""
    columns = {name: [row["seconds"][name]["cpu"] for row in rows] for name in rows[0]["seconds"]}
    columns |= {name: [row[name] for row in rows] for name in ("memory_mib", "disk_mb")}
    fits = {name: np.polyfit(amounts, values, 1) for name, values in columns.items()}
    return {
        name: {"at_none": round(float(fit[1]), 3), "a_hundred": round(100 * float(fit[0]), 4)}
        for name, fit in fits.items()
    }


def main() -> None:
    """Run all settings and write what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of a trained demo")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--pair", nargs=2, default=("GATA1", "TAL1"))
    parser.add_argument("--quick", action="store_true", help="only the smallest and most loci")
    arguments = parser.parse_args()
    pair = [f"exposure={arguments.pair[0]}", f"outcome={arguments.pair[1]}"]
    bare = [*pair, "controls=none"]
    amounts = LOCI[::2] if arguments.quick else LOCI
    loci = [measured(arguments.run, [*bare, f"loci.n={n}"]) for n in amounts]
    result: dict[str, Any] = {
        "command": "python -m benchmarks.end_to_end --run runs/train/demo --json OUT"
        + (" --quick" if arguments.quick else ""),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "loci": loci,
        "growth_in_loci": growth(loci, [float(n) for n in amounts]),
    }
    if not arguments.quick:
        every = [measured(arguments.run, [*bare, f"variants.every={k}"]) for k in EVERY]
        result["positions"] = every
        result["growth_in_share_of_positions"] = growth(every, [1.0 / k for k in EVERY])
        result["default"] = measured(arguments.run, pair)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["growth_in_loci"], indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), sys.argv[3:])
    else:
        main()
