"""The verdict in sentences: what the model has learned, and what a slope beside it stands for."""

from __future__ import annotations

from deepmr.verdict import CAVEATS, Verdict

__all__ = [
    "caveat_sentences",
    "is_effect",
    "reason_sentences",
    "slope_meaning",
    "structure_asked",
    "truth_sentence",
    "verdict_of",
    "verdict_sentence",
]

_SENTENCES = {
    "forward": "In this model, {exposure} acts on {outcome}, and {outcome} does not act on "
    "{exposure}.",
    "reverse": "In this model, {outcome} acts on {exposure}, and {exposure} does not act on "
    "{outcome}: the reverse of the question.",
    "both": "In this model, {exposure} and {outcome} act on each other.",
    "inseparable": "In this model, {exposure} and {outcome} cannot be told apart: the same "
    "variants move both along one dose-response, so neither can be called the cause of the other.",
    "shared": "In this model, {exposure} and {outcome} share regulatory sites, and neither acts on "
    "the other.",
    "none": "In this model, neither of {exposure} and {outcome} acts on the other: hardly any "
    "variant that moves one moves the other.",
    "undecided": "It is undecided whether {exposure} acts on {outcome} in this model.",
}

_TRUTHS = {
    "forward": "{exposure} acts on {outcome}, and {outcome} does not act on {exposure}",
    "reverse": "{outcome} acts on {exposure}, and {exposure} does not act on {outcome}",
    "both": "{exposure} and {outcome} act on each other",
    "inseparable": "{exposure} and {outcome} are the same function of the sequence",
    "shared": "{exposure} and {outcome} read the same sites, and neither acts on the other",
    "none": "{exposure} and {outcome} have nothing in common",
}

_REVERSED = {"forward": "reverse", "reverse": "forward"}

_MEANINGS = {
    "reverse": "slope over the variants both share, not an effect of {exposure} on {outcome}",
    "shared": "slope over the variants both share, not an effect of {exposure} on {outcome}",
    "inseparable": "slope over the variants both share; which acts on which cannot be told",
    "none": "slope over the variants of {exposure}, not an effect of {exposure} on {outcome}",
    "undecided": "slope over the variants of {exposure}; whether it is an effect is undecided",
}


def verdict_sentence(verdict: Verdict) -> str:
    """Return the verdict as one sentence about the model, or the table, to be quoted.

    Args:
        verdict: The verdict on a pair.

    Example:
        >>> verdict_sentence(Verdict(exposure="GATA1", outcome="TAL1", structure="forward"))
        'In this model, GATA1 acts on TAL1, and TAL1 does not act on GATA1.'
    """
    sentence = _SENTENCES[verdict.structure]
    if verdict.of_table:  # nobody knows whether a model made them
        sentence = sentence.replace("this model", "these effects")
    return sentence.format(exposure=verdict.exposure, outcome=verdict.outcome)


def verdict_of(structure: str, exposure: str, outcome: str) -> str:
    """Return a verdict's sentence from its word alone.

    Args:
        structure: One of `deepmr.verdict.STRUCTURES`.
        exposure: Name of the task asked as cause.
        outcome: Name of the task asked as effect.

    Raises:
        ValueError: If the word is unknown.

    Example:
        >>> verdict_of("undecided", "GATA1", "TAL1")
        'It is undecided whether GATA1 acts on TAL1 in this model.'
    """
    return verdict_sentence(Verdict(exposure=exposure, outcome=outcome, structure=structure))


def truth_sentence(truth: str, verdict: Verdict | None, exposure: str, outcome: str) -> str:
    """Return what a simulation's grammar does, and whether the verdict says the same.

    This is the causal truth. The slope of the noiseless effects over the same variants is another
    thing: where no task acts on the other, variants that move both have such a slope, too.

    Args:
        truth: What the grammar does, one of `deepmr.verdict.STRUCTURES`; empty where unknown.
        verdict: The verdict on the pair; None where none was asked for.
        exposure: Name of the task asked as cause.
        outcome: Name of the task asked as effect.

    Returns:
        One or two sentences; empty where the truth is unknown.

    Example:
        >>> said = Verdict(exposure="GATA1", outcome="TAL1", structure="undecided")
        >>> truth_sentence("none", said, "GATA1", "TAL1")
        'In the simulation, GATA1 and TAL1 have nothing in common. The verdict leaves it open.'
    """
    if truth not in _TRUTHS:
        return ""
    sentence = _TRUTHS[truth].format(exposure=exposure, outcome=outcome)
    if verdict is None:
        return f"In the simulation, {sentence}."
    agrees = "says the same" if verdict.structure == truth else "says otherwise"
    agrees = "leaves it open" if verdict.structure == "undecided" else agrees
    return f"In the simulation, {sentence}. The verdict {agrees}."


def slope_meaning(structure: str, exposure: str, outcome: str) -> str:
    """Return what a pooled slope stands for where the verdict does not make it a causal effect.

    Args:
        structure: The verdict's word as a question in the slope's own direction has it (the
            column ``structure`` of ``meta.parquet``); empty where there is no verdict.
        exposure: Name of the task whose variants are the instruments.
        outcome: Name of the other task.

    Returns:
        A clause; empty where the slope is a causal effect of the model (forward, both), and where
        no verdict says whether it is.

    Example:
        >>> slope_meaning("reverse", "TAL1", "GATA1")
        'slope over the variants both share, not an effect of TAL1 on GATA1'
    """
    return _MEANINGS.get(structure, "").format(exposure=exposure, outcome=outcome)


def structure_asked(structure: str, *, reverse: bool) -> str:
    """Return the verdict's word as a question in the given direction has it.

    Args:
        structure: The verdict's word; empty where there is none.
        reverse: Whether the question is that of the outcome acting on the exposure.

    Example:
        >>> structure_asked("forward", reverse=True), structure_asked("shared", reverse=True)
        ('reverse', 'shared')
    """
    return _REVERSED.get(structure, structure) if reverse else structure


def is_effect(structure: str) -> bool:
    """Return whether the verdict makes a slope the effect of its exposure on its outcome.

    Args:
        structure: The verdict's word as a question in the slope's own direction has it.

    Example:
        >>> is_effect("forward"), is_effect("reverse"), is_effect("")
        (True, False, False)
    """
    return structure in ("forward", "both")


def caveat_sentences(verdict: Verdict) -> tuple[str, ...]:
    """Return what the verdict cannot exclude, a sentence each.

    Args:
        verdict: The verdict on a pair.

    Example:
        >>> caveat_sentences(
        ...     Verdict(exposure="A", outcome="B", structure="shared", caveats=("sparse",))
        ... )[0][:36]
        'The variants lie too far apart to te'
    """
    names = (verdict.exposure, verdict.outcome)
    exposure, outcome = names[::-1] if verdict.structure == "reverse" else names
    texts = (CAVEATS[name].format(exposure=exposure, outcome=outcome) for name in verdict.caveats)
    return tuple(f"{text[0].upper()}{text[1:]}." for text in texts)


def reason_sentences(verdict: Verdict) -> tuple[str, ...]:
    """Return the sentences with the numbers that carry the verdict, without its caveats.

    Args:
        verdict: The verdict on a pair.

    Example:
        >>> reason_sentences(Verdict(exposure="A", outcome="B", structure="none", reasons=("R.",)))
        ('R.',)
    """
    caveats = caveat_sentences(verdict)
    return tuple(reason for reason in verdict.reasons if reason not in caveats)
