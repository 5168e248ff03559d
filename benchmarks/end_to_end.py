"""CPU, wall, memory and disk of a whole interrogation by stage, and how they grow.

    OMP_NUM_THREADS=1 python -m benchmarks.end_to_end --json OUT [--quick] [--axes loci,members]

Trains small ensembles (kept in ``--work``) and interrogates them in a process of its own for each
setting. One thing is varied at a time: loci, members, tasks kept on disk, bases a locus, and loci
of the real subset where it is at hand. CPU seconds of stages, memory and disk are fitted by a line
in what was varied. A setting that is done is in the JSON file and not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import parquet

from benchmarks.end_to_end_settings import AXES, DEFAULT, REAL, Axis, Setting, axes, why_not
from deepmr.files import write_json
from deepmr.io.manifest import is_finished

_ROOT = Path(__file__).resolve().parents[1]
_NUMBERS = ("memory_mib", "disk_mb")


def trained(setting: Setting, work: Path) -> Path:
    """Return the folder of the setting's networks, trained before or now."""
    folder = work / "train" / setting.network
    if not is_finished(folder):
        train = [word.replace("root=DATA", f"root={REAL}") for word in setting.train]
        words = [*train, f"name={setting.network}", f"paths.output={work}"]
        _run([str(_ROOT / "train.py"), *words, "overwrite=true"])
    return folder


def measured(setting: Setting, work: Path) -> dict[str, Any]:
    """Interrogate in a fresh process and folder, so that nothing is reused.

    Returns:
        CPU and wall seconds of each stage, peak memory in MiB, the folder's size in MB.
    """
    network = trained(setting, work)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        given = [f"run={network.resolve()}", f"paths.output={folder}/runs", *setting.words]
        _run(["-m", "benchmarks.end_to_end_stages", str(out), *given])
        found: dict[str, Any] = json.loads(out.read_text())
        (loci,) = Path(folder, "runs").rglob("loci.parquet")
        found["loci"] = parquet.ParquetFile(loci).metadata.num_rows
        files = [path for path in Path(folder, "runs").rglob("*") if path.is_file()]
        found["disk_mb"] = round(sum(path.stat().st_size for path in files) / 1e6, 2)
    return {"train": list(setting.train), "interrogate": list(setting.words), **found}


def _run(words: Sequence[str]) -> None:
    """Run Python; what it said is shown where it fails."""
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    done = subprocess.run(
        [sys.executable, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stdout[-3000:]}")


def growth(
    rows: Sequence[Mapping[str, Any]], amounts: Sequence[float]
) -> dict[str, dict[str, float]]:
    """Fit each stage's CPU seconds, the memory and the disk by a line in what was varied.

    Args:
        rows: What `measured` returned, one a setting.
        amounts: How much of what was varied each has, in units of the axis.

    Returns:
        By stage: the line at none, its rise for one unit, and the largest distance of a row
        from it (0 for two rows, which a line always meets).

    Raises:
        ValueError: If there are fewer than two different amounts.

    Example:
        >>> same = {"memory_mib": 9, "disk_mb": 1}
        >>> rows = [{"seconds": {"all": {"cpu": 2 + n}}, **same} for n in (1, 3)]
        >>> growth(rows, [1, 3])["all"]
        {'at_none': 2.0, 'a_unit': 1.0, 'off': 0.0}
    """
    if len(set(amounts)) < 2:
        raise ValueError(f"a line needs at least 2 different amounts, got {list(amounts)}")
    columns = {name: [row["seconds"][name]["cpu"] for row in rows] for name in rows[0]["seconds"]}
    columns |= {name: [row[name] for row in rows] for name in _NUMBERS}
    result = {}
    for name, values in columns.items():
        rise, none = np.polyfit(amounts, values, 1)
        off = np.abs(none + rise * np.asarray(amounts) - values).max()
        numbers = {"at_none": none, "a_unit": rise, "off": off}
        result[name] = {key: round(float(number), 3) + 0.0 for key, number in numbers.items()}
    return result


def fitted(chosen: Sequence[Axis], rows: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lines of all axes of which at least two settings are done."""
    tables: dict[str, Any] = {}
    for axis in chosen:
        done = [(n, s.key) for n, s in zip(axis.amounts, axis.settings, strict=True)]
        done = [(n, key) for n, key in done if key in rows]
        if len(done) < 2:
            continue
        tables[axis.name] = {
            "unit": axis.unit,
            "settings": [key for _, key in done],
            "lines": growth([rows[key] for _, key in done], [n for n, _ in done]),
        }
    return tables


def study(
    path: Path,
    chosen: Sequence[Axis],
    *,
    command: str,
    measure: Callable[[Setting], dict[str, Any]],
    extra: Sequence[Setting] = (),
) -> dict[str, Any]:
    """Measure every setting that the file lacks, and store each as it is done.

    Args:
        path: JSON file of the results; settings in it are not run again.
        chosen: What is varied.
        command: To be stated in the file.
        measure: Measures one setting.
        extra: Further settings, of no axis; none by default.
    """
    result: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    rows: dict[str, Any] = result.get("settings", {})
    wanted = {s.key: s for s in (*(s for axis in chosen for s in axis.settings), *extra)}
    skipped = {axis.name: reason for axis in chosen if (reason := why_not(axis))}
    unable = {s.key for axis in chosen if axis.name in skipped for s in axis.settings}

    def store() -> None:
        nonlocal result
        result = {
            "command": command,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "skipped": skipped,
            "not_run": sorted(set(wanted) - set(rows)),
            "growth": {**result.get("growth", {}), **fitted(chosen, rows)},
            "settings": rows,
        }
        write_json(path, result)

    for key, setting in wanted.items():
        if key not in rows and key not in unable:
            print(f"{key} ...", flush=True)
            rows[key] = measure(setting)
            print(f"{key}: {rows[key]['seconds']['all']['cpu']} CPU s", flush=True)
            store()
    store()
    return result


def table(name: str, found: Mapping[str, Any]) -> str:
    """Return the lines of one axis as text.

    Args:
        name: The axis.
        found: Its entry of `fitted`.
    """
    rows = [f"{name}: at none, for {found['unit']}, largest distance from the line"]
    for stage, line in found["lines"].items():
        numbers = f"{line['at_none']:>10.2f} {line['a_unit']:>10.3f} {line['off']:>8.2f}"
        rows.append(f"  {stage:<16}{numbers}")
    return "\n".join(rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Run all settings that are missing, and write and show what they took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.end_to_end", description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("runs/end_to_end"), help="for networks")
    parser.add_argument("--axes", default=",".join(AXES), help=f"of {', '.join(AXES)}")
    parser.add_argument("--quick", action="store_true", help="small networks, few loci")
    options = parser.parse_args(argv)
    names = options.axes.split(",")
    command = f"OMP_NUM_THREADS=1 python -m benchmarks.end_to_end --json OUT --axes {options.axes}"
    result = study(
        options.json,
        axes(names, quick=options.quick),
        command=command + (" --quick" if options.quick else ""),
        measure=lambda setting: measured(setting, options.work.resolve()),
        extra=() if options.quick else (DEFAULT,),
    )
    for name, found in result["growth"].items():
        print(table(name, found))
    for name, reason in result["skipped"].items():
        print(f"{name}: skipped, {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
