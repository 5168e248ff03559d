import numpy as np
import pytest
import torch
from torch import nn

from deepmr.mutagenesis import (
    Allele,
    Dense,
    allele_effects,
    pair_effects,
    saturation,
    with_allele,
)
from deepmr.sequence import encode


class Counter(nn.Module):
    """Counts A and C, and multiplies the two counts: effects by hand."""

    def forward(self, sequence):
        a, c = sequence[:, 0].sum(-1), sequence[:, 1].sum(-1)
        return torch.stack([a, c, a * c], dim=1)


def test_alleles_take_the_place_of_the_reference():
    codes = encode("ACGTACGT")

    def window(ref, alt, offset=1, length=6):
        allele = Allele(locus=0, offset=offset, ref=ref, alt=alt)
        return "".join("ACGTN"[code] for code in with_allele(codes, allele, length=length))

    assert window("C", "T") == "ATGTAC"
    assert window("CGT", "C") == "ACACGT"
    assert window("C", "CAAA") == "ACAAAG"
    assert window("CGTAC", "C") == "ACGTNN"
    assert window("CG", "TT") == "ATTTAC"


def test_effects_of_alleles_are_those_worked_out_by_hand():
    codes = np.stack([encode("AACCGGTT"), encode("AAAAAAAC")])
    alleles = [
        Allele(locus=1, offset=0, ref="AA", alt="A"),
        Allele(locus=0, offset=4, ref="G", alt="GAAC"),
        Allele(locus=0, offset=0, ref="A", alt="C"),
    ]
    effects = allele_effects(Dense(Counter(), length=6), codes, alleles)
    assert effects.reference.tolist() == [[2, 2, 4], [6, 0, 0]]
    # AAAAAA stays; AACCGA gains an A; CACCGG swaps one
    assert effects.difference.T.tolist() == [[0, 0, 0], [1, 0, 2], [-1, 1, -1]]


def test_a_substitution_listed_as_an_allele_has_its_saturation_effect():
    codes = encode("ACGTACGT")[None]
    engine = Dense(Counter(), length=8)
    every = engine(codes, saturation(codes)).difference[0]
    allele = Allele(locus=0, offset=2, ref="G", alt="A")
    assert np.array_equal(allele_effects(engine, codes, [allele]).difference[:, 0], every[:, 6])
    assert allele_effects(engine, codes, []).difference.shape == (3, 0)


def test_alleles_that_contradict_the_sequence_are_refused():
    codes = encode("ACGTACGT")
    with pytest.raises(ValueError, match="locus has CG; is this another assembly, or a 1-based"):
        with_allele(codes, Allele(locus=0, offset=1, ref="GG", alt="A"), length=8)
    with pytest.raises(ValueError, match="begins within the window of 4 bases"):
        with_allele(codes, Allele(locus=0, offset=4, ref="A", alt="C"), length=4)
    with pytest.raises(ValueError, match="got '<DEL>'"):
        Allele(locus=0, offset=1, ref="G", alt="<DEL>")
    with pytest.raises(ValueError, match="differs from the reference"):
        Allele(locus=0, offset=1, ref="G", alt="g")


def test_pairs_add_up_where_the_network_is_additive_and_interact_where_it_multiplies():
    codes = encode("GGGTACGN")
    pairs = pair_effects(Dense(Counter(), length=8), codes, region=(0, 8))
    assert pairs.joint.shape == (3, 9 * 7 * 6 // 2)
    assert not pairs.interaction[:2].any()
    # a c goes from 1 by (1 + da)(1 + dc) - 1, so pairs interact by da1 dc2 + da2 dc1
    da, dc = pairs.alone[0], pairs.alone[1]
    expected = da[:, 0] * dc[:, 1] + da[:, 1] * dc[:, 0]
    assert np.abs(expected).max() > 0
    assert np.array_equal(pairs.interaction[2], expected)


def test_pairs_are_thinned_by_a_seed():
    codes = encode("GGGTACGN")
    engine = Dense(Counter(), length=8)
    some = pair_effects(engine, codes, region=(0, 6), most=20, seed=1)
    again = pair_effects(engine, codes, region=(0, 6), most=20, seed=1)
    assert some.joint.shape == (3, 20)
    assert np.array_equal(some.offset, again.offset)
    assert bool((some.offset[:, 0] < some.offset[:, 1]).all())
    with pytest.raises(ValueError, match="pairs need two known bases"):
        pair_effects(engine, codes, region=(6, 8))
