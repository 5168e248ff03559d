"""Run the documented commands at small size: `python -m tests.docs.run_commands` stores outcomes.

A command is run as it is written, with overrides behind it that make it small, in a folder of its
own that holds stand-ins for the files it names. Large networks are replaced by small ones
(`model=deepsea` with a genome by `deepsea_small`): what was really run stands under ``as``.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.docs import commands as documented
from tests.docs import stand_ins

STORED = Path(__file__).with_name("commands_run.json")
NOT_RUN = {
    "data.download_only=true": "needs the network",
    "model=openspliceai": "needs a published checkpoint, which is not ours to ship",
    "model=legnet": "needs a published checkpoint, which is not ours to ship",
    "hydra/launcher=submitit_slurm": "needs a SLURM cluster",
    "trainer=slurm": "needs a SLURM cluster",
    "trainer.num_nodes=2": "needs two machines",
    "experiment=encode_subset": "needs the real subset, which is not ours to ship",
    "data.n_test=16000": "9 million mutants: run by hand, numbers in docs/report.md",
    "run=runs/train/many": "9 million mutants: run by hand, numbers in docs/report.md",
    "outcome=EP300": "needs a run on the real subset, which is not ours to ship",
    "pairs.direct=[MYC,MAX]": "needs tasks MYC and MAX; direct effects are run by others",
    "hydra/launcher=joblib": "needs an optional package; tests/cli/test_sweep.py runs jobs by it",
    "hparams_search=optuna": "needs an optional package; tests/cli/test_sweep.py runs a study",
}
"""Words of commands that are not run, and why."""

_NET = ("trainer.accelerator=cpu", "trainer.max_epochs=1", "batch_size=64", "logger=none",
        "trainer.enable_progress_bar=false")  # fmt: skip
_SIMULATED = (*_NET, "data.n_train=400", "data.n_variants=40", "data.n_calibration=60",
              "data.n_test=120", "model.filters=6", "model.hidden=8")  # fmt: skip
_GENOME = (*_NET, "model=deepsea_small", "data.splits.train=[chr1]",
           "data.splits.validation=[chr7]", "data.splits.calibration=[chr10]",
           "data.splits.test=[chr8,chr9]")  # fmt: skip
_ASK = ("trainer.accelerator=cpu", "logger=none", "controls=none", "instruments.min_effect=0",
        "instruments.min_z=0")  # fmt: skip


def reason_not_run(command: documented.Command) -> str:
    """Return why a command is not run; empty where it is."""
    if command.in_sentence and len(command.words) < 1:
        return "the name of a command in a sentence, without arguments"
    if command.name == "export" and command.words[:1] == ("--format",):
        return "part of a command in a sentence"
    return next((why for word, why in NOT_RUN.items() if word in command.words), "")


def key(command: documented.Command) -> str:
    """Return a command as one line, as it is stored."""
    return " ".join((command.name, *command.words))


def all_commands() -> dict[str, documented.Command]:
    """Return every documented command once, by its line."""
    found: dict[str, documented.Command] = {}
    for path in documented.documents():
        for one in documented.commands(path.read_text(), path.name):
            found.setdefault(key(one), one)
    return found


def prepare(folder: Path) -> None:
    """Write the stand-ins, train a run of each kind, and ask it one question."""
    texts = [path.read_text() for path in documented.documents()]
    stand_ins.genome_with_peaks(folder / "DIR")
    stand_ins.networks(folder, stand_ins.model_yaml(texts))
    stand_ins.regions_and_motifs(folder)
    stand_ins.own_yamls(folder)
    first = (
        ("train", "name=demo", "ensemble=3", *_SIMULATED),
        ("train", "data=encode", "data.root=DIR", "name=k562", "ensemble=2", *_GENOME),
        ("interrogate", "run=runs/train/demo", "exposure=GATA1", "outcome=TAL1", "name=asked",
         "loci.n=4", *_ASK),
        ("interrogate", "run=runs/train/k562", "exposure=GATA1", "outcome=H3K27ac", "name=real",
         "loci.n=3", "store.keep=all", "variants.every=10", *_ASK),
        ("export", "runs/interrogate/k562/real", "--format", "effects", "--out", "effects.parquet"),
    )  # fmt: skip
    for words in first:
        code, tail = run(words, folder)
        if code:
            raise RuntimeError(f"{' '.join(words)}: {tail}")
    import pandas as pd

    table = pd.read_parquet(folder / "effects.parquet")
    table.rename(columns={"pos": "position_hg38"}).to_csv(
        folder / "mine.tsv", sep="\t", index=False
    )


def small(command: documented.Command, folder: Path, number: int) -> tuple[str, ...]:
    """Return a command with placeholders filled in, and overrides that make it small."""
    words = [command.name, *(_placed(word, folder) for word in command.words)]
    if "exposure=A" in words:
        words = [
            {"exposure=A": "exposure=GATA1", "outcome=B": "outcome=TAL1"}.get(w, w) for w in words
        ]
    name = command.name
    if name == "report":
        return _with_loci(words, folder)
    if name == "export":
        return (*words, "--overwrite")
    if name == "plan":
        return tuple(words)
    mine = any(word.endswith("=mine") or "mine]" in word for word in words)
    if mine and "--config-dir" not in words:
        named = any(word.startswith("checkpoint=") for word in words)
        plain = "tasks=tasks.tsv" in words
        own = "conf_plain" if plain else "my_yamls" if named else "conf_mine"
        words[1:1] = ["--config-dir", own]
        words = ["checkpoint=plain.pt" if plain and w == "checkpoint=net.pt" else w for w in words]
    genome = "data=encode" in words or any(w.startswith("run=runs/train/k562") for w in words)
    sweep = "-m" in words
    if name == "train":
        words += _GENOME if genome else [w for w in _SIMULATED if not _said(w, words, sweep)]
        words += [] if any(w.startswith("ensemble=") for w in words) else ["ensemble=1"]
        words += ["trainer.devices=2"] if "trainer=ddp" in words else []
    if name == "interrogate":
        words += [w for w in _ASK if not _said(w, words, sweep)]
        words += [] if any(w.startswith(("effects=", "loci.n=")) for w in words) else ["loci.n=3"]
        words += ["variants.every=10"] if genome or "loci=bed" in words else []
        words += [f"name=n{number}"] if not sweep else []
    if name in ("calibrate", "interrogate") and "data=encode" in words:
        words += [w for w in _GENOME if w.startswith("data.splits")]
    if name in ("train", "calibrate") and not sweep:
        words += ["overwrite=true"] if "overwrite=true" not in words else []
    return tuple(words)


def _said(word: str, words: list[str], sweep: bool) -> bool:
    return sweep and any(one.split("=")[0] == word.split("=", maxsplit=1)[0] for one in words)


def _placed(word: str, folder: Path) -> str:
    """Fill a placeholder of a document in: RUN, NAME, PATH, a locus, a folder with a hash."""
    if word == "RUN":
        return "runs/interrogate/k562/real"
    if word.startswith("runs/interrogate/demo/"):
        return "runs/interrogate/demo/asked"
    if word.startswith("chr") and "-" in word:
        return "LOCUS"
    for start, run in (
        ("calibrator=PATH", "demo*"),
        ("calibrator=runs/calibrate/mine-net", "mine-plain*"),
    ):
        if word.startswith(start):
            made = sorted((folder / "runs" / "calibrate").glob(f"{run}/*/calibrator.json"))
            return f"calibrator={made[0].parent.relative_to(folder)}" if made else word
    return "data.root=DIR" if word == "data.root=$DATA" else word


def _with_loci(words: list[str], folder: Path) -> tuple[str, ...]:
    """Put names of loci that the run has in the places of a document's."""
    import pandas as pd

    table = pd.read_parquet(folder / words[1] / "loci.parquet")
    names = iter(f"{c}:{s}-{e}" for c, s, e in table[["chrom", "start", "end"]].to_numpy())
    return tuple(next(names) if word == "LOCUS" else word for word in words)


def run(words: tuple[str, ...], folder: Path) -> tuple[int, str]:
    """Run a command of Deep MR; return its exit status and the end of what it said."""
    environment = os.environ | {
        "PYTHONPATH": f"{documented.REPOSITORY}{os.pathsep}{folder}",
        "OMP_NUM_THREADS": "1",
        "DEEPMR_CACHE": str(folder / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "deepmr", *words],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return done.returncode, " | ".join(lines[-2:]) if done.returncode else ""


def _store(outcomes: dict[str, dict[str, object]]) -> None:
    STORED.write_text(json.dumps({"commands": outcomes}, indent=1) + "\n")


def main(*, only_failed: bool = False) -> int:
    """Run every command that can be, and store what came of it.

    Args:
        only_failed: Run those again that failed or were not there when outcomes were last stored.
    """
    outcomes: dict[str, dict[str, object]] = {}
    if only_failed:
        stored, documented_now = json.loads(STORED.read_text())["commands"], all_commands()
        outcomes = {
            line: one
            for line, one in stored.items()
            if one["outcome"] == "finished" and line in documented_now
        }
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=documented.REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for number, (line, command) in enumerate(all_commands().items()):
            if line in outcomes:
                continue
            why = reason_not_run(command)
            if why:
                outcomes[line] = {"outcome": "not run", "reason": why}
                continue
            words, began = small(command, folder, number), time.monotonic()
            code, tail = run(words, folder)
            outcomes[line] = {
                "outcome": "finished" if code == 0 else "failed",
                "as": " ".join(words),
                "seconds": round(time.monotonic() - began),
                "date": dt.datetime.now(dt.UTC).date().isoformat(),
                "commit": commit,
                **({"said": tail.replace(name, "FOLDER")[-400:]} if code else {}),
            }
            sys.stdout.write(f"{outcomes[line]['outcome']} {line} {tail[-300:]}\n")
            sys.stdout.flush()
            _store(outcomes)
    _store(outcomes)
    return int(any(one["outcome"] == "failed" for one in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main(only_failed="--failed" in sys.argv[1:]))
