"""ITK-SNAP's label file: which value has which name and colour; the label map itself is any that Osteon writes."""

from __future__ import annotations

from pathlib import Path

from osteon.anatomy import Task
from osteon.io.whole import written_whole

HEADER = """\
################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields:
#    IDX:   Zero-based index
#    -R-:   Red color component (0..255)
#    -G-:   Green color component (0..255)
#    -B-:   Blue color component (0..255)
#    -A-:   Label transparency (0.00 .. 1.00)
#    VIS:   Label visibility (0 or 1)
#    IDX:   Label mesh visibility (0 or 1)
#  LABEL:   Label description
################################################
"""


def write_itksnap(task: Task, path: Path) -> None:
    """Write the names and colours of all structures of a task for ITK-SNAP's "Import Label Descriptions"."""
    rows = [_row(0, (0, 0, 0), 0, "Clear Label")]
    for structure in sorted(task.structures, key=lambda s: s.value):
        red, green, blue = (round(255 * part) for part in structure.rgb)
        rows.append(_row(structure.value, (red, green, blue), 1, structure.name))
    with written_whole(path) as part:
        part.write_text(HEADER + "\n".join(rows) + "\n", encoding="ascii")


def _row(value: int, colour: tuple[int, int, int], shown: int, name: str) -> str:
    red, green, blue = colour
    return f'{value:5d} {red:5d} {green:4d} {blue:4d} {shown:8d} {shown:2d} {shown:2d}    "{name}"'
