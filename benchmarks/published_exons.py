r"""OpenSpliceAI's own weights on real exons: right, sensible on both strands, and how fast.

    python -m benchmarks.published_exons --weights DIR/400nt --exons exons.bed \
        --genome genome.fa.gz --json OUT

The first plus- and the first minus-strand exons of a BED file, in windows of 700 bases of which
the middle 250 are mutated. Effects are compared with a loop of single forward passes in float64,
at bases spread over the middle and at both splice sites. Engine and plain PyTorch, at the best of
its batch sizes, take turns in one process.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf

from benchmarks.mutagenesis import processor
from benchmarks.published import _best, _plain, _ratios, _runs
from benchmarks.published_settings import CONF
from deepmr.adapted import placement
from deepmr.cli.networks import load_checkpoints
from deepmr.files import write_json
from deepmr.loci import Loci
from deepmr.mutagenesis import Variants, build_engine, saturation
from deepmr.mutagenesis.model_state import in_float64
from deepmr.networks import Networks
from deepmr.sequence import complement_codes, one_hot
from deepmr.uncertainty import Ensemble
from deepmr.workflow.loci import bed_loci

_MIDDLE = 250


def main() -> None:
    """Measure, print and write one record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("weights", "exons", "genome", "json"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--of-each-strand", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = measured(options)
    print(json.dumps(record))
    write_json(options.json, record)


def networks_of(weights: Path) -> Networks:
    """Return the ensemble of a folder as ``model=openspliceai`` reads it.

    Args:
        weights: Folder of ``.pt`` files of the networks with 400 bases of flank.
    """
    model = OmegaConf.to_container(OmegaConf.load(CONF / "openspliceai.yaml"), resolve=True)
    settings = {"model": model["model"], "checkpoint": sorted(map(str, weights.glob("*.pt")))}
    return load_checkpoints(settings, name="exons", scale="logit", uncertainty=Ensemble())


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Return the record."""
    networks = networks_of(options.weights)
    lines = options.exons.read_text().splitlines()
    fits = [one for one in lines if int(one.split("\t")[2]) - int(one.split("\t")[1]) <= 240]
    chosen = [
        line
        for strand in "+-"
        for line in [one for one in fits if one.endswith(strand)][: options.of_each_strand]
    ]
    with tempfile.TemporaryDirectory() as folder:
        bed = Path(folder) / "exons.bed"
        bed.write_text("".join(f"{one}\n" for one in chosen))
        loci, _ = bed_loci(networks, ("acceptor", "donor"), 0, path=bed, genome=options.genome)
    return _record(networks, loci, rounds=options.rounds)


def _record(networks: Networks, loci: Loci, *, rounds: int) -> dict[str, Any]:
    adapter = networks.members.networks[0]
    length = int(loci.codes.shape[1])
    start = (length - _MIDDLE) // 2
    variants = saturation(loci.codes, region=(start, start + _MIDDLE))
    engine = build_engine(adapter, length=length, check=0)
    placed = placement(networks.members, loci)
    errors, log_odds = [], []
    exact_network = in_float64(adapter.network).eval()
    for row in range(len(loci.codes)):
        some, one = slice(row, row + 1), loci.codes[row : row + 1]
        asked = _of_rows(variants, some)
        found = placed.rows(some).on(engine)(one, asked)
        spread = np.linspace(0, variants.n_variants - 1, 12).astype(int)
        largest = np.abs(found.difference[0]).max(axis=1)
        sample = np.union1d(spread, np.abs(found.difference[0]).argmax(axis=1))
        exact = _exact(exact_network, loci, row, asked, sample)
        largest = np.maximum(largest, np.abs(exact).max(axis=1))
        error = np.abs(found.difference[0][:, sample] - exact).max(axis=1) / largest
        errors.append(float(error.max()))
        log_odds.append(found.reference[0].tolist())
    chosen = np.linspace(0, variants.n_variants - 1, 96).astype(int)
    first = _of_rows(variants, slice(0, 1))
    methods = {"engine": _runs(placed.rows(slice(0, 1)).on(engine), loci.codes[:1], first)}
    batch, methods["plain"] = _best(_plain(adapter, loci.codes[0], first, chosen))
    strand = np.asarray(loci.regions.strand)
    return {
        "model": "openspliceai, published weights on real exons",
        "command": "python -m benchmarks.published_exons --weights DIR/400nt --exons exons.bed "
        f"--genome genome.fa.gz --json OUT --rounds {rounds}",
        "machine": f"{processor()}, 1 thread",
        "exons": {"+": int((strand == 1).sum()), "-": int((strand == -1).sum())},
        "length": length,
        "mutated": _MIDDLE,
        "path": str(engine.settings["engine"]),
        "reasons": list(getattr(engine, "fallback_reasons", ())),
        "max_error_to_largest_effect": max(errors),
        "median_log_odds_acceptor_donor": {
            name: np.median(np.array(log_odds)[strand == sign], axis=0).round(2).tolist()
            for name, sign in (("+", 1), ("-", -1))
        },
        "plain_batch": batch,
    } | _ratios(methods, rounds)


def _of_rows(variants: Variants, rows: slice) -> Variants:
    arrays = {name: getattr(variants, name)[rows] for name in ("offset", "ref", "alt", "mask")}
    return Variants(**arrays)


def _exact(
    network: torch.nn.Module, loci: Loci, row: int, variants: Variants, sample: np.ndarray
) -> np.ndarray:
    """Return effects on the log-odds of both sites, ``(2, sample)``, a forward pass each."""
    length = int(loci.codes.shape[1])
    first = int(loci.regions.start[row] - loci.start[row])
    last = int(loci.regions.end[row] - loci.start[row]) - 1
    turned = loci.regions.strand[row] == -1
    if turned:
        first, last = length - 1 - last, length - 1 - first

    def log_odds(codes: np.ndarray) -> np.ndarray:
        read = complement_codes(codes[None]) if turned else codes[None]
        with torch.inference_mode():
            scores = network(one_hot(torch.from_numpy(read), torch.float64))
        p = torch.softmax(scores, dim=1).numpy()[0]
        flank = (length - p.shape[1]) // 2
        sites = p[1, first - flank], p[2, last - flank]
        rest = p[[0, 2], first - flank].sum(), p[[0, 1], last - flank].sum()
        return np.log(np.array(sites) / np.array(rest))

    reference = log_odds(loci.codes[row])
    effects = []
    for one in sample:
        mutant = loci.codes[row].copy()
        mutant[variants.offset[0, one]] = variants.alt[0, one]
        effects.append(log_odds(mutant) - reference)
    return np.stack(effects, axis=1)


if __name__ == "__main__":
    main()
