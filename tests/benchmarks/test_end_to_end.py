"""The benchmark of a whole interrogation notices moved names, fits lines and goes on."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from benchmarks import end_to_end
from benchmarks.end_to_end import growth, main, study
from benchmarks.end_to_end_settings import AXES, DEFAULT, Setting, axes
from benchmarks.end_to_end_stages import STAGES, Clock, check_called, patch


def test_every_stage_is_a_function_of_the_program() -> None:
    for module, name in STAGES.values():
        assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("place", [("deepmr.interrogation", "gone"), ("deepmr.gone", "estimate")])
def test_a_moved_name_is_refused_by_name(place: tuple[str, str]) -> None:
    with pytest.raises(LookupError, match=rf"stage estimate: {place[0]}\.{place[1]} is gone"):
        patch(Clock(), {"estimate": place})


def test_a_stage_that_is_never_called_is_refused() -> None:
    clock = Clock()
    with clock.stage("measure"):
        pass
    stages = {"measure": ("deepmr.interrogation", "measure"), "page": ("deepmr.gone", "page")}
    with pytest.raises(LookupError, match=r"never called: page \(deepmr\.gone\.page\)"):
        check_called(clock, stages)
    check_called(clock, {"measure": stages["measure"]})


def test_a_patched_stage_is_timed_where_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []
    monkeypatch.setattr(end_to_end, "table", called.append)
    clock = Clock()
    patch(clock, {"page": ("benchmarks.end_to_end", "table")})
    end_to_end.table(3)  # type: ignore[call-arg, arg-type]
    assert called == [3]
    assert set(clock.seconds) == {"page"}


def test_a_stage_is_given_without_the_stages_inside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([0.0, 1.0, 11.0, 13.0, 20.0, 20.5])  # page from 0 to 13, figures from 1 to 11

    def now() -> dict[str, float]:
        reading = next(readings)
        return {"cpu": reading, "wall": 2 * reading}

    monkeypatch.setattr("benchmarks.end_to_end_stages._now", now)
    clock = Clock()
    with clock.stage("page"), clock.stage("figures"):
        pass
    with clock.stage("page"):
        pass
    assert clock.seconds["figures"] == {"cpu": 10.0, "wall": 20.0}
    assert clock.seconds["page"] == {"cpu": 3.5, "wall": 7.0}


def _row(amount: float) -> dict[str, Any]:
    seconds = {"measure": {"cpu": 2 + 3 * amount, "wall": 100.0}}
    seconds["all"] = {"cpu": 5 + 3 * amount, "wall": 200.0}
    return {"seconds": seconds, "memory_mib": 500.0, "disk_mb": amount}


def test_a_line_is_found_with_its_distances() -> None:
    rows = [_row(1), _row(2), _row(3)]
    assert growth(rows, [1, 2, 3])["measure"] == {"at_none": 2.0, "a_unit": 3.0, "off": 0.0}
    rows[1]["seconds"]["measure"]["cpu"] += 0.3  # the line rises by .1, the point stays .2 above
    assert growth(rows, [1, 2, 3])["measure"] == {"at_none": 2.1, "a_unit": 3.0, "off": 0.2}
    with pytest.raises(ValueError, match="at least 2 different amounts"):
        growth(rows[:2], [1, 1])


def test_a_study_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    path, chosen = tmp_path / "out.json", axes(["loci", "members"])
    asked: list[str] = []

    def measure(setting: Setting) -> dict[str, Any]:
        if len(asked) == 3:
            raise KeyboardInterrupt
        asked.append(setting.key)
        return _row(setting.loci / 100)

    with pytest.raises(KeyboardInterrupt):
        study(path, chosen, command="c", measure=measure)
    first, asked[:] = list(asked), []
    found = study(
        path, chosen, command="c", measure=lambda s: asked.append(s.key) or _row(s.members)
    )  # type: ignore[func-returns-value]
    assert not set(first) & set(asked)
    assert len(first) + len(asked) == 6  # four numbers of loci, and two more ensembles
    assert found["not_run"] == []
    assert set(found["growth"]) == {"loci", "members"}


def test_what_is_not_at_hand_is_skipped_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.end_to_end_settings.REAL", tmp_path)
    found = study(tmp_path / "out.json", axes(["real"]), command="c", measure=lambda s: _row(1))
    assert "encode_subset" in found["skipped"]["real"]
    assert len(found["not_run"]) == 2
    assert found["settings"] == {}


def test_settings_have_names_of_their_own_and_an_unknown_axis_is_refused() -> None:
    settings = {s for axis in axes(AXES) for s in axis.settings} | {DEFAULT}
    assert len({setting.key for setting in settings}) == len(settings)
    networks = {(setting.network, setting.train) for setting in settings}
    assert len({name for name, _ in networks}) == len(networks)
    with pytest.raises(LookupError, match="no axis 'tracks'"):
        axes(["tracks"])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_an_interrogation_is_timed_by_stage(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    words = ["--json", str(path), "--work", str(tmp_path / "work"), "--quick", "--axes", "loci"]
    assert main(words) == 0
    found = end_to_end.json.loads(path.read_text())
    for row in found["settings"].values():
        parts = {k: v["cpu"] for k, v in row["seconds"].items() if k != "all"}
        assert set(STAGES) < set(parts)
        # stages and the rest are all of the process; each is rounded to a thousandth
        assert sum(parts.values()) == pytest.approx(row["seconds"]["all"]["cpu"], abs=0.02)
        assert str(tmp_path) not in str(row)
