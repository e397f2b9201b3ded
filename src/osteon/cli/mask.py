"""``osteon mask surfaces``, ``osteon mask combine`` and ``osteon mask region``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from osteon.cli.output import console, print_json, print_table, say
from osteon.errors import UsageError

if TYPE_CHECKING:
    from osteon.masks import Overlap, SurfaceMask
    from osteon.volume import LabelMap

app = typer.Typer(help="Make label maps from surfaces and masks, and find the slices they fill.", no_args_is_help=True)

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...", help="Files; the name says the structure, or STRUCTURE=FILE such as tibia-left=a.ply."
    ),
]
Out = Annotated[Path, typer.Option("-o", "--out", help="Label map to write: .nii.gz, .nii, .mha, .mhd or .nrrd.")]
TaskOption = Annotated[str, typer.Option(help="Task that names the structures: a name or a .toml file.")]
OverlapOption = Annotated[
    Literal["background", "priority", "nearest"],
    typer.Option(help="Voxels of several structures go to none of them, to the one given first, or to the nearer."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")]


@app.command()
def surfaces(
    files: Files,
    like: Annotated[Path, typer.Option(help="The scan that the surfaces belong to; the label map gets its grid.")],
    out: Out,
    task: TaskOption,
    overlap: OverlapOption = "background",
    space: Annotated[
        Literal["RAS", "LPS"] | None, typer.Option(help="World of the coordinates, over what the files say.")
    ] = None,
    unit: Annotated[
        Literal["mm", "cm", "m"] | None, typer.Option(help="Unit of the coordinates; told by the extent if missing.")
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Turn surfaces (PLY, STL, OBJ, VTP, VTK) into a label map on a scan's grid."""
    from osteon.anatomy import Task
    from osteon.io import read, write
    from osteon.masks import assigned, surfaces_to_labels

    _require_free(out, overwrite)
    meaning = Task.load(task)
    made = surfaces_to_labels(assigned(files, meaning), read(like), meaning, overlap=overlap, space=space, unit=unit)
    write(made.labels, out)
    if json:
        print_json(
            {
                "out": out,
                "surfaces": [asdict(surface) for surface in made.surfaces],
                "overlaps": [asdict(one) for one in made.overlaps],
                "notes": made.notes,
            }
        )
        return
    _say_surfaces(made.surfaces)
    _say_overlaps(made.overlaps, overlap)
    _say_end(made.notes, out, made.labels)


@app.command()
def combine(
    files: Files,
    out: Out,
    task: TaskOption,
    like: Annotated[
        Path | None, typer.Option(help="The scan; the label map gets its grid. If missing: the first mask's grid.")
    ] = None,
    overlap: OverlapOption = "background",
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Lay binary masks over one another to one label map; overlaps are counted for each pair."""
    from osteon.anatomy import Task
    from osteon.io import read, write
    from osteon.masks import assigned
    from osteon.masks import combine as run

    _require_free(out, overwrite)
    meaning = Task.load(task)
    named = assigned(files, meaning)
    scan = read(like) if like else None
    made = run(((name, read(path)) for name, path in named), meaning, overlap, like=scan)
    write(made.labels, out)
    if json:
        document = {"out": out, "masks": [{"structure": name, "file": path} for name, path in named]}
        print_json(document | {"overlaps": [asdict(one) for one in made.overlaps], "notes": made.notes})
        return
    for name, path in named:
        console.print(f"{name}: {path}", markup=False)
    _say_overlaps(made.overlaps, overlap)
    _say_end(made.notes, out, made.labels)


@app.command()
def region(
    labels: Annotated[Path, typer.Argument(help="Label map or mask.")],
    structures: Annotated[
        list[str] | None,
        typer.Option(help="Only structures of this name or pattern, such as 'femur-*'; repeatable; needs --task."),
    ] = None,
    task: Annotated[str | None, typer.Option(help="Task of the label map: a name or a .toml file.")] = None,
    margin_mm: Annotated[float, typer.Option(help="Added at both ends, in mm.")] = 0.0,
    direction: Annotated[
        Literal["head-feet", "front-back", "left-right"], typer.Option(help="Along which way of the body.")
    ] = "head-feet",
    cut: Annotated[
        Path | None, typer.Option(metavar="SCAN", help="Cut this scan (or label map) to the range; needs --out.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File for what was cut, such as a .nii.gz.")] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Find the range of slices that holds structures, and cut a scan to it."""
    from osteon.anatomy import Task
    from osteon.io import read, read_labels, write
    from osteon.masks import region as run

    if (cut is None) != (out is None):
        raise UsageError("--cut names the scan and --out the file for what is cut from it: give both, or neither.")
    if out is not None:
        _require_free(out, overwrite)
    marked = read(labels) if task is None else read_labels(labels, Task.load(task))
    scan = None if cut is None else read(cut)
    found = run(marked, structures=structures, margin_mm=margin_mm, direction=direction, scan=scan)
    if scan is not None and out is not None:
        write(found.cut(scan), out)
    if json:
        print_json(asdict(found))
        return
    console.print(
        f"slices {found.first} to {found.last} of {found.of}, counted from 0, along array axis {'ijk'[found.axis]}: "
        f"{direction} from {found.mm[0]:.1f} to {found.mm[1]:.1f} mm",
        markup=False,
    )
    if out is not None:
        console.print(str(out), markup=False)


def _say_surfaces(done: Sequence[SurfaceMask]) -> None:
    import pandas as pd

    rows = [
        {
            "structure": one.structure,
            "file": one.file.name,
            "world": one.placement.space,
            "unit": one.placement.unit,
            "surface (cm3)": one.surface_mm3 / 1000,
            "voxels (cm3)": one.mask_mm3 / 1000,
        }
        for one in done
    ]
    print_table("Surfaces", pd.DataFrame(rows))
    for one in done:
        say(f"{one.file.name}: {'; '.join((one.placement.how, *one.notes))}.")


def _say_overlaps(overlaps: Sequence[Overlap], rule: str) -> None:
    went = {"background": "none of them", "priority": "the one given first", "nearest": "the nearer"}[rule]
    for one in overlaps:
        size = f"{one.voxels} voxels, {one.volume_mm3 / 1000:.2f} cm3"
        say(f"{one.first} and {one.second} overlap: {size}; they went to {went}.")


def _say_end(notes: Sequence[str], out: Path, labels: LabelMap) -> None:
    for note in notes:
        say(note)
    console.print(f"{out}: {labels}", markup=False)


def _require_free(out: Path, overwrite: bool) -> None:
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists. Give --overwrite to replace it, or choose another name.")
