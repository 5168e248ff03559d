"""The names of `import deepmr` are those of their homes, in the tests as for a reader."""

from __future__ import annotations

import importlib
import os

import pytest
import torch

import deepmr


@pytest.mark.parametrize("name", sorted(deepmr._HOMES))
def test_no_test_has_replaced_a_public_name(name: str) -> None:
    home = importlib.import_module(deepmr._HOMES[name])
    assert getattr(deepmr, name) is getattr(home, name)


def test_tests_have_the_threads_that_are_set_for_them() -> None:
    assert torch.get_num_threads() == int(os.environ["OMP_NUM_THREADS"])
