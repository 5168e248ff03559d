import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from deepmr.mutagenesis import (
    Dense,
    Incremental,
    NotTraceableError,
    Verified,
    build_engine,
    dropout_draws,
    saturation,
    substitutions,
)

ACTIVATIONS = [
    nn.PReLU, nn.ReLU, nn.GELU, nn.Sigmoid, nn.Tanh, nn.ELU, nn.SiLU, nn.Softplus, nn.LeakyReLU,
    nn.Mish, lambda: nn.ReLU(inplace=True),
]  # fmt: skip


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, values):
        return values + self.inner(values)


class Cropped(nn.Module):
    """A residual block without padding: the shortcut is cropped, as in BPNet."""

    def __init__(self, convolution, cut):
        super().__init__()
        self.convolution = convolution
        self.cut = cut

    def forward(self, values):
        return torch.relu(self.convolution(values)) + values[:, :, self.cut : -self.cut]


class Joined(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, values):
        return torch.cat([values, self.inner(values)], dim=1)


class Gated(nn.Module):
    def __init__(self, value, gate):
        super().__init__()
        self.value = value
        self.gate = gate

    def forward(self, values):
        return 0.5 * self.value(values) * torch.sigmoid(self.gate(values)) + 0.1


class Padded(nn.Module):
    def __init__(self, left, right):
        super().__init__()
        self.edges = (left, right)

    def forward(self, values):
        return F.pad(values, self.edges)


class Pooled(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def forward(self, values):
        if self.kind == "mean":
            return values.mean(dim=-1)
        if self.kind == "max":
            return values.max(dim=2).values
        return torch.cat([values.amax(-1), values.sum(2) / 10], dim=1)


@st.composite
def networks(draw):
    """Draw a network, the length of a locus, and a seed for weights and sequence."""
    length = draw(st.integers(20, 61))
    channels, here = 4, length
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        kinds = ["plain", "plain", "residual", "dense", "gated", "crop", "pool", "pad"]
        kind = draw(st.sampled_from(kinds))
        part, channels, here = _part(draw, kind, channels, here)
        parts += part
    seed = draw(st.integers(0, 2**20))
    torch.manual_seed(seed)
    parts, width = _head(draw, parts, channels, here)
    head = [nn.Linear(width, 5), draw(st.sampled_from(ACTIVATIONS))(), nn.Linear(5, 2)]
    if draw(st.booleans()):
        head.insert(1, nn.BatchNorm1d(5))
    if draw(st.booleans()):
        head.append(nn.Sigmoid())
    return nn.Sequential(*parts, *head), length, seed


def _head(draw, parts, channels, here):
    kind = draw(st.sampled_from(["flatten", "flat dropout", "mean", "max", "both", "adaptive"]))
    if kind == "flatten":
        return [*parts, nn.Flatten(), nn.Dropout(0.3)], channels * here
    if kind == "flat dropout":
        return [*parts, nn.Flatten(), nn.ReLU(), nn.Dropout(0.3)], channels * here
    if kind == "adaptive":
        return [*parts, nn.AdaptiveMaxPool1d(1), nn.Flatten()], channels
    return [*parts, Pooled(kind)], channels * (2 if kind == "both" else 1)


def _part(draw, kind, channels, here):
    width = draw(st.integers(1, 5))
    same = {"padding": "same", "dilation": draw(st.integers(1, 3))}
    kernel = draw(st.integers(1, 5))
    activation = draw(st.sampled_from(ACTIVATIONS))
    if kind == "residual":
        norm = [nn.BatchNorm1d(channels)] if draw(st.booleans()) else []
        inner = nn.Sequential(nn.Conv1d(channels, channels, kernel, **same), *norm, activation())
        return [Residual(inner)], channels, here
    if kind == "dense":
        return [Joined(nn.Conv1d(channels, width, kernel, **same))], channels + width, here
    if kind == "gated":
        pair = [nn.Conv1d(channels, width, kernel, **same) for _ in range(2)]
        return [Gated(*pair)], width, here
    if kind == "crop" and here > 8:
        convolution = nn.Conv1d(channels, channels, 3, dilation=2)
        return [Cropped(convolution, 2)], channels, here - 4
    if kind == "pad":
        return [Padded(1, 2), nn.Dropout(0.1)], channels, here + 3
    if kind == "pool" and here > 6:
        return [_pool(draw, channels)], *_after(_pool_options, channels, here)
    stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    padding = draw(st.integers(0, 3))
    groups = draw(st.sampled_from([1, 1, 1, channels]))
    if here + 2 * padding <= (kernel - 1) * dilation + 3:
        return [activation()], channels, here
    out = width * channels if groups > 1 else width
    convolution = nn.Conv1d(
        channels, out, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    here = (here + 2 * padding - (kernel - 1) * dilation - 1) // stride + 1
    parts = [convolution]
    if draw(st.booleans()):
        parts.append(nn.BatchNorm1d(out))
    parts.append(activation())
    return parts, out, here


_pool_options: dict = {}


def _pool(draw, channels):
    kernel = draw(st.integers(1, 4))
    stride = draw(st.integers(1, 4))
    padding = draw(st.integers(0, kernel // 2))
    ceil_mode = draw(st.booleans())
    if draw(st.booleans()):
        pool = nn.MaxPool1d(kernel, stride, padding, ceil_mode=ceil_mode)
    else:
        pool = nn.AvgPool1d(
            kernel, stride, padding, ceil_mode=ceil_mode, count_include_pad=draw(st.booleans())
        )
    _pool_options["pool"] = pool
    return pool


def _after(options, channels, here):
    shape = options["pool"](torch.zeros(1, channels, here)).shape
    return channels, shape[2]


def shuffled(network, seed):
    """Give batch norm statistics that matter, and evaluation mode."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.normal_()
    return network.eval()


def locus(seed, length, unknown=0.05, n_loci=1):
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, 4, (n_loci, length)).astype(np.uint8)
    codes[generator.random((n_loci, length)) < unknown] = 4
    return codes


def worst(network, length, codes, precision, chunk=None):
    variants = saturation(codes)
    exact = Dense(network, length=length, precision="float64")(codes, variants)
    engine = Incremental(network, length=length, precision=precision, chunk=chunk)
    effects = engine(codes, variants)
    largest = np.abs(exact.difference).max()
    return engine, np.abs(effects.difference - exact.difference).max() / max(largest, 1e-2)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_random_networks_are_exact_in_float64(drawn):
    network, length, seed = drawn
    engine, error = worst(
        shuffled(network, seed), length, locus(seed, length, n_loci=1 + seed % 3), "float64"
    )
    assert engine.fallback_reasons == ()
    # a float64 network of some ten layers rounds at 1e-16 relative to values up to some hundred
    # times the largest effect
    assert error < 1e-12


class Recurrent(nn.Module):
    """An LSTM behind a convolution: the tail reads along the sequence."""

    def __init__(self):
        super().__init__()
        self.scan = nn.Sequential(nn.Conv1d(4, 6, 5), nn.ReLU(), nn.MaxPool1d(3))
        self.lstm = nn.LSTM(6, 4, batch_first=True, bidirectional=True)
        self.read = nn.Linear(8, 2)

    def forward(self, sequence):
        states, _ = self.lstm(self.scan(sequence).transpose(1, 2))
        return self.read(states.reshape(states.size(0), -1)[:, :8])


class Normalised(nn.Module):
    """A layer norm behind pooling: the tail reads vectors."""

    def __init__(self):
        super().__init__()
        self.scan = nn.Conv1d(4, 6, 5, padding=2)
        self.norm = nn.LayerNorm(6)
        self.read = nn.Linear(6, 2)

    def forward(self, sequence):
        pooled = torch.relu(self.scan(sequence)).mean(-1)
        return torch.softmax(self.read(self.norm(pooled.view(pooled.shape[0], -1))), dim=1)


@pytest.mark.parametrize("network", [Recurrent, Normalised])
def test_what_no_rule_treats_is_run_as_a_whole_and_still_exact(network):
    torch.manual_seed(0)
    engine, error = worst(network().eval(), 41, locus(3, 41, n_loci=3), "float64", chunk=170)
    assert len(engine.fallback_reasons) == 1
    assert error < 1e-12


class Fickle(nn.Module):
    def __init__(self):
        super().__init__()
        self.scan = nn.Conv1d(4, 2, 3)

    def forward(self, sequence):
        total = self.scan(sequence).sum(-1)
        return total if total.sum() > 0 else -total


def test_a_flow_that_depends_on_values_runs_densely_and_says_so(caplog):
    with caplog.at_level("WARNING"):
        engine = build_engine(Fickle(), length=20)
    assert engine.settings["engine"] == "dense"
    assert (
        "Fickle runs densely, a forward pass for each mutant: torch.fx cannot trace it"
        in caplog.text
    )
    with pytest.raises(ValueError, match="engine=incremental needs a network whose structure"):
        build_engine(Fickle(), length=20, engine="incremental")


def small():
    torch.manual_seed(5)
    return nn.Sequential(
        nn.Conv1d(4, 8, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Dropout(0.4),
        nn.Conv1d(8, 8, 5), nn.GELU(), nn.Flatten(), nn.Linear(8 * 46, 6), nn.ReLU(),
        nn.Dropout(0.2), nn.Linear(6, 2),
    )  # fmt: skip


@pytest.mark.parametrize(("precision", "most"), [("float32", 1e-5), ("bfloat16", 0.03)])
def test_lower_precisions_stay_close(precision, most):
    # float32: the bound promised to users; bfloat16 has 8 bits, 2**-9 a product, some layers
    engine, error = worst(small().eval(), 100, locus(1, 100), precision)
    assert engine.settings["precision"] == precision
    assert error < most


def test_a_listed_few_and_a_thinned_region_are_those_of_saturation():
    network, codes = small(), locus(2, 100, unknown=0)
    engine = Incremental(network, length=100, precision="float64")
    every = engine(codes, saturation(codes)).difference
    thinned = saturation(codes, region=[(0, 5), (40, 80)], every=3)
    columns = 3 * thinned.offset[0] + np.tile([0, 1, 2], thinned.n_variants // 3)
    # other shapes of the same products: float64 roundings of numbers around 1
    np.testing.assert_allclose(engine(codes, thinned).difference, every[:, :, columns], atol=1e-14)
    here = [int(base) for base in codes[0]]
    listed = [(97, (here[97] + 1) % 4), (3, (here[3] + 2) % 4), (3, (here[3] + 3) % 4)]
    some = engine(codes, substitutions(codes, [listed])).difference
    alt = saturation(codes).alt[0]
    chosen = [next(k for k in range(3 * p, 3 * p + 3) if alt[k] == a) for p, a in listed]
    np.testing.assert_allclose(some, every[:, :, chosen], atol=1e-14)


def test_changed_weights_are_noticed():
    network, codes = small(), locus(2, 100)
    engine = Incremental(network, length=100, precision="float64")
    before = engine(codes, saturation(codes)).difference
    with torch.no_grad():
        network[-1].weight.mul_(2)
    after = engine(codes, saturation(codes)).difference
    np.testing.assert_allclose(after, 2 * before, atol=1e-13)


def test_a_model_leaves_as_it_came():
    network = small().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modules = list(network.named_modules())
    engine = build_engine(network, length=100, engine="incremental")
    engine(locus(2, 100), saturation(locus(2, 100)))
    assert all(module.training for module in network.modules())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert list(network.named_modules()) == modules
    assert all(value.grad is None and value.requires_grad for value in network.parameters())


def test_a_network_with_hooks_runs_densely():
    network = small()
    network[0].register_forward_hook(lambda *_: None)
    with pytest.raises(NotTraceableError, match="carries forward hooks at 0"):
        Incremental(network, length=100)


class Wrong:
    """An engine that gets one position wrong."""

    chunk, length, settings = 1, 100, {"engine": "wrong"}

    def __init__(self, engine, offset):
        self.engine, self.offset = engine, offset

    def __call__(self, codes, variants):
        effects = self.engine(codes, variants)
        effects.difference[:, :, variants.offset[0] == self.offset] *= 1.1
        return effects

    def predict(self, codes):
        return self.engine.predict(codes)


def test_a_wrong_number_is_found_and_said():
    network, codes = small(), locus(2, 100, unknown=0)
    right = Incremental(network, length=100)
    variants = saturation(codes, region=(40, 44))
    Verified(right, network, length=100, sample=12, tolerance=1e-3)(codes, variants)
    wrong = Verified(Wrong(right, 42), network, length=100, sample=12, tolerance=1e-3)
    with pytest.raises(ArithmeticError, match="for a mutant at offset 42; run with mutagenesis"):
        wrong(codes, variants)


def test_a_number_that_is_wrong_in_a_later_batch_is_found_by_the_quick_check():
    network, codes = small(), locus(2, 100, unknown=0)
    variants = saturation(codes, region=(40, 44))
    engine = Wrong(Incremental(network, length=100), -1)  # nothing is wrong yet
    verified = Verified(engine, network, length=100, sample=12, tolerance=1e-3)
    for _ in range(2):
        verified(codes, variants)
    engine.offset = 42
    with pytest.raises(ArithmeticError, match="for a mutant at offset 42; run with mutagenesis"):
        verified(codes, variants)


def test_loci_without_known_bases_have_no_effects():
    codes = np.full((2, 100), 4, dtype=np.uint8)
    effects = build_engine(small(), length=100, engine="incremental")(codes, saturation(codes))
    assert effects.difference.shape == (2, 2, 300)
    assert not effects.difference.any()


def test_engines_of_shared_parameters_share_what_they_lay_out():
    network = small()
    first, second = (
        Incremental(draw, length=100) for draw in dropout_draws(network, draws=2, seed=3)
    )
    laid_out = [
        [
            layer._weight.data_ptr()
            for layer in engine._network.position_layers
            if hasattr(layer, "_weight")
        ]
        + [layer.weight.data_ptr() for layer in engine._network.global_layers]
        for engine in (first, second)
    ]
    assert len(laid_out[0]) == 3
    assert laid_out[0] == laid_out[1]


@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
def test_a_wide_layer_over_positions_is_multiplied_position_by_position(precision):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv1d(4, 340, 3), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(340 * 9, 300),
        nn.ReLU(), nn.Linear(300, 2),
    )  # fmt: skip
    engine, error = worst(network.eval(), 20, locus(4, 20, n_loci=3), precision)
    # 300 outputs are filled up to 320 and 340 channels to 344; in float64 a window of their weights
    # exceeds what stays in cache, in bfloat16 it does not
    layer = engine._network.global_layers[0]
    assert layer.weight.shape == (9, 344, 320)
    assert (layer._window is None) == (precision == "float64")
    assert error < {"float64": 1e-12, "bfloat16": 0.03}[precision]


def test_a_network_that_diverged_is_said_to_have():
    network, codes = small(), locus(2, 100)
    with torch.no_grad():
        network[-1].bias.fill_(float("nan"))
    with pytest.raises(ValueError, match="did its training diverge"):
        build_engine(network, length=100, engine="incremental")(codes, saturation(codes))
