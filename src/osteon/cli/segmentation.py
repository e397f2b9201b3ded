"""``osteon segment``."""

from __future__ import annotations

from pathlib import Path
from traceback import format_exception
from typing import TYPE_CHECKING, Annotated, Any

import typer

from osteon.cli.output import print_json, progress_bar, say
from osteon.errors import UnexpectedError, UsageError

if TYPE_CHECKING:
    from osteon.pipeline import SegmentedCase

SOME_FAILED = 1
"""Exit code when not every case was segmented; the others are complete."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(segment)


def segment(
    scans: Annotated[
        list[Path],
        typer.Argument(metavar="SCAN", help="DICOM folder, zip or file, NIfTI, MHA, NRRD, or a folder of those."),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the results, one folder a case.")],
    model: Annotated[str, typer.Option(help="Name of a shipped model, or a model folder.")] = "lumbar-vertebrae",
    engine: Annotated[str, typer.Option(help="auto, torch or openvino.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or int8 (auto: int8 where that is as good).")] = "auto",
    looks: Annotated[
        int, typer.Option(help="How often the network looks at each slice, a few pixels apart (1 to 5).", min=1, max=5)
    ] = 1,
    series: Annotated[
        str | None, typer.Option(help="Which DICOM series: its number in inspect's list, UID, description, or water.")
    ] = None,
    from_slice: Annotated[
        int | None,
        typer.Option(help="Legs only: approximate slice of the pelvis's upper end, from 0 (else it is found)."),
    ] = None,
    shard: Annotated[
        str | None, typer.Option(help="Only a share of the scans, such as 2/8: for array jobs of a cluster.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a dask cluster whose workers do it, such as tcp://node1:8786.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier results.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")] = False,
) -> None:
    """Segment scans: label map, meshes, measurements, preview and report for each."""
    from osteon.pipeline import segment as run
    from osteon.shard import Shard

    how: dict[str, Any] = {"engine": engine, "device": device, "precision": precision, "looks": looks, "series": series}
    if cluster is not None:
        if shard is not None or from_slice is not None:
            raise UsageError("--cluster shares the scans out by itself, and takes no --shard and no --from-slice.")
        from osteon.cluster import segment_on_cluster

        cases = segment_on_cluster(scans, out, scheduler=cluster, model=model, how=how, overwrite=overwrite, said=_said)
    else:
        with progress_bar("reading", total=1.0) as doing:
            cases = run(
                scans,
                out,
                model=model,
                **how,
                from_slice=from_slice,
                shard=None if shard is None else Shard.parse(shard),
                overwrite=overwrite,
                said=_said,
                doing=doing,
            )
    if json:
        print_json([_document(case) for case in cases])
    errors = [case.error for case in cases if case.error is not None]
    if errors:
        raise typer.Exit(errors[0].exit_code if len(cases) == 1 else SOME_FAILED)


def _said(case: SegmentedCase, number: int, of: int) -> None:
    if case.error is not None:
        say(f"[{number}/{of}] {case.case}: not segmented. {case.error}")
        if isinstance(case.error, UnexpectedError) and case.error.__cause__ is not None:
            say("".join(format_exception(case.error.__cause__)))  # for the report of the bug
        return
    say(f"[{number}/{of}] {case.case}: {', '.join(case.structures) or 'nothing found'} ({case.seconds:.1f} s)")
    for warning in case.warnings:
        say(f"    look at it: {warning}")
    say(f"    {case.paths.report}")


def _document(case: SegmentedCase) -> dict[str, object]:
    return {
        "case": case.case,
        "folder": str(case.paths.folder),
        "structures": list(case.structures),
        "warnings": list(case.warnings),
        "expected_dice": {judgement.structure: round(judgement.expected_dice, 3) for judgement in case.judgements},
        "error": str(case.error) if case.error else None,
        "seconds": round(case.seconds, 3),
    }
