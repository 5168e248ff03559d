"""The benchmark of a card, at small size on the CPU."""

import json
import sys

import pytest

from benchmarks import gpu


def test_every_part_has_a_record_and_a_part_without_time_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gpu.json"
    arguments = ["--json", str(out), "--device", "cpu", "--quick"]
    monkeypatch.setattr(sys, "argv", ["gpu", *arguments])
    gpu.main()
    records = json.loads(out.read_text())["records"]
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == records
    assert [one["part"] for one in records if one["part"] in {"training", "shards"}] == [
        "training", "training", "shards",
    ]  # fmt: skip
    engines = {
        (one["engine"], one["precision"]): one for one in records if one["part"] == "mutagenesis"
    }
    assert engines["incremental", "float32"]["operations_a_block"] > 1
    # the bound promised for float32, and two roundings to 8 bits a product
    assert engines["incremental", "float32"]["max_error_to_largest_effect"] < 1e-5
    assert engines["incremental", "bfloat16"]["rel_rms_error"] < 0.01
    shares = [one["share_of_matrix_ceiling"] for one in records if one["part"] == "training"]
    assert all(0 < share < 1 for share in shares)
    assert 0 < records[-1]["share_outside_the_engine"] < 1
    monkeypatch.setattr(sys, "argv", ["gpu", *arguments, "--minutes", "-1"])
    gpu.main()
    assert {one.get("left_out") for one in json.loads(out.read_text())["records"]} == {"no time"}


def test_without_a_card_one_line_says_so_and_nothing_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu", "--json", str(tmp_path / "gpu.json")])
    with pytest.raises(SystemExit) as stopped:
        gpu.main()
    assert stopped.value.code == 2
    assert "needs a CUDA device, and torch finds none" in capsys.readouterr().err
