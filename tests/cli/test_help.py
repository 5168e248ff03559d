"""The help is for people."""

from __future__ import annotations

import pytest

from tests.conftest import Script


@pytest.mark.parametrize("name", ["train", "interrogate"])
def test_help_shows_examples_and_every_group(script: Script, name: str) -> None:
    outcome = script(name, "--help")
    assert outcome.status == 0
    assert f"python {name}.py" in outcome.out
    assert "logger=wandb|csv|tensorboard|none" in outcome.out
    assert "paths.output" in outcome.out
