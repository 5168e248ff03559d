"""What stands for a model's uncertainty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn

from deepmr.mutagenesis import Augmentation, Dense, Saturation, Variants, saturation
from deepmr.sequence import encode
from deepmr.uncertainty import (
    Augmented,
    Auto,
    Dropout,
    Ensemble,
    ForwardPass,
    Given,
    Members,
    Snapshots,
    Trained,
    Uncertainty,
)

CODES = np.stack([encode("ACGTNACGTA"), encode("TTGTTGGGCC")])


def _net(rate: float = 0.0, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(40, 8), nn.Dropout(rate), nn.Linear(8, 2))


def _trained(count: int, rate: float = 0.0, snapshots: int = 0) -> list[Trained]:
    def load() -> Sequence[nn.Module]:
        return [_net(seed=100 + k) for k in range(snapshots)]

    return [Trained(network=_net(rate, seed=k), snapshots=load) for k in range(count)]


def _variants(members: Members) -> Variants:
    return Saturation(length=10).of(0, CODES).within(members.margin, length=10).substitutions


def _effects(members: Members) -> np.ndarray:
    variants = _variants(members)
    return np.stack(
        [one(CODES, variants).difference for one in members.engines(Dense, length=10)], axis=2
    )


def _effect(network: nn.Module, view: Augmentation) -> np.ndarray:
    return Dense(network, length=10)(*view.apply(CODES, saturation(CODES))).difference


def test_two_networks_are_an_ensemble_and_one_is_asked_through_its_dropout() -> None:
    several = Auto(draws=4)(_trained(2, 0.5))
    assert (several.spread, len(several), several.shared) == ("ensemble", 2, 0.0)
    one = Auto(draws=4, seed=1)(_trained(1, 0.5))
    assert (one.spread, len(one), one.shared) == ("dropout", 4, 1.0)
    effects = _effects(one)
    assert effects.std(axis=2).max() > 0, "draws differ"
    np.testing.assert_array_equal(effects, _effects(one), "a draw keeps its mask")
    other = _effects(Auto(draws=4, seed=2)(_trained(1, 0.5)))
    assert not np.array_equal(effects, other), "the seed decides the masks"


def test_one_network_without_dropout_is_taken_as_given() -> None:
    given = Auto()(_trained(1))
    assert (given.spread, len(given)) == ("given model", 1)
    assert "not what training again would say" in given.note
    assert len(Given()(_trained(1, 0.5))) == 1, "asked by name, dropout is left off"
    with pytest.raises(ValueError, match="at least 1 network"):
        Given()([])


@pytest.mark.parametrize(
    ("way", "readings"),
    [(Dropout(draws=4), 4), (Augmented(), 6), (Snapshots(), 3), (Snapshots(last=2), 2)],
    ids=lambda value: type(value).__name__,
)
def test_readings_of_one_network_are_members_and_of_several_are_averaged_within_each(
    way: Uncertainty, readings: int
) -> None:
    alone = [way([one]) for one in _trained(3, 0.5, snapshots=3)]
    assert [len(one) for one in alone] == [readings] * 3
    assert {one.shared for one in alone} == {1.0}, "readings of one network share its errors"
    together = way(_trained(3, 0.5, snapshots=3))
    assert len(together) == 3, "three networks are three members, however often each is read"
    assert together.shared == 0.0
    assert len(together.passes) == 3 * readings
    assert "averaged" in together.spread
    # dropout: each network has masks of its own, so only the first is the same alone
    compared = 1 if isinstance(way, Dropout) else 3
    nested = np.stack([_effects(one).mean(axis=2) for one in alone], axis=2)
    # float32 sums of up to six numbers below 1, in another order
    np.testing.assert_allclose(
        _effects(together)[:, :, :compared], nested[:, :, :compared], atol=1e-6
    )


def test_one_of_several_networks_can_be_asked_alone() -> None:
    networks = _trained(3, 0.5)
    chosen = Augmented(strands="forward", shifts=[0, 1], network=2)(networks)
    assert [reading.network for reading in chosen.passes] == [networks[2].network] * 2
    with pytest.raises(ValueError, match=r"one of 3 networks \(0 to 2\), got 3"):
        Dropout(network=3)(networks)


def test_views_show_the_other_strand_and_leave_out_what_a_shift_pushes_out() -> None:
    networks = _trained(1)
    members = Augmented(strands="both", shifts=[0, 2])(networks)
    variants = _variants(members)
    assert set(variants.offset[variants.mask].tolist()) == {2, 3, 4, 5, 6, 7}, "two at each end"
    effects = _effects(members)
    kept = variants.mask[:, None, :]
    shown = [
        Augmentation(),
        Augmentation(shift=2),
        Augmentation(reverse=True),
        Augmentation(shift=2, reverse=True),
    ]
    for k, view in enumerate(shown):
        exact = np.where(kept, _effect(networks[0].network, view), 0.0)
        np.testing.assert_array_equal(effects[:, :, k], exact)
    assert len(members.networks) == 1, "one network, however it is read"


def test_a_network_read_twice_is_built_once() -> None:
    built = []

    def build(network: nn.Module, *, length: int, chunk: int | None) -> Dense:
        built.append(network)
        return Dense(network, length=length, chunk=chunk)

    networks = _trained(2)
    engines = Augmented(shifts=[-1, 0, 1])(networks).engines(build, length=10, chunk=7)
    assert [id(one) for one in built] == [id(one.network) for one in networks]
    assert [engine.chunk for engine in engines] == [7, 7]


def test_dropout_s_error_is_its_spread_and_does_not_vanish_with_more_draws() -> None:
    from deepmr.effects import MemberEffects

    def error(draws: int, shared: float) -> float:
        members = Dropout(draws=draws, shared=shared)(_trained(1, 0.5))
        value = _effects(members).astype(np.float64)
        variants = _variants(members)
        columns = {name: getattr(variants, name) for name in ("offset", "ref", "alt", "mask")}
        effects = MemberEffects(value=value, tasks=("a", "b"), shared=members.shared, **columns)
        return float(np.median(effects.summarise("a", "b").se_exposure[variants.mask]))

    # the spread itself is known to 1 / sqrt(2 (n - 1)): 9 % at 64 draws
    assert error(256, 1.0) == pytest.approx(error(64, 1.0), rel=0.3)
    assert error(256, 0.0) == pytest.approx(error(64, 0.0) / 2, rel=0.3)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Dropout()(_trained(1)), "no dropout"),
        (lambda: Ensemble()(_trained(1)), "at least 2 networks, got 1"),
        (lambda: Auto(draws=1), "draws must be at least 2, got 1"),
        (lambda: Snapshots()(_trained(1)), "at least 2 snapshots of a network, got 0"),
        (lambda: Snapshots(last=4)(_trained(1, snapshots=3)), "at least 4 snapshots .* got 3"),
        (lambda: Snapshots(last=1), "last must be at least 2, got 1"),
        (lambda: Augmented(strands="forward", shifts=[0])(_trained(1)), "at least 2 augmentations"),
        (lambda: Augmented(strands="reverse"), "strands must be forward or both"),
        (lambda: Augmented(shifts=[1, 1]), "shifts must differ"),
    ],
)
def test_what_cannot_give_an_error_is_refused(make: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()  # type: ignore[operator]


def test_every_way_keeps_the_contract() -> None:
    for way in (Auto(), Dropout(), Ensemble(), Snapshots(), Augmented()):
        assert isinstance(way, Uncertainty)
    assert ForwardPass(network=_net()).augmentation == Augmentation()
