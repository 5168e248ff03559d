"""One pair judged on two sets of loci: does the verdict depend on the choice?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from deepmr.verdict.verdict import Verdict

__all__ = ["compare_locus_sets"]


def compare_locus_sets(
    verdicts: Sequence[Verdict], others: Sequence[Verdict], *, name: str
) -> tuple[Verdict, ...]:
    """Add the caveat ``locus_set`` to verdicts that another set of loci does not share.

    A verdict of undecided on either side is no contradiction, and adds nothing.

    Args:
        verdicts: On the run's loci, as `judge` returns them.
        others: Of the same pairs, on the other loci (``PairStatistics.take``).
        name: Of the other set, in words, such as ``loci with both motifs``.

    Raises:
        ValueError: If the pairs differ.

    Example:
        >>> here = Verdict(exposure="X", outcome="Y", structure="forward")
        >>> there = Verdict(exposure="X", outcome="Y", structure="shared")
        >>> compare_locus_sets([here], [there], name="loci with both motifs")[0].caveats
        ('locus_set',)
    """
    compared = []
    for one, other in zip(verdicts, others, strict=True):
        if (one.exposure, one.outcome) != (other.exposure, other.outcome):
            raise ValueError(
                "compare_locus_sets needs the same pairs in the same order, got "
                f"{one.exposure} and {one.outcome} beside {other.exposure} and {other.outcome}"
            )
        decided = "undecided" not in (one.structure, other.structure)
        if decided and one.structure != other.structure:
            text = (
                f"At {name} the verdict is {other.structure}, not {one.structure}: it depends on "
                "the loci asked."
            )
            one = replace(one, caveats=(*one.caveats, "locus_set"), reasons=(*one.reasons, text))
        compared.append(one)
    return tuple(compared)
