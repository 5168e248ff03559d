"""MkDocs hook: a page of each executed notebook, with the outputs that are stored in it."""

from __future__ import annotations

import base64
import json
from pathlib import PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add ``NAME.md`` and its pictures for each ``NAME.ipynb``."""
    for file in [one for one in files if one.src_uri.endswith(".ipynb")]:
        notebook = json.loads(file.content_string)
        page = PurePosixPath(file.src_uri).with_suffix(".md")
        parts = [f"[Download this notebook]({PurePosixPath(file.src_uri).name})"]
        pictures: list[bytes] = []
        for cell in notebook["cells"]:
            parts += _cell(cell, page.stem, pictures)
        title, rest = parts[1], [parts[0], *parts[2:]]
        text = "\n\n".join([title, *rest])
        files.append(File.generated(config, str(page), content=text))
        for number, picture in enumerate(pictures):
            name = str(page.with_name(f"{page.stem}-{number}.png"))
            files.append(File.generated(config, name, content=picture))
    return files


def _cell(cell: dict[str, Any], stem: str, pictures: list[bytes]) -> list[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    parts = [f"```python\n{source}\n```"]
    for output in cell.get("outputs", []):
        if output.get("name") == "stderr":
            continue  # progress
        data = output.get("data", {})
        if "image/png" in data:
            parts.append(f"![Output of the cell above]({stem}-{len(pictures)}.png)")
            pictures.append(base64.b64decode("".join(data["image/png"])))
        elif text := "".join(output.get("text", data.get("text/plain", ""))).rstrip():
            parts.append(f"```text\n{text}\n```")
    return parts
