"""Peak memory of a whole interrogation, from mutagenesis to report, by its number of loci.

    python -m benchmarks.memory --json OUT [--loci 100,1000] [--length 1000] [--members 3]

Each number of loci is a process of its own, ``interrogate.py`` as a user starts it: networks of
the default model with random weights, on windows of a random genome. The peak is the largest
resident set that the system saw. A process that only imports what an interrogation imports is
measured beside it: what is above that is what the loci can be responsible for.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from deepmr.files import write_json
from deepmr.models import MotifScanner

_ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measure, print, and write one record per number of loci."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--loci", default="100,1000")
    parser.add_argument("--length", type=int, default=1000)
    parser.add_argument("--members", type=int, default=3)
    options = parser.parse_args()
    numbers = [int(number) for number in options.loci.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        records = measure(
            Path(folder), numbers, length=options.length, members=options.members, settings=()
        )
    for record in records:
        print(record)
    write_json(
        options.json,
        {
            "command": f"python -m benchmarks.memory --json OUT --loci {options.loci} "
            f"--length {options.length} --members {options.members}",
            "records": records,
        },
    )


def measure(
    folder: Path, numbers: Sequence[int], *, length: int, members: int, settings: Sequence[str]
) -> list[dict[str, float]]:
    """Return the peak resident memory of an interrogation of each number of loci, in MB.

    Args:
        folder: To work in.
        numbers: Of loci.
        length: Bases of a locus.
        members: Networks.
        settings: Further ones for ``interrogate.py``.
    """
    subject = _prepare(folder, max(numbers), length=length, members=members)
    idle = _peak(["-c", "import deepmr.workflow.measurement, deepmr.cli.question"], folder)
    records = []
    for number in numbers:
        arguments = [*subject, f"loci.n={number}", f"name=n{number}", *settings]
        peak = _peak([str(_ROOT / "interrogate.py"), *arguments], folder)
        records.append({"loci": number, "peak_mb": round(peak), "imports_alone_mb": round(idle)})
    return records


def _prepare(folder: Path, n_loci: int, *, length: int, members: int) -> list[str]:
    """Write networks, a genome and regions; return the arguments that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    bases = np.random.default_rng(0).choice(list("ACGT"), size=(n_loci + 2) * length)
    (folder / "genome.fa").write_text(">chr1\n" + "".join(bases) + "\n", encoding="ascii")
    starts = length * (1 + np.arange(n_loci))
    lines = (f"chr1\t{start}\t{start + length}\n" for start in starts)
    (folder / "regions.bed").write_text("".join(lines), encoding="ascii")
    (folder / "tasks.tsv").write_text("name\tkind\nX\tsignal\nY\tsignal\n", encoding="ascii")
    weights = []
    for member in range(members):
        torch.manual_seed(member)
        weights.append(folder / f"member{member}.pt")
        torch.save(MotifScanner(length, [0], [1]).state_dict(), weights[-1])
    return [
        "exposure=X",
        "outcome=Y",
        f"checkpoint=[{','.join(map(str, weights))}]",
        "model=cnn",
        f"+model.length={length}",
        "+model.exposures=[0]",
        "+model.outcomes=[1]",
        f"tasks={folder / 'tasks.tsv'}",
        "loci=bed",
        f"loci.path={folder / 'regions.bed'}",
        f"loci.genome={folder / 'genome.fa'}",
        f"loci.length={length}",
        f"paths.output={folder / 'runs'}",
        "logger=null",
        "trainer.accelerator=cpu",
        "trainer.enable_progress_bar=false",
        "instruments.min_z=0",
        "instruments.min_effect=0",
    ]


_LAUNCH = """
import os, sys
process = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ)
_, status, usage = os.wait4(process, 0)
if os.waitstatus_to_exitcode(status):
    sys.exit("failed")
print("peak", usage.ru_maxrss)
"""
"""A process starts with its parent's high-water mark, so a small one stands in between."""


def _peak(arguments: Sequence[str], folder: Path) -> float:
    """Run Python, and return the largest resident set it had, in MB."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(_ROOT),
        "DEEPMR_CACHE": str(folder / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCH, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed: {done.stdout}")
    unit = 1 if sys.platform == "darwin" else 1024
    return int(done.stdout.split()[-1]) * unit / 1e6


if __name__ == "__main__":
    main()
