"""Loci of an interrogation: held-out loci of the data, or regions of a BED file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool

from deepmr.adapted import adapter_of, fitting_regions
from deepmr.data.genome import EncodedGenome
from deepmr.data.regions import Regions, read_regions
from deepmr.data.thick import read_thick
from deepmr.loci import BedRegions, Loci, draw
from deepmr.networks import Networks
from deepmr.workflow.network_checks import check_length

__all__ = ["Loci", "bed_loci", "held_out_loci", "loci_of_pair"]


def held_out_loci(
    networks: Networks,
    pair: tuple[str, str],
    seed: int,
    *,
    n: int | None = 300,
    rule: str = "any_positive",
) -> tuple[Loci, EncodedGenome | None]:
    """Draw loci of the test split of the data that the networks were trained on.

    Args:
        networks: Networks with the data they were trained on.
        pair: Names of exposure and outcome; used by ``rule="pair"`` alone.
        seed: Seed of the draw.
        n: Number of loci to draw, default 300; None takes all.
        rule: Which windows qualify: ``any_positive`` (some task is positive; default), ``all``,
            or ``pair`` (both tasks of the pair are, as published).

    Returns:
        The loci, and the genome they lie in, where there is one.

    Raises:
        LookupError: If the rule is unknown, or the test split has no such locus.
        ValueError: If n is not positive, or the data are unknown.

    Example:
        `deepmr.load_run` knows the data that a run was trained on; a network in memory is given
        them here.

        >>> from dataclasses import replace
        >>> from torch import nn
        >>> from deepmr.data.structures import structures_source
        >>> source = structures_source(seed=0, graph="fifteen", n_train=20)
        >>> outputs = nn.Sequential(nn.Flatten(), nn.Linear(400, len(source.tasks.names)))
        >>> networks = replace(Networks.of(outputs, source.tasks.tasks), source=source)
        >>> loci, genome = held_out_loci(networks, ("X", "N"), seed=0, n=5)
        >>> loci.codes.shape, loci.split, genome is None
        ((5, 100), 'test', True)
    """
    source = networks.source
    if source is None:
        raise ValueError(
            "a network trained elsewhere has no test split here; name your regions "
            "(loci=bed loci.path=FILE loci.genome=FASTA), or its data (data=encode ...)"
        )
    chrom, start, end = source.candidate_loci(rule, exposure=pair[0], outcome=pair[1])
    chosen = draw(len(chrom), n, seed)
    chrom, start, end = chrom[chosen], start[chosen], end[chosen]
    loci = Loci(
        chrom=chrom,
        start=start,
        end=end,
        codes=source.sequences(chrom, start, end),
        split="test",
        true_effects=source.true_effects(chrom, start, end),
        true_tasks=source.tasks.names,
    )
    return loci, source.genome


def loci_of_pair(
    networks: Networks, loci: Loci, pair: tuple[str, str]
) -> Bool[np.ndarray, " locus"] | None:
    """Say which held-out loci suit the pair by itself: both tasks positive, or both motifs there.

    Args:
        networks: Networks with the data they were trained on.
        loci: Loci, as `held_out_loci` returns them.
        pair: Names of exposure and outcome.

    Returns:
        True where the middle of a locus lies in a locus of ``rule="pair"``; None where the loci
        are not held-out ones of known data, or none suits the pair.
    """
    if networks.source is None or loci.split != "test":
        return None
    try:
        found = networks.source.candidate_loci("pair", exposure=pair[0], outcome=pair[1])
    except LookupError:
        return None
    suits = np.zeros(len(loci), dtype=bool)
    middle = (loci.start + loci.end) // 2
    for name in np.unique(loci.chrom):
        here, there = loci.chrom == name, found[0] == name
        start, end = np.sort(found[1][there]), np.sort(found[2][there])
        before = np.searchsorted(start, middle[here], side="right")
        suits[here] = before > np.searchsorted(end, middle[here], side="right")
    return suits


def bed_loci(
    networks: Networks,
    pair: tuple[str, str],  # noqa: ARG001  (one call serves every choice of loci)
    seed: int,
    *,
    path: str | Path,
    n: int | None = None,
    length: int | None = None,
    genome: str | Path | None = None,
    allow_seen: bool = False,
    contig_names: str = "exact",
) -> tuple[Loci, EncodedGenome | None]:
    """Read regions from a BED file: a window of the network's length around each centre.

    Args:
        networks: Networks; their data, where known, determine the regions of their training.
        pair: Names of exposure and outcome; not used.
        seed: Seed of the draw.
        path: BED file.
        n: Largest number of loci, drawn at random; None (default) takes all.
        length: Length of a window in bases; by default the input length of the networks.
        genome: FASTA file; by default the genome of the networks' data.
        allow_seen: Also take regions of the training and validation chromosomes.
        contig_names: ``exact``, or ``chr`` to match contigs whose names differ by that prefix.

    Returns:
        The loci and the genome.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line breaks a rule, a network may have seen a region, or genome or length
            are unknown.
    """
    source = networks.source
    encoded = EncodedGenome.from_fasta(genome) if genome else (source and source.genome)
    if not encoded:
        raise ValueError("loci=bed needs a genome; set loci.genome=FASTA")
    width = length or networks.length
    check_length(networks, width, named="loci.length")
    if width is None:
        raise ValueError(
            "loci.length must be set to the input length of the network in bases: it has no "
            "training data here to take it from"
        )
    path = Path(path)
    found = read_regions(path, encoded.contigs, length=width, contig_names=contig_names)
    chrom, start, end = found.chrom, found.start, found.end
    adapter = adapter_of(networks.members.networks)
    reverse = int(np.sum(found.strand == -1))
    if reverse:
        own = adapter is not None and adapter.format.strand == "bed"
        used = (
            "each region is read on its own strand" if own else "the forward strand of all is used"
        )
        print(f"loci: {reverse} of {len(found)} regions lie on the reverse strand; {used}")
    regions = _bed_regions(path, found)
    fits = fitting_regions(networks.members.networks, regions, start, width)
    if not fits.all():
        print(
            f"loci: {int(np.sum(~fits))} of {len(found)} regions reach beyond what the network's "
            "output covers, and are left out"
        )
        if not fits.any():
            raise ValueError(
                f"{path}: no region lies within what the network's output covers; let it read more "
                "(model.input.length)"
            )
    chrom, start, end, regions = chrom[fits], start[fits], end[fits], regions.rows(fits)
    if source is not None and not allow_seen:
        seen = source.seen(chrom, start, end)
        if seen.any():
            first = int(np.flatnonzero(seen)[0])
            raise ValueError(
                f"{path}: {int(seen.sum())} of {len(seen)} regions lie on training or validation "
                f"chromosomes, the first at {chrom[first]}:{start[first]}-{end[first]}; leave them "
                "out, or set loci.allow_seen=true"
            )
    chosen = draw(len(chrom), n, seed)
    chrom, start, end = chrom[chosen], start[chosen], end[chosen]
    loci = Loci(
        chrom=chrom,
        start=start,
        end=end,
        codes=encoded.windows(encoded.locate(chrom), start, width),
        split="regions",
        regions=regions.rows(chosen),
    )
    return loci, encoded


def _bed_regions(path: Path, found: Regions) -> BedRegions:
    """Return the lines of a BED file with their thick parts, for networks that are read there."""
    thick = read_thick(path)
    keys = zip(found.chrom, found.region_start, found.region_end, found.strand, strict=True)
    places = np.array(
        [
            thick.get(
                (str(chrom).removeprefix("chr"), int(start), int(end), ".+-"[int(strand)]),
                (int(start), int(end)),
            )
            for chrom, start, end, strand in keys
        ],
        dtype=np.int64,
    )
    return BedRegions(
        strand=found.strand,
        start=found.region_start,
        end=found.region_end,
        thick_start=places[:, 0],
        thick_end=places[:, 1],
    )
