"""A typo gets one line with the nearest valid names."""

from __future__ import annotations

import pytest

from deepmr.cli.command_line import check_overrides, nearest
from tests.conftest import REPOSITORY

CONF = REPOSITORY / "conf"


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("model=deepsee", "did you mean deepsea"),
        ("sed=1", "did you mean seed"),
        ("trainer.max_epoch=3", "did you mean trainer.max_epochs"),
        ("max_epochs=3", "did you mean trainer.max_epochs"),
        ("loger=csv", "did you mean logger"),
        ("seed=1,2", "add -m"),
        ("name=a=b", "is not an override"),
    ],
)
def test_a_wrong_override_names_what_was_meant(argument: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        check_overrides(CONF, "train", [argument])
    assert "\n" not in str(caught.value)


def test_a_wrong_estimator_in_a_list_is_found() -> None:
    with pytest.raises(ValueError, match=r"estimator=iwv: .* did you mean ivw"):
        check_overrides(CONF, "interrogate", ["estimator=[egger,iwv]"])


@pytest.mark.parametrize(
    ("script", "arguments", "sweeping"),
    [
        (
            "train",
            ["model=deepsea", "data=encode", "data.root=x", "+trainer.limit_train_batches=1"],
            False,
        ),
        ("train", ["seed=1,2", "data.confounding=none,both"], True),
        ("train", ["logger=none", "trainer.max_epochs=2"], False),
        ("train", ["data=encode", "data.splits.test=[chr3,chr5]"], False),
        ("interrogate", ["exposure=A", "outcome=B", "loci=bed", "loci.path=x.bed"], False),
        ("interrogate", ["estimator=[ivw,egger]", "estimator.ivw.model=fixed"], False),
    ],
)
def test_right_overrides_pass(script: str, arguments: list[str], sweeping: bool) -> None:
    check_overrides(CONF, script, arguments, sweeping=sweeping)


def test_names_unlike_any_are_answered_with_all() -> None:
    assert nearest("zzz", ["cnn", "deepsea"]) == "valid are: cnn, deepsea"


def test_an_addition_that_nothing_reads_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing reads such a setting"):
        check_overrides(CONF, "train", ["+nonsense=1"])
    with pytest.raises(ValueError, match="did you mean model"):
        check_overrides(CONF, "train", ["+modle.dropout=1"])
