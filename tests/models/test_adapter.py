"""Every way of reading a network equals a plain computation on what the network returns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit, logit, logsumexp, softmax
from torch import Tensor, nn

from deepmr.models import Adapter, InputFormat, Positions, Readout
from deepmr.mutagenesis import build_engine, saturation
from deepmr.sequence import complement_codes, one_hot
from deepmr.tasks import Task, TaskTable

LENGTH, SIZE, CHANNELS = 20, 16, 3
EXACT = 1e-10  # float64, sums of 20 terms
ROUNDED = 2e-5  # float32: logarithms of values of order 1, of ten layers' rounding


class Heads(nn.Module):
    """A convolution whose outputs bear an activation: (batch, 3, 16)."""

    def __init__(self, activation: str = "none", seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.convolution = nn.Conv1d(4, CHANNELS, 5)
        self.convolution.weight.data = torch.randn(CHANNELS, 4, 5, generator=generator)
        self.convolution.bias.data = torch.randn(CHANNELS, generator=generator)
        self.activation = activation

    def forward(self, x):
        return _activated(self.convolution(x), self.activation)


def _activated(values: Tensor, activation: str) -> Tensor:
    return {
        "none": lambda y: y,
        "sigmoid": torch.sigmoid,
        "softmax": lambda y: torch.softmax(y, dim=1),
        "log_softmax": lambda y: torch.log_softmax(y, dim=1),
        "exp": torch.exp,
        "softplus": nn.functional.softplus,
        "log": lambda y: y,
    }[activation](values)


def _sequences(n: int = 6, length: int = LENGTH, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, (n, length)).astype(np.uint8)


def _encoded(codes: np.ndarray, dtype: torch.dtype = torch.float64) -> Tensor:
    return one_hot(torch.from_numpy(codes), dtype)


def _read(
    network: nn.Module, outputs: dict, codes: np.ndarray | None = None, **input_
) -> np.ndarray:
    adapter = Adapter(network, outputs, input=input_).double().eval()
    codes = _sequences() if codes is None else codes
    adapter.check(_encoded(codes))
    return adapter(_encoded(codes)).detach().numpy()


def _plain(network: nn.Module, codes: np.ndarray | None = None) -> np.ndarray:
    codes = _sequences() if codes is None else codes
    return network.double()(_encoded(codes)).detach().numpy()


REDUCE = {
    "mean": lambda y: y.mean(axis=-1),
    "sum": lambda y: y.sum(axis=-1),
    "max": lambda y: y.max(axis=-1),
    "logsumexp": lambda y: logsumexp(y, axis=-1),
}
INVERSE = {
    "none": lambda y: y,
    "log": lambda y: y,
    "sigmoid": logit,
    "exp": np.log,
    "softplus": lambda y: np.log(np.expm1(y)),
}


@pytest.mark.parametrize("activation", ["none", "sigmoid", "exp", "softplus", "log"])
@pytest.mark.parametrize("reduce", ["mean", "sum", "max", "logsumexp"])
def test_reduction_then_inverse_of_the_activation(activation: str, reduce: str) -> None:
    if (activation, reduce) == ("sigmoid", "sum"):
        pytest.skip("refused: test_a_sum_of_probabilities_is_refused")
    kind = "binary" if activation == "sigmoid" else "signal"
    entry = {"channel": 1, "positions": "3:9", "reduce": reduce, "activation": activation}
    network = Heads(activation)
    found = _read(network, {"A": {**entry, "kind": kind}})[:, 0]
    values = _plain(network)[:, 1, 3:9]
    undone = INVERSE[activation]
    if reduce == "logsumexp":  # of values whose activation is undone
        expected = logsumexp(undone(values), axis=-1)
    else:
        expected = undone(REDUCE[reduce](values))
    np.testing.assert_allclose(found, expected, atol=EXACT)


@pytest.mark.parametrize("reduce", ["mean", "max", "logsumexp"])
@pytest.mark.parametrize("channel", [0, 1, 2, [0, 2]])
def test_softmax_is_read_as_log_odds_of_its_channels(reduce: str, channel: int | list[int]) -> None:
    entry = {"channel": channel, "positions": "3:9", "reduce": reduce, "activation": "softmax"}
    network = Heads("softmax")
    found = _read(network, {"A": entry})[:, 0]
    share = _plain(network)[:, np.atleast_1d(channel), 3:9].sum(axis=1)
    expected = logit(share.mean(axis=-1)) if reduce == "mean" else REDUCE[reduce](logit(share))
    np.testing.assert_allclose(found, expected, atol=EXACT)


@pytest.mark.parametrize("given", ["none", "log_softmax"])
def test_scores_and_their_log_softmax_are_read_as_the_same_log_odds(given: str) -> None:
    entry = {"channel": 2, "positions": "centre(3)", "reduce": "mean", "activation": "log_softmax"}
    found = _read(Heads(given), {"A": entry})[:, 0]
    scores = _plain(Heads("none"))[:, :, 6:9]
    expected = logit(softmax(scores, axis=1)[:, 2]).mean(axis=-1)
    np.testing.assert_allclose(found, expected, atol=EXACT)


def test_log_odds_of_a_softmax_keep_their_digits_where_one_minus_p_would_lose_them() -> None:
    class Sure(nn.Module):
        def forward(self, x):
            score = x[:, :3].sum(dim=2, keepdim=True)  # 14, 0, 0 and more for other bases
            return torch.softmax(score, dim=1)

    codes = np.zeros((1, 14), dtype=np.uint8)
    adapter = Adapter(Sure(), {"A": {"channel": 0, "activation": "softmax"}})
    found = float(adapter(_encoded(codes, torch.float32))[0, 0])
    # float32 keeps 1 - p to 6e-8 of 1.7e-6: 4 % of the odds, .04 of the logit
    assert found == pytest.approx(14 - np.log(2), abs=1e-5)


def test_probabilities_at_the_end_of_float32_are_clipped_and_finite() -> None:
    class Certain(nn.Module):
        def forward(self, x):
            return torch.sigmoid(100.0 * x[:, :2].sum(dim=2) - 50)

    codes = np.array([[0, 0]], dtype=np.uint8)
    outputs = {"yes": {"channel": 0, "activation": "sigmoid"}, "no": {"channel": 1}}
    outputs["no"]["activation"] = "sigmoid"
    found = Adapter(Certain(), outputs)(_encoded(codes, torch.float32))
    assert torch.isfinite(found).all()
    assert found[0, 0] > 17
    assert found[0, 1] < -49


def test_counts_that_a_network_gives_as_they_are_go_to_the_anscombe_scale() -> None:
    network = Heads("softplus")
    found = _read(
        network, {"A": {"channel": 0, "positions": "all", "reduce": "sum", "kind": "count"}}
    )
    expected = 2 * np.sqrt(_plain(network)[:, 0].sum(axis=-1) + 3 / 8)
    np.testing.assert_allclose(found[:, 0], expected, atol=EXACT)


class Profile(nn.Module):
    """Profile scores and log counts, as BPNet gives them."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Heads()

    def forward(self, x):
        y = self.body(x)
        return {"profile": (y[:, :2], y), "counts": y.mean(dim=2)[:, :1]}


def test_profile_counts_are_the_total_shared_out_by_the_profile() -> None:
    entry = {"take": ["profile", 0], "positions": "centre(4)", "reduce": "counts"}
    found = _read(Profile(), {"A": {**entry, "total": "counts", "kind": "count"}})[:, 0]
    y = _plain(Heads())
    share = softmax(y[:, :2].reshape(len(y), -1), axis=1).reshape(len(y), 2, -1)[:, :, 6:10]
    expected = np.log(np.exp(y.mean(axis=2)[:, 0]) * share.sum(axis=(1, 2)))
    np.testing.assert_allclose(found, expected, atol=EXACT)


def test_counts_of_a_profile_of_rates_are_summed_over_strands_and_positions() -> None:
    network = Heads("exp")
    entry = {"channel": [0, 1], "positions": "2:5", "reduce": "counts", "kind": "count"}
    found = _read(network, {"A": {**entry, "activation": "exp"}})[:, 0]
    expected = np.log(_plain(network)[:, :2, 2:5].sum(axis=(1, 2)))
    np.testing.assert_allclose(found, expected, atol=EXACT)


def test_several_channels_are_reduced_with_the_positions() -> None:
    entry = {"channel": [0, 2], "positions": "2:5", "reduce": "max", "kind": "signal"}
    found = _read(Heads(), {"A": entry})[:, 0]
    np.testing.assert_allclose(found, _plain(Heads())[:, [0, 2], 2:5].max(axis=(1, 2)), atol=EXACT)


@pytest.mark.parametrize(
    ("layout", "axes"), [("ncl", (0, 1, 2)), ("nlc", (0, 2, 1))], ids=["ncl", "nlc"]
)
def test_layout_of_the_output(layout: str, axes: tuple[int, ...]) -> None:
    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = Heads()

        def forward(self, x):
            return self.body(x).permute(axes)

    entry = {"channel": 1, "positions": "4:6", "reduce": "sum", "layout": layout, "kind": "signal"}
    found = _read(Turned(), {"A": entry})[:, 0]
    np.testing.assert_allclose(found, _plain(Heads())[:, 1, 4:6].sum(axis=-1), atol=EXACT)


def test_an_output_of_positions_alone_is_layout_nl() -> None:
    class Track(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = Heads()

        def forward(self, x):
            return self.body(x)[:, 1]

    found = _read(Track(), {"A": {"layout": "nl", "positions": 7, "kind": "signal"}})[:, 0]
    np.testing.assert_allclose(found, _plain(Heads())[:, 1, 7], atol=EXACT)


def test_channels_of_an_output_without_positions_are_tasks_in_order() -> None:
    network = nn.Sequential(Heads(), nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Sigmoid())
    table = TaskTable((Task("A", "GATA1"), Task("B", "TAL1"), Task("C", kind="binary")))
    adapter = Adapter(network, {"*": {"activation": "sigmoid"}}, tasks=table).double()
    found = adapter(_encoded(_sequences())).detach().numpy()
    assert adapter.tasks == table
    np.testing.assert_allclose(found, _plain(Heads()).max(axis=-1), atol=EXACT)


@pytest.mark.parametrize("layout", ["ncl", "nlc", "nc1l"])
@pytest.mark.parametrize("channels", ["ACGT", "AGCT", "TGCA", "GTNA0C"])
def test_input_channels_and_layout_reach_the_network_as_it_reads_them(
    layout: str, channels: str
) -> None:
    class Kept(nn.Module):
        def forward(self, x):
            self.seen = x
            return x.flatten(1).sum(dim=1, keepdim=True)

    codes = np.array([[0, 1, 2, 3, 4]], dtype=np.uint8)
    network = Kept()
    Adapter(network, {"A": {"kind": "signal"}}, input={"channels": channels, "layout": layout})(
        _encoded(codes) if channels == "ACGT" else _encoded(codes, torch.float32)
    )
    seen = network.seen.detach()
    if layout == "nlc":
        seen = seen.transpose(1, 2)
    elif layout == "nc1l":
        assert seen.shape[2] == 1
        seen = seen[:, :, 0]
    expected = ["ACGTN".index(one) if one in "ACGTN" else -1 for one in channels]
    for row, code in enumerate(expected):
        assert seen[0, row].tolist() == [float(one == code) for one in codes[0]]


def test_a_flank_of_unknown_bases_is_added_and_one_of_the_genome_lengthens_the_locus() -> None:
    unknown = InputFormat(length=20, flank=3, flank_of="N")
    genome = InputFormat(length=20, flank=3)
    assert (unknown.locus_length, genome.locus_length) == (20, 26)
    entry = {"channel": 0, "positions": "all", "reduce": "sum", "kind": "signal"}
    found = _read(Heads(), {"A": entry}, length=20, flank=3, flank_of="N")
    padded = np.pad(_sequences(), ((0, 0), (3, 3)), constant_values=4)
    np.testing.assert_allclose(found[:, 0], _plain(Heads(), padded)[:, 0].sum(-1), atol=EXACT)


@pytest.mark.parametrize("named", [True, False], ids=["keyword", "positional"])
def test_extra_inputs_are_constants_with_a_row_for_every_sequence(named: bool) -> None:
    class Controlled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = Heads()

        def forward(self, x, control):
            return torch.cat([self.body(x), control], dim=1)

    one = {"shape": [2, SIZE], "value": 0.5}
    extra = {"control": one} if named else [one]
    outputs = {
        "A": {"channel": 0, "positions": 3, "kind": "signal"},
        "B": {"channel": 4, "positions": 3, "kind": "signal"},
    }
    adapter = Adapter(Controlled(), outputs, input={"extra": extra}).eval()
    codes = _sequences(2)
    dense = build_engine(adapter, length=LENGTH, engine="dense")(codes, saturation(codes))
    assert (dense.reference[:, 1] == 0.5).all()
    np.testing.assert_allclose(dense.reference[:, 0], _plain(Heads(), codes)[:, 0, 3], atol=ROUNDED)


@pytest.mark.parametrize(
    "entry",
    [
        {"channel": 1, "positions": "centre(3)", "reduce": "mean", "activation": "softmax"},
        {
            "channel": 1,
            "positions": "centre(4)",
            "reduce": "logsumexp",
            "activation": "log_softmax",
        },
    ],
    ids=["softmax", "log_softmax"],
)
def test_the_incremental_engine_gives_the_effects_of_whole_forward_passes(entry: dict) -> None:
    network = Heads("softmax" if entry["activation"] == "softmax" else "none")
    adapter = Adapter(
        network, {"A": entry, "B": {**entry, "channel": 2}}, input={"channels": "AGCT"}
    )
    codes = _sequences(2)
    variants = saturation(codes)
    found = build_engine(adapter, length=LENGTH, engine="incremental", check=0)(codes, variants)
    loop = build_engine(adapter, length=LENGTH, engine="dense", precision="float64")(
        codes, variants
    )
    np.testing.assert_allclose(found.difference, loop.difference, atol=ROUNDED)
    assert np.abs(loop.difference).max() > 0.1


def test_scale_probability_gives_back_the_network_s_own_probabilities() -> None:
    from deepmr.networks import Networks
    from deepmr.uncertainty import Ensemble

    entry = {"channel": 0, "positions": "centre(1)", "activation": "sigmoid"}
    members = [Adapter(Heads("sigmoid", seed), {"A": entry}) for seed in (0, 1)]
    networks = Networks.of(members, uncertainty=Ensemble(), scale="probability")
    raw = members[0](_encoded(_sequences(), torch.float32)).detach().numpy()
    expected = _plain(Heads("sigmoid", 0))[:, 0, 7]
    np.testing.assert_allclose(networks.scale(raw)[:, 0], expected, atol=1e-6)
    np.testing.assert_allclose(expit(raw[:, 0]), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "size", "bounds"),
    [
        ("all", 10, (0, None)),
        ("centre(3)", 10, (3, 6)),
        ("centre(4)", 10, (3, 7)),
        ("2:5", 10, (2, 5)),
        ("2:", 10, (2, None)),
        ("2:-3", 10, (2, -3)),
        ("-150:0", 1000, (350, 500)),
        ("centre(-1:2)", 9, (3, 6)),
        (7, 10, (7, 8)),
    ],
)
def test_notation_of_positions(text: object, size: int, bounds: tuple[int, int | None]) -> None:
    assert Positions.parse(text).bounds(size) == bounds


@pytest.mark.parametrize(
    "text", ["center", "thick", "3:3", "centre(0)", "-3:", "a:b", "start(2:1)"]
)
def test_other_notations_of_positions_are_refused(text: str) -> None:
    if text == "center":
        assert Positions.parse(text) == Positions.parse("centre(1)")
        return
    with pytest.raises(ValueError, match="positions"):
        Positions.parse(text)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"A": {"channel": 0, "reduce": "sum", "activation": "sigmoid"}}, "sum of probabilities"),
        ({"A": {"activation": "softmax"}}, "are those of a channel"),
        ({"A": {"chanel": 0}}, "no setting chanel"),
        ({"A": {"channel": 0, "activation": "tanh"}}, "must be one of none"),
        ({"A": {"channel": 0, "activation": "exp"}}, "a binary task has activation"),
        ({"A": {"channel": 0, "reduce": "median"}}, "must be one of sum"),
        ({"A": {"channel": 0, "total": 1}}, "goes with reduce=counts"),
        ({"A": "0"}, "must say how"),
        ({}, "an entry for each task"),
    ],
)
def test_outputs_that_make_no_sense_are_refused(outputs: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Adapter(Heads(), outputs)


def test_a_sum_of_probabilities_is_refused() -> None:
    with pytest.raises(ValueError, match="has no logit"):
        Readout.parse("A", {"channel": 0, "reduce": "sum", "activation": "sigmoid"}, place=0)


@pytest.mark.parametrize(
    ("network", "entry", "message"),
    [
        (Heads(), {"channel": 3, "positions": 1}, "channel 3 is not among 3"),
        (Heads(), {"channel": 0}, "16 of 16 positions are read; say how they become one"),
        (Heads(), {"channel": 0, "positions": "14:20", "reduce": "sum"}, "do not lie in an output"),
        (Heads(), {"channel": 0, "take": 0}, "leave take out"),
        (Heads(), {"positions": 1}, "has 3 channels; name one"),
        (Profile(), {"channel": 0, "positions": 1}, "take must name one part"),
        (Profile(), {"take": "profil", "channel": 0}, "is not in the network's output"),
        (Heads(), {"channel": 0, "positions": 1, "activation": "sigmoid"}, "gives 0 to 1"),
        (Heads("sigmoid"), {"channel": 0, "positions": 1, "activation": "softmax"}, "sums to 1"),
        (
            Heads(),
            {"channel": 0, "positions": 1, "activation": "exp", "kind": "count"},
            "0 or more",
        ),
    ],
)
def test_outputs_that_the_network_has_not_are_refused(
    network: nn.Module, entry: dict, message: str
) -> None:
    adapter = Adapter(network.double(), {"A": entry}).double()
    with pytest.raises(ValueError, match=message):
        adapter.check(_encoded(_sequences()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": "ACG"}, "each of A, C, G, T once"),
        ({"layout": "nlx"}, "input.layout must be one of"),
        ({"strand": "reverse"}, "input.strand must be one of"),
        ({"flank": -1}, "input.flank"),
        ({"lenght": 5}, "no setting lenght"),
        ({"extra": {"X": 3}}, "must say its shape"),
    ],
)
def test_inputs_that_make_no_sense_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Adapter(Heads(), {"A": {"channel": 0}}, input=settings)


def test_both_strands_are_the_average_with_the_reverse_complement() -> None:
    from deepmr.networks import Networks
    from deepmr.uncertainty import Ensemble

    entry = {"channel": 0, "positions": "all", "reduce": "sum", "kind": "signal"}
    adapters = [
        Adapter(Heads(seed=seed), {"A": entry}, input={"strand": "both"}) for seed in (0, 1)
    ]
    networks = Networks.of(adapters, uncertainty=Ensemble())
    codes = _sequences(3)
    engine = networks.members.engines(build_engine, length=LENGTH)[0]
    turned = complement_codes(codes)
    expected = (_plain(Heads(), codes)[:, 0].sum(-1) + _plain(Heads(), turned)[:, 0].sum(-1)) / 2
    np.testing.assert_allclose(engine.predict(codes)[:, 0], expected, atol=ROUNDED)


def test_an_untrained_twin_keeps_the_order_of_channels() -> None:
    adapter = Adapter(Heads(), {"A": {"channel": 0, "positions": 0}}, input={"channels": "AGCT"})
    before = adapter.order.weight.clone()
    adapter.order.reset_parameters()
    adapter.reset_parameters()
    assert torch.equal(adapter.order.weight, before)
