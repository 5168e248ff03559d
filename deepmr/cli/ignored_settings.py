"""Settings that have no part in what is asked: refused, never passed over in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["check_no_setting_is_ignored", "given_settings"]

_NO_NETWORK = "a table of effects (effects=FILE) takes the place of networks"
_WITH_TABLE = dict.fromkeys(
    (
        "model", "tasks", "calibrators", "uncertainty", "mutagenesis", "variants", "data", "store",
        "scale", "trust",
    ),
    _NO_NETWORK,
)  # fmt: skip
_OF_LOCI = dict.fromkeys(
    ("loci.n", "loci.rule", "loci.split"),
    "a table of effects is asked at all of its loci; loci=bed loci.path=FILE chooses",
)
_WITHOUT_TABLE = {"effects": "it describes a table of effects; name one with effects=FILE"}
_WITHOUT_CHECKPOINT = {
    "model": "a training run knows its networks; it goes with checkpoint=FILE",
    "tasks": "a training run knows its tasks; it goes with checkpoint=FILE",
}
_ONE = "it is for several pairs: exposure= or outcome= must be all, a list or a glob"
_FOR_ONE = {"pairs": _ONE, "known": _ONE}
_MANY = "it is asked for one pair at a time; ask an edge again by exposure=X outcome=Y"
_NOTHING_ASKED = {
    "controls": "none",
    "concordant": False,
    "smallest_slope": 0,
    "verdict.designed": "none",
    "motifs": None,
    "known": None,
    "tasks": None,
    "calibrators": None,
}
"""Values that ask for nothing, so that nothing is ignored."""


def given_settings() -> tuple[str, ...]:
    """Return the names of the settings that the command line gives, without their values."""
    from hydra.core.hydra_config import HydraConfig

    words = HydraConfig.get().overrides.task
    return tuple(word.partition("=")[0].lstrip("+~").partition("@")[0] for word in words)


def check_no_setting_is_ignored(
    settings: Mapping[str, Any], given: tuple[str, ...], *, many: bool
) -> None:
    """Refuse settings of an interrogation that nothing would read.

    Args:
        settings: The whole configuration as plain values.
        given: Names of the settings on the command line (`given_settings`).
        many: Whether several pairs are asked at once.

    Raises:
        ValueError: At the first such setting, with the reason and what to do.

    Example:
        >>> settings = {"effects": {"path": None}, "checkpoint": None, "known": "k.tsv"}
        >>> check_no_setting_is_ignored(settings, ("seed", "known"), many=False)
        Traceback (most recent call last):
        ValueError: known= has no part here: it is for several pairs: exposure= or outcome= must ...
    """
    for name, reason in _ignored(settings, many=many).items():
        for key in given:
            if (key == name or key.startswith(f"{name}.")) and not _asks_nothing(settings, key):
                raise ValueError(f"{key}= has no part here: {reason}; or leave it out")


def _ignored(settings: Mapping[str, Any], *, many: bool) -> dict[str, str]:
    table = settings["effects"]["path"] is not None
    found = dict(_of_many(settings) if many else _FOR_ONE)
    if not table:
        found |= _WITHOUT_TABLE
        if settings["checkpoint"] is None:
            found |= _WITHOUT_CHECKPOINT
    elif not many:
        found |= _WITH_TABLE
        if settings["loci"].get("path") is None:
            found |= _OF_LOCI
    return found


def _of_many(settings: Mapping[str, Any]) -> dict[str, str]:
    found = dict.fromkeys(
        ("controls", "concordant", "smallest_slope", "verdict.designed", "effects"), _MANY
    )
    if "motifs" not in settings["instruments"]:
        found["motifs"] = _MANY
    return found


def _asks_nothing(settings: Mapping[str, Any], key: str) -> bool:
    value: Any = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return key in _NOTHING_ASKED and value == _NOTHING_ASKED[key]
