"""The installed command: `deepmr train ...`, `deepmr interrogate ...`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from deepmr.cli.command_line import nearest
from deepmr.cli.interruption import end_with_reader
from deepmr.cli.job import run, run_plain

__all__ = ["COMMANDS", "main"]

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "train": "train an ensemble on sequence and calibrate it",
        "calibrate": "fit calibrators to trained networks, without training",
        "interrogate": "ask whether one task drives another",
        "report": "draw single loci of a finished interrogation",
        "export": "write effects and estimates for other programs",
        "inspect": "say what a network or a checkpoint is, and check it",
        "plan": "hours, disk and memory of a study, from rates measured here",
    }
)
"""Subcommands, each with its meaning."""

HYDRA: frozenset[str] = frozenset({"train", "calibrate", "interrogate", "inspect"})
"""Those that read a Hydra configuration, scripts of `deepmr.cli.scripts`; every other one is the
function ``main(words)`` of the module of its name in `deepmr.cli`."""


def _usage() -> str:
    lines = [f"  deepmr {name:<12} {meaning}" for name, meaning in COMMANDS.items()]
    return "\n".join(
        [
            "Has a genomic deep-learning model learned causal relationships, or only correlations?",
            "",
            *lines,
            "",
            "`deepmr COMMAND --help` lists every setting; `deepmr --version` prints the version.",
        ]
    )


@end_with_reader()
def main() -> None:
    """Run the subcommand that the command line names."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help", "help"):
        print(_usage())
        return
    if words[0] == "--version":
        import deepmr

        print(deepmr.__version__)
        return
    if words[0] not in COMMANDS:
        hint = nearest(words[0], COMMANDS)
        print(f"error: {words[0]}: there is no such command; {hint}", file=sys.stderr)
        sys.exit(1)
    if words[0] not in HYDRA:
        command: Callable[[list[str]], None] = importlib.import_module(
            f"deepmr.cli.{words[0]}"
        ).main
        run_plain(command, words[1:])
        return
    scripts = importlib.import_module("deepmr.cli.scripts")
    script: Callable[[], Any] = getattr(scripts, words[0])
    run(script, words[0], words=1)
