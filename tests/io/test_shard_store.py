"""Shards: what is read is what was written, and whatever is damaged or foreign is never used."""

import errno
import os
import warnings
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepmr.effects import MemberEffects
from deepmr.genome import Interval
from deepmr.io import ShardStore, estimate_bytes, read_shard, shard_store

TASKS = ("GATA1", "H3K27ac.K562", "H3K27ac")
SCALE = {"GATA1": "logit", "H3K27ac.K562": "logit", "H3K27ac": "anscombe"}
LENGTH, MEMBERS = 20, 3


def store(folder, **changes) -> ShardStore:
    settings = {
        "fingerprint": "abcd1234",
        "loci": [Interval("chr3", 100 * k, 100 * k + LENGTH) for k in range(7)],
        "loci_per_shard": 3,
        "tasks": TASKS,
        "n_members": MEMBERS,
        "effect_scale": SCALE,
    }
    return ShardStore(folder, **{**settings, **changes})


def effects(n_loci: int, *, tasks=TASKS, seed=0) -> MemberEffects:
    rng = np.random.default_rng(seed)
    n = 3 * LENGTH
    ref = rng.integers(0, 4, (n_loci, LENGTH)).repeat(3, axis=1)
    value = rng.normal(size=(n_loci, len(tasks), MEMBERS, n))
    return MemberEffects(
        value=value.astype(np.float32).astype(np.float64),
        tasks=tasks,
        offset=np.tile(np.arange(LENGTH).repeat(3), (n_loci, 1)),
        ref=ref,
        alt=(ref + np.tile([1, 2, 3], LENGTH)) % 4,
        mask=rng.random((n_loci, n)) > 0.1,
    )


def reference(n_loci: int, n_tasks: int = len(TASKS)) -> np.ndarray:
    return np.arange(n_loci * n_tasks * MEMBERS, dtype=float).reshape(n_loci, n_tasks, MEMBERS)


def fill(made: ShardStore) -> ShardStore:
    for index in made.missing():
        loci = made.loci_of(index)
        made.write(index, loci, effects(len(loci), seed=index), reference(len(loci)))
    return made


def test_shards_come_back_exactly_as_float32_in_order(tmp_path):
    made = fill(store(tmp_path))
    back = list(made.read())
    assert [shard.index for shard in back] == [0, 1, 2]
    assert [len(shard.loci) for shard in back] == [3, 3, 1]
    for index, shard in enumerate(back):
        expected = effects(len(shard.loci), seed=index)
        assert shard.loci == made.loci_of(index)
        assert shard.effects.tasks == TASKS
        for name in ("value", "offset", "ref", "alt", "mask"):
            np.testing.assert_array_equal(
                getattr(shard.effects, name), getattr(expected, name), err_msg=name
            )
        np.testing.assert_array_equal(shard.reference, reference(len(shard.loci)))
    assert back[0].chrom.tolist() == ["chr3"] * 3
    assert back[0].start.tolist() == [0, 100, 200]
    assert back[2].end.tolist() == [600 + LENGTH]


@given(
    shape=st.tuples(*[st.integers(1, 4)] * 3, st.integers(0, 9)),
    names=st.lists(st.text(min_size=1, max_size=9), min_size=4, max_size=4, unique=True),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_any_shape_and_any_names_come_back(shape, names, seed):
    n_loci, n_tasks, n_members, n_variants = shape
    rng = np.random.default_rng(seed)
    tasks = tuple(names[:n_tasks])
    written = MemberEffects(
        value=rng.normal(size=(*shape[:3], n_variants)).astype(np.float32).astype(np.float64),
        tasks=tasks,
        offset=rng.integers(0, 2000, (n_loci, n_variants)),
        ref=rng.integers(-1, 4, (n_loci, n_variants)),
        alt=rng.integers(-1, 4, (n_loci, n_variants)),
        mask=rng.random((n_loci, n_variants)) > 0.5,
    )
    with TemporaryDirectory() as folder:
        made = store(
            folder,
            loci=[Interval("chr3", 10 * k, 10 * k + 5) for k in range(n_loci)],
            loci_per_shard=n_loci,
            tasks=tasks,
            n_members=n_members,
            effect_scale=dict.fromkeys(tasks, "logit"),
        )
        made.write(0, made.loci, written, np.zeros((n_loci, n_tasks, n_members)))
        assert made.missing() == []
        for task in tasks:
            back = made.read_one(0, [task]).effects
            np.testing.assert_array_equal(back.of(task), written.of(task))
            np.testing.assert_array_equal(back.ref, written.ref)
            np.testing.assert_array_equal(back.mask, written.mask)


def test_some_tasks_can_be_read_alone_and_in_any_order(tmp_path):
    made = fill(store(tmp_path))
    whole, part = next(made.read()), next(made.read(["H3K27ac", "GATA1"]))
    assert part.effects.tasks == ("H3K27ac", "GATA1")
    for task in part.effects.tasks:
        np.testing.assert_array_equal(part.effects.of(task), whole.effects.of(task))
    np.testing.assert_array_equal(part.reference, whole.reference[:, [2, 0]])
    with pytest.raises(LookupError, match=r"kept for 'TAL1' .*kept: GATA1, H3K27ac.K562, H3K27ac"):
        next(made.read(["TAL1"]))


def test_reading_one_task_leaves_the_bytes_of_the_others_alone(tmp_path):
    made = fill(store(tmp_path))
    path = made.path(0)
    column = pq.ParquetFile(path).metadata.row_group(0)
    chunk = next(
        column.column(i)
        for i in range(column.num_columns)
        if column.column(i).path_in_schema.startswith("effect:H3K27ac.K562.")
    )
    content = bytearray(path.read_bytes())
    first = chunk.data_page_offset
    content[first : first + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    path.write_bytes(content)
    np.testing.assert_array_equal(
        read_shard(path, ["GATA1"]).effects.of("GATA1"), effects(3).of("GATA1")
    )
    with pytest.raises(ValueError, match="cannot be used"):
        read_shard(path, ["H3K27ac.K562"])


def test_tasks_written_in_another_order_are_kept_under_their_names(tmp_path):
    made = store(tmp_path)
    turned = TASKS[::-1]
    made.write(0, made.loci_of(0), effects(3, tasks=turned), reference(3))
    shard = read_shard(made.path(0), ["GATA1"])
    np.testing.assert_array_equal(shard.effects.of("GATA1"), effects(3, tasks=turned).of("GATA1"))
    np.testing.assert_array_equal(shard.reference[:, 0], reference(3)[:, 2])


def test_float16_halves_the_size_within_its_stated_error(tmp_path):
    small, large = (fill(store(tmp_path / d, dtype=d)) for d in ("float16", "float32"))
    for a, b in zip(small.read(), large.read(), strict=True):
        error = np.abs(a.effects.value - b.effects.value)
        # Rounding to 11 significant bits; 3e-8 is half the spacing of float16 below 6e-5.
        assert np.all(error <= np.maximum(np.abs(b.effects.value) * 2.0**-11, 3e-8))
    content = [sum(p.stat().st_size for p in s.folder.iterdir()) for s in (small, large)]
    assert content[0] < content[1]


def test_an_effect_too_large_for_float16_is_refused(tmp_path):
    made = store(tmp_path, dtype="float16")
    large = effects(3)
    large.value[0, 0, 0, 0] = 1e6
    with pytest.raises(ValueError, match=r"float16 must lie within .*got 1e\+06 for GATA1; keep"):
        made.write(0, made.loci_of(0), large, reference(3))
    assert made.missing() == [0, 1, 2]


def test_missing_effects_stay_missing(tmp_path):
    made = store(tmp_path, loci_per_shard=7)
    gaps = effects(7)
    gaps.value[2, 1, :, 5] = np.nan
    made.write(0, made.loci, gaps, reference(7))
    np.testing.assert_array_equal(next(made.read()).effects.value, gaps.value)


def test_a_new_folder_misses_everything_and_a_full_one_nothing(tmp_path):
    made = store(tmp_path / "effects")
    assert made.missing() == [0, 1, 2]
    fill(made)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert made.missing() == []


def test_a_killed_writers_part_is_no_shard_and_can_be_swept(tmp_path):
    made = fill(store(tmp_path))
    part = tmp_path / ".shard-000001.parquet.x1y2.part"
    part.write_bytes(made.path(1).read_bytes()[:500])
    made.path(1).unlink()
    assert made.missing() == [1]
    assert made.discard_partial() == [part]
    assert not part.exists()
    assert made.missing() == [1]


@pytest.mark.parametrize("keep", [0, 3, 200, 0.5, -1, -9])
def test_a_truncated_shard_is_named_and_computed_again(keep, tmp_path):
    made = fill(store(tmp_path))
    whole = made.path(1).read_bytes()
    made.path(1).write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(ValueError, match=r"shard-000001.parquet cannot be used.*run the same"):
        list(made.read())
    with pytest.warns(UserWarning, match=r"shard-000001.parquet cannot be used.*computed again"):
        assert made.missing() == [1]
    with pytest.warns(UserWarning, match="shard-000001"):
        fill(made)
    assert made.path(1).read_bytes() == whole


def test_no_flipped_bit_goes_unnoticed_or_changes_what_is_read(tmp_path):
    """Whatever byte is altered: either it is found, or what is read is what was written."""
    made = store(tmp_path, loci_per_shard=7)
    made.write(0, made.loci, effects(7), reference(7))
    whole = made.path(0).read_bytes()
    expected = read_shard(made.path(0))
    rng = np.random.default_rng(0)
    found, said = 0, set()
    for position in rng.choice(len(whole), 400, replace=False):
        content = bytearray(whole)
        content[position] ^= 1 << int(rng.integers(8))
        made.path(0).write_bytes(content)
        try:
            back = read_shard(made.path(0))
        except ValueError as error:
            said.add("shard-000000.parquet cannot be used" in str(error))
            found += 1
            continue
        assert back.loci == expected.loci
        np.testing.assert_array_equal(back.effects.value, expected.effects.value)
        np.testing.assert_array_equal(back.effects.mask, expected.effects.mask)
        np.testing.assert_array_equal(back.reference, expected.reference)
    assert said == {True}
    assert found > 300


def test_altered_numbers_in_a_valid_parquet_file_are_found(tmp_path):
    made = fill(store(tmp_path))
    table = pq.read_table(made.path(0))
    values = [[x + 1 for x in row] for row in table["effect:GATA1"].to_pylist()]
    position = table.column_names.index("effect:GATA1")
    field = table.schema.field(position)
    altered = table.set_column(position, field, pa.array(values, type=field.type))
    pq.write_table(altered, made.path(0))
    with pytest.warns(UserWarning, match="column effect:GATA1 does not match its checksum"):
        assert made.missing() == [0]
    assert made.missing(verify=False) == []
    with pytest.raises(ValueError, match="does not match its checksum"):
        next(made.read())


def test_altered_metadata_is_found(tmp_path):
    made = fill(store(tmp_path))
    table = pq.read_table(made.path(0))
    facts = {**table.schema.metadata, b"effect_scale": b'["probability"]'}
    pq.write_table(table.replace_schema_metadata(facts), made.path(0))
    with pytest.warns(UserWarning, match="metadata does not match its checksum"):
        assert made.missing() == [0]


def test_a_shard_under_another_name_is_found(tmp_path):
    made = fill(store(tmp_path))
    made.path(1).write_bytes(made.path(0).read_bytes())
    with pytest.warns(UserWarning, match="shard-000001.parquet .* shard 0 under another name"):
        assert made.missing() == [1]


def test_shards_from_other_settings_or_loci_or_members_raise_and_are_left_alone(tmp_path):
    made = fill(store(tmp_path))
    before = made.path(0).read_bytes()
    other = [
        ({"fingerprint": "ffff0000"}, r"other settings \(abcd1234, this run has ffff0000\)"),
        ({"n_members": 5}, "holds 3 members, this run has 5"),
        ({"loci": [Interval("chr5", k, k + LENGTH) for k in range(7)]}, "holds other loci"),
        ({"loci_per_shard": 2}, "holds other loci"),
    ]
    for changes, message in other:
        with pytest.raises(ValueError, match=message):
            store(tmp_path, **changes).missing()
        with pytest.raises(ValueError, match=message):
            list(store(tmp_path, **changes).read())
    assert made.path(0).read_bytes() == before


def test_one_shard_can_be_read_alone(tmp_path):
    made = fill(store(tmp_path))
    shard = made.read_one(2, ["GATA1"])
    assert shard.loci == made.loci_of(2)
    np.testing.assert_array_equal(shard.effects.of("GATA1"), effects(1, seed=2).of("GATA1"))
    made.path(1).unlink()
    with pytest.raises(ValueError, match=r"shard-000001.parquet is missing; run the same command"):
        made.read_one(1)
    with pytest.raises(IndexError, match="numbered 0 to 2, got -1"):
        made.read_one(-1)


def test_other_files_are_no_shards(tmp_path):
    made = fill(store(tmp_path))
    pq.write_table(pa.table({"a": [1]}), made.path(2))
    with pytest.warns(UserWarning, match="it is no effect shard"):
        assert made.missing() == [2]


def test_shards_with_more_tasks_serve_and_with_fewer_do_not(tmp_path):
    fill(store(tmp_path))
    narrow = store(tmp_path, tasks=TASKS[:1])
    assert narrow.missing() == []
    assert next(narrow.read()).effects.tasks == TASKS[:1]
    wide = store(tmp_path, tasks=(*TASKS, "TAL1"), effect_scale={**SCALE, "TAL1": "logit"})
    with pytest.warns(UserWarning, match="lacks the effects on TAL1"):
        assert wide.missing() == [0, 1, 2]


def test_what_does_not_belong_into_a_shard_is_refused(tmp_path):
    made = store(tmp_path)
    loci = made.loci_of(0)
    with pytest.raises(ValueError, match=r"shard 0 holds 3 loci from chr3:0-20; got chr3:300-320"):
        made.write(0, made.loci_of(1), effects(3), reference(3))
    with pytest.raises(ValueError, match="got 1 loci"):
        made.write(0, loci[:1], effects(1), reference(1))
    with pytest.raises(ValueError, match=r"holds 3 members of GATA1, .*; got 3 of GATA1"):
        made.write(0, loci, effects(3, tasks=TASKS[:1]), reference(3, 1))
    with pytest.raises(ValueError, match="reference must have shape"):
        made.write(0, loci, effects(3), reference(2))
    with pytest.raises(IndexError, match="numbered 0 to 2, got 3"):
        made.loci_of(3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loci": []}, "needs loci and tasks, got 0 loci"),
        ({"loci": [Interval("c", 0, 9)] * 2}, "loci must differ, got c:0-9 more than once"),
        ({"loci_per_shard": 0}, "at least 1, got 0"),
        ({"dtype": "int8"}, "float32 or float16, got 'int8'"),
        ({"effect_scale": {"GATA1": "logit"}}, "got none for H3K27ac.K562"),
    ],
)
def test_bad_settings_are_refused(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        store(tmp_path, **changes)


def test_a_full_disk_leaves_no_partial_file_and_one_line_with_the_bytes_needed(
    tmp_path, monkeypatch
):
    made = store(tmp_path)
    real = os.fsync

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        OSError, match=r"disk is full: shard-000000.parquet needs [\d,]+ bytes"
    ) as e:
        made.write(0, made.loci_of(0), effects(3), reference(3))
    assert e.value.errno == errno.ENOSPC
    assert "\n" not in str(e.value)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(os, "fsync", real)
    made.write(0, made.loci_of(0), effects(3), reference(3))
    assert made.missing() == [1, 2]


def test_the_size_is_bounded_beforehand_and_not_by_much_more_than_it_takes(tmp_path):
    made = store(
        tmp_path, loci=[Interval("c", k, k + LENGTH) for k in range(300)], loci_per_shard=100
    )
    fill(made)
    taken = sum(p.stat().st_size for p in tmp_path.iterdir())
    bound = estimate_bytes(
        n_loci=300,
        n_variants=3 * LENGTH,
        n_tasks=3,
        n_members=MEMBERS,
        loci_per_shard=100,
    )
    # Random float32 mantissas do not compress; positions and bases do, to nearly nothing.
    assert 0.7 * bound < taken < bound


def test_the_stream_holds_one_shard_at_a_time(tmp_path, monkeypatch):
    made = fill(store(tmp_path))
    opened = []
    real = shard_store.read_shard
    monkeypatch.setattr(
        shard_store, "read_shard", lambda path, tasks=None: opened.append(path) or real(path, tasks)
    )
    stream = made.read()
    next(stream)
    assert len(opened) == 1


def test_bytes_do_not_depend_on_when_a_shard_is_written(tmp_path):
    a, b = fill(store(tmp_path / "a")), fill(store(tmp_path / "b"))
    assert [a.path(k).read_bytes() for k in range(3)] == [b.path(k).read_bytes() for k in range(3)]
