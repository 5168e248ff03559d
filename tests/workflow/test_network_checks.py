"""Networks trained elsewhere are refused, with the reason, before any work."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import deepmr
from deepmr.loci import Loci
from deepmr.models import Adapter
from deepmr.mutagenesis import build_engine
from deepmr.networks import Networks
from deepmr.uncertainty import Ensemble
from deepmr.workflow.network_checks import check_networks

LENGTH = 12


def _loci(n: int = 2) -> Loci:
    start = np.arange(n) * LENGTH
    codes = np.random.default_rng(0).integers(0, 4, (n, LENGTH)).astype(np.uint8)
    return Loci(chrom=np.array(["c"] * n), start=start, end=start + LENGTH, codes=codes)


def _networks(make, outputs: dict | None = None) -> Networks:
    modules = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        modules.append(make())
    if outputs is None:
        return Networks.of(modules, ["A", "B"], uncertainty=Ensemble())
    return Networks.of([Adapter(one, outputs) for one in modules], uncertainty=Ensemble())


class Pooled(nn.Module):
    def __init__(self, *after: nn.Module) -> None:
        super().__init__()
        self.convolution, self.after = nn.Conv1d(4, 2, 3), nn.Sequential(*after)

    def forward(self, x):
        return self.after(self.convolution(x).amax(dim=2))


class OverTheBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(4, 2)  # batch_first is False, and it is given the batch first

    def forward(self, x):
        return self.recurrent(x.transpose(1, 2))[0].mean(dim=1)


class Dropping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = Pooled()

    def forward(self, x):
        return F.dropout(self.body(x), 0.3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (OverTheBatch, "recurrent is recurrent with batch_first=False"),
        (Dropping, "not deterministic in evaluation mode.*F.dropout"),
        (
            lambda: Pooled(nn.BatchNorm1d(2, track_running_stats=False)),
            "batch norm after.0 has no running statistics",
        ),
    ],
    ids=["lstm over the batch", "dropout", "batch norm"],
)
def test_outputs_that_are_no_function_of_the_sequence_are_refused_with_the_reason(
    make, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        check_networks(_networks(make), _loci())


def test_a_sound_network_passes_with_a_line_for_each_check() -> None:
    lines = check_networks(_networks(Pooled), _loci())
    assert len(lines) == 2
    assert "alone, twice, and beside others" in lines[0]
    assert "finite" in lines[1]


def test_outputs_that_are_not_finite_are_refused_by_the_task_s_name() -> None:
    class Diverged(Pooled):
        def forward(self, x):
            return super().forward(x) * torch.tensor([1.0, float("nan")])

    with pytest.raises(ValueError, match="got NaN or infinity for B"):
        check_networks(_networks(Diverged), _loci())


@pytest.mark.parametrize("said", [None, "sigmoid", "none"])
def test_outputs_within_0_and_1_are_refused_until_the_activation_is_said(said: str | None) -> None:
    entry = {} if said is None else {"activation": said}
    outputs = {"A": {"channel": 0, **entry}, "B": {"channel": 1, "kind": "signal"}}
    networks = _networks(lambda: Pooled(nn.Sigmoid()), outputs)
    if said is None:
        with pytest.raises(ValueError, match=r"say outputs.A.activation: sigmoid"):
            check_networks(networks, _loci())
        return
    assert check_networks(networks, _loci())


def test_the_notebook_refuses_them_as_well() -> None:
    outputs = {"A": {"channel": 0}, "B": {"channel": 1}}
    networks = _networks(lambda: Pooled(nn.Sigmoid()), outputs)
    with pytest.raises(ValueError, match="all outputs for A lie between 0 and 1"):
        deepmr.interrogate(networks, None, _loci(), "A", "B")


def test_the_notebook_takes_adapters_without_a_list_of_tasks() -> None:
    outputs = {"A": {"channel": 0, "activation": "none"}, "B": {"channel": 1, "activation": "none"}}
    modules = [one.network for one in _networks(Pooled, outputs).members.passes]
    result = deepmr.interrogate(modules, None, ["ACGTACGTACGT", "GGGTTTCCCAAA"], "A", "B")
    assert result.verdict.exposure == "A"


def test_what_the_network_cannot_read_is_told_in_one_line() -> None:
    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = nn.Conv1d(5, 2, 3)

        def forward(self, x):
            return self.convolution(x).amax(dim=2)

    networks = _networks(Wide, {"A": {"channel": 0}, "B": {"channel": 1}})
    with pytest.raises(ValueError, match="Wide cannot read sequences of 12 bases"):
        check_networks(networks, _loci())


def test_loci_of_another_length_than_the_adapter_says_are_refused() -> None:
    form = {"length": LENGTH + 2}
    outputs = {"A": {"channel": 0, "activation": "none"}, "B": {"channel": 1, "activation": "none"}}
    modules = [Adapter(Pooled(), outputs, input=form) for _ in range(2)]
    networks = Networks.of(modules, uncertainty=Ensemble())
    with pytest.raises(ValueError, match=r"is 12 bases, but the network reads 14"):
        check_networks(networks, _loci())


def test_the_engine_s_note_is_said_once_for_all_members_and_names_the_network_inside(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Swapped(Pooled):
        def forward(self, x):
            return super().forward(x).cumsum(dim=1)

    networks = _networks(Swapped, {"A": 0, "B": 1})
    with caplog.at_level("INFO", logger="deepmr.mutagenesis.build"):
        networks.members.engines(build_engine, length=LENGTH)
    (record,) = caplog.records
    assert record.getMessage().startswith("Swapped runs ")
