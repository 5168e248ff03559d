"""One data set of the study: train, measure, ask both directions as `interrogate.py` does."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.intervals.plan import FURTHER, SCENARIOS, Scenario
from deepmr.estimate import p_beyond

__all__ = ["INFERENCES", "one_dataset"]

INFERENCES = {
    "jackknife": "Jackknife",
    "per_member": "PerMember",
    "errors_in_variables": "ErrorsInVariables",
    "cross_fitted": "CrossFitted",
}
"""Ways of inference that the study can ask by, and their classes; the first is the default."""

_CONF = Path(__file__).resolve().parents[2] / "conf"
_MEASURED = 300
_ASKED = 100
"""A pooled effect of the first 100 loci is held against the mean truth of all 300 measured."""
_LEAST_EXPOSURE = 0.25
"""Root mean square of a locus's true exposure effects below which it has no slope to speak of."""
_LEVEL = 0.05
_LEAST_EFFECT = 0.1  # of the task's largest: single effects that are compared

Row = dict[str, Any]


def one_dataset(
    name: str,
    seed: int,
    *,
    members: int = 5,
    runs: Path | None = None,
    options: Sequence[str] = (),
    inference: str = "jackknife",
) -> list[Row]:
    """Train an ensemble on a scenario's data, and ask every pair in both directions.

    Args:
        name: Of the scenario.
        seed: Of data and networks.
        members: Networks of the ensemble.
        runs: Folder of trained ensembles, used if finished and else extended; None to keep none.
        options: Further settings of `train.py`, e.g. another recipe of training.
        inference: Name of the inference, one of `INFERENCES`.

    Returns:
        A row for every direction and slope: coverage and width of local, pooled, single effects.
    """
    import torch

    import deepmr.inference
    from deepmr import load_run
    from deepmr.inference.question import Question
    from deepmr.mutagenesis import Saturation
    from deepmr.workflow.loci import held_out_loci
    from deepmr.workflow.measurement import Compute, measure_in_memory

    torch.set_num_threads(1)
    scenario = {**SCENARIOS, **FURTHER}[name]
    scenario = replace(scenario, options=(*scenario.options, *options))
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) if runs is None else runs / f"{name}-{seed}-{members}"
        networks = load_run(_trained(scenario, seed, members, kept))
        names = networks.tasks.names
        loci, _ = held_out_loci(networks, (names[0], names[1]), seed=0, n=_MEASURED)
        variants = Saturation(length=loci.codes.shape[1])
        measured = measure_in_memory(networks, loci, variants, Compute(), names)
        question = Question(inference=getattr(deepmr.inference, INFERENCES[inference])())
        question = question.for_errors(networks.members.error_ratios)
        rows: list[Row] = []
        for first, second in scenario.pairs:
            for way, pair in (("forward", (first, second)), ("reverse", (second, first))):
                row = {"scenario": name, "seed": seed, "direction": way}
                row |= {"exposure": pair[0], "outcome": pair[1]}
                rows += [row | found for found in _asked(measured, loci, pair, question)]
        shared = question.shared_error or {}
        return [row | {"shared": shared.get("shared")} for row in rows]


def _trained(scenario: Scenario, seed: int, members: int, folder: Path) -> Path:
    """Return the run folder of an ensemble, trained unless it lies there with all its members."""
    done = folder / "ensemble.path"
    if not done.is_file():
        run = _train(scenario, seed, members, folder)
        done.write_text(str(run.relative_to(folder)))
    return folder / done.read_text()


def _train(scenario: Scenario, seed: int, members: int, folder: Path) -> Path:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    from deepmr.cli.train import build_training
    from deepmr.workflow.training import train

    options = list(scenario.options)
    if scenario.graph is not None:
        options.insert(0, "data=structures")
    options += [f"seed={seed}", f"ensemble={members}", "name=ensemble", f"paths.output={folder}"]
    options += ["logger=csv", "trainer.enable_progress_bar=false", "trainer=cpu"]
    with initialize_config_dir(str(_CONF), version_base="1.3"):
        config = compose("train", overrides=options)
    config.logger = None
    if scenario.graph is not None:
        OmegaConf.update(config, "data.graph", OmegaConf.create(dict(scenario.graph)), merge=False)
    training = build_training(config)
    train(training)
    return Path(training.folder.path)


def _asked(measured: Any, loci: Any, pair: tuple[str, str], question: Any) -> list[Row]:
    """Ask one direction: the slope over concordant instruments, and over all of them."""
    from deepmr.inference.estimation import estimate
    from deepmr.workflow.twin import scale_of_tasks

    first = next(iter(question.estimators))
    alone = replace(question, estimators={first: question.estimators[first]})
    scale = dict(zip(pair, scale_of_tasks(measured, pair).tolist(), strict=True))
    answers = estimate(measured.read(pair), loci, pair, alone, scale=scale)
    single = _single(measured, loci, pair)
    x = loci.true_effects[:, loci.true_tasks.index(pair[0])]
    rows = []
    for answer in answers[: len(answers) // 2]:  # the other half asks the other direction
        truth, effect = answer.true_local, answer.local.estimate.effect
        used = answer.local.instruments[:, : x.shape[-1]]
        count = np.maximum(used.sum(axis=-1), 1)
        size = np.sqrt(np.where(used, x**2, 0.0).sum(axis=-1) / count)
        kept = np.isfinite(effect.value) & np.isfinite(truth) & (size >= _LEAST_EXPOSURE)
        low, high = effect.interval()
        rows.append(
            {
                "method": answer.method,
                **_local(effect.value[kept], low[kept], high[kept], truth[kept]),
                "beyond_smallest": _share(p_beyond(effect, alone.smallest_slope)[kept] < _LEVEL),
                **_pooled(answer.local, truth, kept, alone),
                **single,
            }
        )
    return rows


def _local(value: np.ndarray, low: np.ndarray, high: np.ndarray, truth: np.ndarray) -> Row:
    if len(value) == 0:
        return {"n_loci": 0}
    error = np.abs(value - truth)
    half = (high - low) / 2.0
    scale = float(np.abs(truth).mean())
    # The constant by which these half-widths would have to be multiplied to cover .95.
    best = float(np.quantile(error / np.where(half > 0, half, np.inf), 0.95))
    return {
        "n_loci": len(value),
        "local": float(((low <= truth) & (truth <= high)).mean()),
        "half_width": float(half.mean()),
        "half_width_over_best": 1.0 / best if best > 0 else None,
        "mean_truth": float(truth.mean()),
        "bias": float((value - truth).mean()),
        "relative_bias": float((value - truth).mean() / scale) if scale > 0 else None,
        "excludes_zero": float(((low > 0) | (high < 0)).mean()),
    }


def _share(found: np.ndarray) -> float | None:
    return float(found.mean()) if len(found) else None


def _pooled(local: Any, truth: np.ndarray, kept: np.ndarray, question: Any) -> Row:
    asked = np.flatnonzero(kept)[:_ASKED]
    if len(asked) < 2:
        return {}
    found = {}
    for over, target in (("sampled", truth[kept].mean()), ("fixed", truth[asked].mean())):
        inference = replace(question.inference, loci=over)
        answer = inference.pool(_take(local, asked), pooling=question.pooling)
        low, high = (float(end) for end in answer.pooled.interval())
        found[f"pooled_{over}"] = bool(low <= target <= high)
        found[f"pooled_{over}_half_width"] = (high - low) / 2.0
        found[f"pooled_{over}_error"] = float(answer.pooled.value) - float(target)
        found[f"pooled_{over}_excludes_zero"] = low > 0 or high < 0
        beyond = p_beyond(answer.pooled, question.smallest_slope) < _LEVEL
        found[f"pooled_{over}_beyond_smallest"] = bool(beyond)
    return found


def _take(local: Any, rows: np.ndarray) -> Any:
    """Return the local results of some loci."""
    effect = local.estimate.effect
    kept = replace(
        effect,
        value=effect.value[rows],
        se=effect.se[rows],
        df=effect.df[rows] if effect.df.ndim else effect.df,
    )
    estimate = replace(
        local.estimate,
        n_instruments=local.estimate.n_instruments[rows],
        effect=kept,
        pleiotropy=None,
        flags={},
    )
    between = local.between_sites
    return replace(
        local,
        estimate=estimate,
        instruments=local.instruments[rows],
        slopes=local.slopes[rows],
        between_sites=None if between is None else between[rows],
    )


def _single(measured: Any, loci: Any, pair: tuple[str, str]) -> Row:
    """Hold 95 % intervals of single effects of the exposure against the truth."""
    from deepmr.inference.single_effects import honest_effects

    column = loci.true_tasks.index(pair[0])
    truth = loci.true_effects[:, column]
    strong = np.abs(truth) >= _LEAST_EFFECT * np.abs(truth).max()
    inside, n, first = 0, 0, 0
    for shard in measured.read(pair):
        effects = honest_effects(shard.effects, *pair)
        true = truth[first : first + len(shard.loci), : effects.mask.shape[-1]]
        where = effects.mask & strong[first : first + len(shard.loci), : effects.mask.shape[-1]]
        first += len(shard.loci)
        reach = stats.t.ppf(0.975, effects.df) * effects.se_exposure
        inside += int((np.abs(effects.beta_exposure - true) <= reach)[where].sum())
        n += int(where.sum())
    return {"single": inside / n if n else None, "n_single": n}
