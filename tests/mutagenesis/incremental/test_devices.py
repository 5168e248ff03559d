"""Every tensor of the engine lies where the network does: checked without an accelerator.

Tensors without content stand on a device of their own, and an operation that mixes it with the
CPU is an error, as it would be between a GPU and the CPU.
"""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torch._functorch.config
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.nn import functional as F

from deepmr.models import MotifScanner, PaperCNN
from deepmr.mutagenesis import dropout_draws, saturation
from deepmr.mutagenesis.incremental.compile import compile_network
from deepmr.mutagenesis.incremental.propagation import Mutants, Propagation

LENGTH = 60
ELSEWHERE = torch.device("meta")


@pytest.fixture
def mode() -> Iterator[FakeTensorMode]:
    allowed = torch._functorch.config.patch(fake_tensor_allow_meta=True)
    with allowed, FakeTensorMode(allow_non_fake_inputs=True) as found:
        yield found


class Varied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(4, 8, 5, padding=2)
        self.norm = nn.BatchNorm1d(8)
        self.pool = nn.AvgPool1d(3, 2, 1)
        self.dilated = nn.Conv1d(8, 8, 3, padding=2, dilation=2)
        self.wide = nn.Linear(16 * 15, 12)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(12, 2)

    def forward(self, sequence):
        values = self.pool(torch.relu(self.norm(self.first(sequence))))
        values = torch.cat([values, F.gelu(self.dilated(values)) * 0.5], 1)
        values = F.max_pool1d(values, 2)
        return self.last(self.drop(torch.sigmoid(self.wide(values.flatten(1)))))


class Behind(nn.Module):
    """Ends in a part that runs on every mutant as a whole."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(4, 8, 5, padding=2)
        self.last = nn.Linear(8, 2)

    def forward(self, sequence):
        values = torch.relu(self.first(sequence))
        return self.last((values.softmax(-1) * values).sum(-1))


def moved(module: nn.Module, mode: FakeTensorMode) -> nn.Module:
    def elsewhere(tensor: torch.Tensor) -> FakeTensor:
        return FakeTensor(mode, tensor.detach().to("meta"), ELSEWHERE)

    for part in module.modules():
        for name, tensor in list(part._parameters.items()):
            if tensor is not None:
                part._parameters[name] = nn.Parameter(elsewhere(tensor), requires_grad=False)
        for name, tensor in list(part._buffers.items()):
            if tensor is not None:
                part._buffers[name] = elsewhere(tensor)
    return module.eval()


def test_mixing_devices_is_an_error_here(mode):
    there = FakeTensor(mode, torch.empty(2, device="meta"), ELSEWHERE)
    with pytest.raises(RuntimeError, match="same device"):
        there + torch.ones(2)


@pytest.mark.parametrize("product", [None, torch.bfloat16])
@pytest.mark.parametrize(
    "build",
    [
        Varied,
        Behind,
        lambda: MotifScanner(LENGTH, [0], [1], filters=6, hidden=8),
        lambda: PaperCNN(LENGTH, [0], [1]),
    ],
    ids=["varied", "behind", "cnn", "paper"],
)
@torch.no_grad()
def test_no_operation_mixes_the_network_s_device_with_the_cpu(build, product, mode):
    model = moved(build(), mode)
    network = compile_network(model, length=LENGTH, dtype=torch.float32, product_dtype=product)
    codes = np.random.default_rng(0).integers(0, 4, (2, LENGTH)).astype(np.uint8)
    variants = saturation(codes)
    locus, column = np.nonzero(variants.mask)
    order = np.lexsort((locus, variants.offset[locus, column]))
    locus, column = locus[order], column[order]
    mutants = Mutants(locus, variants.offset[locus, column], variants.alt[locus, column])
    effects = Propagation(network, codes, torch.float32, ELSEWHERE).effects(mutants, 48)
    assert effects.device.type == "meta"
    assert effects.shape == (2 * 3 * LENGTH, 2)


def test_dropout_draws_stand_where_their_network_does(mode):
    draw = dropout_draws(moved(Varied(), mode), draws=2, seed=0)[0]
    network = compile_network(draw, length=LENGTH, dtype=torch.float32)
    assert {node.target for node in network.traced.graph.nodes}
