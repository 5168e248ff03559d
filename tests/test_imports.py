"""What a command does not need is not imported: seconds of every start, told without a clock."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

# Of each, CPU seconds on the machine of docs/performance.md: torch 1.3, matplotlib .7,
# scipy.stats .6, sklearn with pandas .5, torch._dynamo 1.1, wandb 2.
DRAWING = {"matplotlib", "matplotlib.pyplot", "deepmr.plot", "networkx"}
HEAVY = {"scipy.stats", "scipy.signal", "scipy.optimize", "sklearn", "pandas", "torch._dynamo"}


def imported(program: str, among: set[str]) -> list[str]:
    code = f"import sys\n{program}\nprint(sorted({among!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, cwd=REPOSITORY, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return eval(done.stderr.strip().splitlines()[-1])


@pytest.mark.parametrize("script", ["train", "interrogate"])
def test_help_of_a_script_imports_no_numbers(script: str) -> None:
    program = (
        f"sys.argv = ['{script}.py', '--help']\nimport contextlib, runpy\n"
        f"with contextlib.suppress(SystemExit): runpy.run_path('{script}.py', run_name='__main__')"
    )
    assert imported(program, {"torch", "numpy", "scipy", "wandb"} | DRAWING | HEAVY) == []


def test_help_of_the_command_imports_no_numbers() -> None:
    program = (
        "import contextlib\nfrom deepmr.cli.main import main\nsys.argv = ['deepmr', '--help']\n"
        "with contextlib.suppress(SystemExit): main()"
    )
    assert imported(program, {"torch", "numpy", "scipy", "wandb"} | DRAWING | HEAVY) == []


@pytest.mark.parametrize("module", ["deepmr.cli.interrogate", "deepmr.cli.train"])
def test_work_begins_without_what_draws_or_compiles(module: str) -> None:
    assert imported(f"import {module}", {"wandb"} | DRAWING | HEAVY) == []


def test_lightning_metrics_still_find_matplotlib_when_they_draw() -> None:
    program = (
        "import deepmr.lightning\nassert 'matplotlib' not in sys.modules\n"
        "import torch\nfrom torchmetrics.utilities.plot import plot_single_or_multi_val\n"
        "figure, axes = plot_single_or_multi_val(torch.tensor([1.0]))\n"
        "import matplotlib.axes\nassert isinstance(axes, matplotlib.axes.Axes)\n"
        "from torchmetrics.utilities import plot\nassert isinstance(axes, plot._AX_TYPE)\n"
        "import scipy.signal\nassert scipy.signal.windows.hann(3)[1] == 1"
    )
    assert imported(program, {"matplotlib.pyplot"}) == ["matplotlib.pyplot"]
