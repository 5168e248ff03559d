"""Mutation effects of a network: exact, and fast where its structure allows."""

from deepmr.mutagenesis.alleles import Allele, AlleleEffects, allele_effects, with_allele
from deepmr.mutagenesis.averaged import Averaged
from deepmr.mutagenesis.build import build_engine
from deepmr.mutagenesis.checked import Checked
from deepmr.mutagenesis.cost import (
    bytes_in_memory,
    mutants_per_second,
    sequences_per_second,
)
from deepmr.mutagenesis.dense import Dense
from deepmr.mutagenesis.dropout import FixedDropout, dropout_draws
from deepmr.mutagenesis.effects import Engine, RawEffects
from deepmr.mutagenesis.incremental import Incremental
from deepmr.mutagenesis.listed import AlleleList, Asked, Saturation, VariantBatch
from deepmr.mutagenesis.pairs import PairEffects, pair_effects
from deepmr.mutagenesis.trace import NotTraceableError
from deepmr.mutagenesis.variants import Variants, saturation, substitutions
from deepmr.mutagenesis.view import View, views

__all__ = [
    "Allele",
    "AlleleEffects",
    "AlleleList",
    "Asked",
    "Averaged",
    "Checked",
    "Dense",
    "Engine",
    "FixedDropout",
    "Incremental",
    "NotTraceableError",
    "PairEffects",
    "RawEffects",
    "Saturation",
    "VariantBatch",
    "Variants",
    "View",
    "allele_effects",
    "build_engine",
    "bytes_in_memory",
    "dropout_draws",
    "mutants_per_second",
    "pair_effects",
    "saturation",
    "sequences_per_second",
    "substitutions",
    "views",
    "with_allele",
]
