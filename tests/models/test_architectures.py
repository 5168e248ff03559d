"""What every architecture promises, and what each one is."""

import pytest
import torch
from torch import fx, nn

from deepmr.models import DeepSEA, MotifScanner, PaperCNN, SoftOr

SMALL_DEEPSEA = {"channels": (4, 5, 6), "hidden": 7}


def build(name: str, exposures: list[int], outcomes: list[int]) -> tuple[nn.Module, int]:
    """Return a small network of that name and its sequence length."""
    if name == "deepsea":
        return DeepSEA(300, exposures, outcomes, **SMALL_DEEPSEA), 300
    if name == "deepsea with batch norm":
        return DeepSEA(300, exposures, outcomes, batch_norm=True, **SMALL_DEEPSEA), 300
    if name == "paper":
        return PaperCNN(40, exposures, outcomes), 40
    return MotifScanner(40, exposures, outcomes, filters=6, hidden=8), 40


NAMES = ("cnn", "deepsea", "deepsea with batch norm", "paper")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("exposures", "outcomes"), [([1], [0, 2]), ([0, 1, 2], []), ([], [0])])
def test_one_output_per_task(name: str, exposures: list[int], outcomes: list[int]) -> None:
    net, length = build(name, exposures, outcomes)
    assert net(torch.rand(2, 4, length)).shape == (2, len(exposures) + len(outcomes))


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns(name: str) -> None:
    torch.manual_seed(0)
    net, length = build(name, [0], [1])
    net(torch.rand(8, 4, length)).square().sum().backward()
    still = [key for key, p in net.named_parameters() if p.grad is None]
    assert not still


@pytest.mark.parametrize("name", NAMES)
def test_tracing_changes_no_output(name: str) -> None:
    torch.manual_seed(0)
    net, length = build(name, [1], [0])
    net.eval()
    x = torch.rand(3, 4, length)
    torch.testing.assert_close(fx.symbolic_trace(net)(x), net(x), rtol=0, atol=0)


def test_deepsea_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        single = DeepSEA(1000, list(range(919)))
        split = DeepSEA(1000, list(range(690)), list(range(690, 919)))
    for net in (single, split):
        assert sum(p.numel() for p in net.parameters()) == 52_843_119


def test_deepsea_with_batch_norm_does_not_care_how_loud_its_filters_are() -> None:
    torch.manual_seed(0)
    plain, normal = (DeepSEA(300, [0], batch_norm=on, **SMALL_DEEPSEA) for on in (False, True))
    x = torch.rand(4, 4, 300)
    for net, unmoved in ((plain, False), (normal, True)):
        for module in net.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        before = net(x)
        with torch.no_grad():
            for module in net.modules():
                if isinstance(module, nn.Conv1d):
                    module.weight *= 100.0
        # Batch norm divides by sqrt(variance + 1e-5): all but equal beside variances of 1e-2.
        assert torch.allclose(net(x), before, rtol=1e-2, atol=1e-2) == unmoved


def test_deepsea_says_when_a_sequence_is_too_short() -> None:
    with pytest.raises(ValueError, match="deepsea needs longer sequences than 100 bases"):
        DeepSEA(100, [0])


def test_paper_network_has_the_described_layers() -> None:
    net = PaperCNN(100, [0], [1])
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv1d)]
    assert [(c.out_channels, c.kernel_size) for c in convolutions] == [(15, (7,))] * 3
    hidden = [m.out_features for m in net.dense if isinstance(m, nn.Linear)]
    assert hidden == [30, 30]


def test_motif_scanner_does_not_care_where_a_motif_lies() -> None:
    torch.manual_seed(0)
    net = MotifScanner(60, [0], [1], filters=5, width=7, hidden=8).eval()
    # All-zero columns (unknown bases) flank the motif, further than a filter reaches.
    x = torch.zeros(1, 4, 60)
    x[0, [0, 2, 1, 3, 3], torch.arange(20, 25)] = 1.0
    shifted = torch.roll(x, 11, dims=2)
    # The sums over positions are taken in another order.
    torch.testing.assert_close(net(shifted), net(x), rtol=1e-5, atol=1e-6)


def test_soft_or_is_one_minus_the_product_of_misses() -> None:
    x = torch.randn(3, 4, 9, generator=torch.Generator().manual_seed(1)).double()
    expected = 1 - (1 - torch.sigmoid(x)).prod(dim=2)
    torch.testing.assert_close(SoftOr()(x), expected)


def test_soft_or_keeps_digits_where_nothing_is_bound() -> None:
    x = torch.full((1, 1, 10), -40.0)
    expected = 10 * torch.exp(torch.tensor(-40.0))
    torch.testing.assert_close(SoftOr()(x)[0, 0], expected, rtol=1e-5, atol=0)


def test_a_pattern_wider_than_the_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model\.width must not exceed"):
        MotifScanner(10, [0], [1], width=11)
