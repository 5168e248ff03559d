"""What the speed benchmark records, and what its stored results must show."""

from __future__ import annotations

import argparse
import dataclasses
import json

import pytest
import torch

from benchmarks.mutagenesis import measured
from benchmarks.networks import NETWORKS
from tests.conftest import REPOSITORY

FIELDS = {
    "model", "engine", "dtype", "device", "mutants_per_s", "ratio_to_plain", "max_abs_error",
    "rel_rms_error",
}  # fmt: skip
STORED = json.loads((REPOSITORY / "benchmarks/results/mutagenesis_cpu.json").read_text())
RECORDS = [record for run in STORED["runs"] for record in run["records"]]


def test_every_engine_has_a_record_with_speed_and_error() -> None:
    options = argparse.Namespace(clock="wall", rounds=1)
    small = dataclasses.replace(NETWORKS["paper"], loci=1, plain_mutants=96)
    records = measured("paper", small, torch.device("cpu"), options)
    engines = {(record["engine"], record["dtype"]) for record in records}
    assert engines >= {
        ("plain", "float32"),
        ("dense", "float32"),
        ("incremental", "float32"),
        ("incremental", "bfloat16"),
        ("auto", "float32"),
    }
    for record in records:
        assert set(record) >= FIELDS
        assert record["mutants_per_s"] > 0
        # two roundings of products in bfloat16 are 2^-8 each; float32 errors are far below
        assert record["rel_rms_error"] < (0.01 if record["dtype"] == "bfloat16" else 1e-3)


@pytest.mark.parametrize("model", sorted({record["model"] for record in RECORDS}))
def test_no_model_was_slower_than_dense_under_auto_nor_less_exact_than_promised(
    model: str,
) -> None:
    found = {
        (record["engine"], record["dtype"]): record
        for record in RECORDS
        if record["model"] == model
    }
    auto, dense = found["auto", "float32"], found["dense", "float32"]
    assert auto["ratio_to_plain"] >= dense["ratio_to_plain"]
    assert found["incremental", "float32"]["max_error_to_largest_effect"] < 1e-5
    assert found["incremental", "bfloat16"]["rel_rms_error"] < 0.01
