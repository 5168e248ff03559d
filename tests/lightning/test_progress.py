"""Lines of progress where there is no terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from torch import nn

from deepmr.lightning.mutagenesis import _Counter
from deepmr.mutagenesis import build_engine, saturation
from deepmr.mutagenesis.engine import counted_by
from deepmr.progress import Progress
from tests.conftest import REPOSITORY


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _run(costs: Iterator[float], n: int) -> list[tuple[float, str]]:
    clock, text = _Clock(), io.StringIO()
    bar = Progress("mutagenesis", n, "mutant", stream=text, clock=clock)
    said = []
    for cost in costs:
        clock.now += cost
        before = len(text.getvalue())
        bar.advance(96)
        if line := text.getvalue()[before:]:
            said.append((clock.now, line))
    return said


def test_a_line_after_the_first_seconds_and_then_one_a_minute() -> None:
    said = _run(iter([0.5] * 600), 96 * 600)
    times = [time for time, _ in said]
    assert times[0] == 5.0
    assert np.diff(times).tolist() == [60.0] * 4
    assert all(line.endswith("left\n") and "\r" not in line for _, line in said)
    assert said[0][1].startswith("mutagenesis: 960 of 57,600 mutants (2 %), 192 mutants/s, ")


def test_the_first_estimate_is_right_within_a_factor_of_two() -> None:
    """Chunks differ in cost by a factor of 3, and the first is slow: it warms up."""
    generator = np.random.default_rng(0)
    costs = [2.0, *generator.uniform(0.1, 0.3, 2000)]
    (time, line), *_ = _run(iter(costs), 96 * len(costs))
    number, unit = re.search(r"([\d.]+) (s|min|h) left", line).groups()
    estimate = float(number) * {"s": 1, "min": 60, "h": 3600}[unit]
    truth = sum(costs) - time
    assert truth / 2 < estimate < truth * 2


@pytest.mark.parametrize("engine", ["dense", "incremental"])
def test_engines_count_every_mutant_while_they_work(engine: str) -> None:
    network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.ReLU(), nn.AdaptiveMaxPool1d(1), nn.Flatten())
    codes = np.random.default_rng(0).integers(0, 4, (6, 40)).astype(np.uint8)
    built = build_engine(network, length=40, engine=engine, chunk=8)
    counts: list[int] = []
    with counted_by(counts.append):
        built(codes, saturation(codes))
    total = 6 * 40 * 3
    assert total <= sum(counts) <= 1.1 * total  # the incremental engine checks a few by the dense
    assert max(counts) <= total / 6, "it tells before the end"
    before = list(counts)
    built(codes, saturation(codes))
    assert counts == before, "nobody listens any more"


def test_a_shard_counts_each_mutant_once_whatever_is_averaged_or_not_told() -> None:
    text = io.StringIO()
    bar = Progress("mutagenesis", 100, "mutant", stream=text)
    counter = _Counter(bar, 100, 2)
    for _ in range(4):
        counter(40)  # two strands of 80 mutants
    assert bar.done == 80
    counter.complete()  # alleles that no engine told of
    assert bar.done == 100


def test_no_step_draws_a_bar_where_there_is_no_terminal() -> None:
    """Bars go through `Progress`; what uses tqdm itself leaves out what is no terminal."""
    package = REPOSITORY / "deepmr"
    bars = [
        (path.relative_to(package).as_posix(), line)
        for path in package.rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"\btqdm\(", line) and path.name != "progress.py"
    ]
    assert [name for name, line in bars if "disable=None" not in line] == []
    assert Progress("pairs", 1, "locus", stream=io.StringIO())._line(1.0, "").count("loci") == 2
