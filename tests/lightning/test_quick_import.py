"""Lightning is imported without TorchDynamo, and compiled networks are still recognised."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

PROGRAM = """
import sys
import deepmr.lightning
assert "torch._dynamo" not in sys.modules, "TorchDynamo was loaded"
from lightning_fabric.wrappers import OptimizedModule
import torch
plain = torch.nn.Linear(1, 1)
assert not isinstance(plain, OptimizedModule)
assert isinstance(torch.compile(plain, backend="eager"), OptimizedModule)
assert "eval_frame" in sys.modules["torch._dynamo"].__dict__, "the real one is there by now"
print("passed")
"""


def test_lightning_loads_without_dynamo_and_knows_compiled_networks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "passed", done.stderr


TRANSFORMERS = """
import torch
from torch._dynamo.eval_frame import OptimizedModule
import torch._dynamo
assert torch._dynamo.eval_frame.OptimizedModule is OptimizedModule
__version__ = "4.57.6"
"""
BESIDE = """
import sys
import torch
from torch._dynamo.eval_frame import OptimizedModule
assert isinstance(torch.compile(torch.nn.Linear(1, 1), backend="eager"), OptimizedModule)
assert sys.modules["torch._dynamo"].__name__ == torch._dynamo.config.__name__.rpartition(".")[0]
assert sys.meta_path == finders, "a finder was left behind"
print("passed")
"""


def test_a_package_that_needs_more_of_dynamo_gets_it(tmp_path: Path) -> None:
    """As transformers, which torchmetrics imports where enformer-pytorch brought it along."""
    (tmp_path / "pytorch_lightning.py").write_text(TRANSFORMERS)
    source = REPOSITORY / "deepmr/lightning/quick_import.py"
    program = (
        "import runpy, sys\nfinders = list(sys.meta_path)\n"
        f"runpy.run_path({str(source)!r})['import_lightning']()\n"
    )
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program + BESIDE],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert done.stdout.strip() == "passed", done.stderr
