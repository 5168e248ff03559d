"""Settings with the inference that answers, where it took the place of the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepmr.inference import GivenModel
from deepmr.inference.estimation import Question

__all__ = ["with_inference"]


def with_inference(settings: Mapping[str, Any], question: Question) -> Mapping[str, Any]:
    """Return settings that record `GivenModel` where one member put it in the default's place.

    Args:
        settings: Settings of the interrogation.
        question: The question, as its members can answer it.

    Example:
        >>> asked = {"inference": {"_target_": "deepmr.inference.PerMember"}}
        >>> with_inference(asked, Question().for_members(1))
        {'inference': {'_target_': 'deepmr.inference.GivenModel'}}
        >>> with_inference(asked, Question()) == asked
        True
    """
    name = GivenModel.__name__
    asked = str(settings["inference"]["_target_"]).rsplit(".", 1)[-1]
    if not isinstance(question.inference, GivenModel) or asked == name:
        return settings
    return {**settings, "inference": {"_target_": f"deepmr.inference.{name}"}}
