"""The slope over instruments on one dose-response, beside that over all of them."""

import numpy as np
import pytest

from deepmr.effect_shard import EffectShard
from deepmr.effects import MemberEffects
from deepmr.inference.estimation import estimate
from deepmr.inference.question import Question
from deepmr.loci import Loci
from deepmr.mr import inverse_variance_weighted


def test_the_concordant_slope_leaves_the_outcome_s_own_sites_out_and_comes_first() -> None:
    """X moves Y by half; some instruments of the reverse question are Y's own sites."""
    rng = np.random.default_rng(0)
    x = rng.normal(2.0, 0.3, (5, 1, 40))
    y = 0.5 * x
    own = rng.normal(1.0, 0.1, (5, 1, 20))
    value = np.stack(
        [np.concatenate([x, 0.0 * own], axis=2), np.concatenate([y, own], axis=2)], axis=1
    )
    value = np.repeat(value, 3, axis=2) + rng.normal(0, 0.01, (5, 2, 3, 60))
    offset = np.tile(np.arange(60), (5, 1))
    zero = np.zeros_like(offset)
    effects = MemberEffects(
        value=value, tasks=("X", "Y"), offset=offset, ref=zero, alt=zero + 1, mask=zero == 0
    )
    loci = Loci(
        chrom=np.array([f"c{k}" for k in range(5)]),
        start=np.zeros(5, dtype=np.int64),
        end=np.full(5, 60),
        codes=np.zeros((5, 60), dtype=np.uint8),
    )
    shard = EffectShard(
        index=0, loci=loci.intervals(), effects=effects, reference=np.zeros((5, 2, 3))
    )
    scale = {"X": 2.0, "Y": 2.0}
    answers = estimate([shard], loci, ("X", "Y"), Question(), scale=scale)
    assert [one.method for one in answers[:2]] == ["concordant", "slope"]
    found = {(one.exposure, one.method): float(one.pooled.pooled.value) for one in answers}
    # Forward all instruments are X's; in reverse the concordant ones give 1 / .5, all of them
    # sum(x y) / sum(y^2) = 40 * 2 / (40 + 20) = 1.33 about.
    assert found["X", "concordant"] == pytest.approx(0.5, abs=0.01)
    assert found["Y", "concordant"] == pytest.approx(2.0, abs=0.05)
    assert found["Y", "slope"] == pytest.approx(1.33, abs=0.05)
    alone = estimate([shard], loci, ("X", "Y"), Question(concordant=False), scale=scale)
    assert [one.method for one in alone[:2]] == ["slope", "egger"]
    assert estimate([shard], loci, ("X", "Y"), Question())[0].method == "slope"


def test_an_estimator_cannot_take_the_name_of_the_concordant_slope() -> None:
    with pytest.raises(ValueError, match="cannot be called concordant"):
        Question(estimators={"concordant": inverse_variance_weighted})
