"""The PLY format (Turk 1994): a text header, then elements of scalar or list properties, ascii or binary."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.errors import ReadError
from osteon.geometry import FloatArray

TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip

ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass
class Element:
    """One element of the header; its properties are (name, item type, count type of a list or None)."""

    name: str
    count: int
    properties: list[tuple[str, str, str | None]] = field(default_factory=list)


def parse_ply(raw: bytes, path: Path) -> tuple[FloatArray, NDArray[np.int32], list[str]]:
    """Vertices, triangles and comments of a PLY file's bytes.

    Returns
    -------
    vertices : (n, 3) float64 ndarray
    faces : (m, 3) int32 ndarray
    comments : list of str

    Raises
    ------
    ReadError
        If it is no PLY file, is cut short, or has no x, y, z.
    """
    order, elements, comments, start = _header(raw, path)
    if any(not 0 <= e.count <= len(raw) or (e.count and not e.properties) for e in elements):
        raise ReadError(f"{path} announces more elements than its {len(raw)} bytes can hold. Export the surface again.")
    try:
        tables = _ascii(raw[start:], elements) if not order else _binary(raw, start, order, elements)
        vertex = tables["vertex"]
        vertices = np.stack([np.asarray(vertex[axis], dtype=np.float64) for axis in "xyz"], axis=1)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise ReadError(f"{path} is cut short or damaged: its PLY data end too early. Copy it again.") from error
    except KeyError as error:
        raise ReadError(f"{path} has no vertices with x, y and z. Export the surface again as PLY.") from error
    lists = tables.get("face", {})
    corners = lists.get("vertex_indices", lists.get("vertex_index", []))
    return vertices, _triangles(corners), comments


def _header(raw: bytes, path: Path) -> tuple[str, list[Element], list[str], int]:
    end = raw.find(b"end_header")
    if not raw.startswith(b"ply") or end < 0:
        raise ReadError(f"{path} is not a PLY surface: it does not begin with a PLY header. Export it again as PLY.")
    start = raw.index(b"\n", end) + 1 if b"\n" in raw[end:] else len(raw)
    order, elements, comments = "", list[Element](), list[str]()
    try:
        for line in raw[:end].decode("latin-1").splitlines()[1:]:
            words = line.split()
            match words[:1]:
                case ["comment"] | ["obj_info"]:
                    comments.append(line)
                case ["format"]:
                    order = ORDERS[words[1]]
                case ["element"]:
                    elements.append(Element(words[1], int(words[2])))
                case ["property"] if words[1] == "list":
                    elements[-1].properties.append((words[4], TYPES[words[3]], TYPES[words[2]]))
                case ["property"]:
                    elements[-1].properties.append((words[2], TYPES[words[1]], None))
    except (IndexError, KeyError, ValueError) as error:
        raise ReadError(f"{path} has a damaged PLY header. Export the surface again.") from error
    return order, elements, comments, start


def _binary(raw: bytes, start: int, order: str, elements: list[Element]) -> dict[str, dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = {}
    for element in elements:
        dtype = _fixed_type(raw, start, order, element)
        table = np.frombuffer(raw, dtype, element.count, start) if dtype else None
        if table is not None and _lengths_hold(table, element):
            tables[element.name] = {name: table[name] for name, _, _ in element.properties}
            start += table.nbytes
        else:
            tables[element.name], start = _row_by_row(raw, start, order, element)
    return tables


def _fixed_type(raw: bytes, start: int, order: str, element: Element) -> np.dtype[Any] | None:
    """Record type of an element as if every list were as long as the first row's; None if it does not fit the file."""
    fields: list[Any] = []
    at = start
    for name, kind, counter in element.properties:
        if counter is None:
            fields.append((name, order + kind))
        else:
            length = int(np.frombuffer(raw, order + counter, 1, at)[0]) if element.count else 0
            fields += [(f"{name} length", order + counter), (name, order + kind, (length,))]
        at = start + np.dtype(fields).itemsize
    dtype = np.dtype(fields)
    has_lists = any(counter for _, _, counter in element.properties)
    return None if has_lists and start + dtype.itemsize * element.count > len(raw) else dtype


def _lengths_hold(table: NDArray[Any], element: Element) -> bool:
    return all(
        (table[f"{name} length"] == table.dtype[name].shape[0]).all()
        for name, _, counter in element.properties
        if counter
    )


def _row_by_row(raw: bytes, at: int, order: str, element: Element) -> tuple[dict[str, Any], int]:
    """For lists of different lengths, such as triangles among quadrilaterals."""
    columns: dict[str, list[Any]] = {name: [] for name, _, _ in element.properties}
    for _ in range(element.count):
        for name, kind, counter in element.properties:
            length = 1
            if counter is not None:
                length = int(np.frombuffer(raw, order + counter, 1, at)[0])
                if length < 0:
                    raise ValueError("a list has less than no items")
                at += np.dtype(counter).itemsize
            items = np.frombuffer(raw, order + kind, length, at)
            at += items.nbytes
            columns[name].append(items if counter is not None else items[0])
    return dict(columns), at


def _ascii(raw: bytes, elements: list[Element]) -> dict[str, dict[str, Any]]:
    words = raw.decode("ascii").split()
    at = 0
    tables: dict[str, dict[str, Any]] = {}
    for element in elements:
        if not any(counter for _, _, counter in element.properties):
            width = len(element.properties)
            rows = np.array(words[at : at + element.count * width], dtype=np.float64).reshape(element.count, width)
            tables[element.name] = {name: rows[:, n] for n, (name, _, _) in enumerate(element.properties)}
            at += element.count * width
            continue
        columns: dict[str, list[Any]] = {name: [] for name, _, _ in element.properties}
        for _ in range(element.count):
            for name, _, counter in element.properties:
                if counter is None:
                    columns[name].append(float(words[at]))
                    at += 1
                else:
                    length = int(words[at])
                    if length < 0 or at + length >= len(words):
                        raise ValueError("the list ends too early")
                    columns[name].append([int(word) for word in words[at + 1 : at + 1 + length]])
                    at += 1 + length
        tables[element.name] = dict(columns)
    return tables


def _triangles(corners: Any) -> NDArray[np.int32]:
    """Faces of any number of corners as fans of triangles around their first corner."""
    if isinstance(corners, np.ndarray) and corners.ndim == 2 and corners.shape[1] == 3:
        return corners.astype(np.int32)
    fans = [(face[0], face[n], face[n + 1]) for face in corners for n in range(1, len(face) - 1)]
    try:
        return np.array(fans, dtype=np.int32).reshape(-1, 3)
    except OverflowError:  # a number that no vertex can have is refused with the others that lie beyond them
        most = int(np.iinfo(np.int32).max)
        return np.array([[min(max(corner, -1), most) for corner in fan] for fan in fans], dtype=np.int32)
