"""Miniature checkpoints in the layouts of the field's tools, and networks that fit them."""

from __future__ import annotations

import argparse
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

State = dict[str, Tensor]


def network_like(state: Mapping[str, Tensor]) -> nn.Module:
    """Return a network whose state dict has these names and shapes, filled with zeros."""
    root = nn.Module()
    for name, value in state.items():
        *path, last = name.split(".")
        module = root
        for part in path:
            if part not in module._modules:
                module.add_module(part, nn.Module())
            module = module._modules[part]
        if value.is_floating_point():
            module.register_parameter(last, nn.Parameter(torch.zeros_like(value)))
        else:
            module.register_buffer(last, torch.zeros_like(value))
    return root


def small_state() -> State:
    """Return the state dict of a convolution, its batch norm and a linear layer, all different."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return {
        "body.0.weight": normal(3, 4, 5),
        "body.0.bias": normal(3),
        "body.1.weight": normal(3),
        "body.1.running_var": normal(3).square(),
        "body.1.num_batches_tracked": torch.tensor(7),
        "head.weight": normal(2, 3),
    }


def under(prefix: str, state: Mapping[str, Tensor]) -> State:
    """Return a state dict with a prefix to all names."""
    return {f"{prefix}{key}": value for key, value in state.items()}


def _lightning(state: State, **more: Any) -> dict[str, Any]:
    return {
        "epoch": 1,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": state,
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(2)}}}],
        **more,
    }


LAYOUTS: dict[str, Callable[[State], Any]] = {
    "bare.pt": lambda s: s,
    "parallel.pth": lambda s: under("module.", s),
    "sei.pth": lambda s: under("module.model.", s),
    "compiled.pt": lambda s: {"model": under("_orig_mod.module.", s)},
    "nested.pth": lambda s: {"epoch": 3, "model": {"state_dict": under("net.", s)}},
    "lightning.ckpt": lambda s: _lightning(under("model.", s)),
    "deepmr.ckpt": lambda s: _lightning(under("network.", s) | {"loss.weight": torch.ones(1)}),
    "selene.pth.tar": lambda s: {
        "step": np.int64(10),
        "arch": "DeeperDeepSEA",
        "state_dict": under("model.", s),
        "min_loss": np.float64(0.3),
        "optimizer": {},
    },
    "grelu.ckpt": lambda s: _lightning(
        under("model.", s),
        hyper_parameters={"train_params": {"task": "binary"}},
        performance={"val": np.array([0.5, 0.6], "float32")},
    ),
    "chrombpnet.ckpt": lambda s: _lightning(
        under("model.model.", s) | under("model.bias.", {k: v * 2 for k, v in s.items()}),
        hyper_parameters={"args": argparse.Namespace(alpha=1)},
    ),
    "boda.pt": lambda s: {
        "model_hparams": argparse.Namespace(input_len=600),
        "model_state_dict": s,
    },
    "cherimoya.torch": lambda s: {"config": {"n_filters": 8}, "state_dict": s},
    "pangolin.1.0.3.v2": lambda s: s,
}


def write_safetensors(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write the format by hand, as its specification has it."""
    names = {torch.float32: "F32", torch.float16: "F16", torch.int64: "I64"}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for key, value in state.items():
        raw = value.contiguous().numpy().tobytes()
        place = [len(body), len(body) + len(raw)]
        header[key] = {
            "dtype": names[value.dtype],
            "shape": list(value.shape),
            "data_offsets": place,
        }
        body += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def write_tar(
    path: Path, content: Any, *, names: tuple[str, ...] = ("torch_checkpoint.pt",)
) -> None:
    """Write boda's archive: a checkpoint under ``artifacts/``."""
    stream = io.BytesIO()
    torch.save(content, stream)
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            entry = tarfile.TarInfo(f"artifacts/{name}")
            entry.size = stream.getbuffer().nbytes
            stream.seek(0)
            archive.addfile(entry, stream)
