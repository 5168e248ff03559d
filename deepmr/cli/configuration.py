"""Find the shipped configuration: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

import deepmr

__all__ = ["conf_folder"]


def conf_folder() -> Path:
    """Return the folder of the shipped configuration.

    Raises:
        FileNotFoundError: If the installation has none.
    """
    package = Path(deepmr.__file__).resolve().parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "train.yaml").is_file():
            return folder
    raise FileNotFoundError(
        f"no configuration lies in {package / 'conf'} or {package.parent / 'conf'}; "
        "install Deep MR again (pip install .)"
    )
