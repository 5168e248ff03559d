"""A writer killed at any moment leaves whole shards, and parts that are never taken for one."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from deepmr.genome import Interval
from deepmr.io import ShardStore

WRITER = """
import sys
import numpy as np
from deepmr.effects import MemberEffects
from deepmr.genome import Interval
from deepmr.io import ShardStore

store = ShardStore(
    sys.argv[1], fingerprint="f", loci=[Interval("c", k, k + 9) for k in range(400)],
    loci_per_shard=2, tasks=["A"], n_members=2, effect_scale={"A": "logit"},
)
n = 20_000
same = np.zeros((2, n), int)
for index in store.missing():
    value = np.random.default_rng(index).normal(size=(2, 1, 2, n))
    effects = MemberEffects(
        value=value, tasks=("A",), offset=same, ref=same, alt=same, mask=same == 0
    )
    store.write(index, store.loci_of(index), effects, np.zeros((2, 1, 2)))
"""


def store(folder: Path) -> ShardStore:
    return ShardStore(
        folder,
        fingerprint="f",
        loci=[Interval("c", k, k + 9) for k in range(400)],
        loci_per_shard=2,
        tasks=["A"],
        n_members=2,
        effect_scale={"A": "logit"},
    )


def test_every_shard_found_after_kills_is_whole_and_none_is_written_twice(tmp_path):
    rng = np.random.default_rng(0)
    made, written = store(tmp_path), set()
    root = Path(__file__).parents[2]
    for _ in range(3):
        times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("shard-*")}
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], cwd=root)
        while len(list(tmp_path.glob("shard-*"))) == len(times):
            assert writer.poll() is None
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 0.1))
        writer.kill()
        writer.wait()
        # Not one warning: what is there under a shard's name is whole.
        missing = set(made.missing())
        found = set(range(made.n_shards)) - missing
        assert found >= written
        written = found
        assert all(path.stat().st_mtime_ns == before for path, before in times.items())
    assert 3 <= len(written) < made.n_shards
    made.discard_partial()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        made.path(index).name for index in sorted(written)
    ]
    for index in sorted(written):
        expected = np.random.default_rng(index).normal(size=(2, 1, 2, 20_000))
        np.testing.assert_array_equal(
            made.read_one(index).effects.value, expected.astype(np.float32)
        )
