"""Every layout of the field's tools is read as data, or refused with its reason."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from deepmr.weights import load_into, read_checkpoint
from tests.conftest import REPOSITORY
from tests.weights.layouts import (
    LAYOUTS,
    network_like,
    small_state,
    under,
    write_safetensors,
    write_tar,
)

SHARED = REPOSITORY.parent / "shared/formats/checkpoints"


def _check(path: Path) -> None:
    state = small_state()
    network = network_like(state)
    load_into(network, read_checkpoint(path))
    for key, value in network.state_dict().items():
        assert torch.equal(value, state[key]), key


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_of_the_field_is_read(name: str, tmp_path: Path) -> None:
    torch.save(LAYOUTS[name](small_state()), tmp_path / name)
    _check(tmp_path / name)


def test_the_format_before_zip_files_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.pth"
    torch.save(small_state(), path, _use_new_zipfile_serialization=False)
    _check(path)


def test_safetensors_and_folders_that_hold_them_are_read(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", small_state())
    _check(tmp_path / "model.safetensors")
    _check(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"without model\.safetensors or pytorch_model"):
        read_checkpoint(tmp_path)


def test_an_archive_of_boda_is_read_if_it_holds_one_checkpoint(tmp_path: Path) -> None:
    content = LAYOUTS["boda.pt"](small_state())
    write_tar(tmp_path / "one.tar.gz", content)
    _check(tmp_path / "one.tar.gz")
    write_tar(tmp_path / "two.tar.gz", content, names=("a.pt", "b.pt"))
    with pytest.raises(ValueError, match=r"must hold one file .* found 2"):
        read_checkpoint(tmp_path / "two.tar.gz")


def _torchscript(path: Path) -> None:
    with pytest.warns(DeprecationWarning, match=r"jit\.script"):
        torch.jit.script(nn.Linear(2, 2)).save(path)


def _exported(path: Path) -> None:
    torch.export.save(torch.export.export(nn.Linear(2, 2), (torch.zeros(1, 2),)), path)


def _keras(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n")


REFUSED = {
    "module.pt": (lambda path: torch.save(network_like({}), path), "pickled Python code"),
    "legacy.pt": (
        lambda path: torch.save(nn.ReLU(), path, _use_new_zipfile_serialization=False),
        "pickled Python code",
    ),
    "script.pt": (_torchscript, "TorchScript program"),
    "program.pt2": (_exported, "exported PyTorch program"),
    "net.keras": (_keras, "Keras model"),
    "net.h5": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "HDF5 file"),
    "net.npz": (lambda path: np.savez(path, a=np.ones(2)), "NumPy archive"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_programs_and_other_tools_are_refused_with_two_lines_that_convert_them(
    name: str, tmp_path: Path
) -> None:
    write, what = REFUSED[name]
    path = tmp_path / name
    write(path)
    with pytest.raises(ValueError, match=what) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert "\n" not in message
    first, second = message.split("`")[1::2]
    for line in (first, second):
        compile(line, "<converted>", "exec")
    assert f"{path}" in first
    assert second.startswith("torch.save(")


@pytest.mark.parametrize("name", ["module.pt", "script.pt", "program.pt2", "net.npz"])
def test_the_two_lines_make_a_file_that_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, _ = REFUSED[name]
    path = tmp_path / name
    write(path)
    with pytest.raises(ValueError, match="two lines") as caught:
        read_checkpoint(path)
    scope: dict[str, Any] = {"torch": torch, "numpy": np}
    for line in str(caught.value).split("`")[1::2]:
        exec(compile(line, "<converted>", "exec"), scope)
    read_checkpoint(tmp_path / f"{path.stem}.state.pt")


class _Hostile:
    def __reduce__(self) -> Any:
        return os.system, ("touch pwned",)


def test_a_file_that_would_run_a_command_is_refused_without_advice_to_open_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": small_state(), "extra": _Hostile()}, "evil.pt")
    with pytest.raises(ValueError, match="do not open it") as caught:
        read_checkpoint(Path("evil.pt"))
    assert "weights_only=False" not in str(caught.value)
    assert not Path("pwned").exists()


@pytest.mark.parametrize("name", ["cut.pt", "cut.safetensors", "cut.tar.gz", "text.pt"])
def test_a_file_that_was_cut_short_is_refused_by_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name.endswith("safetensors"):
        write_safetensors(path, small_state())
    elif name.endswith("gz"):
        write_tar(path, small_state())
    elif name == "text.pt":
        path.write_text("weights, honestly " * 9)
    else:
        torch.save(small_state(), path)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(ValueError, match=name) as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)


# What is taken off the names of each shared miniature; None where it is refused.
MINIATURES = {
    "boda_model_artifacts__20211113_021200__287348.tar.gz": "",
    "boda_torch_checkpoint.pt": "",
    "borzoi_pytorch_hf": "",
    "borzoi_pytorch_hf/pytorch_model.bin": "",
    "bpnetlite_module.torch": None,
    "bpnetlite_state_dict.pt": "",
    "cherimoya_config_state.torch": "",
    "chrombpnet_nobias.h5": None,
    "chrombpnet_pytorch_best_model.ckpt": "model.model.",
    "chrombpnet_pytorch_wo_bias.pt": "",
    "crested_mini.keras": None,
    "deepstarr_port_lightning.ckpt": "model.",
    "deepstarr_port_state_dict.pth": "",
    "enformer_pytorch_hf": "",
    "enformer_pytorch_hf/pytorch_model.bin": "",
    "grelu_as_written.ckpt": "model.",
    "grelu_plain.ckpt": "model.",
    "human_legnet_last_model-epoch=24.ckpt": "model.",
    "openspliceai_model_best.pt": "",
    "pangolin_final.1.0.3.v2": "",
    "sei_state_dict_only.pth": "module.model.",
    "selene_best_model.pth.tar": "model.",
    "selene_numpy_min_loss.pth.tar": "",
}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the miniatures of other tools are not here")
def test_every_shared_miniature_is_read_or_refused_as_expected() -> None:
    files = {str(path.relative_to(SHARED)) for path in SHARED.rglob("*") if path.is_file()}
    data = {name for name in files if not name.endswith((".json", ".tsv"))}
    assert data - set(MINIATURES) <= {
        f"{d}_hf/model.safetensors" for d in ("borzoi_pytorch", "enformer_pytorch")
    }
    for name, prefix in MINIATURES.items():
        if prefix is None:
            with pytest.raises(ValueError, match="two lines"):
                read_checkpoint(SHARED / name)
            continue
        checkpoint = read_checkpoint(SHARED / name)
        content = checkpoint.content
        state = content.get("state_dict", content.get("model_state_dict", content))
        inner = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        assert len(inner) >= 2, name
        network = network_like(inner)
        load_into(network, checkpoint)
        for key, value in network.state_dict().items():
            assert torch.equal(value, inner[key]), f"{name}: {key}"


def test_wrapped_twice_by_names_of_the_field_is_read(tmp_path: Path) -> None:
    for first in ("module.", "model.", "net.", "network.", "_orig_mod."):
        for second in ("module.", "model.", "net.", "network.", "_orig_mod."):
            torch.save({"state_dict": under(first + second, small_state())}, tmp_path / "a.pt")
            _check(tmp_path / "a.pt")
