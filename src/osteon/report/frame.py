"""What every page has: one file with its styles and pictures in it, a heading, and the notice at its end."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from importlib import resources
from io import BytesIO
from pathlib import Path

from PIL import Image

from osteon.io.whole import written_whole

NOTICE = "Not a medical device. For research use only: not for diagnosis or treatment."

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<p class="brand">{brand}</p>
<h1>{heading}</h1>
<p class="subtitle">{subtitle}</p>
</header>
<main>
{body}
</main>
<footer><p><strong>{notice}</strong></p></footer>
</body>
</html>
"""


def write_page(
    path: Path,
    sections: Iterable[str],
    *,
    brand: str,
    heading: str,
    subtitle: str,
    title: str,
    styles: tuple[str, ...] = ("page.css",),
) -> None:
    """Write a page of sections, whole or not at all; it loads nothing from anywhere.

    Parameters
    ----------
    path : Path
    sections : iterable of str
        HTML; empty ones are passed over.
    brand, heading, subtitle : str
        Above the sections: what kind of page, what it is about, and a sentence.
    title : str
        Of the window.
    styles : tuple of str
        Style sheets of this room.
    """
    page = _PAGE.format(
        title=escape(title),
        style="".join(resource(name) for name in styles),
        brand=escape(brand),
        heading=escape(heading),
        subtitle=escape(subtitle),
        body="\n".join(part for part in sections if part),
        notice=NOTICE,
    )
    with written_whole(path) as part:
        part.write_text(page, encoding="utf-8")


def section(title: str, body: str, *, css_class: str = "") -> str:
    """A part of a page under its heading."""
    opening = f'<section class="{css_class}">' if css_class else "<section>"
    return f"{opening}\n<h2>{escape(title)}</h2>\n{body}\n</section>"


def jpeg(picture: Image.Image) -> str:
    """Picture as a data URI; colour at full resolution, so that thin outlines stay crisp."""
    buffer = BytesIO()
    picture.save(buffer, format="JPEG", quality=80, subsampling=0, optimize=True)
    return f"data:image/jpeg;base64,{b64encode(buffer.getvalue()).decode('ascii')}"


def resource(name: str) -> str:
    """Text of a file of this room, such as a style sheet."""
    return (resources.files("osteon.report") / name).read_text(encoding="utf-8")
