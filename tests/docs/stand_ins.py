"""Small stand-ins for the files that documented commands name: genome, peaks, networks, yamls."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch

from deepmr.cli.command_line import conf_folder

MOTIFS = {"GATA1": "AGATAAGG", "TAL1": "CAGCTGTT"}
CONTIGS = dict.fromkeys(("chr1", "chr7", "chr8", "chr9", "chr10"), 60_000)
NET = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, filters=64):
        super().__init__()
        self.first = nn.Conv1d(4, 4, 8)
        self.last = nn.Linear(4, 18)

    def forward(self, sequence):
        return torch.sigmoid(self.last(torch.relu(self.first(sequence)).mean(-1)))

class Plain(Net):
    def forward(self, sequence):
        return self.last(torch.relu(self.first(sequence)).mean(-1))[:, :2]
"""


def genome_with_peaks(folder: Path) -> None:
    """Write a genome with two planted motifs, and peaks of three tasks where they lie."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    fasta: list[str] = []
    peaks: dict[str, list[str]] = {"GATA1": [], "TAL1": [], "H3K27ac": []}
    for name, size in CONTIGS.items():
        bases = rng.choice(list("ACGT"), size)
        for k, middle in enumerate(range(900, size - 900, 1000)):
            held = (("GATA1",), ("TAL1",), ("GATA1", "TAL1"))[k % 3]
            for j, task in enumerate(held):
                for at in (middle + 30 * j, middle + 60 + 30 * j):
                    bases[at : at + 8] = list(MOTIFS[task])
                peaks[task].append(f"{name}\t{middle - 60}\t{middle + 160}\n")
            if "GATA1" in held:
                peaks["H3K27ac"].append(f"{name}\t{middle - 60}\t{middle + 160}\n")
        text = "".join(bases)
        fasta += [f">{name}", *(text[at : at + 60] for at in range(0, size, 60))]
    (folder / "genome.fa").write_text("\n".join(fasta) + "\n")
    rows = ["task\ttarget\tassay\tbiosample\tkind\tfile\tcovers"]
    for task, lines in peaks.items():
        (folder / f"{task}.bed").write_text("".join(lines))
        rows.append(f"{task}\t{task}\tChIP-seq\tK562\tbinary\t{task}.bed\t")
    (folder / "tracks.tsv").write_text("\n".join(rows) + "\n")


def networks(folder: Path, yaml: str) -> None:
    """Write a package with a network, weights of three, and a yaml that describes them."""
    (folder / "mypackage").mkdir()
    (folder / "mypackage" / "__init__.py").write_text(NET)
    space: dict[str, type] = {}
    exec(NET, space)
    (folder / "nets").mkdir()
    for seed, names in enumerate((("net.pt", "net.ckpt"), ("nets/a.pt", "nets/a.ckpt"),
                                  ("nets/b.pt", "nets/b.ckpt"))):  # fmt: skip
        torch.manual_seed(seed)
        for name in names:
            torch.save(space["Net"]().state_dict(), folder / name)
    (folder / "my_yamls" / "model").mkdir(parents=True)
    (folder / "my_yamls" / "model" / "mine.yaml").write_text(yaml)
    torch.save(space["Plain"]().state_dict(), folder / "plain.pt")
    (folder / "conf_plain" / "model").mkdir(parents=True)
    (folder / "conf_plain" / "model" / "mine.yaml").write_text(
        "# @package _global_\nmodel:\n  _target_: mypackage.Plain\n  filters: 64\n"
    )
    (folder / "tasks.tsv").write_text(
        "name\ttarget\tassay\tbiosample\tkind\nGATA1\tGATA1\tx\tK562\tbinary\nTAL1\tTAL1\tx\tK562\tbinary\n"
    )


def regions_and_motifs(folder: Path) -> None:
    """Write regions, motifs, known relations, and links to the genome."""
    rows = [f"chr8\t{start}\t{start + 1000}\n" for start in range(400, 6400, 1000)]
    (folder / "regions.bed").write_text("".join(rows))
    text = ["MEME version 5", "", "ALPHABET= ACGT", ""]
    for name, word in MOTIFS.items():
        text.append(f"MOTIF {name}\nletter-probability matrix: alength= 4 w= 8 nsites= 20")
        text += [
            " ".join(f"{0.94 if base == one else 0.02:.2f}" for one in "ACGT") for base in word
        ]
    (folder / "motifs.meme").write_text("\n".join(text) + "\n")
    (folder / "relations.tsv").write_text("exposure\toutcome\texpected\nGATA1\tTAL1\tforward\n")
    (folder / "hg38.fa").write_bytes((folder / "DIR" / "genome.fa").read_bytes())


def own_yamls(folder: Path) -> None:
    """Write yamls called mine: shipped parts under another name."""
    for group, name in (("model", "cnn"), ("estimator", "slope"), ("calibrator", "beta")):
        target = folder / "conf_mine" / group
        target.mkdir(parents=True)
        text = (conf_folder() / group / f"{name}.yaml").read_text()
        (target / "mine.yaml").write_text(text.replace(f"{group}.{name}", f"{group}.mine"))


def model_yaml(texts: list[str]) -> str:
    """Return the first yaml of a network that the documents show."""
    found = re.findall(r"```yaml\n(# @package _global_\nmodel:.*?)```", "\n".join(texts), re.DOTALL)
    return str(found[0])
