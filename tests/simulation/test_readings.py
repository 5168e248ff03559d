"""Readings of a graph's tasks: true effects, noise, reproducibility."""

import numpy as np
import pytest

from deepmr.simulation import (
    GRAPHS,
    GraphSizes,
    Readings,
    anscombe,
    load_motifs,
    shipped_graph,
    simulate_graph,
    variant_order,
)

CODES = np.random.default_rng(5).integers(0, 4, (70, 40)).astype(np.uint8)
SMALL = GraphSizes(
    train=60, variants=30, motif_variants=20, calibration=12, test=20, length=70, copies=2
)


def readings(name: str = "fifteen", targets: str = "counts", strength: float = 4.0) -> Readings:
    graph = shipped_graph(name)
    library = load_motifs("all")
    motifs = tuple(library[one].with_strength(strength) for one in graph.motifs.values())
    return Readings(graph=graph, motifs=motifs, targets=targets)


@pytest.mark.parametrize("targets", ["counts", "peaks"])
@pytest.mark.parametrize("name", GRAPHS)
def test_substitution_effects_are_differences_of_whole_sequences(name: str, targets: str) -> None:
    # A low strength gives random sequences doses between 0 and 1, so that effects are large.
    read = readings(name, targets, strength=7.0)
    effects = read.substitution_effects(CODES)
    offset, alternative = variant_order(CODES)
    assert effects.shape == (70, len(read.graph.tasks), 120)
    for row in (0, 63, 64, 69):  # both sides of a seam between two pieces
        changed = np.repeat(CODES[row : row + 1], 120, axis=0)
        changed[np.arange(120), offset] = alternative[row]
        expected = read.noiseless(changed) - read.noiseless(CODES[row : row + 1])
        # Levels reach 30, sums of some 40 terms; feedback settles to 1e-12 of an activity.
        np.testing.assert_allclose(effects[row], expected.T, atol=1e-9)
    assert np.abs(effects).max() > 0.5


def test_counts_are_read_with_poisson_noise() -> None:
    read = readings()
    codes = np.repeat(CODES[:1], 20_000, axis=0)
    counts = read.observe(np.random.default_rng(0), codes)
    mean = read.expected_counts(CODES[:1])[0]
    # Five standard errors of a mean; of a variance, with the Poisson's fourth moment.
    assert np.all(np.abs(counts.mean(axis=0) - mean) < 5 * np.sqrt(mean / 20_000))
    bound = 5 * np.sqrt((mean + 2 * mean**2) / 20_000)
    assert np.all(np.abs(counts.var(axis=0) - mean) < bound)


def test_a_peak_is_as_likely_as_its_log_odds_say() -> None:
    read = readings(targets="peaks")
    codes = np.repeat(CODES[:1], 20_000, axis=0)
    peaks = read.observe(np.random.default_rng(0), codes)
    assert set(np.unique(peaks)) == {0, 1}
    chance = 1 / (1 + np.exp(-read.noiseless(CODES[:1])[0]))
    assert np.all(np.abs(peaks.mean(axis=0) - chance) < 5 * np.sqrt(0.25 / 20_000))


def test_log_odds_of_a_peak_run_from_minus_3_to_3_along_the_anscombe_scale() -> None:
    read, counts = readings(targets="peaks"), readings()
    x = read.graph.tasks.index("X")
    level = counts.noiseless(CODES)[:, x]
    low, high = anscombe(np.array([1.0])), anscombe(np.array([101.0]))
    expected = -3 + 6 * (level - low) / (high - low)
    np.testing.assert_allclose(read.noiseless(CODES)[:, x], expected, atol=1e-12)


def test_strength_is_the_log_odds_of_an_average_site() -> None:
    motif = load_motifs("all")["TP53"].with_strength(4.0)
    sites = motif.sample(np.random.default_rng(0), 20_000)
    scores = motif.scores(sites)[:, 0]
    assert scores.mean() == pytest.approx(4.0, abs=5 * scores.std() / np.sqrt(20_000))


def test_a_data_set_is_a_function_of_its_seed() -> None:
    first, again, other = (
        simulate_graph(seed, readings(), sizes=SMALL, present=None) for seed in (1, 1, 2)
    )
    for name in ("codes", "starts", "observed", "present"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert np.any(getattr(first, name) != getattr(other, name))


def test_parts_are_disjoint_and_variants_stay_with_their_parents() -> None:
    data = simulate_graph(1, readings(), sizes=SMALL)
    rows = np.concatenate([data.rows[name] for name in ("train", "validation", "calibration")])
    np.testing.assert_array_equal(
        np.sort(np.concatenate([rows, data.rows["test"]])), np.arange(60 + 50 + 12 + 20)
    )
    difference = (data.codes[60:110, None] != data.codes[None, :60]).sum(axis=-1)
    np.testing.assert_array_equal(difference.min(axis=1), 1)
    validation = np.isin(np.arange(110), data.rows["validation"])
    np.testing.assert_array_equal(validation[60:], validation[difference.argmin(axis=1)])


def test_motif_variants_lie_inside_planted_motifs() -> None:
    read = readings()
    data = simulate_graph(1, read, sizes=SMALL)
    width = [motif.width for motif in read.motifs]
    for row in range(90, 110):
        parent = (data.codes[:60] != data.codes[row]).sum(axis=1).argmin()
        column = int(np.flatnonzero(data.codes[parent] != data.codes[row])[0])
        inside = [
            first >= 0 and first <= column < first + width[k]
            for k in range(3)
            for first in data.starts[parent, k]
        ]
        assert any(inside)


def test_changing_one_part_leaves_the_others_as_they_were() -> None:
    plain = simulate_graph(1, readings(), sizes=SMALL)
    sizes = GraphSizes(train=60, variants=35, calibration=13, test=20, length=70, copies=2)
    larger = simulate_graph(1, readings(), sizes=sizes)
    np.testing.assert_array_equal(plain.codes[:60], larger.codes[:60])
    for name in ("codes", "observed"):
        np.testing.assert_array_equal(
            getattr(plain, name)[plain.rows["test"]], getattr(larger, name)[larger.rows["test"]]
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"copies": 0}, "copies must be at least 1, got 0"),
        ({"motif_variants": -1}, "motif_variants must not be negative, got -1"),
        ({"validation_fraction": 0.0}, "validation_fraction must leave sequences"),
    ],
)
def test_impossible_sizes_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GraphSizes(**change)


def test_impossible_readings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"data.targets is one of counts, peaks; got 'reads'"):
        readings(targets="reads")
    with pytest.raises(ValueError, match=r"data.present is a probability, 0 to 1; got 1.5"):
        simulate_graph(1, readings(), sizes=SMALL, present=1.5)


@pytest.mark.parametrize("name", GRAPHS)
def test_motifs_of_a_shipped_graph_hardly_share_sites(name: str) -> None:
    read = readings(name)
    data = simulate_graph(0, read, sizes=GraphSizes(train=2, variants=0, validation_fraction=0.5))
    overlap = read.overlap(data.codes[data.rows["test"]])
    np.testing.assert_allclose(np.diag(overlap), 1.0)
    # .17 is the most, between HNF4A and TEAD4; .33 between ETS1 and SPI1 would be too much for
    # tasks that read only one of them to count as unrelated.
    assert (overlap - np.eye(len(overlap))).max() < 0.2


def test_motifs_of_the_same_sites_overlap() -> None:
    library = load_motifs("all")
    motifs = tuple(library[name].with_strength(4.0) for name in ("ETS1", "SPI1", "CTCF"))
    read = Readings(graph=shipped_graph("fifteen"), motifs=motifs)
    data = simulate_graph(0, read, sizes=GraphSizes(train=2, variants=0, validation_fraction=0.5))
    overlap = read.overlap(data.codes[data.rows["test"]])
    assert overlap[1, 0] > 0.2
    assert overlap[2, 0] < 0.05
