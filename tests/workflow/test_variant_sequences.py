"""Sequences with a listed variant against kipoiseq's extractor, which reads the FASTA itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepmr.data.genome import EncodedGenome
from deepmr.data.regions import kipoiseq
from deepmr.mutagenesis.alleles import with_allele
from deepmr.sequence import encode
from deepmr.workflow.loci import Loci
from deepmr.workflow.variants import from_vcf


def test_every_allele_gives_kipoiseqs_sequence(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("DEEPMR_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(1)
    text = "".join(rng.choice(list("ACGT"), 600))
    (tmp_path / "g.fa").write_text(f">chr1\n{text}\n")
    genome = EncodedGenome.from_fasta(tmp_path / "g.fa")
    low, length = 200, 120
    rows = []
    for place in range(low + 1, low + length - 10, 3):
        n = int(rng.integers(1, 6))
        ref = text[place : place + int(rng.integers(1, 6))]
        alt = "".join(rng.choice(list("ACGT"), n))
        if ref != alt:
            rows.append((place, ref, alt))
    records = "".join(f"chr1\t{place + 1}\t.\t{ref}\t{alt}\n" for place, ref, alt in rows)
    (tmp_path / "v.vcf").write_text(f"#CHROM\tPOS\tID\tREF\tALT\n{records}")
    loci = Loci(
        chrom=np.array(["chr1"]),
        start=np.array([low]),
        end=np.array([low + length]),
        codes=genome.windows(np.array([0]), np.array([low]), length),
    )
    choice = from_vcf(loci, path=tmp_path / "v.vcf", genome=genome)
    assert len(choice.variants.alleles[0]) == len(choice.listed[0]) > 25
    wide = np.concatenate([loci.codes, choice.variants.beyond], axis=1)[0]
    interval = kipoiseq().Interval("chr1", low, low + length)
    extractor = kipoiseq().extractors.VariantSeqExtractor(str(tmp_path / "g.fa"))
    for ours, listed in zip(choice.variants.alleles[0], choice.listed[0], strict=True):
        variant = kipoiseq().Variant("chr1", listed.position + 1, listed.ref, listed.alt)
        expected = extractor.extract(interval, [variant], anchor=low)
        found = with_allele(wide, ours, length=length)
        np.testing.assert_array_equal(found, encode(expected))
