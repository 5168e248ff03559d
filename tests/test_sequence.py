import numpy as np
import pytest
import torch

from deepmr.sequence import ALPHABET, UNKNOWN, encode, one_hot, reverse_complement


def test_soft_masked_bases_are_bases_and_the_rest_is_unknown():
    assert encode("acgtACGTnNRYU-").tolist() == [0, 1, 2, 3] * 2 + [UNKNOWN] * 6
    assert encode(b"GATTACA").tolist() == encode("GATTACA").tolist()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_one_hot_has_one_row_a_base_and_nothing_for_unknown(dtype):
    expanded = one_hot(torch.tensor([[0, 1, 2, 3, 4]], dtype=dtype))
    assert torch.equal(expanded[0, :, :4], torch.eye(4))
    assert not expanded[0, :, 4].any()


def test_the_other_strand_reads_the_complement_backwards():
    complement = dict(zip(ALPHABET, ALPHABET[::-1], strict=True))
    text = "ACGTTTGNCA"
    other = "".join(complement.get(base, base) for base in reversed(text))
    here = one_hot(torch.from_numpy(encode(text).copy()))
    there = one_hot(torch.from_numpy(encode(other).copy()))
    assert torch.equal(reverse_complement(here), there)
    assert torch.equal(reverse_complement(reverse_complement(here)), here)


def test_encoding_does_not_alias_the_table():
    first = encode("ACGT")
    first[:] = 9
    assert np.array_equal(encode("ACGT"), [0, 1, 2, 3])
