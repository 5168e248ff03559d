"""Networks rebuilt from their papers, where the authors' own code is a clone that is not at hand.

Same layers, sizes and numbers of parameters as the published ones; weights of those are not meant
to be read into them.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import torch
from torch import Tensor, nn

__all__ = ["REBUILT", "LegNet", "Pangolin", "Puffin", "rebuilt_where_missing"]


class _DilatedResidual(nn.Module):
    def __init__(self, channels: int, width: int, dilation: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [
                nn.BatchNorm1d(channels),
                nn.ReLU(),
                nn.Conv1d(channels, channels, width, dilation=dilation, padding="same"),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Predict from one-hot sequences."""
        return x + self.layers(x)


class Pangolin(nn.Module):
    """Dilated residual network of splice sites in four tissues: a softmax and a usage each.

    References:
        Zeng and Li 2022, doi:10.1186/s13059-022-02664-4 (the architecture).
    """

    def __init__(self, L: int, W: Sequence[int], AR: Sequence[int]) -> None:  # noqa: N803
        super().__init__()
        self.lost = sum(a * (w - 1) for w, a in zip(W, AR, strict=True))
        self.first = nn.Conv1d(4, L, 1)
        self.skips = nn.ModuleList(nn.Conv1d(L, L, 1) for _ in range(1 + len(W) // 4))
        self.blocks = nn.ModuleList(_DilatedResidual(L, w, a) for w, a in zip(W, AR, strict=True))
        self.heads = nn.ModuleList(nn.Conv1d(L, n, 1) for n in (2, 1) * 4)

    def forward(self, x: Tensor) -> Tensor:
        """Predict from one-hot sequences."""
        seen = self.first(x)
        total = self.skips[0](seen)
        for place, block in enumerate(self.blocks, start=1):
            seen = block(seen)
            if place % 4 == 0:
                total = total + self.skips[place // 4](seen)
        total = total[:, :, self.lost : -self.lost]
        tissues = []
        for splice, usage in zip(self.heads[::2], self.heads[1::2], strict=True):
            tissues += [torch.softmax(splice(total), dim=1), torch.sigmoid(usage(total))]
        return torch.cat(tissues, dim=1)


class Puffin(nn.Module):
    """Motifs, initiators and trinucleotides of both strands, each with a wide kernel of effects.

    References:
        Dudnyk et al. 2024, doi:10.1126/science.adj0116 (the architecture).
    """

    def __init__(self) -> None:
        super().__init__()
        self.motifs = nn.Conv1d(4, 10, 51, padding=25)
        self.initiators = nn.Conv1d(4, 10, 15, padding=7)
        self.trinucleotides = nn.Conv1d(4, 32, 3, padding=1)
        self.of_motifs = nn.Conv1d(20, 10, 601, padding=300)
        self.of_initiators = nn.Conv1d(20, 10, 15, padding=7)
        self.of_trinucleotides = nn.Conv1d(64, 10, 601, padding=300)
        self.scales = nn.ParameterList(nn.Parameter(torch.ones(1)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Predict from one-hot sequences."""
        swapped = x.flip([1, 2])
        found = [
            nn.functional.softplus(torch.cat([layer(x), layer(swapped).flip([2])], dim=1))
            for layer in (self.motifs, self.initiators, self.trinucleotides)
        ]
        total = self.of_motifs(found[0]) * self.scales[0]
        total = total + self.of_initiators(found[1]) * self.scales[1]
        return nn.functional.softplus(total + self.of_trinucleotides(found[2]))


class _Convolved(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, width: int, groups: int = 1) -> None:
        convolution = nn.Conv1d(inputs, outputs, width, padding="same", groups=groups, bias=False)
        super().__init__(convolution, nn.BatchNorm1d(outputs), nn.SiLU())


class _Squeezed(nn.Module):
    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        narrow = channels // factor
        self.gate = nn.Sequential(
            nn.Linear(channels, narrow), nn.SiLU(), nn.Linear(narrow, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Predict from one-hot sequences."""
        batch, channels, _ = x.shape
        pooled = x.mean(dim=2).view(batch, channels)
        return x * self.gate(pooled).view(batch, channels, 1)


class _Efficient(nn.Module):
    """An inverted bottleneck with a squeeze block, its input concatenated."""

    def __init__(self, channels: int, width: int, factor: int) -> None:
        super().__init__()
        wide = channels * factor
        self.layers = nn.Sequential(
            _Convolved(channels, wide, 1),
            _Convolved(wide, wide, width, groups=wide),
            _Squeezed(wide, factor),
            _Convolved(wide, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Predict from one-hot sequences."""
        return torch.cat([self.layers(x), x], dim=1)


class LegNet(nn.Module):
    """Efficient convolutions with squeeze blocks: one number for 230 bases.

    References:
        Penzar et al. 2023, doi:10.1093/bioinformatics/btad457 (the architecture); Agarwal et al.
        2025, doi:10.1038/s41586-024-08430-9 (its sizes for human cells).
    """

    def __init__(
        self,
        in_ch: int,
        stem_ch: int,
        stem_ks: int,
        ef_ks: int,
        ef_block_sizes: Sequence[int],
        pool_sizes: Sequence[int],
        resize_factor: int,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [_Convolved(in_ch, stem_ch, stem_ks)]
        channels = stem_ch
        for size, pool in zip(ef_block_sizes, pool_sizes, strict=True):
            layers += [_Efficient(channels, ef_ks, resize_factor)]
            layers += [_Convolved(2 * channels, size, ef_ks), nn.MaxPool1d(pool)]
            channels = size
        self.main = nn.Sequential(*layers, _Convolved(channels, 2 * channels, 1))
        self.head = nn.Sequential(
            nn.Linear(2 * channels, 2 * channels),
            nn.BatchNorm1d(2 * channels),
            nn.SiLU(),
            nn.Linear(2 * channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Predict from one-hot sequences."""
        pooled = nn.functional.adaptive_avg_pool1d(self.main(x), 1).squeeze(2)
        return self.head(pooled).squeeze(-1)


REBUILT: Mapping[str, tuple[str, type[nn.Module]]] = {
    "legnet": ("model.LegNet", LegNet),
    "pangolin": ("pangolin.model.Pangolin", Pangolin),
    "puffin": ("puffin.Puffin", Puffin),
}
"""By yaml: the path that its ``_target_`` names, and the network in its place."""


@contextmanager
def rebuilt_where_missing(name: str) -> Iterator[bool]:
    """Context manager: a yaml's ``_target_`` leads to the network rebuilt, if to nothing else.

    Args:
        name: Of the yaml.

    Returns:
        Whether it is the one rebuilt.
    """
    path, network = REBUILT.get(name, ("", nn.Module))
    *modules, attribute = path.split(".")
    if not modules or importlib.util.find_spec(modules[0]) is not None:
        yield False
        return
    made = [".".join(modules[: depth + 1]) for depth in range(len(modules))]
    for one in made:
        module = ModuleType(one)
        module.__spec__ = SimpleNamespace(name=one)  # type: ignore[assignment]
        sys.modules[one] = module
    for inner, outer in zip(made[1:], made, strict=False):
        setattr(sys.modules[outer], inner.rpartition(".")[2], sys.modules[inner])
    here = type(attribute, (network,), {"__module__": made[-1]})
    setattr(sys.modules[made[-1]], attribute, here)
    try:
        yield True
    finally:
        for one in made:
            del sys.modules[one]
