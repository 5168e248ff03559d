import numpy as np
import pytest
import torch
from torch import nn

from deepmr.mutagenesis import Dense, Incremental, dropout_draws, saturation


def network(rate=0.5):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(4, 6, 3), nn.ReLU(), nn.Dropout(rate), nn.BatchNorm1d(6), nn.Flatten(),
        nn.Dropout(rate), nn.Linear(6 * 28, 2),
    )  # fmt: skip


def test_a_draw_keeps_its_masks_for_every_input():
    draw = dropout_draws(network(), draws=2, seed=1)[0]
    sequence = torch.randn(5, 4, 30)
    together = draw(sequence)
    # the same masks; batches of other sizes may round differently
    torch.testing.assert_close(torch.cat([draw(one[None]) for one in sequence]), together)
    assert torch.equal(draw(sequence), together)


def test_draws_differ_and_the_seed_repeats_them():
    sequence = torch.randn(1, 4, 30)
    first = [draw(sequence) for draw in dropout_draws(network(), draws=4, seed=1)]
    again = [draw(sequence) for draw in dropout_draws(network(), draws=4, seed=1)]
    other = [draw(sequence) for draw in dropout_draws(network(), draws=4, seed=2)]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert len({float(draw.detach()[0, 0]) for draw in (*first, *other)}) == 8


def test_kept_values_are_scaled_to_keep_the_mean():
    layer = dropout_draws(nn.Sequential(nn.Dropout(0.25)), draws=2, seed=0)[0]
    values = layer(torch.ones(1, 8, 10_000))
    assert values.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    # 80,000 draws with standard deviation sqrt(.25 / .75): four standard errors are .0082
    assert abs(float(values.mean()) - 1) < 0.0082


def test_whole_channels_drop_together():
    layer = dropout_draws(nn.Sequential(nn.Dropout1d(0.5)), draws=2, seed=0)[0]
    values = layer(torch.ones(1, 64, 50))[0]
    assert all(len(channel.unique()) == 1 for channel in values)
    assert 0 < int((values[:, 0] == 0).sum()) < 64


def test_draws_share_parameters_and_leave_the_model_alone():
    model = network().train()
    draws = dropout_draws(model, draws=3, seed=0)
    assert all(draw[0].weight is model[0].weight for draw in draws)
    assert all(draw[3].running_mean is model[3].running_mean for draw in draws)
    assert isinstance(model[2], nn.Dropout)
    assert model.training
    assert not any(module.training for draw in draws for module in draw.modules())


def test_both_engines_see_the_same_masks():
    codes = np.random.default_rng(0).integers(0, 4, (2, 30)).astype(np.uint8)
    variants = saturation(codes)
    for draw in dropout_draws(network(), draws=2, seed=5):
        incremental = Incremental(draw, length=30, precision="float64")
        assert incremental.fallback_reasons == ()
        fast = incremental(codes, variants).difference
        dense = Dense(draw, length=30, precision="float64")(codes, variants).difference
        assert np.abs(dense).max() > 0.01
        np.testing.assert_allclose(fast, dense, atol=1e-13)


def test_a_network_without_dropout_is_refused():
    with pytest.raises(ValueError, match="Sequential has no dropout module with a rate above 0"):
        dropout_draws(network(rate=0.0), draws=5, seed=0)
    with pytest.raises(ValueError, match="at least 2 draws to have a spread, got 1"):
        dropout_draws(network(), draws=1, seed=0)
    with pytest.raises(TypeError, match="got AlphaDropout"):
        dropout_draws(nn.Sequential(nn.AlphaDropout(0.5)), draws=2, seed=0)
