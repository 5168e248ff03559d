"""Every yaml of a published network builds what it says, or its package is not installed."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from benchmarks.published import built, loop
from benchmarks.published_settings import TRIALS, Trial, missing_packages, settings_of
from deepmr.cli.optional_packages import HOW_TO_INSTALL, how_to_install
from deepmr.cli.trust import Trust, build
from deepmr.models import Adapter
from deepmr.models.reductions import shapes
from deepmr.mutagenesis import build_engine, saturation
from deepmr.weights import Checkpoint, load_into
from tests.conftest import REPOSITORY

CONF = REPOSITORY / "conf/model"
OWN = Trust(own=True)

# Parameters and outputs at full size, as papers give them or the packages build them.
FULL = {
    "basset": (4_135_064, "(1, 164)"),
    "beluga": (149_536_251, "(1, 2002)"),
    "borzoi_pytorch": (185_892_699, "(1, 7611, 6144)"),
    "bpnet_lite": (113_923, "(0: (1, 2, 1000), 1: (1, 1))"),
    "chrombpnet_lite": (6_377_986, "(0: (1, 1, 1000), 1: (1, 1))"),
    "danq": (46_926_479 + 2 * 4 * 320, "(1, 919)"),
    "deepsea_published": (52_843_119, "(1, 919)"),
    "enformer_pytorch": (251_221_292, "{human: (1, 896, 5313), mouse: (1, 896, 1643)}"),
    "legnet": (1_322_465, "(1,)"),
    "openspliceai": (185_187, "(1, 3, 300)"),
    "pangolin": (697_036, "(1, 12, 1000)"),
    "puffin": (510_948, "(1, 10, 1650)"),
}


class _LikeBPNet(nn.Module):
    """Two outputs and an argument that is not given, as BPNet's."""

    def __init__(self, n_filters: int, n_layers: int, n_outputs: int, **_: Any) -> None:
        super().__init__()
        self.iconv = nn.Conv1d(4, n_filters, 21, padding=10)
        self.layers = n_layers
        self.fconv = nn.Conv1d(n_filters, n_outputs, 75, padding=37)
        self.linear = nn.Linear(n_filters, 1)

    def forward(self, X: torch.Tensor, X_ctl: torch.Tensor | None = None) -> Any:  # noqa: N803
        seen = torch.relu(self.iconv(X))
        if X_ctl is not None:
            seen = torch.cat([seen, X_ctl], dim=1)
        return self.fconv(seen)[:, :, 557:1557], self.linear(seen.mean(dim=2))


class _LikeLegNet(nn.Module):
    """One number a sequence, without a second axis, as LegNet's."""

    def __init__(self, in_ch: int, stem_ch: int, stem_ks: int, **_: Any) -> None:
        super().__init__()
        self.stem = nn.Conv1d(in_ch, stem_ch, stem_ks, padding="same")
        self.head = nn.Linear(stem_ch, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.stem(x)).mean(dim=2)).squeeze(-1)


class _LikePuffin(nn.Module):
    """Ten positive outputs at every base, and a state dict that hides the method."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 10, 51, padding=25)
        self.state_dict = dict(nn.Module.state_dict(self))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = self.conv(x) + self.conv(x.flip([1, 2])).flip([1, 2])
        return nn.functional.softplus(both)


class _LikePangolin(nn.Module):
    """Four times a pair of probabilities and a usage, 5000 bases lost at either end."""

    def __init__(self, L: int, W: list[int], AR: list[int]) -> None:  # noqa: N803
        super().__init__()
        assert 2 * sum(a * (w - 1) for w, a in zip(W, AR, strict=True)) == 10_000
        self.conv = nn.Conv1d(4, L, 11, padding=5)
        self.last = nn.ModuleList(nn.Conv1d(L, n, 1) for n in (2, 1) * 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = torch.relu(self.conv(x))[:, :, 5000:-5000]
        made = [last(seen) for last in self.last]
        return torch.cat([m.softmax(1) if m.shape[1] == 2 else m.sigmoid() for m in made], 1)


STAND_INS: dict[str, tuple[str, type[nn.Module]]] = {
    "bpnet_lite": ("bpnetlite.bpnet.BPNet", _LikeBPNet),
    "chrombpnet_lite": ("bpnetlite.bpnet.BPNet", _LikeBPNet),
    "legnet": ("model.LegNet", _LikeLegNet),
    "puffin": ("puffin.Puffin", _LikePuffin),
    "pangolin": ("pangolin.model.Pangolin", _LikePangolin),
}


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Put a network of the same interface where a yaml looks for its authors'."""

    def put(name: str) -> None:
        path, network = STAND_INS[name]
        *modules, attribute = path.split(".")
        for depth in range(1, len(modules) + 1):
            module = types.ModuleType(".".join(modules[:depth]))
            module.__spec__ = types.SimpleNamespace(name=module.__name__)
            monkeypatch.setitem(sys.modules, module.__name__, module)
            if depth > 1:
                setattr(sys.modules[".".join(modules[: depth - 1])], modules[depth - 1], module)
        monkeypatch.setattr(network, "__module__", ".".join(modules))
        setattr(sys.modules[".".join(modules)], attribute, network)

    return put


def _shipped() -> set[str]:
    found = set()
    for path in CONF.glob("*.yaml"):
        if not OmegaConf.load(path).model.get("_partial_"):
            found.add(path.stem)
    return found


def test_every_yaml_of_a_published_network_is_measured_and_counted() -> None:
    assert set(TRIALS) == _shipped()
    assert set(FULL) == _shipped() - {"grelu"}, "gReLU's networks are as large as they were made"


def _skip_where_missing(part: dict[str, Any]) -> None:
    for name in missing_packages(part):
        pytest.skip(f"{name} is not installed: {HOW_TO_INSTALL[name]}")
    if "openspliceai" in str(part):
        pytest.importorskip("openspliceai", reason=how_to_install("openspliceai"))


@pytest.mark.parametrize("name", FULL)
def test_at_full_size_it_has_the_published_parameters_and_outputs(
    name: str, tmp_path: Path
) -> None:
    trial = Trial(tasks=TRIALS[name].tasks)
    part = settings_of(name, trial, tmp_path)
    _skip_where_missing(part)
    with torch.device("meta"):
        network = build(part, "model", OWN).eval()
        x = torch.zeros(1, 4, network.locus_length)
        output = network.raw(x)
        assert network(x).shape == (1, len(network.tasks))
    parameters, shape = FULL[name]
    assert shapes(output) == shape
    assert sum(p.numel() for p in network.inner_network.parameters()) == parameters


def _agrees_with_the_loop(network: Adapter) -> None:
    length = network.locus_length
    codes = np.random.default_rng(0).integers(0, 4, (1, length)).astype(np.uint8)
    with torch.no_grad():
        network.check(nn.functional.one_hot(torch.from_numpy(codes).long(), 4).mT.float())
    variants = saturation(codes)
    some = np.arange(variants.n_variants // 2, variants.n_variants // 2 + 12)
    mask = np.zeros_like(variants.mask)
    mask[0, some] = True
    asked = type(variants)(offset=variants.offset, ref=variants.ref, alt=variants.alt, mask=mask)
    found = build_engine(network, length=length)(codes, asked).difference[0][:, some]
    exact = loop(network, codes[0], variants, some)
    largest = np.abs(exact).max()
    assert largest > 0
    # Two float32 predictions of about 1 to 10 are subtracted: 1e-6 of them, 1e-4 of the effects.
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-3 * largest)


@pytest.mark.parametrize("name", STAND_INS)
def test_a_network_of_the_same_interface_is_read_right(
    name: str, tmp_path: Path, stand_in: Any
) -> None:
    stand_in(name)
    narrow = {"bpnet_lite": 4, "chrombpnet_lite": 4}
    settings = dict(TRIALS[name].settings)
    if name in narrow:
        settings["network.n_filters"] = narrow[name]
    part = settings_of(name, Trial(settings=settings), tmp_path)
    _agrees_with_the_loop(built(part, gain=TRIALS[name].gain))


SMALL = {
    "basset": {"network.channels": [4, 5, 6], "network.hidden": 7},
    "beluga": {"network.channels": [4, 5, 6], "network.hidden": 7},
    "danq": {"network.filters": 4, "network.recurrent": 3, "network.hidden": 7},
    "deepsea_published": {"network.channels": [4, 5, 6], "network.hidden": 7},
}


@pytest.mark.parametrize("name", [*SMALL, "bpnet_lite", "enformer_pytorch", "openspliceai"])
def test_effects_are_those_of_a_loop_in_float64(name: str, tmp_path: Path) -> None:
    trial = TRIALS[name]
    settings = {**trial.settings, **SMALL.get(name, {})}
    part = settings_of(name, Trial(settings=settings, tasks=trial.tasks), tmp_path)
    _skip_where_missing(part)
    _agrees_with_the_loop(built(part, gain=TRIALS[name].gain))


@pytest.mark.parametrize("module", HOW_TO_INSTALL)
def test_a_missing_package_is_told_with_its_command(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ValueError, match="install it") as caught:
        build({"_target_": f"{module}.Net"}, "model", OWN)
    assert HOW_TO_INSTALL[module] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_belong_to_the_network_inside_an_adapter() -> None:
    adapter = Adapter(nn.Conv1d(4, 1, 5), outputs={"a": {"channel": 0, "kind": "signal"}})
    state = {"module.weight": torch.ones(1, 4, 5), "module.bias": torch.zeros(1)}
    load_into(adapter, Checkpoint(path=Path("a.pt"), content=state))
    assert adapter.network.weight.sum().item() == 20
