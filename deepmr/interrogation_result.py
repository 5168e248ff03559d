"""Results of the notebook's doors: tables, figures, report and a folder on request."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deepmr.causal_graph import TaskGraph
from deepmr.inference.estimation import Answer
from deepmr.io.manifest import provenance
from deepmr.io.tables import ResultTable
from deepmr.lightning.tracking import NoTracker
from deepmr.report import summary_table, verdict_text
from deepmr.verdict import Verdict
from deepmr.workflow.findings import Findings, known_structure
from deepmr.workflow.methods_used import pooling_weights
from deepmr.workflow.outputs import write_page, write_run
from deepmr.workflow.pair_findings import PairFindings
from deepmr.workflow.pair_outputs import pair_summary, write_pair_page, write_pair_run
from deepmr.workflow.run_folder import RunFolder

__all__ = ["AllPairs", "Interrogation"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Interrogation:
    """The result of `interrogate`; printing it shows the pooled effects.

    Args:
        findings: Networks, loci, effects, question and answers.
        estimates: Table of local effects, a row per locus, direction and method.
        meta: Table of pooled effects, a row per direction and method.
    """

    findings: Findings
    estimates: ResultTable
    meta: ResultTable

    @property
    def verdict(self) -> Verdict:
        """The verdict on the pair, with reasons and evidence."""
        return self.findings.judgement.verdict

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The answers, one a direction and estimator."""
        return self.findings.answers

    @property
    def effects(self) -> Any:
        """The measured effects (`deepmr.effects.MemberEffects`), loci on the first axis."""
        return next(iter(self.findings.effects.read(self.findings.names))).effects

    @property
    def plot(self) -> _Plots:
        """Figures as matplotlib axes: ``plot.forest()``, ``plot.scatter(locus=0)``."""
        return _Plots(findings=self.findings)

    def report(self, path: Path | str) -> Path:
        """Write the report as one HTML file, and return its path."""
        path = Path(path)
        write_page(self.findings, path, {"command": "deepmr.interrogate", **provenance()})
        return path

    def save(self, folder: Path | str, *, overwrite: bool = False) -> Path:
        """Write tables, figures and report into a folder, the manifest last; return the folder.

        Args:
            folder: Made if it does not exist.
            overwrite: Replace an interrogation saved there before.

        Raises:
            FileExistsError: If the folder holds a saved interrogation, or something else.
        """
        exposure, outcome = self.findings.names
        return _save_run(
            folder,
            functools.partial(write_run, self.findings),
            {"exposure": exposure, "outcome": outcome, "loci": self.findings.loci.names()},
            command="deepmr.interrogate(...).save(...)",
            overwrite=overwrite,
        )

    def __str__(self) -> str:
        failed = self.findings.judgement.failed_controls
        truth = known_structure(self.findings.networks, *self.findings.names)
        said = verdict_text(self.verdict, failed, true_structure=truth)
        return f"{said}\n{summary_table(self.meta)}"

    def __repr__(self) -> str:
        exposure, outcome = self.findings.names
        return (
            f"Interrogation({exposure} -> {outcome}: {self.verdict.structure}; "
            f"{len(self.findings.loci)} loci, {_members(self.findings.effects.n_members)})"
        )

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.meta._repr_html_()}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AllPairs:
    """The result of `interrogate_all`; printing it shows the edges.

    Args:
        findings: Networks, loci, settings and answers.
    """

    findings: PairFindings

    @property
    def pairs(self) -> ResultTable:
        """A row for each ordered pair and estimator."""
        return self.findings.pairs()

    @property
    def direct(self) -> ResultTable:
        """A row for each direct effect that was estimated or refused."""
        return self.findings.direct()

    @property
    def edges(self) -> ResultTable:
        """A row for each edge of the graph."""
        return self.findings.edges()

    @property
    def graph(self) -> TaskGraph:
        """The causal graph, with its exports."""
        return self.findings.graph

    def verdict(self, exposure: str, outcome: str) -> Verdict:
        """Return the verdict on a pair.

        Args:
            exposure: Name of the exposure's task.
            outcome: Name of the outcome's task.

        Raises:
            LookupError: If the pair was not asked.
        """
        found = self.findings.answers.verdicts.get((exposure, outcome))
        if found is None:
            raise LookupError(f"{exposure} -> {outcome} was not asked; see .pairs")
        return found

    def report(self, path: Path | str) -> Path:
        """Write the report as one HTML file, and return its path."""
        path = Path(path)
        write_pair_page(self.findings, path, {"command": "deepmr.interrogate_all", **provenance()})
        return path

    def save(self, folder: Path | str, *, overwrite: bool = False) -> Path:
        """Write tables, graph, figures and report into a folder, the manifest last.

        Args:
            folder: Made if it does not exist.
            overwrite: Replace what was saved there before.

        Raises:
            FileExistsError: If the folder holds a saved result, or something else.
        """
        selection = self.findings.answers.selection
        return _save_run(
            folder,
            functools.partial(write_pair_run, self.findings),
            {
                "exposure": list(selection.exposures),
                "outcome": list(selection.outcomes),
                "loci": self.findings.variants.loci.names(),
            },
            command="deepmr.interrogate_all(...).save(...)",
            overwrite=overwrite,
        )

    def __str__(self) -> str:
        return pair_summary(self.findings)

    def __repr__(self) -> str:
        answers = self.findings.answers
        return (
            f"AllPairs({answers.selection.words}: {len(answers.graph.edges)} edges; "
            f"{answers.n_loci} loci, {len(self.findings.networks.members)} members)"
        )

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.edges._repr_html_()}"


def _save_run(
    folder: Path | str,
    write: Callable[..., None],
    config: Mapping[str, Any],
    *,
    command: str,
    overwrite: bool,
) -> Path:
    """Save a result of a notebook as a run's folder, the manifest last; return the folder.

    Args:
        folder: Made if it does not exist.
        write: ``(folder, tracker, device=, started=)``: writes the result.
        config: What was asked, for ``config.yaml``.
        command: The call in the manifest's place for the command line.
        overwrite: Replace a result saved there before.

    Raises:
        FileExistsError: If the folder holds a saved result, or something else.
    """
    run = RunFolder(
        path=Path(folder), config=config, command=command, overwrite=overwrite, in_notebook=True
    )
    with run.open():
        write(run, NoTracker(), device="cpu", started=datetime.now(UTC))
    return Path(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plots:
    """Figures of an interrogation."""

    findings: Findings

    def forest(self, answer: int = 0) -> Any:
        """Draw the local effects and their mean.

        Args:
            answer: Position in ``answers``; by default the question's first estimator.
        """
        from deepmr.plot import forest  # late: matplotlib takes half a second

        one = self.findings.answers[answer]
        effect = one.local.estimate.effect
        names = self.findings.loci.names()
        weights = pooling_weights(self.findings) if answer == 0 else None
        return forest(effect.value, effect.se, one.pooled, names=names, weights=weights)

    def scatter(self, locus: int | None = None) -> Any:
        """Draw the effects of one locus's variants with the slope of each estimator.

        Args:
            locus: Position among the loci; by default the one with most instruments.
        """
        from deepmr.plot import mr_scatter
        from deepmr.workflow.figures import scatter_arguments

        arguments, options = scatter_arguments(self.findings, locus)
        return mr_scatter(*arguments, **options)


def _members(number: int) -> str:
    return "one network" if number == 1 else f"{number} members"
