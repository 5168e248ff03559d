import numpy as np
import pytest
import torch
from torch import nn

from deepmr.mutagenesis import (
    Allele,
    AlleleList,
    Dense,
    Saturation,
    VariantBatch,
    VariantSet,
    build_engine,
    saturation,
    with_allele,
)
from deepmr.mutagenesis.member_effects import member_effects
from deepmr.sequence import complement_codes
from deepmr.tasks import Task, TaskTable

LENGTH = 40
RNG = np.random.default_rng(0)
WIDE = RNG.integers(0, 4, (3, LENGTH + 3)).astype(np.uint8)
CODES, BEYOND = WIDE[:, :LENGTH], WIDE[:, LENGTH:]


def letters(row, start, stop):
    return "".join("ACGT"[code] for code in WIDE[row, start:stop])


def other(row, offset):
    return "ACGT"[(WIDE[row, offset] + 1) % 4]


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(4, 6, 5, padding=2), nn.Tanh(), nn.Flatten(), nn.Linear(6 * LENGTH, 2)
    ).eval()


def asked():
    return AlleleList(
        alleles=(
            (
                Allele(locus=0, offset=4, ref=letters(0, 4, 5), alt=other(0, 4)),
                Allele(locus=0, offset=9, ref=letters(0, 9, 13), alt=letters(0, 9, 10)),
                Allele(locus=0, offset=30, ref=letters(0, 30, 31), alt=other(0, 30)),
            ),
            (),
            (Allele(locus=2, offset=7, ref=letters(2, 7, 8), alt=letters(2, 7, 8) + "ACG"),),
        ),
        beyond=BEYOND,
    )


class AsItIs:
    tasks = TaskTable((Task("X", "X"), Task("Y", "Y")))

    def __call__(self, raw):
        return np.asarray(raw, dtype=np.float64)


@pytest.mark.parametrize("engine", ["dense", "incremental"])
@pytest.mark.parametrize("strands", ["forward", "both"])
def test_listed_alleles_have_the_effects_of_whole_forward_passes(engine, strands):
    model = network()
    built = build_engine(
        model, length=LENGTH, engine=engine, strands=strands, precision="float64", shifts=(0, 2)
    )
    plain = Dense(model, length=LENGTH, precision="float64")

    def predict(codes):
        moved = np.full_like(codes, 4)
        moved[2:] = codes[:-2]
        views = [codes, moved]
        views += [complement_codes(view) for view in views] if strands == "both" else []
        return plain.predict(np.stack(views)).mean(axis=0)

    batch = asked().of(0, CODES)
    found = batch.measure(built, CODES)
    assert batch.mask.tolist() == [[True] * 3, [False] * 3, [True, False, False]]
    for row, window in enumerate(asked().alleles):
        for column, allele in enumerate(window):
            mutant = with_allele(WIDE[row], allele, length=LENGTH)
            expected = predict(mutant) - predict(CODES[row])
            # float64 throughout, sums over some hundred products of numbers below 1
            np.testing.assert_allclose(found.difference[row, :, column], expected, atol=1e-13)


def test_other_alleles_exist_in_the_effects_without_a_base():
    batch = asked().of(0, CODES)
    raw = batch.measure(Dense(network(), length=LENGTH), CODES)
    effects, _ = member_effects([raw, raw], batch.substitutions, AsItIs(), ("X", "Y"))
    assert not effects.mask[0, 1]
    placed = batch.place(effects)
    assert placed.mask[0].all()
    assert (placed.offset[0].tolist(), placed.offset[2, 0]) == ([4, 9, 30], 7)
    assert (placed.ref[0, 1], placed.alt[0, 1]) == (-1, -1)
    assert (placed.of("X")[0, :, 1] != 0).all()


def test_consecutive_loci_get_their_own_alleles_and_never_an_empty_axis():
    whole = asked()
    assert whole.max_variants == 3
    last = whole.of(2, CODES[2:])
    assert last.others[0].locus == 0
    np.testing.assert_array_equal(last.beyond, BEYOND[2:])
    empty = whole.of(1, CODES[1:2])
    assert empty.mask.tolist() == [[False]]
    assert not empty.measure(build_engine(network(), length=LENGTH), CODES[1:2]).difference.any()


def test_saturation_may_be_limited_to_a_region_and_to_every_kth_base():
    some = Saturation(length=LENGTH, region=[[3, 6], [10, 11]], every=2)
    batch = some.of(0, CODES)
    columns = some.columns()
    assert columns.tolist() == [9, 10, 11, 15, 16, 17, 30, 31, 32]
    full = saturation(CODES)
    np.testing.assert_array_equal(batch.substitutions.alt, full.alt[:, columns])
    assert some.max_variants == 9
    assert Saturation(length=LENGTH).identity == "saturation"
    assert isinstance(some, VariantSet)
    assert isinstance(asked(), VariantSet)


def test_the_identity_tells_lists_and_regions_apart():
    shorter = AlleleList(alleles=((), *asked().alleles[1:]), beyond=BEYOND)
    identities = [
        one.identity
        for one in (
            asked(),
            shorter,
            Saturation(length=LENGTH),
            Saturation(length=LENGTH, every=2),
            Saturation(length=LENGTH, region=(0, 20)),
        )
    ]
    assert len({str(identity) for identity in identities}) == 5
    assert Saturation(length=LENGTH, region=(0, 40)).identity == "saturation"


def test_a_place_is_needed_for_every_other_allele():
    with pytest.raises(ValueError, match="got 0 columns for 1"):
        VariantBatch(substitutions=saturation(CODES), others=asked().alleles[2])
    with pytest.raises(ValueError, match="every must be 1 or more, got 0"):
        Saturation(length=LENGTH, every=0)
    with pytest.raises(ValueError, match="within the locus of 40 bases"):
        Saturation(length=LENGTH, region=(30, 50))


def test_variants_that_a_moved_reading_does_not_show_are_left_out():
    batch = asked().of(0, CODES)
    inner = batch.within(8, length=LENGTH)
    assert inner.mask.tolist() == [[False, True, True], [False] * 3, [False] * 3]
    assert [str(one) for one in inner.others] == [str(batch.others[0])]
    # from 30 on a base lies in a margin of 10, before which the deletion begins
    assert batch.within(10, length=LENGTH).mask.sum() == 0
    assert batch.within(0, length=LENGTH) is batch
