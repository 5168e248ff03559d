"""What a combination would ignore is refused by name; what asks for nothing passes."""

from __future__ import annotations

from typing import Any

import pytest

from deepmr.cli.ignored_settings import check_no_setting_is_ignored

PLAIN: dict[str, Any] = {
    "effects": {"path": None},
    "checkpoint": None,
    "loci": {"n": 300},
    "instruments": {"_target_": "deepmr.instruments.ByModeratedZ"},
    "controls": "all",
    "concordant": True,
    "smallest_slope": 0.1,
    "motifs": "m.meme",
    "known": "k.tsv",
    "tasks": "t.tsv",
    "verdict": {"designed": "auto"},
}
TABLE = PLAIN | {"effects": {"path": "e.tsv"}}


@pytest.mark.parametrize(
    ("settings", "many", "key"),
    [
        *(
            (PLAIN, True, key)
            for key in ("controls", "concordant", "smallest_slope", "motifs", "verdict.designed")
        ),
        (TABLE, True, "effects.path"),
        *((PLAIN, False, key) for key in ("known", "pairs.level", "pairs.direct")),
        *((PLAIN, False, key) for key in ("effects.gap", "effects", "model.filters", "tasks")),
        *((TABLE, False, key) for key in ("scale", "variants", "mutagenesis.engine", "store.keep")),
        *((TABLE, False, key) for key in ("uncertainty", "calibrators", "loci.n", "data.root")),
    ],
)
def test_a_setting_without_a_part_is_refused_by_name(
    settings: dict[str, Any], many: bool, key: str
) -> None:
    whole = settings | {"calibrators": "c.json"}
    with pytest.raises(ValueError, match=rf"^{key}= has no part here: .*; or leave it out$"):
        check_no_setting_is_ignored(whole, ("seed", key), many=many)


@pytest.mark.parametrize(
    ("settings", "many", "key"),
    [
        (PLAIN | {"controls": "none"}, True, "controls"),
        (PLAIN | {"concordant": False}, True, "concordant"),
        (PLAIN | {"instruments": {"motifs": "m.meme"}}, True, "motifs"),
        (PLAIN | {"checkpoint": "net.pt"}, False, "tasks"),
        (TABLE | {"loci": {"n": 5, "path": "l.bed"}}, False, "loci.n"),
        (TABLE, False, "effects.gap"),
        (PLAIN, True, "pairs.level"),
        (PLAIN, False, "controls"),
    ],
)
def test_a_setting_with_a_part_or_that_asks_for_nothing_passes(
    settings: dict[str, Any], many: bool, key: str
) -> None:
    check_no_setting_is_ignored(settings, (key,), many=many)
