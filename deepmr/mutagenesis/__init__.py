"""In-silico mutagenesis: effects of variants on a network's raw outputs."""

from deepmr.mutagenesis.alleles import Allele, AlleleEffects, allele_effects, with_allele
from deepmr.mutagenesis.augmentation import Augmentation, AugmentationAverage, augmentations
from deepmr.mutagenesis.build import build_engine, said_once
from deepmr.mutagenesis.cost import (
    bytes_in_memory,
    mutants_per_second,
    sequences_per_second,
)
from deepmr.mutagenesis.dense import Dense
from deepmr.mutagenesis.dropout import FixedDropout, dropout_draws, has_dropout
from deepmr.mutagenesis.engine import Engine, RawEffects
from deepmr.mutagenesis.epistasis import PairEffects, pair_effects
from deepmr.mutagenesis.incremental import Incremental, NotTraceableError
from deepmr.mutagenesis.placed import PlacedEngine, Placement
from deepmr.mutagenesis.repeatability import check_repeatable
from deepmr.mutagenesis.variant_set import AlleleList, Saturation, VariantBatch, VariantSet
from deepmr.mutagenesis.variants import Variants, saturation, substitutions
from deepmr.mutagenesis.verification import Verified

__all__ = [
    "Allele",
    "AlleleEffects",
    "AlleleList",
    "Augmentation",
    "AugmentationAverage",
    "Dense",
    "Engine",
    "FixedDropout",
    "Incremental",
    "NotTraceableError",
    "PairEffects",
    "PlacedEngine",
    "Placement",
    "RawEffects",
    "Saturation",
    "VariantBatch",
    "VariantSet",
    "Variants",
    "Verified",
    "allele_effects",
    "augmentations",
    "build_engine",
    "bytes_in_memory",
    "check_repeatable",
    "dropout_draws",
    "has_dropout",
    "mutants_per_second",
    "pair_effects",
    "said_once",
    "saturation",
    "sequences_per_second",
    "substitutions",
    "with_allele",
]
