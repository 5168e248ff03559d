"""The networks we ship run incrementally from end to end, and exactly."""

import numpy as np
import pytest
import torch
from torch import nn

from deepmr.models import DeepSEA, MotifScanner, PaperCNN
from deepmr.mutagenesis import Dense, Incremental, build_engine, saturation

SHIPPED = {
    "scanner": (MotifScanner(60, [0, 2], [1]), 60),
    "paper": (PaperCNN(50, [1], [0]), 50),
    "deepsea": (DeepSEA(203, [0], [1, 2], channels=(6, 7, 8), hidden=9), 203),
    "deepsea, one head": (DeepSEA(200, [0, 1], channels=(6, 7, 8), hidden=9), 200),
}


@pytest.fixture(params=SHIPPED)
def shipped(request):
    network, length = SHIPPED[request.param]
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
        elif hasattr(module, "reset_parameters"):
            module.reset_parameters()
    codes = np.random.default_rng(2).integers(0, 5, (2, length)).astype(np.uint8)
    variants = saturation(codes)
    exact = Dense(network, length=length, precision="float64")(codes, variants)
    return network, codes, variants, exact


# the bounds promised to users, relative to the largest effect of a locus
@pytest.mark.parametrize(("precision", "bound"), [("float32", 1e-5), ("float64", 1e-12)])
def test_effects_are_exact(shipped, precision, bound):
    network, codes, variants, exact = shipped
    engine = Incremental(network, length=codes.shape[1], precision=precision)
    assert engine.fallback_reasons == ()
    effects = engine(codes, variants)
    largest = np.abs(exact.difference).max(axis=(1, 2))
    error = np.abs(effects.difference - exact.difference).max(axis=(1, 2))
    assert bool((largest > 0).all())
    assert bool((error < bound * largest).all())
    np.testing.assert_allclose(effects.reference, exact.reference, rtol=1e-4, atol=1e-5)


def test_auto_gives_the_effects_of_the_dense_engine(shipped):
    network, codes, variants, exact = shipped
    effects = build_engine(network, length=codes.shape[1], strands="forward")(codes, variants)
    largest = np.abs(exact.difference).max()
    # the dense engine, where auto takes it, subtracts two float32 predictions
    np.testing.assert_allclose(effects.difference, exact.difference, atol=1e-4 * largest)
