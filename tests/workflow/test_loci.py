"""Which held-out loci suit a pair by themselves, and what a verdict says that they contradict."""

from dataclasses import replace

import numpy as np
from torch import nn

from deepmr.effect_shard import EffectShard, EffectsInMemory
from deepmr.effects import MemberEffects
from deepmr.inference.question import Question
from deepmr.loci import Loci
from deepmr.networks import Networks
from deepmr.workflow.judgement import judge_pair
from deepmr.workflow.loci import loci_of_pair

PAIR = ("X", "Y")


class _Data:
    """Held-out loci that suit the pair: two on chr1, by their own windows."""

    def candidate_loci(self, rule, *, exposure=None, outcome=None):
        assert (rule, exposure, outcome) == ("pair", *PAIR)
        return np.array(["chr1", "chr1"]), np.array([90, 300]), np.array([190, 400])


class _NoLoci:
    def candidate_loci(self, rule, *, exposure=None, outcome=None):
        raise LookupError("none")


def _loci(chrom, start, split="test"):
    start = np.asarray(start)
    codes = np.zeros((len(start), 100), dtype=np.uint8)
    return Loci(chrom=np.asarray(chrom), start=start, end=start + 100, codes=codes, split=split)


def _networks(source):
    members = [nn.Sequential(nn.Dropout(0.1), nn.Identity()) for _ in range(2)]
    return replace(Networks.of(members, list(PAIR)), source=source)


def test_a_locus_suits_the_pair_if_its_middle_lies_in_a_window_of_the_pair():
    loci = _loci(["chr1", "chr1", "chr1", "chr2"], [100, 190, 301, 100])
    found = loci_of_pair(_networks(_Data()), loci, PAIR)
    np.testing.assert_array_equal(found, [True, False, True, False])


def test_regions_of_a_file_and_unknown_data_name_no_loci_of_the_pair():
    assert loci_of_pair(_networks(_Data()), _loci(["chr1"], [100], split="regions"), PAIR) is None
    assert loci_of_pair(_networks(None), _loci(["chr1"], [100]), PAIR) is None
    assert loci_of_pair(_networks(_NoLoci()), _loci(["chr1"], [100]), PAIR) is None


def test_a_verdict_that_the_loci_of_the_pair_contradict_says_so():
    """X reads a, Y reads a and b; where the pair is at home, Y reads b alone."""
    n = 80
    rng = np.random.default_rng(0)
    x, own = np.zeros((2, n, 120))
    loss = np.repeat([1.0, 0.9, 0.5, 0.7, 1.0, 0.8], 3)
    x[:, 12:30] = -loss
    own[rng.random(n) < 0.5, 72:90] = -loss
    reads = np.where(np.arange(n) < 60, 0.6, 0.0)[:, None]
    value = np.repeat(np.stack([x, reads * x + 0.8 * own], axis=1)[:, :, None], 3, axis=2)
    offset = np.tile(np.repeat(np.arange(40), 3), (n, 1))
    zero = np.zeros_like(offset)
    effects = MemberEffects(
        value=value, tasks=PAIR, offset=offset, ref=zero, alt=zero + 1, mask=zero == 0
    )
    chrom = np.where(np.arange(n) < 60, "chr2", "chr1")
    start = np.where(np.arange(n) < 60, 1000 * np.arange(n), 0) + np.arange(n)
    loci = _loci(chrom, start)
    reference = np.zeros((n, 2, 3))
    shard = EffectShard(index=0, loci=loci.intervals(), effects=effects, reference=reference)
    measured = EffectsInMemory(shard=shard, effect_scale={"X": "logit", "Y": "logit"})

    class Home(_Data):
        def candidate_loci(self, rule, *, exposure=None, outcome=None):
            return np.array(["chr1"]), np.array([0]), np.array([1000])

    networks = _networks(Home())
    judged = judge_pair(measured, PAIR, Question(controls="none"), networks=networks, loci=loci)
    assert judged.verdict.structure == "forward"
    assert "locus_set" in judged.verdict.caveats
    assert "the 20 loci that suit both tasks" in " ".join(judged.verdict.reasons)
