import shutil
from pathlib import Path

import numpy as np
import pytest

from deepmr.effect_shard import EffectShard, EffectsInMemory
from deepmr.effects import MemberEffects
from deepmr.inference import CrossFitted, Jackknife, PerMember
from deepmr.inference.estimation import estimate
from deepmr.inference.question import Question
from deepmr.io.pair_schemas import DIRECT, PAIRS
from deepmr.io.tables import read_table, write_table
from deepmr.loci import Loci
from deepmr.tasks import TaskTable
from deepmr.verdict import STRUCTURES
from deepmr.workflow import all_pairs, pair_parts
from deepmr.workflow.all_pairs import PairSettings, ask_pairs
from deepmr.workflow.pair_answers import turned
from deepmr.workflow.pair_parts import additive_effects
from deepmr.workflow.pair_tables import direct_table, pair_table
from deepmr.workflow.task_selection import select_pairs

TASKS = ("X", "M", "Y", "nothing")
N_LOCI, LENGTH = 60, 40


class Shards(EffectsInMemory):
    """Effects in shards of 25 loci."""

    def read(self, tasks=None):
        whole = self.shard.keep(tasks)
        for index, start in enumerate(range(0, N_LOCI, 25)):
            part = slice(start, start + 25)
            yield EffectShard(
                index=index,
                loci=whole.loci[part],
                effects=whole.effects.at(part),
                reference=whole.reference[part],
            )


@pytest.fixture(scope="module")
def effects() -> Shards:
    """X acts on M, M on Y; a motif of its own moves M, another one Y; nothing moves the last."""
    rng = np.random.default_rng(0)
    loss = -4.0 * np.repeat([1.0, 0.9, 0.5, 0.7, 1.0, 0.8], 3)
    sites = np.zeros((3, N_LOCI, 3 * LENGTH))
    for motif, start in enumerate((6, 42, 84)):
        sites[motif, rng.random(N_LOCI) < 0.5, start : start + 18] = loss
    x = sites[0]
    m = 0.7 * x + 0.8 * sites[1]
    y = 0.6 * m + 0.7 * sites[2]
    truth = np.stack([x, m, y, 0 * x], axis=1)[:, :, None]
    offset = np.tile(np.repeat(np.arange(LENGTH), 3), (N_LOCI, 1))
    members = MemberEffects(
        value=truth + 0.02 * rng.normal(size=(N_LOCI, 4, 5, 3 * LENGTH)) * (truth != 0),
        tasks=TASKS,
        offset=offset,
        ref=np.zeros_like(offset),
        alt=np.ones_like(offset),
        mask=np.ones(offset.shape, dtype=bool),
    )
    places = loci().intervals()
    shard = EffectShard(
        index=0, loci=places, effects=members, reference=np.full((N_LOCI, 4, 5), 8.0)
    )
    return Shards(shard=shard, effect_scale=dict.fromkeys(TASKS, "signal"))


def loci() -> Loci:
    return Loci(
        chrom=np.array([f"locus-{k}" for k in range(N_LOCI)]),
        start=np.zeros(N_LOCI, dtype=np.int64),
        end=np.full(N_LOCI, LENGTH),
        codes=np.zeros((N_LOCI, LENGTH), dtype=np.uint8),
    )


ALL = select_pairs(TaskTable.of(list(TASKS)), "all", "all")


@pytest.fixture(scope="module")
def answers(effects: Shards):
    return ask_pairs(effects, loci(), ALL, Question())


@pytest.mark.parametrize(
    "inference",
    [Jackknife(), PerMember(), PerMember(weights="moderated"), CrossFitted()],
    ids=["default", "slope a member", "moderated weights", "whole"],
)
def test_every_pair_is_answered_as_if_it_were_asked_alone(effects: Shards, inference) -> None:
    question = Question(inference=inference)
    together = ask_pairs(effects, loci(), ALL, question, settings=PairSettings(direct="none"))
    for pair in (("X", "Y"), ("M", "X")):
        alone = estimate(effects.read(pair), loci(), pair, question)
        row = ALL.ordered.index(pair)
        for answer in alone[: len(question.estimators)]:
            found = together.methods[answer.method].pooled
            for name in ("value", "se"):
                np.testing.assert_allclose(
                    getattr(found.pooled, name)[row],
                    getattr(answer.pooled.pooled, name),
                    rtol=1e-9,  # sums in another order
                )
            assert found.n_loci[row] == answer.pooled.n_loci


def test_edges_follow_the_chain_and_what_is_mediated(answers) -> None:
    found = {(e.exposure, e.outcome): (e.kind, e.through) for e in answers.graph.edges}
    assert found == {
        ("X", "M"): ("total", ()),
        ("M", "Y"): ("total", ()),
        ("X", "Y"): ("mediated", ("M",)),
    }


def test_pairs_without_instruments_end_in_a_table_that_says_so(answers, tmp_path: Path) -> None:
    write_table(tmp_path / "pairs.parquet", pair_table(answers), PAIRS)
    table = read_table(tmp_path / "pairs.parquet")
    empty = table["exposure"] == "nothing"
    assert len(table["exposure"]) == 4 * 3 * 3
    assert (table["n_loci"][empty] == 0).all()
    assert np.isnan(table["value"][empty].astype(float)).all()
    assert np.isnan(table["q_by"][empty].astype(float)).all()
    assert set(table["structure"]) <= set(STRUCTURES)
    assert table["middle"].sum() == 4 * 3


def test_both_directions_of_a_pair_have_turned_words(answers) -> None:
    forward, reverse = answers.verdicts["X", "M"], answers.verdicts["M", "X"]
    assert (forward.structure, reverse.structure) == ("forward", "reverse")
    name = "concordance_forward"
    assert forward.evidence[name] == reverse.evidence["concordance_reverse"]
    assert turned(turned(forward)) == forward


def test_a_list_of_tasks_is_held_fixed_for_every_pair(effects: Shards) -> None:
    settings = PairSettings(direct=("M", "X"))
    found = ask_pairs(effects, loci(), ALL, Question(), settings=settings)
    rows = {(row.exposure, row.outcome): row for row in found.direct}
    assert rows["X", "Y"].given == ("M",)
    low, high = rows["X", "Y"].found.direct.interval()
    at = rows["X", "Y"].position
    assert low[at] <= 0.0 <= high[at]
    assert "cannot be told apart" in rows["nothing", "Y"].reason


def test_direct_table_is_written_also_where_it_is_empty(effects: Shards, tmp_path: Path) -> None:
    none = ask_pairs(effects, loci(), ALL, Question(), settings=PairSettings(direct="none"))
    assert write_table(tmp_path / "direct.parquet", direct_table(none), DIRECT) == 0


def test_a_run_goes_on_where_it_was_stopped(
    effects: Shards,
    answers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    computed = []

    def stopped_at_the_last(shard, *given, **more):
        if shard.index == 2 and not computed.count("again"):
            raise KeyboardInterrupt
        computed.append(shard.index)
        return pair_parts.compute_part(shard, *given, **more)

    monkeypatch.setattr(all_pairs, "compute_part", stopped_at_the_last)
    with pytest.raises(KeyboardInterrupt):
        ask_pairs(effects, loci(), ALL, Question(), folder=tmp_path / "parts", identity="a")
    shutil.copytree(tmp_path / "parts", tmp_path / "other")
    computed.append("again")
    resumed = ask_pairs(effects, loci(), ALL, Question(), folder=tmp_path / "parts", identity="a")
    assert computed == [0, 1, "again", 2]
    for method, one in answers.methods.items():
        np.testing.assert_array_equal(
            resumed.methods[method].pooled.pooled.value, one.pooled.pooled.value
        )
    assert resumed.graph == answers.graph
    assert not (tmp_path / "parts").exists()
    ask_pairs(effects, loci(), ALL, Question(), folder=tmp_path / "other", identity="b")
    assert computed[-3:] == [0, 1, 2]  # parts of other settings are computed anew


def test_counts_are_linear_on_the_additive_scale(effects: Shards) -> None:
    shard = effects.shard
    value = additive_effects(shard, dict.fromkeys(TASKS, "anscombe")).value
    root = (shard.reference[..., None] + shard.effects.value) / 2
    np.testing.assert_allclose(value, np.maximum(root, 0) ** 2 - 16.0, atol=1e-12)  # (8 / 2)^2
    same = additive_effects(shard, effects.effect_scale)
    assert same is shard.effects
