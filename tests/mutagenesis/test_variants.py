import numpy as np
import pytest

from deepmr.mutagenesis import Variants, saturation, substitutions
from deepmr.sequence import encode


def test_saturation_names_every_other_base_in_order():
    variants = saturation(encode("GAN")[None])
    assert variants.offset.tolist() == [[0, 0, 0, 1, 1, 1, 2, 2, 2]]
    assert variants.ref.tolist() == [[2, 2, 2, 0, 0, 0, -1, -1, -1]]
    assert variants.alt.tolist() == [[0, 1, 3, 1, 2, 3, -1, -1, -1]]
    assert variants.mask.tolist() == [[True] * 6 + [False] * 3]


def test_regions_are_united_and_thinned():
    codes = np.zeros((1, 20), dtype=np.uint8)
    variants = saturation(codes, region=[(2, 9), (8, 13)], every=3)
    assert np.unique(variants.offset).tolist() == [2, 5, 8, 11]
    assert np.unique(saturation(codes, region=(3, 5)).offset).tolist() == [3, 4]


@pytest.mark.parametrize("region", [(5, 5), (0, 21), (-1, 3), [(0, 3), (9, 30)]])
def test_a_region_outside_the_locus_is_refused(region):
    with pytest.raises(ValueError, match="must lie within the locus of 20 bases"):
        saturation(np.zeros((1, 20), dtype=np.uint8), region=region)


def test_every_below_one_is_refused():
    with pytest.raises(ValueError, match="every must be 1 or more, got 0"):
        saturation(np.zeros((1, 20), dtype=np.uint8), every=0)


def test_listed_substitutions_to_the_reference_are_masked():
    variants = substitutions(encode("ACN")[None], [[(0, 0), (1, 0), (2, 1)]])
    assert variants.mask.tolist() == [[False, True, False]]
    with pytest.raises(ValueError, match="got 3 in locus 0"):
        substitutions(encode("ACN")[None], [[(3, 0)]])


def test_variants_contradicting_themselves_are_refused():
    one, zero = np.ones((1, 1), dtype=np.int64), np.zeros((1, 1), dtype=np.int64)
    there = np.ones((1, 1), dtype=bool)
    with pytest.raises(ValueError, match="alt must differ from ref"):
        Variants(offset=zero, ref=one, alt=one, mask=there)
    with pytest.raises(ValueError, match="offset must be 0 or more, got -1"):
        Variants(offset=-one, ref=one, alt=zero, mask=there)
    with pytest.raises(ValueError, match="ref must be 0 to 3"):
        Variants(offset=zero, ref=-one, alt=zero, mask=there)
