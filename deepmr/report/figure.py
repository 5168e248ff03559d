"""A figure of the report: a file's content with the words that go with it."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

__all__ = ["Figure"]

_WIDE = 1.9
_PIXELS = 96 / 72  # of a screen, a point of an SVG of matplotlib
_WIDE_PIXELS = 660
_PNG, _SVG = b"\x89PNG", (b"<?xml", b"<svg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure as a file's content, with the words that go with it.

    Args:
        name: Short title.
        caption: What to see in it, and what not to conclude from it.
        content: A PNG or SVG file.
        alt: What it shows, for a reader who cannot see it; by default its name.
        section: Where it stands: ``effect`` (the default), ``direction``, ``assumptions``,
            ``diagnostics`` or ``loci``.
        data: Table that holds its numbers: ``meta``, ``estimates`` (the default), ``threshold``.

    Raises:
        ValueError: If the content is neither.
    """

    name: str
    caption: str
    content: bytes
    alt: str = ""
    section: str = "effect"
    data: str = "estimates"

    def __post_init__(self) -> None:
        if not self.content.startswith((_PNG, *_SVG)):
            raise ValueError(
                f"figure {self.name!r} must be a PNG or SVG file, "
                f"got content that begins with {self.content[:8]!r}"
            )

    @property
    def description(self) -> str:
        """Text for a reader who cannot see it."""
        return self.alt or self.name

    @property
    def file_name(self) -> str:
        """Name under which a reader saves it."""
        words = re.sub(r"[^A-Za-z0-9]+", "-", self.name).strip("-").lower() or "figure"
        return f"{words[:60]}.{'png' if self.media_type == 'image/png' else 'svg'}"

    @property
    def media_type(self) -> str:
        """The content's media type."""
        return "image/png" if self.content.startswith(_PNG) else "image/svg+xml"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the screen, for a page that does not jump as it loads."""
        if self.media_type == "image/png":  # the header holds width and height, big-endian
            width, height = struct.unpack(">II", self.content[16:24])
            return int(width), int(height)
        box = re.search(rb'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', self.content)
        width, height = map(float, box.groups()) if box else (1.0, 1.0)
        return round(width * _PIXELS), round(height * _PIXELS)

    @property
    def wide(self) -> bool:
        """Whether the figure needs the whole width of the page."""
        width, height = self.size
        return width > _WIDE * height or (
            self.media_type == "image/svg+xml" and width >= _WIDE_PIXELS
        )
