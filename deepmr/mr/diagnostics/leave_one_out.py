"""Leave-one-out analysis of the IVW estimate."""

from __future__ import annotations

from functools import partial

import numpy as np

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.ivw import Model, random_effects_factor
from deepmr.mr.numerics.batch import in_batch
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.ratio import with_positive_errors

__all__ = ["leave_one_out"]


def _kernel(block: Columns, *, model: Model) -> dict[str, np.ndarray]:
    u, v = block.x / block.sy, block.y / block.sy
    xx = np.vecdot(u, u)[:, None] - u**2
    slope = np.where(xx > 0, (np.vecdot(u, v)[:, None] - u * v) / xx, np.nan)
    overall = (np.vecdot(u, v) / np.vecdot(u, u))[:, None]
    residual = v - overall * u
    # Leaving j out lowers Q by r_j^2 times all strength over the strength that is left.
    q = np.vecdot(residual, residual)[:, None] - residual**2 * np.vecdot(u, u)[:, None] / xx
    n = np.broadcast_to(block.n[:, None] - 1, u.shape)
    factor = random_effects_factor(np.maximum(q, 0.0), np.maximum(n - 1, 0.0), n, model)
    kept = block.mask & (n >= 1)
    return {
        "value": np.where(kept, slope, np.nan),
        "se": np.where(kept, factor / np.sqrt(np.where(xx > 0, xx, np.nan)), np.nan),
    }


def leave_one_out(effects: EffectSizes, *, model: Model = "random") -> Estimate:
    """Return the IVW estimate without each instrument in turn, on a trailing variant axis.

    In closed form, without refitting. One instrument that moves the estimate alone deserves a
    look; none doing so does not make them valid. NaN where a variant is masked.

    Args:
        effects: The instruments.
        model: Factor on the error, ``random`` by default, as in `inverse_variance_weighted`.

    References:
        Burgess, Bowden et al. 2017, doi:10.1097/EDE.0000000000000559 (as a sensitivity analysis).

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> leave_one_out(ldl_chd()).value.shape
        (28,)
    """
    effects, _ = with_positive_errors(effects)
    found = by_blocks(effects, partial(_kernel, model=model))
    batch = effects.mask.shape[:-1]
    return Estimate(value=in_batch(found["value"], batch), se=in_batch(found["se"], batch))
