"""The documentation is built without a warning and without the network, and is read without it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("mr", "meta", "inference", "verdict", "calibration", "motifs", "plot", "models")

OFFLINE = """\
import socket

def refuse(*arguments, **options):
    raise OSError("the documentation is built without the network")

socket.socket.connect = socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built by a process that cannot open a connection."""
    for name in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(name, reason="the extra docs is not installed: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(OFFLINE)
    environment = os.environ | {"PYTHONPATH": str(folder), "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir"]
    done = subprocess.run(
        [*command, str(folder / "site")],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def public_names(path: Path) -> set[str]:
    """Read ``__all__`` of a file without importing it."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    raise AssertionError(f"{path} has no __all__")


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loads = re.compile(r'<(?:script|img|iframe|source|link)\b[^>]*\b(?:src|href)="?(?:https?:)?//')
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    assert [str(page) for page in pages if loads.search(page.read_text())] == []
    styles = re.compile(r"(?:url\(|@import )[\"']?(?:https?:)?//")
    assert [str(one) for one in site.rglob("*.css") if styles.search(one.read_text())] == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_of_a_room_is_on_its_page(site: Path, room: str) -> None:
    page = (site / "api" / f"{room}.html").read_text()
    names = public_names(REPOSITORY / "deepmr" / room / "__init__.py")
    shown = re.compile(r'id="[\w.]*?([A-Za-z_]\w*)"')
    missing = sorted(names - set(shown.findall(page)))
    assert missing == []


def test_what_the_package_offers_is_on_the_first_page_of_the_api(site: Path) -> None:
    page = (site / "api" / "deepmr.html").read_text()
    names = public_names(REPOSITORY / "deepmr" / "__init__.py") - {"__version__"}
    assert [name for name in sorted(names) if f'.{name}"' not in page] == []
