"""The notebook of the documentation runs, and says what is stored in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((REPOSITORY / "docs" / "notebooks").glob("*.ipynb"))


def texts(notebook: Any) -> list[str]:
    """Return what cells print or show as plain text, but for addresses of objects."""
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", [])]
    plain = [one.get("text", one.get("data", {}).get("text/plain", "")) for one in outputs]
    is_stderr = [one.get("name") == "stderr" for one in outputs]
    return [text for text, skip in zip(plain, is_stderr, strict=True) if text and not skip]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs_and_its_verdict_is_the_stored_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "the extra docs is not installed: pip install '.[docs]'"
    nbformat = pytest.importorskip("nbformat", reason=why)
    nbclient = pytest.importorskip("nbclient", reason=why)
    pytest.importorskip("ipykernel", reason=why)
    pytest.importorskip("pandas", reason=why)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    stored = nbformat.read(path, as_version=4)
    again = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(again, timeout=300, resources=resources).execute()
    verdicts = [text for text in texts(again) if text.startswith("('")]
    assert verdicts == ["('forward', ('nested',))"]
    assert [text for text in texts(stored) if text.startswith("('")] == verdicts
    assert len(texts(again)) == len(texts(stored))
