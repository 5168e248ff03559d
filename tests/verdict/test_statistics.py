import numpy as np
from verdict.planted import planted

from deepmr.inference.concordant import median_slopes
from deepmr.verdict import (
    Thresholds,
    concordant_variants,
    effect_scale,
    locus_maximum,
    pair_statistics,
)

RULE = Thresholds()


def _slowly(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Compute one locus's statistics of x on y in the plainest way; three variants a position."""
    moves = np.abs(x) >= RULE.effects.instrument
    positions = sorted({int(v) // 3 for v in np.flatnonzero(moves)})
    sites: list[list[int]] = []
    for p in positions:
        if sites and p - sites[-1][-1] <= RULE.sites.gap + 1:
            sites[-1].append(p)
        else:
            sites.append([p])

    def median(variants: np.ndarray) -> float:
        pairs = sorted((y[v] / x[v], x[v] ** 2) for v in variants)
        half = sum(w for _, w in pairs) / 2
        running = 0.0
        for ratio, weight in pairs:
            running += weight
            if running >= half * (1 - 1e-12):
                return ratio
        return 0.0

    used = np.flatnonzero(moves)
    top = np.abs(x[used]).max(initial=0.0)
    considered = top >= RULE.effects.considered and len(positions) >= RULE.effects.min_positions
    slope = median(used)
    transmits = considered and abs(slope) * top >= RULE.effects.transmits
    on = [
        v
        for v in used
        if abs(y[v] - slope * x[v])
        <= RULE.effects.tolerance * abs(slope * x[v]) + RULE.effects.floor
    ]
    members = [[v for v in used if v // 3 in site] for site in sites if len(site) >= 3]
    strength = sorted(((sum(x[v] ** 2 for v in m), m) for m in members), reverse=True)[:2]
    two = agree = False
    if (
        considered
        and len(strength) == 2
        and strength[1][0] >= RULE.sites.share * (strength[0][0] + strength[1][0])
    ):
        one, other = (median(np.asarray(m)) for _, m in strength)
        big = max(abs(one), abs(other))
        two = big * top >= RULE.effects.transmits
        agree = two and one * other >= RULE.sites.ratio * big**2
    return {
        "considered": considered,
        "transmits": transmits,
        "concordant": sum(x[v] ** 2 for v in on) * transmits,
        "squared": sum(x[v] ** 2 for v in used) * transmits,
        "two_sites": two,
        "agree": agree,
        "xx": sum(x[v] ** 2 for v in used) * considered,
        "xy_on": sum(x[v] * y[v] for v in on) * considered,
        "own": sum(
            y[v] ** 2
            for v in range(len(y))
            if abs(y[v]) >= RULE.effects.instrument
            and abs(x[v]) < min(RULE.effects.instrument, 0.5 * abs(y[v]))
        ),
    }


def test_batched_statistics_equal_the_plain_loop_over_loci():
    tasks = {"X": {"a": 1.0, "b": 0.7}, "Y": {"a": 0.6, "b": 0.3, "c": 0.8}, "Z": {"b": 1.0}}
    effects = planted(tasks, n_loci=25, noise=0.12, members=2, seed=5)
    scale = effect_scale(locus_maximum(effects))
    found = pair_statistics(effects, scale=scale)
    mean = effects.value.mean(axis=2) / scale[:, None]
    for k, pair in enumerate(found.pairs):
        for direction, (s, t) in enumerate((pair, pair[::-1])):
            for locus in range(found.n_loci):
                for name, value in _slowly(mean[locus, s], mean[locus, t]).items():
                    # Both are sums of the same numbers in different orders.
                    np.testing.assert_allclose(
                        found.of(name)[locus, k, direction], value, rtol=1e-9, atol=1e-12
                    )


def test_statistics_do_not_depend_on_how_pairs_are_cut_into_chunks(monkeypatch):
    effects = planted({"X": {"a": 1.0}, "Y": {"a": 0.6, "b": 0.8}, "Z": {"c": 1.0}}, noise=0.05)
    scale = effect_scale(locus_maximum(effects))
    whole = pair_statistics(effects, scale=scale)
    monkeypatch.setattr("deepmr.verdict.statistics._CELLS", 1)
    np.testing.assert_array_equal(pair_statistics(effects, scale=scale).value, whole.value)


def test_median_slope_ignores_a_minority_on_another_slope():
    x = np.ones((1, 9))
    y = np.where(np.arange(9) < 5, 0.4, 3.0)[None]
    (slope,) = median_slopes(x, y, x > 0)
    np.testing.assert_allclose(slope, [0.4])


def test_concordant_slope_leaves_out_the_outcomes_second_pathway():
    x = np.array([1.0, 0.8, 0.6, 0.9, 0.5])
    y = np.array([0.5, 0.4, 0.3, 0.0, 2.0])
    on = concordant_variants(x, y)
    assert on.tolist() == [True, True, True, False, False]
    np.testing.assert_allclose((x * y)[on].sum() / (x * x)[on].sum(), 0.5)
