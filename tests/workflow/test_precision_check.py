"""What a lower precision costs is measured, and said beside the standard errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepmr.effects import MemberEffects
from deepmr.io.manifest import read_manifest
from deepmr.io.shard_format import read_shard
from deepmr.workflow.precision_check import MeasuredError, is_reduced
from tests.conftest import Script

ASK = (
    "exposure=GATA1", "outcome=TAL1", "loci.n=8", "store.loci_per_shard=3", "logger=null",
    "trainer.accelerator=cpu", "instruments.min_effect=0", "instruments.min_z=1",
    "mutagenesis.engine=incremental",
)  # fmt: skip


def _effects(folder: Path) -> MemberEffects:
    parts = [read_shard(path).effects for path in sorted((folder / "effects").glob("shard-*"))]
    fields = ("value", "offset", "ref", "alt", "mask")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in fields}
    return MemberEffects(tasks=parts[0].tasks, **joined)


@pytest.mark.parametrize(
    "settings",
    [("mutagenesis.precision=bfloat16",), ("store.dtype=float16",)],
    ids=["bfloat16", "float16"],
)
def test_the_error_that_is_said_is_that_of_all_effects(
    runs: Path, script: Script, settings: tuple[str, ...]
) -> None:
    name = settings[0].split("=")[1]
    asked = script("interrogate", *ASK, *settings, f"paths.output={runs}", f"name=low-{name}")
    assert asked.status == 0, asked.err
    if not (runs / "interrogate/tiny/exact/manifest.json").is_file():
        exact = script("interrogate", *ASK, "mutagenesis.precision=float64",
                       f"paths.output={runs}", "name=exact")  # fmt: skip
        assert exact.status == 0, exact.err
        assert "precision:" not in exact.out
    folder = runs / f"interrogate/tiny/low-{name}"
    low, high = _effects(folder), _effects(runs / "interrogate/tiny/exact")
    error = (low.value - high.value).mean(axis=2)
    summary = low.summarise(*low.tasks)
    true = max(
        np.sqrt(np.mean(error[:, task] ** 2)) / np.median(se)
        for task, se in enumerate((summary.se_exposure, summary.se_outcome))
    )
    record = read_manifest(folder)["precision"]
    assert (record["mutants"], record["loci"]) == (32, 4)
    # 32 mutants of 2,400: a root mean square of errors whose sizes differ by orders of magnitude
    assert true / 4 < record["rms_error_to_median_se"] < 4 * true
    assert record["largest_error_to_median_se"] >= record["rms_error_to_median_se"]
    assert "precision: Effects were computed in" in asked.out
    assert "for 32 mutants of 4 loci they are off" in (folder / "report.html").read_text()


def test_float32_needs_no_measurement() -> None:
    assert not is_reduced("float32", "float32")
    assert not is_reduced("float64", "float32")
    assert is_reduced("tf32", "float32")
    assert is_reduced("float32", "float16")


def test_an_error_that_is_not_small_is_called_so() -> None:
    settings = {"computed": "bfloat16", "kept": "float32", "n_mutants": 32, "n_loci": 4}
    small = MeasuredError(rms=0.01, largest=0.05, **settings)
    assert str(small).endswith("0.01 median standard errors (root mean square; at most 0.05).")
    large = MeasuredError(rms=0.3, largest=1.2, **settings)
    assert "That is not negligible beside the standard errors: use mutagenesis.precision" in str(
        large
    )
    none = MeasuredError(rms=np.inf, largest=np.inf, **settings)
    assert none.record()["rms_error_to_median_se"] is None
