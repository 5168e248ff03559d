"""Known files whose numbers are not signed effects of variants, each with the reason."""

from __future__ import annotations

from deepmr.data.effect_tables.format import NotEffects
from deepmr.data.effect_tables.head import Head

__all__ = ["REFUSED"]


def _bases_only(head: Head) -> bool:
    """Tell gReLU's frame of mutagenesis: columns are the reference's bases, rows A, C, G, T."""
    return (
        head.kind == "text"
        and len(head.columns) > 2
        and head.columns[0] == ""
        and set(head.columns[1:]) <= set("ACGTN")
    )


REFUSED: tuple[NotEffects, ...] = (
    NotEffects(
        name="a program",
        recognises=lambda head: head.kind == "program",
        reason="such a file may run code when it is read; save the arrays with np.savez, or a "
        "table (chrom, pos, ref, alt, task, effect) as parquet",
    ),
    NotEffects(
        name="AlphaGenome's variant impact scores (AVI)",
        recognises=lambda head: (
            head.columns == ("CHROM", "POS", "REF", "ALT", "raw_score", "PHRED")
        ),
        reason="a score of deleteriousness, signed but no change of a readout; score the variants "
        "with the API's signed scorers (tidy_scores)",
    ),
    NotEffects(
        name="AlphaGenome's merged splicing scores",
        recognises=lambda head: head.has("CHROM", "POS", "alphagenome_splicing"),
        reason="a magnitude without a sign; score the variants with the API's signed scorers",
    ),
    NotEffects(
        name="AlphaGenome's feature importances",
        recognises=lambda head: head.has("MERGED_SPLICING", "MAX_ABS_DNASE"),
        reason="contributions to a score of deleteriousness, no changes of a readout; score the "
        "variants with the API's signed scorers",
    ),
    NotEffects(
        name="CADD",
        recognises=lambda head: head.has("Chrom", "Pos", "RawScore", "PHRED"),
        reason="a score of deleteriousness, without a sign and without a readout",
    ),
    NotEffects(
        name="Borzoi's gradients (satg)",
        recognises=lambda head: head.kind == "h5" and head.has("seqs", "grads"),
        reason="gradients are attributions, not effects of substitutions; run hound_ism_bed.py",
    ),
    NotEffects(
        name="chrombpnet's contribution scores",
        recognises=lambda head: head.kind == "h5" and head.has("raw/seq", "shap/seq"),
        reason="attributions, not effects of substitutions; score variants with variant-scorer",
    ),
    NotEffects(
        name="variant-scorer's predictions",
        recognises=lambda head: head.kind == "h5" and head.has("observed/allele1_pred_counts"),
        reason="predictions without alleles; give the .variant_scores.tsv beside them",
    ),
    NotEffects(
        name="mutagenesis around a variant (hound_ism_snp)",
        recognises=lambda head: head.kind == "h5" and head.has("seqs", "label"),
        reason="it has no coordinates; run hound_ism_bed.py, whose file has",
    ),
    NotEffects(
        name="attributions",
        recognises=lambda head: (
            head.kind == "npz" and any(name.startswith("attr") for name in head.columns)
        ),
        reason="centred and multiplied by the sequence, effects cannot be had back; save the raw "
        "outputs (saturation_mutagenesis(raw_outputs=True)) as y0, y_hat and X",
    ),
    NotEffects(
        name="an array without variants",
        recognises=lambda head: head.kind in ("npy", "npz"),
        reason="nothing says which variants its numbers belong to; save y0 (sequence, task), y_hat "
        "(sequence, 4, position, task) and X (sequence, 4, position) with np.savez, or a table",
    ),
    NotEffects(
        name="gReLU's frame of mutagenesis",
        recognises=_bases_only,
        reason="its columns are bases, not positions, and its numbers may be ratios; write a row a "
        "substitution (chrom, pos, ref, alt, task, effect) with log2 of a ratio",
    ),
    NotEffects(
        name="gReLU's AnnData",
        recognises=lambda head: (
            head.kind == "h5" and any(n.startswith("obs/") for n in head.columns)
        ),
        reason="by default its values are ratios; write adata.to_df().join(adata.obs) as a table "
        "and add effects.values=ratio",
    ),
    NotEffects(
        name="a list of variants",
        recognises=lambda head: head.columns[-1:] == ("contains_unk",),
        reason="it has no effects; give the file of differences that it belongs to",
    ),
    NotEffects(
        name="TwoSampleMR's formatted data",
        recognises=lambda head: head.has("SNP", "beta.exposure") or head.has("SNP", "beta.outcome"),
        reason="it knows variants by rsid alone, and effects lie in loci; give the table that "
        "format_data read, with chr and pos",
    ),
)
