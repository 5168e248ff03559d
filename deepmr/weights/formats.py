"""What a file of weights is, told from its first bytes, and how to convert what is refused."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

__all__ = ["kind_of", "refuse", "refuse_class"]

_ZIP = b"PK\x03\x04"
_GZIP = b"\x1f\x8b"
_HDF5 = b"\x89HDF\r\n\x1a\n"

_REFUSED = {
    "torchscript": (
        "a TorchScript program, not weights alone",
        "net = torch.jit.load({path!r}, map_location='cpu')",
        "torch.save(net.state_dict(), {new!r})",
    ),
    "pt2": (
        "an exported PyTorch program (.pt2), not weights alone",
        "program = torch.export.load({path!r})",
        "torch.save(dict(program.state_dict), {new!r})",
    ),
    "keras": (
        "a Keras model, whose layers have other names and axes than PyTorch's",
        "weights = {{v.path: torch.tensor(v.numpy()) for v in "
        "keras.models.load_model({path!r}, compile=False).weights}}",
        "torch.save(weights, {new!r})  # then rename them; a convolution's (width, in, out) is "
        ".permute(2, 1, 0), a dense (in, out) is .T",
    ),
    "hdf5": (
        "an HDF5 file, as Keras writes it",
        "weights = {{}}; h5py.File({path!r}).visititems(lambda k, v: hasattr(v, 'shape') and "
        "weights.update({{k: torch.tensor(v[()])}}))",
        "torch.save(weights, {new!r})  # then rename them; a convolution's (width, in, out) is "
        ".permute(2, 1, 0), a dense (in, out) is .T",
    ),
    "numpy": (
        "a NumPy archive",
        "weights = {{k: torch.tensor(v) for k, v in numpy.load({path!r}).items()}}",
        "torch.save(weights, {new!r})",
    ),
}


def kind_of(path: Path) -> str:
    """Return what a file is: torch, safetensors, tar, or a kind that is refused.

    Args:
        path: An existing file. Its content decides, its ending only for ``.safetensors``.
    """
    with path.open("rb") as stream:
        start = stream.read(16)
    if start.startswith(_HDF5):
        return "hdf5"
    if start.startswith(_GZIP):
        return "tar"
    if start.startswith(_ZIP):
        return _kind_of_zip(path)
    if path.suffix == ".safetensors" or start[8:10] == b'{"':
        return "safetensors"
    return "torch"


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "torch"  # cut short: torch.load says so
    inner = {name.partition("/")[2] for name in names}
    if any(name.endswith(".weights.h5") for name in names):
        return "keras"
    if "archive_format" in inner or "serialized_exported_program.json" in names:
        return "pt2"
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        return "torchscript"
    if names and all(name.endswith(".npy") for name in names):
        return "numpy"
    return "torch"


def refuse(path: Path, kind: str) -> ValueError:
    """Return the error for a file that is no data, with the two lines that convert it.

    Args:
        path: The file.
        kind: Of `kind_of`.
    """
    what, first, second = _REFUSED[kind]
    return _error(path, what, first, second)


def refuse_class(path: Path, message: str) -> ValueError:
    """Return the error for a file that names a class: a whole pickled module, usually.

    Args:
        path: The file.
        message: What `torch.load` said of it.
    """
    named = re.search(r"GLOBAL ([\w.]+)", message)
    if named is None:
        return ValueError(
            f"checkpoint {path} is no file of weights, or was cut short; save it as "
            "torch.save(network.state_dict(), path)"
        )
    package = named[1].partition(".")[0]
    if package in sys.stdlib_module_names or package == "__builtin__":
        return ValueError(
            f"checkpoint {path} is not plain weights: it names {named[1]}, a part of Python that "
            "no weights need; do not open it, and ask its author for "
            "torch.save(net.state_dict(), path)"
        )
    home = (
        "in the program that defines it"
        if package == "__main__"
        else f"where {package} is installed"
    )
    return _error(
        path,
        f"pickled Python code (class {named[1]}), a whole module and not weights alone",
        f"net = torch.load({str(path)!r}, map_location='cpu', weights_only=False)",
        "torch.save(net.state_dict(), {new!r})",
        where=f", {home} and if you trust its author",
    )


def _error(path: Path, what: str, first: str, second: str, *, where: str = "") -> ValueError:
    new = str(path.with_name(f"{path.name.partition('.')[0]}.state.pt"))
    lines = [line.format(path=str(path), new=new) for line in (first, second)]
    return ValueError(
        f"checkpoint {path} is {what}; Deep MR reads data only. Convert it by two lines of "
        f"Python{where}: `{lines[0]}` and `{lines[1]}`"
    )
