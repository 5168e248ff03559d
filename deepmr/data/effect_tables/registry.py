"""The formats, in the order in which a file is tried."""

from __future__ import annotations

from deepmr.data.effect_tables import (
    alphagenome,
    basenji,
    boda,
    deepsea,
    exported,
    gwas,
    info_vcf,
    ism_h5,
    long_table,
    saturation_mpra,
    selene,
    tangermeme,
    variant_scorer,
)
from deepmr.data.effect_tables.format import EffectFormat
from deepmr.data.effect_tables.head import Head
from deepmr.data.effect_tables.not_effects import REFUSED
from deepmr.data.effect_tables.rows import ReadSettings

__all__ = ["FORMATS", "format_of"]

FORMATS: tuple[EffectFormat, ...] = (
    exported.FORMAT,
    alphagenome.FORMAT,
    ism_h5.FORMAT,
    basenji.FORMAT,
    selene.SEI,
    selene.VARIANTS,
    selene.MUTAGENESIS,
    selene.MATRIX,
    deepsea.DEEPSEA,
    deepsea.EXPECTO,
    tangermeme.FORMAT,
    variant_scorer.FORMAT,
    saturation_mpra.FORMAT,
    boda.VARIANTS,
    boda.MUTAGENESIS,
    gwas.GWAS_SSF,
    gwas.TWO_SAMPLE_MR,
    info_vcf.FORMAT,
    long_table.FORMAT,
)


def format_of(head: Head, settings: ReadSettings, name: str = "auto") -> EffectFormat:
    """Return the format of a file.

    Args:
        head: The file's beginning.
        settings: How it is read; columns that were named make any table a plain one.
        name: ``auto`` (default), or a format's name.

    Raises:
        ValueError: If the format is unknown, or known and no table of effects; the message says
            what would be read in its place.
    """
    if name != "auto":
        found = next((one for one in FORMATS if one.name == name), None)
        if found is None:
            names = ", ".join(one.name for one in FORMATS)
            raise ValueError(f"effects.format is auto or one of {names}; got {name!r}")
        return found
    if settings.columns:
        return long_table.FORMAT
    for one in FORMATS:
        if one is not long_table.FORMAT and one.recognises(head):
            return one
    for no in REFUSED:
        if no.recognises(head):
            raise ValueError(f"{head.path} is {no.name}, no table of effects: {no.reason}")
    if long_table.FORMAT.recognises(head):
        return long_table.FORMAT
    shown = ", ".join(head.columns[:12]) or head.kind
    raise ValueError(
        f"{head.path} is no table of effects that is known here (it has {shown}); give columns "
        "chrom, pos, ref, alt, task, effect, or say which of yours they are: "
        "effects.columns.pos=position, and so on (docs/effects.md)"
    )
