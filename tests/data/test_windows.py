from __future__ import annotations

import numpy as np
import pytest
import torch

from deepmr import sequence
from deepmr.data.windows import reverse_complement


@pytest.mark.parametrize("length", [1, 2, 3, 4, 6, 8, 12, 20, 64, 1000])
def test_other_strand_of_bytes_is_the_other_strand_of_one_hot(length: int) -> None:
    codes = np.random.default_rng(length).integers(0, 5, (7, length), dtype=np.uint8)
    turned = reverse_complement(codes)
    expected = sequence.reverse_complement(sequence.one_hot(torch.from_numpy(codes)))
    assert torch.equal(sequence.one_hot(torch.from_numpy(turned)), expected)
    assert turned.max() <= 4
    assert np.array_equal(reverse_complement(turned), codes)
