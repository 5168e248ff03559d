"""Instruments by motif: variants inside matches, for one set of loci."""

from pathlib import Path

import numpy as np
import pytest

from deepmr.effects import EffectSizes, MemberEffects
from deepmr.inference import CrossFitted
from deepmr.instruments import AllOf, ByZ, Rule, select
from deepmr.motifs import AtPositions, ByMotif, MotifLibrary, variants_in_matches
from deepmr.mr import inverse_variance_weighted
from deepmr.mutagenesis.variants import saturation
from tests.motifs import toy

SAMPLE = Path(__file__).parent / "samples" / "jaspar_2016.jaspar"


def library() -> MotifLibrary:
    return MotifLibrary(motifs=(toy.random_motif(1, 8), toy.random_motif(2, 9)))


def effects(shape: tuple[int, ...]) -> EffectSizes:
    rng = np.random.default_rng(0)
    value = rng.normal(size=(2, *shape))
    one = np.ones(shape)
    return EffectSizes.from_arrays(value[0], one, value[1], one)


def test_instruments_are_the_variants_inside_matches_of_the_motif() -> None:
    codes = toy.random_codes(0, 5, 60)
    variants = saturation(codes)
    rule = ByMotif(motifs=library(), motif="random 2", p=0.01).at(codes, target="another")
    assert isinstance(rule, Rule)
    chosen = select(effects(variants.offset.shape), rule, offset=variants.offset)
    truth = variants_in_matches(library()[1], codes, variants.offset, p=0.01)
    np.testing.assert_array_equal(chosen.mask, truth)
    assert 0 < truth.mean() < 0.5


def test_the_exposures_own_motif_changes_with_the_exposure() -> None:
    codes = toy.random_codes(0, 5, 60)
    rule = ByMotif(motifs=SAMPLE, p=0.01)
    one, other = (rule.at(codes, target=target).inside for target in ("Alpha", "BETA"))
    assert not np.array_equal(one, other)
    with pytest.raises(LookupError, match=r"no motif of .*jaspar is called 'GATA1'; known are"):
        rule.at(codes, target="GATA1")


def test_a_motif_that_the_library_lacks_is_refused_before_any_locus_is_seen() -> None:
    with pytest.raises(LookupError, match="is called 'ALPHB'; did you mean: ALPHA"):
        ByMotif(motifs=SAMPLE, motif="ALPHB")


def test_the_rule_combines_with_a_threshold_and_works_for_each_member() -> None:
    rng = np.random.default_rng(1)
    codes = toy.random_codes(0, 4, 40)
    variants = saturation(codes)
    shape = (4, 2, 5, variants.n_variants)
    members = MemberEffects(
        value=rng.normal(size=(4, 2, 1, shape[-1])) + 0.1 * rng.normal(size=shape),
        tasks=("x", "y"),
        offset=variants.offset,
        ref=variants.ref,
        alt=variants.alt,
        mask=variants.mask,
    )
    inside = ByMotif(motifs=library(), motif="random 1", p=0.02).at(codes, target="x")
    rule = AllOf(rules=[inside, ByZ(min_z=2.0)])
    found = CrossFitted().local(members, "x", "y", rule=rule, estimator=inverse_variance_weighted)
    at = np.take_along_axis(inside.inside, variants.offset, axis=1)
    chosen = found.instruments
    assert chosen.any()
    assert not chosen[~np.broadcast_to(at, chosen.shape)].any()


def test_masked_variants_are_never_instruments_wherever_they_lie() -> None:
    e = effects((1, 2))
    e = EffectSizes(
        beta_exposure=e.beta_exposure,
        se_exposure=e.se_exposure,
        beta_outcome=e.beta_outcome,
        se_outcome=e.se_outcome,
        mask=np.array([[True, False]]),
    )
    rule = AtPositions(inside=np.ones((1, 3), dtype=bool))
    assert rule(e, offset=np.array([[0, 7]])).tolist() == [[True, False]]
    with pytest.raises(ValueError, match="offsets must lie within the locus of 3 bases"):
        rule(e, offset=np.array([[3, 0]]))


def test_other_loci_or_missing_offsets_are_refused() -> None:
    rule = AtPositions(inside=np.ones((2, 3), dtype=bool))
    with pytest.raises(ValueError, match="need the variants' offsets, got none"):
        rule(effects((2, 1)))
    with pytest.raises(ValueError, match=r"was made for 2 loci, got effects of shape \(1, 1\)"):
        rule(effects((1, 1)), offset=np.array([[0]]))
