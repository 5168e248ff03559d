"""Every shipped yaml of a published network, asked by the whole command line, beside a loop.

    python -m benchmarks.published_command --json OUT [--models basset,bpnet_lite] [--add]

Two members with random weights are written to files, at the reduced sizes of `published_settings`;
`interrogate.py` is given the yaml's name, the files, a BED file of one region of either strand and
a genome, and measures 12 substitutions in each window. The effects in the run's folder are compared
with a forward pass each in float64 of the network inside, read by hand (`published_readings`) from
sequences that are cut out of the genome by hand.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib
import importlib.util
import io
import json
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.published import built
from benchmarks.published_readings import ASKED, Asked
from benchmarks.published_settings import (
    GRELU,
    TRIALS,
    Trial,
    missing_packages,
    settings_of,
    table_of_tasks,
)
from benchmarks.published_stand_ins import rebuilt_where_missing
from benchmarks.published_table import asked_table
from deepmr.cli.optional_packages import HOW_TO_INSTALL
from deepmr.effect_shard import EffectShard
from deepmr.files import write_json
from deepmr.io.shard_format import read_shard
from deepmr.models import Adapter
from deepmr.mutagenesis.model_state import in_float64, made_in_float64

__all__ = ["Command", "largest_error", "prepared"]

ROOT = Path(__file__).resolve().parents[1]
_BASES = 30_000
_REGIONS = ((12_000, 12_020, "+"), (17_000, 17_020, "-"))
_EXON = 20
_MUTATED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A prepared command line, and what its effects are compared with.

    Args:
        name: Of the yaml.
        arguments: Of ``interrogate.py``.
        networks: The networks inside the members, in evaluation mode.
        genome: Letters of the only contig.
        length: Bases of a window, flanks included.
        flank: Bases at either end without an output.
        output: Folder of the run.
    """

    name: str
    arguments: tuple[str, ...]
    networks: tuple[nn.Module, ...]
    genome: str
    length: int
    flank: int
    output: Path


def main() -> None:
    """Ask, compare, print and write a record for each shipped yaml."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--models", default=",".join(ASKED))
    parser.add_argument("--add", action="store_true", help="keep the file's other records")
    options = parser.parse_args()
    torch.set_num_threads(1)
    records = {}
    if options.add:
        kept = json.loads(options.json.read_text(encoding="utf-8"))["records"]
        records = {one["model"]: one for one in kept}
    for name in options.models.split(","):
        with tempfile.TemporaryDirectory() as folder, rebuilt_where_missing(name) as rebuilt:
            record = _record(name, Path(folder))
        if rebuilt:
            record["package"] = "architecture rebuilt from its paper"
        print(json.dumps(record), file=sys.stderr, flush=True)
        records[name] = record
    ordered = [records[name] for name in ASKED if name in records]
    print("\n".join(asked_table(ordered)))
    command = "python -m benchmarks.published_command --json OUT"
    write_json(options.json, {"command": command, "torch": torch.__version__, "records": ordered})


def _record(name: str, folder: Path) -> dict[str, Any]:
    try:
        command = prepared(name, folder)
    except ModuleNotFoundError as error:
        return {"model": name, "skipped": str(error)}
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = run(command.arguments)
    record: dict[str, Any] = {
        "model": name,
        "command": _without_folder(command.arguments, folder),
        "status": status,
    }
    if status:
        return record | {"said": said.getvalue().strip().splitlines()[-1]}
    found = next(command.output.rglob("verdict.json")).parent
    engine = json.loads((found / "effects/engine.json").read_text(encoding="utf-8"))
    return record | {
        "path": engine["engine"],
        "error_to_largest_effect": largest_error(command),
        "verdict": json.loads((found / "verdict.json").read_text(encoding="utf-8"))["structure"],
    }


def run(arguments: Sequence[str]) -> int:
    """Run ``interrogate.py`` in this process; return its exit status.

    Args:
        arguments: Of the command line.
    """
    from deepmr import cli

    sys.path.insert(0, str(ROOT))
    kept, sys.argv = sys.argv, [str(ROOT / "interrogate.py"), *arguments]
    try:
        cli.run(importlib.import_module("interrogate").main, "interrogate")
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.argv = kept
        sys.path.remove(str(ROOT))
    return 0


def prepared(name: str, folder: Path, trial: Trial | None = None, members: int = 2) -> Command:
    """Write weights, genome and regions; return the command that asks about them.

    Args:
        name: Of the yaml in ``conf/model``.
        folder: Where the files go.
        trial: How the network is reduced; by default as in ``TRIALS``.
        members: Networks with weights of their own, 2 by default.

    Raises:
        ModuleNotFoundError: If a package that the yaml names is not installed; the message says
            how to install it.
    """
    trial, asked = trial or TRIALS[name], ASKED[name]
    part = settings_of(name, trial, folder)
    _require(part)
    adapter = built(part, gain=trial.gain)
    networks = _members(adapter, members)
    for number, network in enumerate(networks):
        torch.save(_as_saved(name, network), folder / f"net-{number}.ckpt")
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), _BASES))
    (folder / "genome.fa").write_text(f">chr1\n{bases}\n")
    regions = (f"chr1\t{start}\t{end}\t.\t0\t{strand}\n" for start, end, strand in _REGIONS)
    (folder / "regions.bed").write_text("".join(regions))
    length = adapter.locus_length or trial.length
    first = (
        length // 2 - _EXON // 2
    )  # at the splice site of an exon of 120 bases, inside all the others
    settings = [
        f"model={name}", f"checkpoint={folder}/net-*.ckpt",
        f"exposure={asked.pair[0]}", f"outcome={asked.pair[1]}",
        "loci=bed", f"loci.path={folder}/regions.bed", f"loci.genome={folder}/genome.fa",
        f"variants.region=[{first},{first + _MUTATED}]", "controls=none",
        *(f"model.{path}={_written(value)}" for path, value in trial.settings.items()),
        *asked.settings, "logger=null", "trainer.accelerator=cpu",
        "trainer.enable_progress_bar=false", f"paths.output={folder}/out", f"name={name}",
    ]  # fmt: skip
    if trial.tasks:
        settings.append(f"tasks={table_of_tasks(trial.tasks, folder)}")
    return Command(
        name=name,
        arguments=tuple(settings),
        networks=tuple(networks),
        genome=bases,
        length=length,
        flank=adapter.format.flank if adapter.format.flank_of == "genome" else 0,
        output=folder / "out",
    )


def largest_error(command: Command) -> float:
    """Return the largest error of the run's effects, relative to its task's largest at the locus.

    Args:
        command: A command that has been run.

    Raises:
        ValueError: If nothing was measured, or a task has no effect at all to compare.
    """
    asked = ASKED[command.name]
    exact_networks = [in_float64(network).eval() for network in command.networks]
    worst, n_seen = 0.0, 0
    for path in sorted(command.output.rglob("shard-*.parquet")):
        shard = read_shard(path)
        effects = shard.effects
        value = np.stack([effects.of(task) for task in asked.pair], axis=1)
        for row, locus in enumerate(shard.loci):
            for member, network in enumerate(exact_networks):
                exact = _exact(command, asked, network, shard, row)
                difference = np.abs(value[row, :, member] - exact).max(axis=1)
                largest = np.abs(exact).max(axis=1)
                if not (largest > 0).all():
                    raise ValueError(f"{command.name} has no effects at {locus}; raise the gain")
                worst = max(worst, float((difference / largest).max()))
                n_seen += effects.mask[row].sum()
    if n_seen != len(_REGIONS) * len(command.networks) * 3 * _MUTATED:
        raise ValueError(f"{command.name} measured {n_seen} mutants")
    return worst


def _exact(
    command: Command, asked: Asked, network: nn.Module, shard: EffectShard, row: int
) -> np.ndarray:
    """Return effects ``(2, variant)`` by a forward pass each, read by hand in float64."""
    locus, effects = shard.loci[row], shard.effects
    start, _, strand = _REGIONS[row]
    if locus.start != start + _EXON // 2 - command.length // 2:
        raise ValueError(f"{command.name}: the window {locus} does not lie around {start}")
    window = command.genome[locus.start : locus.start + command.length]
    middle = command.length // 2 - command.flank
    sites = (middle - _EXON // 2, middle + _EXON // 2 - 1)

    def read(letters: str) -> np.ndarray:
        if asked.stranded and strand == "-":
            letters = letters[::-1].translate(str.maketrans("ACGT", "TGCA"))
        x = torch.tensor([[float(one == base) for one in letters] for base in "ACGT"])
        both = asked.read(network, x.double()[None], sites)
        return np.array([float(one[0]) for one in both])

    with torch.inference_mode(), made_in_float64():
        reference = read(window)
        found = [
            read(window[:offset] + "ACGT"[alt] + window[offset + 1 :]) - reference
            for offset, alt in zip(effects.offset[row], effects.alt[row], strict=True)
        ]
    return np.stack(found, axis=1)


def _members(adapter: Adapter, number: int) -> list[nn.Module]:
    """Return the network inside, and others whose weights differ by a twentieth."""
    found = [adapter.inner_network]
    torch.manual_seed(1)
    for _ in range(number - 1):
        other = copy.deepcopy(adapter.inner_network)
        with torch.no_grad():
            for weight in other.parameters():
                weight.mul_(1 + 0.05 * torch.randn_like(weight))
        found.append(other)
    return found


def _as_saved(name: str, network: nn.Module) -> dict[str, Any]:
    """Return what a file of weights holds."""
    state = nn.Module.state_dict(network)
    if name == "grelu":
        return GRELU | {"state_dict": {f"model.{key}": value for key, value in state.items()}}
    return dict(state)


def _written(value: Any) -> str:
    return json.dumps(value).replace(" ", "")


def _without_folder(arguments: Sequence[str], folder: Path) -> str:
    """Return the command as a reader would type it."""
    shown = (one.replace(f"{folder}/", "") for one in arguments)
    return "deepmr interrogate " + " ".join(
        shlex.quote(one) if set(one) & set("*{} ") else one for one in shown
    )


def _require(part: Mapping[str, Any]) -> None:
    missing = missing_packages(part)
    if "openspliceai" in str(part) and importlib.util.find_spec("openspliceai") is None:
        missing.append("openspliceai")
    if missing:
        how = HOW_TO_INSTALL.get(missing[0], f"pip install {missing[0]}")
        raise ModuleNotFoundError(f"{missing[0]} is not installed: {how}")


if __name__ == "__main__":
    main()
