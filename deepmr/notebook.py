"""The notebook's doors: one pair asked of networks, or of a table of effects in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped
from torch import nn

from deepmr.inference import GivenModel, Inference
from deepmr.inference.question import Question
from deepmr.instruments import Rule
from deepmr.interrogation import checked, conclude, measure
from deepmr.interrogation_result import Interrogation
from deepmr.loci import Loci
from deepmr.motifs import ByMotif, MotifLibrary
from deepmr.networks import Networks
from deepmr.sequence import base_codes
from deepmr.tasks import Task, TaskTable
from deepmr.uncertainty import Given
from deepmr.workflow.effect_table import EffectTable
from deepmr.workflow.measurement import Compute
from deepmr.workflow.network_checks import check_networks
from deepmr.workflow.variants import VariantChoice, saturate

__all__ = ["interrogate", "interrogate_effects", "loci_of", "networks_of"]


def interrogate(
    model: nn.Module | Sequence[nn.Module] | Networks,
    tasks: TaskTable | Sequence[Task | str] | None,
    sequences: Loci | Sequence[str] | Int[np.ndarray, "locus length"],
    exposure: str,
    outcome: str,
    *,
    names: Sequence[str] | None = None,
    rule: Rule | ByMotif | None = None,
    estimators: Mapping[str, Callable[..., Any]] | None = None,
    inference: Inference | None = None,
    pooling: Callable[..., Any] | None = None,
    scale: str | None = None,
    controls: str = "standard",
    designed: str = "none",
    motifs: MotifLibrary | None = None,
    smallest_slope: float = 0.05,
    region: Sequence[int] | Sequence[Sequence[int]] | None = None,
    every: int = 1,
    compute: Compute | None = None,
) -> Interrogation:
    """Ask a network, or an ensemble, whether one of its tasks drives another.

    Every base of every sequence is mutated, or a part of them; the effects on both tasks go to
    Mendelian randomization for each sequence and a meta-analysis over them, in both directions.
    Nothing is written to disk, and the model leaves as it came. Links, calibrators and kinds of
    uncertainty are chosen by `Networks.of`, runs on disk are loaded by `deepmr.load_run`.

    Args:
        model: ``(batch, 4, length)`` to ``(batch, task)`` raw outputs (logits for binary tasks);
            several of them are an ensemble. A single one is asked through its dropout; without any
            it is taken as given (`deepmr.inference.GivenModel`). Or `Networks`.
        tasks: Its outputs in order, as `Task` objects or plain names; None with `Networks`, and
            with `deepmr.models.Adapter`, which names them.
        sequences: Held-out sequences of one length: strings of A, C, G, T, N; integer codes
            ``(locus, length)``, 0 to 3 for A, C, G, T and 4 for unknown; or `Loci`.
        exposure: Name (or unambiguous target) of a task.
        outcome: Name (or unambiguous target) of a task.
        names: Names of the sequences; by default ``sequence-0`` and so on.
        rule: Which substitutions are instruments; by default that of `Question`.
            `deepmr.motifs.ByMotif` takes those inside the exposure's own motif.
        estimators: MR estimators by name; by default those of `Question`.
        inference: How members become intervals; by default that of `Question`.
        pooling: A meta-analysis ``(value, se) -> MetaAnalysisResult``; by default that of
            `Question`.
        scale: ``logit`` or ``probability``; by default that of the networks (``logit``).
        controls: Negative controls asked beside the question: ``standard`` (default), ``all`` or
            ``none``.
        designed: Whether designed sequences revise the verdict: ``none`` (default), ``auto`` (where
            it is a direction, or undecided for reliable tasks) or ``all``. They cost thousands of
            forward passes a member.
        motifs: Motifs that the tasks may read (`deepmr.motifs.read_motifs`), which revise the
            verdict; none by default.
        smallest_slope: Smallest slope of interest, in outcome units per unit of the exposure, .05
            by default: ``p_smallest`` of the tables tests against it (`deepmr.estimate.p_beyond`).
        region: ``(start, end)`` within the sequences to mutate, or several; by default all.
        every: Mutate each k-th base, default 1.
        compute: Engine and precision; by default the exact engine in float32.

    Raises:
        ValueError: If sequences differ in length or are no sequences, a single model is asked
            what needs several, exposure and outcome are the same, ``designed`` is unknown, or the
            smallest slope is negative.
        LookupError: If a task is unknown, or has no motif where instruments are chosen by motif.

    Example:
        >>> import torch
        >>> class Counts(torch.nn.Module):
        ...     def __init__(self, slope):
        ...         super().__init__()
        ...         self.slope = slope
        ...     def forward(self, x):
        ...         g = x.sum(dim=2)[:, 2]
        ...         return torch.stack([g, self.slope * g], dim=1)
        >>> result = interrogate(
        ...     [Counts(1.9), Counts(2.1)], ["X", "Y"], ["ACGTACGT", "GGGATTCA"], "X", "Y"
        ... )
        >>> result
        Interrogation(X -> Y: undecided; 2 loci, 2 members)
        >>> round(float(result.meta["value"][0]), 3)
        2.0
        >>> import tempfile
        >>> folder = result.save(tempfile.mkdtemp() + "/x-to-y")  # doctest: +ELLIPSIS
        verdict: undecided
        ...
        >>> (folder / "meta.parquet").is_file(), (folder / "report.html").is_file()
        (True, True)
    """
    networks = networks_of(model, tasks, scale=scale, inference=inference)
    pair = networks.pair(exposure, outcome)
    choice = saturate(loci_of(sequences, names), region=region, every=every)
    question = Question(
        controls=controls, designed=designed, motifs=motifs, smallest_slope=smallest_slope
    ).with_parts(rule=rule, estimators=estimators, inference=inference, pooling=pooling)
    question = question.for_members(len(networks.members), chosen=inference is not None)
    question = checked(question, networks, pair)
    check_networks(networks, choice.loci)
    compute = compute or Compute()
    kept = (pair[0].name, pair[1].name)
    effects = measure(networks, choice.loci, choice.variants, tasks=kept, compute=compute)
    notes = (*networks.notes, *choice.notes)
    findings = conclude(networks, pair, choice, effects, question, compute, notes=notes)
    return Interrogation(findings=findings, estimates=findings.estimates(), meta=findings.meta())


def interrogate_effects(
    table: EffectTable,
    exposure: str,
    outcome: str,
    *,
    rule: Rule | ByMotif | None = None,
    estimators: Mapping[str, Callable[..., Any]] | None = None,
    inference: Inference | None = None,
    pooling: Callable[..., Any] | None = None,
    controls: str = "standard",
    smallest_slope: float = 0.05,
) -> Interrogation:
    r"""Ask a table of variant effects whether one of its tasks drives another.

    The counterpart of `deepmr.interrogate` for effects that others computed or measured: the same
    estimates, controls, verdict, report and tables. What needs networks (the untrained twin,
    designed sequences, the check of precision) is not run, and the result says so.

    Args:
        table: What `deepmr.read_effects` returns.
        exposure: Name (or unambiguous target) of a task.
        outcome: Name (or unambiguous target) of a task.
        rule: Which variants are instruments; by default that of `Question`.
        estimators: MR estimators by name; by default those of `Question`.
        inference: How errors become intervals; by default that of `Question`, and
            `deepmr.inference.Summary` for a table of one member with standard errors.
        pooling: A meta-analysis; by default that of `Question`.
        controls: Negative controls: ``standard`` (default), ``all`` or ``none``.
        smallest_slope: Smallest slope of interest, in outcome units per unit of the exposure, .05
            by default: ``p_smallest`` of the tables tests against it.

    Raises:
        ValueError: If the table breaks a rule, has one member and no standard errors, or the
            smallest slope is negative.
        LookupError: If a task is unknown.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import deepmr
        >>> rng = np.random.default_rng(0)
        >>> lines = ["chrom\tpos\tref\talt\tmember\tX\tY"]
        >>> for pos in range(60):
        ...     x = 2.0 * rng.standard_normal()
        ...     for member in range(4):
        ...         a, b = 0.01 * rng.standard_normal(2)
        ...         lines.append(f"chr1\t{pos + 1}\tA\tC\t{member}\t{x + a}\t{0.5 * x + b}")
        >>> path = tempfile.mkdtemp() + "/effects.tsv"
        >>> with open(path, "w") as stream:
        ...     _ = stream.write("\n".join(lines))
        >>> result = interrogate_effects(deepmr.read_effects(path), "X", "Y")
        >>> round(float(result.estimates["value"][0]), 2), result.effects.n_members
        (0.5, 4)
    """
    found = table.select(exposure, outcome)
    question = Question(controls=controls, smallest_slope=smallest_slope).with_parts(
        rule=rule, estimators=estimators, inference=inference, pooling=pooling
    )
    question, notes = found.suited(question, chosen=inference is not None)
    question = checked(question, found, found.pair)
    variants = VariantChoice(loci=found.loci, variants=None)
    effects = measure(found, found.loci, None, tasks=found.names)
    findings = conclude(
        found, found.pair, variants, effects, question, Compute(), notes=(*found.notes, *notes)
    )
    return Interrogation(findings=findings, estimates=findings.estimates(), meta=findings.meta())


def networks_of(
    model: nn.Module | Sequence[nn.Module] | Networks,
    tasks: TaskTable | Sequence[Task | str] | None,
    *,
    scale: str | None,
    inference: Inference | None,
) -> Networks:
    """Return the networks that a notebook asks, as its arguments say.

    Args:
        model: A network, an ensemble, or `Networks`.
        tasks: Its outputs in order; None with `Networks` and adapters.
        scale: Scale of the effects; None for that of the networks.
        inference: Takes a model as given (`GivenModel`) or not; None for the question's own.

    Raises:
        ValueError: If the outputs have no names, or the scale is unknown.
    """
    if isinstance(model, Networks):
        networks = model
    else:
        given = Given() if isinstance(inference, GivenModel) else None
        networks = Networks.of(model, tasks, uncertainty=given)
    return networks if scale is None else networks.on_scale(scale)


def loci_of(
    sequences: Loci | Sequence[str] | Shaped[np.ndarray, "..."], names: Sequence[str] | None
) -> Loci:
    """Return sequences as loci, each a chromosome of its own.

    Args:
        sequences: Strings, integer codes, or `Loci`, which are returned as they are.
        names: Names of the sequences; None for ``sequence-0`` and so on.

    Raises:
        ValueError: If they differ in length, or are no sequences.
    """
    if isinstance(sequences, Loci):
        return sequences
    codes = base_codes(sequences)
    n, length = codes.shape
    chrom = names if names is not None else [f"sequence-{i}" for i in range(n)]
    return Loci(
        chrom=np.array(chrom),
        start=np.zeros(n, dtype=np.int64),
        end=np.full(n, length, dtype=np.int64),
        codes=codes,
    )
