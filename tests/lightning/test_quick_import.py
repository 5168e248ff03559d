"""Lightning is imported without TorchDynamo, and compiled networks are still recognised."""

from __future__ import annotations

import subprocess
import sys

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
