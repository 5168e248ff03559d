"""Variants of an interrogation: saturation mutagenesis, or the alleles of a VCF."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepmr.data.genome import EncodedGenome
from deepmr.data.vcf import ListedAllele, left_aligned, read_vcf
from deepmr.effect_shard import EffectShard
from deepmr.effects import MemberEffects
from deepmr.inference.single_effects import honest_effects
from deepmr.io.table_schemas import VARIANTS
from deepmr.io.tables import concatenate, write_table
from deepmr.loci import Loci
from deepmr.mutagenesis import Allele, AlleleList, Saturation, VariantSet
from deepmr.sequence import UNKNOWN, encode

__all__ = ["VariantChoice", "from_vcf", "saturate", "write_variants"]

_REF_MISMATCH = ("refuse", "skip")


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantChoice:
    """Variants of an interrogation, with their loci.

    Args:
        loci: Loci, with true effects of these variants where they are known.
        variants: The variants, for the engine; None for a table of effects, which has none.
        listed: Alleles of each locus as the VCF spells them; None (the default) under saturation.
        notes: Sentences for the report; none by default.
        files: Files that the variants were read from; none by default.
    """

    loci: Loci
    variants: VariantSet | None
    listed: tuple[tuple[ListedAllele, ...], ...] | None = None
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


def saturate(
    loci: Loci,
    *,
    genome: EncodedGenome | None = None,  # noqa: ARG001  (one call serves every source)
    every: int = 1,
    region: Sequence[int] | Sequence[Sequence[int]] | None = None,
) -> VariantChoice:
    """Return all three substitutions at every base of each locus, or at some.

    Args:
        loci: The loci.
        genome: Not used.
        every: Mutate each k-th base, 1 by default.
        region: ``[start, end]`` within the locus (0-based, half-open), or a list of them; by
            default (None) the whole locus.

    Raises:
        ValueError: If a region is empty or reaches beyond the locus, or ``every`` is below 1.
    """
    length = int(loci.codes.shape[1])
    variants = Saturation(length=length, region=region, every=every)
    if variants.identity == "saturation":
        return VariantChoice(loci=loci, variants=variants)
    columns = variants.columns()
    if loci.true_effects is not None:
        loci = replace(loci, true_effects=np.ascontiguousarray(loci.true_effects[..., columns]))
    note = f"{columns.size // 3} of the {length} bases of each locus were mutated."
    return VariantChoice(loci=loci, variants=variants, notes=(note,))


def from_vcf(
    loci: Loci,
    *,
    path: str | Path,
    genome: EncodedGenome | None = None,
    ref_mismatch: str = "refuse",
    contig_names: str = "exact",
) -> VariantChoice:
    """Return the variants of a VCF that lie in the loci.

    Single-base substitutions go through the engine; insertions, deletions and replacements of
    several bases through whole forward passes. True effects are known for substitutions alone, so
    no truth is claimed. Alleles that give the same sequence (one deletion written at several places
    of a repeat) are taken once, as the file spells the first of them.

    Args:
        loci: Loci of the interrogation.
        path: The VCF file, plain, gzip or bgzip.
        genome: Genome from which deletions take the bases after the locus; by default (None)
            these bases are unknown.
        ref_mismatch: Treatment of records whose REF differs from the genome: ``refuse`` the file
            (default), or ``skip`` the record and count it. A file of which most records differ is
            refused in either case.
        contig_names: ``exact``, or ``chr`` to match names of contigs that differ by that prefix.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line breaks a rule, a REF differs from the genome, no variant lies in a
            locus, or an option is unknown.
    """
    if ref_mismatch not in _REF_MISMATCH:
        raise ValueError(
            f"variants.ref_mismatch is one of {', '.join(_REF_MISMATCH)}; got {ref_mismatch!r}"
        )
    path = Path(path)
    length = int(loci.codes.shape[1])
    found = read_vcf(
        path, loci.chrom.tolist(), loci.start.tolist(), length=length, contig_names=contig_names
    )
    matching = [
        [one for one in window if _matches(path, row, one, loci, refuse=ref_mismatch == "refuse")]
        for row, window in enumerate(found.windows)
    ]
    given, kept = sum(map(len, found.windows)), sum(map(len, matching))
    if kept < given - kept:
        raise ValueError(
            f"{path}: REF of {given - kept} of {given} alleles in the loci is not what the genome "
            "has; is this another assembly?"
        )
    windows = tuple(_distinct(window, row, loci) for row, window in enumerate(matching))
    alleles = tuple(
        tuple(_allele(row, one, loci) for one in window) for row, window in enumerate(windows)
    )
    inside = sum(map(len, alleles))
    single = sum(one.base is not None for window in alleles for one in window)
    notes = [
        f"Of the {found.listed} alternative alleles of {path.name}, {inside} lie in the loci: "
        f"{single} of one base, {inside - single} insertions, deletions and longer replacements."
    ]
    left_out = (
        (found.outside, "lie outside the loci"),
        (found.unspelled, "have no letters to predict from (symbolic, missing or ambiguous)"),
        (given - kept, "have a REF that is not the genome's, and were left out"),
        (found.repeated + kept - inside, "are listed more than once, and were taken once"),
    )
    notes += [f"{count} {what}." for count, what in left_out if count]
    empty = sum(not window for window in alleles)
    if empty:
        notes.append(f"{empty} of {len(loci)} loci hold no listed variant.")
    return VariantChoice(
        loci=replace(loci, true_effects=None, true_tasks=()),
        variants=AlleleList(alleles=alleles, beyond=_beyond(loci, alleles, genome)),
        listed=windows,
        notes=tuple(notes),
        files=(path,),
    )


def _matches(path: Path, row: int, listed: ListedAllele, loci: Loci, *, refuse: bool) -> bool:
    """Return whether REF equals the bases of the locus.

    Raises:
        ValueError: If it does not, and mismatches are refused.
    """
    place = int(listed.position - loci.start[row])
    here = loci.codes[row, place : place + len(listed.ref)]
    if np.array_equal(here, encode(listed.ref)):
        return True
    if refuse:
        raise ValueError(
            f"{path}, line {listed.line}: REF must be the bases of the genome, got {listed.ref} "
            f"where {loci.chrom[row]} has {_letters(here)} at position {listed.position + 1}; "
            "is this another assembly? if not, variants.ref_mismatch=skip leaves such records out"
        )
    return False


def _distinct(window: Sequence[ListedAllele], row: int, loci: Loci) -> tuple[ListedAllele, ...]:
    """Leave out alleles that give the same sequence as one earlier in the file."""
    bases, first = _letters(loci.codes[row]), int(loci.start[row])
    kept: dict[tuple[int, str, str], int] = {}
    for one in sorted(window, key=lambda allele: allele.line):
        kept.setdefault(left_aligned(one, bases, first), id(one))
    chosen = set(kept.values())
    return tuple(one for one in window if id(one) in chosen)


def _letters(codes: np.ndarray) -> str:
    return "".join("ACGTN"[code] for code in codes)


def _allele(row: int, listed: ListedAllele, loci: Loci) -> Allele:
    start, ref, alt = listed.trimmed()
    return Allele(locus=row, offset=int(start - loci.start[row]), ref=ref, alt=alt)


def _beyond(
    loci: Loci, alleles: Iterable[Iterable[Allele]], genome: EncodedGenome | None
) -> np.ndarray:
    """Return the bases after each locus that its deletions take in."""
    lost = (len(one.ref) - len(one.alt) for window in alleles for one in window)
    spare = max(0, max(lost, default=0))
    if genome is None or spare == 0:
        return np.full((len(loci), spare), UNKNOWN, dtype=np.uint8)
    return np.asarray(genome.windows(genome.locate(loci.chrom), loci.end, spare))


def write_variants(
    path: Path,
    shards: Iterable[EffectShard],
    loci: Loci,
    listed: Sequence[Sequence[ListedAllele]],
    *,
    scale: str,
) -> None:
    """Write the effects of a VCF's variants with standard errors, as GWAS summary statistics.

    ``se_mean`` tells an effect from the noise of training, which is what instruments are chosen
    by; ``se`` holds, besides, the error that all members share, and is the one for intervals.

    Args:
        path: The parquet file.
        shards: Effects of all loci on exposure and outcome, in the order of ``loci``.
        loci: The loci.
        listed: Alleles of each locus, in the order of the effects.
        scale: Effect scale, for the file's metadata.
    """
    parts, row = [], 0
    for shard in shards:
        for inside in range(len(shard.loci)):
            if listed[row]:
                parts += _rows(shard.effects.at(inside), loci.places()[row], listed[row])
            row += 1
    write_table(path, concatenate(parts), VARIANTS, metadata={"effect_scale": scale})


def _rows(
    effects: MemberEffects,
    place: tuple[str, int, int],
    listed: Sequence[ListedAllele],
) -> list[dict[str, np.ndarray]]:
    # a shifted window lacks some at its ends
    shown = np.flatnonzero(effects.mask[: len(listed)]).tolist()
    listed, n = [listed[position] for position in shown], len(shown)
    first, second = effects.tasks
    alone = effects.n_members < 2
    found = effects.exact(first, second) if alone else effects.summarise(first, second)
    honest = found
    if not alone:
        honest = honest_effects(effects, first, second)
    unknown = np.full(n, np.nan)  # one network's errors are unknown, not 0
    columns = {
        "chrom": np.full(n, place[0], dtype=object),
        "start": np.full(n, place[1]),
        "end": np.full(n, place[2]),
        "position": np.array([one.position for one in listed]),
        "id": np.array([one.name for one in listed], dtype=object),
        "ref": np.array([one.ref for one in listed], dtype=object),
        "alt": np.array([one.alt for one in listed], dtype=object),
        "df": np.full(n, np.nan if alone else found.df),
    }
    return [
        {
            **columns,
            "task": np.full(n, task, dtype=object),
            "effect": effect[shown],
            "spread": unknown if alone else effects.of(task).std(axis=-2, ddof=1)[shown],
            "n_members": np.full(n, effects.n_members),
            "se_mean": unknown if alone else se_mean[shown],
            "se": unknown if alone else se[shown],
        }
        for task, effect, se_mean, se in (
            (first, found.beta_exposure, found.se_exposure, honest.se_exposure),
            (second, found.beta_outcome, found.se_outcome, honest.se_outcome),
        )
    ]
