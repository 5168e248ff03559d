"""A point of the learning curve on effects whose slope is known."""

import numpy as np
import pytest

from benchmarks.learning_curve import point
from benchmarks.paper_simulation.evidence import Evidence
from deepmr.effects import MemberEffects


def test_a_shrunken_slope_and_its_spread_are_read_off() -> None:
    rng = np.random.default_rng(0)
    exposure = rng.normal(size=(3, 12))
    truth = np.stack([exposure, 2 * exposure], axis=1)
    factor = np.array([0.7, 0.8, 0.9])
    value = np.repeat(truth[:, :, None], 3, axis=2)
    value[:, 1] *= factor[:, None]
    base = np.zeros((3, 12), dtype=np.int64)
    found = point(
        Evidence(
            members=MemberEffects(
                value=value,
                tasks=("GATA1", "TAL1"),
                offset=base,
                ref=base,
                alt=base + 1,
                mask=base == 0,
            ),
            truth=truth,
            in_motif=np.ones((3, 2, 12), dtype=bool),
            effect=1.0,
            validation_mse=np.ones((3, 2)),
            noise_floor=np.ones(2),
            seconds=1.0,
        )
    )
    assert found["relative_slope"] == pytest.approx(0.8)
    assert found["relative_spread"] == pytest.approx(0.1)
    np.testing.assert_allclose(found["effect_rmse"][0], 0.0, atol=1e-15)
