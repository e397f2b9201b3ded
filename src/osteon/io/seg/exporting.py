"""A label map in the form that another program reads."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import numpy as np

from osteon.anatomy import Task
from osteon.errors import UsageError
from osteon.io.formats import smallest_unsigned, write
from osteon.volume import LabelMap, Volume

Format = Literal["slicer", "itk-snap", "dicom-seg", "spider", "nnunet"]

SUFFIXES: dict[Format, tuple[str, ...]] = {
    "slicer": (".seg.nrrd",),
    "itk-snap": (".txt", ".label"),
    "dicom-seg": (".dcm",),
    "spider": (".mha",),
    "nnunet": (".nii.gz",),
}

SPIDER_TASK = "lumbar-spine"
"""The task whose label values are those of the SPIDER data set (doi 10.1038/s41597-024-03090-w)."""


def export(
    labels: LabelMap,
    path: str | Path,
    *,
    format: Format | None = None,
    series: str | Path | None = None,
    overwrite: bool = False,
) -> list[str]:
    """Write a label map for 3D Slicer, ITK-SNAP, DICOM viewers, or in the values of SPIDER or nnU-Net.

    Parameters
    ----------
    labels : LabelMap
    path : path
    format : str, optional
        ``slicer``: a segmentation with names, colours and SNOMED CT codes (``.seg.nrrd``). ``itk-snap``: the label
        file with names and colours (``.txt``, ``.label``), to go with the label map itself. ``dicom-seg``: DICOM
        Segmentation (``.dcm``). ``spider``: MetaImage with SPIDER's values. ``nnunet``: NIfTI with the values 1, 2,
        3 ... of `nnunet_values`. If missing, the suffix tells, where it is one of the first three's.
    series : path, optional
        For ``dicom-seg``: DICOM folder of the scan, to be laid over it in a viewer; its UIDs, and nothing of the
        patient, go into the file.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    list of str
        What the user has to know, in whole sentences.

    Raises
    ------
    UsageError
        If the format is unknown or does not go with the suffix or the task, or the file exists.
    TaskError, GeometryError
        If a DICOM-SEG cannot be made of these labels, or does not lie on the series.
    """
    path = Path(path)
    chosen = _chosen(path, format)
    if series is not None and chosen != "dicom-seg":
        raise UsageError(f"A DICOM series goes with the format dicom-seg, not with {chosen}. Leave --series out.")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists. Give --overwrite to replace it, or choose another name.")
    if chosen == "slicer":
        from osteon.io.seg.slicer import write_slicer

        write_slicer(labels, path)
    elif chosen == "itk-snap":
        from osteon.io.seg.itksnap import write_itksnap

        write_itksnap(labels.task, path)
        return [
            "Open the label map itself in ITK-SNAP, then load this file by Segmentation > Import Label Descriptions."
        ]
    elif chosen == "dicom-seg":
        from osteon.io.seg.dicom_seg import write_dicom_seg

        write_dicom_seg(labels, path, series=None if series is None else Path(series))
        if series is None:
            return ["It stands alone: give --series to have a DICOM viewer lay it over the scan."]
    elif chosen == "spider":
        if labels.task.name != SPIDER_TASK:
            raise UsageError(f"SPIDER's values are those of the task {SPIDER_TASK}, not of {labels.task.name}.")
        write(labels, path)
    else:
        values = nnunet_values(labels.task)
        write(_with_values(labels, values), path)
        return ["Labels for dataset.json: " + ", ".join(f"{name} {value}" for name, value in values.items()) + "."]
    return []


def nnunet_values(task: Task) -> dict[str, int]:
    """Label values as nnU-Net wants them, without gaps: 0 for background, then the structures in the task's order."""
    return {"background": 0} | {structure.name: n for n, structure in enumerate(task.structures, start=1)}


def _with_values(labels: LabelMap, values: dict[str, int]) -> Volume:
    table = np.zeros(max(s.value for s in labels.task.structures) + 1, dtype=smallest_unsigned(max(values.values())))
    for structure in labels.task.structures:
        table[structure.value] = values[structure.name]
    return labels.with_array(table[labels.array])


def _chosen(path: Path, format: Format | None) -> Format:
    name = path.name.lower()
    if format is None:
        fitting: list[Format] = [f for f in ("slicer", "itk-snap", "dicom-seg") if name.endswith(SUFFIXES[f])]
        if not fitting:
            raise UsageError(
                f"{path.name} does not tell for which program it is. Use .seg.nrrd (3D Slicer), .txt (ITK-SNAP) or "
                f".dcm (DICOM-SEG), or give --format: {', '.join(get_args(Format))}."
            )
        return fitting[0]
    if format not in SUFFIXES:
        raise UsageError(f"There is no format {format}. Known: {', '.join(get_args(Format))}.")
    if not name.endswith(SUFFIXES[format]):
        raise UsageError(f"The format {format} is written as {' or '.join(SUFFIXES[format])}; {path.name} is none.")
    return format
