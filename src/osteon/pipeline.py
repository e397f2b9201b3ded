"""From scans to case folders: read, segment, name levels, write, mesh, measure, show."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from threading import Lock

from osteon.anatomy import Task
from osteon.confidence import Calibration, Judgement, judge, warning_of, with_expected_dice
from osteon.confidence.evidence import evidence_of
from osteon.errors import OsteonError, ReadError, UnexpectedError, UsageError, WriteError
from osteon.inference import Engine, Prediction, engine_for, predict, predict_classes
from osteon.io import read_labels, scans_in, write
from osteon.io.dicom.sources import without_uid
from osteon.io.scans import read_scan
from osteon.io.whole import folder_written_whole
from osteon.masks import surfaces_of
from osteon.measurement import measure, write_measurements
from osteon.networks.model import Model
from osteon.postprocessing import Finished, finish
from osteon.preprocessing import LowerBody, confirmed, find_lower_body, lower_body_from_slice
from osteon.report import ReportContent, preview, write_meshes, write_report
from osteon.run import RECORD, Run
from osteon.shard import Shard
from osteon.volume import LabelMap, Volume

DEFAULT_MODEL = "lumbar-vertebrae"

OVERLAPPED_VOXELS = 150_000_000
"""Larger scans are written before the next is read, so that two are never in memory at once."""

STAGES = {
    "read": 0.02,
    "network": 0.52,
    "instances and levels": 0.04,
    "write label map": 0.01,
    "meshes": 0.04,
    "measurements": 0.06,
    "report": 0.31,
}
"""Stages of a case, in order, with usual shares of the time (lumbar scans, OpenVINO on two cores), for the bar."""


@dataclass(frozen=True)
class CasePaths:
    """Names of a segmented case's files."""

    folder: Path

    @property
    def segmentation(self) -> Path:
        """Label map on the scan's own grid."""
        return self.folder / "segmentation.nii.gz"

    @property
    def meshes(self) -> Path:
        """One PLY a structure."""
        return self.folder / "meshes"

    @property
    def measurements(self) -> Path:
        """One row a structure."""
        return self.folder / "measurements.csv"

    @property
    def preview(self) -> Path:
        """Three planes and a 3-D view."""
        return self.folder / "preview.png"

    @property
    def report(self) -> Path:
        """One self-contained page."""
        return self.folder / "report.html"

    @property
    def record(self) -> Path:
        """What was done."""
        return self.folder / RECORD


@dataclass(frozen=True)
class _Input:
    """A scan on disk, which of its DICOM series is meant, and the slice at which the legs begin."""

    path: Path
    series: str | None
    from_slice: int | None


@dataclass(frozen=True)
class _Labelled:
    """A case in memory, as it is before anything is written; or why there is none."""

    paths: CasePaths
    begin: float
    run: Run
    model: Model
    scan: Volume | None = None
    labels: LabelMap | None = None
    judgements: tuple[Judgement, ...] = ()
    error: Exception | None = None


@dataclass(frozen=True)
class SegmentedCase:
    """What became of one scan.

    Parameters
    ----------
    case : str
    paths : CasePaths
    task : Task, optional
        What its labels mean; None if the case failed.
    structures : tuple of str
        Names of what was found.
    warnings : tuple of str
        Reasons to look at the result.
    error : OsteonError, optional
        Why the case failed; nothing of it was written.
    seconds : float
    judgements : tuple of Judgement
        What Dice to expect of each structure; empty if the model is not calibrated.
    """

    case: str
    paths: CasePaths
    task: Task | None = None
    structures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: OsteonError | None = None
    seconds: float = 0.0
    judgements: tuple[Judgement, ...] = ()

    @property
    def labels(self) -> LabelMap | None:
        """Label map, read from its file: many cases are never in memory together. None if the case failed."""
        return None if self.task is None else read_labels(self.paths.segmentation, self.task)


def segment(
    scans: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    model: str | Path | Model = DEFAULT_MODEL,
    engine: str = "auto",
    device: str = "auto",
    series: str | None = None,
    from_slice: int | None = None,
    shard: Shard | None = None,
    overwrite: bool = False,
    said: Callable[[SegmentedCase, int, int], None] = lambda case, number, of: None,
    doing: Callable[[float, str], None] = lambda share, what: None,
) -> list[SegmentedCase]:
    """Segment scans; each leaves a folder ``out/<case>`` (`CasePaths`), whole or not at all.

    Parameters
    ----------
    scans : path or sequence of paths
        DICOM folder, zip archive or file, NIfTI, MHA or NRRD file, or a folder of those.
    out : path
    model : str, path or Model
        Name of a shipped model or a model folder.
    engine : "auto", "torch" or "openvino"
    device : "auto", "cpu", "cuda" or "mps"
    series : str, optional
        Which DICOM series of each scan: its number in the list of ``osteon inspect``, UID, description or part of it,
        or a Dixon image such as ``"water"``. If None, the only usable one, or the water images for bones of limbs.
    from_slice : int, optional
        For bones of limbs: the approximate slice of the pelvis's upper end, from 0; 50 slices above it are kept, too.
        If None, it is found (`find_lower_body`).
    shard : Shard, optional
        Only this share of the scans; if None, all.
    overwrite : bool
        Replace folders of cases that were segmented before; nothing else is ever replaced.
    said : callable
        Gets each case as it is done, its number and how many there are.
    doing : callable
        Gets the share of the work that is done, 0 to 1, and what comes now, at the beginning of each stage.

    Returns
    -------
    list of SegmentedCase
        In the order of the scans. One that fails stops no other; look at ``error``, which is an `UnexpectedError` where
        Osteon itself failed.

    Notes
    -----
    A case is written, meshed, measured and shown while the next one is read and goes through the network.

    Raises
    ------
    OsteonError
        If the arguments are wrong: no such scan, model, engine or device, two scans of one name, something in the way.
    """
    out = Path(out)
    cases = _cases([scans] if isinstance(scans, str | Path) else scans)
    cases = cases if shard is None else shard.share(cases)
    _refuse_what_is_in_the_way(out, [name for name, _ in cases], overwrite)
    model = model if isinstance(model, Model) else Model.load(model)
    if from_slice is not None and model.task.limb is None:
        raise UsageError(f"The model {model.spec.name} looks for no legs. Leave --from-slice out.")
    if not cases:  # of more shares than scans
        return []
    doing = _forwards(doing)
    ready = engine_for(model, engine, device, lambda message: doing(0.0, message))
    calibration = Calibration.of(model)
    done: list[SegmentedCase] = []

    def ended(case: SegmentedCase) -> None:
        done.append(case)
        said(case, len(done), len(cases))

    waiting: Future[SegmentedCase] | None = None
    with ThreadPoolExecutor(max_workers=1) as behind:
        for number, (name, path) in enumerate(cases):
            arguments = {"scan": path, "model": model.spec.name, "engine": ready.name}
            arguments |= {"series": without_uid(series)} if series else {}
            run = Run("segment", arguments, begins=_begins(doing, name, number, len(cases)))
            wanted = _Input(path, series, from_slice)
            labelled = _labelled(CasePaths(out / name), wanted, model, calibration, ready, run)
            if waiting is not None:
                ended(waiting.result())
                waiting = None
            large = labelled.scan is not None and labelled.scan.array.size > OVERLAPPED_VOXELS
            if large or number == len(cases) - 1:
                ended(_written(labelled))
            else:
                waiting = behind.submit(_written, labelled)
            del labelled
    return done


def segment_volume(scan: Volume, model: Model, engine: Engine) -> Finished:
    """Segment one volume in memory: the network, then instances and levels. Nothing is written."""
    return finish(predict_classes(scan, model, engine), model.spec, model.task)


def _cases(scans: Sequence[str | Path]) -> list[tuple[str, Path]]:
    cases = [case for scan in scans for case in scans_in(scan)]
    if not cases:
        raise UsageError("No scan was given.")
    names = [name.casefold() for name, _ in cases]  # Windows and macOS take A and a for one folder
    twice = sorted({name for name, _ in cases if names.count(name.casefold()) > 1})
    if twice:
        raise UsageError(f"Two scans are named {twice[0]}; rename one, or segment them into two output folders.")
    return cases


def _refuse_what_is_in_the_way(out: Path, names: Sequence[str], overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, not a folder. Choose another output folder.")
    old = [name for name in names if (out / name).exists()]
    # the folder of a DICOM series has its case's name, too: what is not a result is never replaced
    foreign = [name for name in old if not _is_result(out / name)]
    if foreign:
        raise UsageError(
            f"{out / foreign[0]} is not a result of Osteon (it holds no {RECORD}) and is left as it is. Choose another "
            "output folder."
        )
    if old and not overwrite:
        shown = ", ".join(old[:3]) + (" ..." if len(old) > 3 else "")
        raise UsageError(f"{out} already holds {shown}. Give --overwrite to replace, or choose another output folder.")


def _is_result(folder: Path) -> bool:
    return folder.is_dir() and (CasePaths(folder).record.is_file() or not any(folder.iterdir()))


def _forwards(doing: Callable[[float, str], None]) -> Callable[[float, str], None]:
    """The same, but never backwards: the end of one case goes on beside the beginning of the next."""
    lock, reached = Lock(), -1.0

    def say(share: float, what: str) -> None:
        nonlocal reached
        with lock:
            if share >= reached:
                reached = share
                doing(share, what)

    return say


def _begins(doing: Callable[[float, str], None], case: str, number: int, of: int) -> Callable[[str], None]:
    """What a stage of a case says as it begins, in terms of the whole work."""
    before, share = {}, 0.0
    for stage, its_share in STAGES.items():
        before[stage] = share
        share += its_share
    return lambda stage: doing((number + before[stage]) / of, f"{case}: {stage}")


def _as_ours(error: Exception) -> OsteonError:
    """The error of a case as one that has a message for the user; the original is its cause."""
    if isinstance(error, OsteonError):
        return error
    what = "there is not enough memory" if isinstance(error, MemoryError) else "a bug of Osteon; please report it"
    ours = UnexpectedError(f"It failed unexpectedly ({type(error).__name__}: {error}): {what}.")
    ours.__cause__ = error
    return ours


def _labelled(
    paths: CasePaths, wanted: _Input, model: Model, calibration: Calibration | None, engine: Engine, run: Run
) -> _Labelled:
    """The first half of a case: read, network, instances and levels."""
    empty = _Labelled(paths, time.perf_counter(), run, model)
    try:
        with run.stage("read"):
            run.add_input(wanted.path)
            scan = _read(wanted, model, run)
        with run.stage("network"):
            lower = _lower_body(scan, wanted.from_slice, model)
            prediction = _predicted(scan, lower, model, engine)
        with run.stage("instances and levels"):
            finished = finish(prediction.classes, model.spec, model.task)
            judgements = _judged(prediction, finished.labels, model, calibration, run)
        del prediction  # its probabilities may be larger than the scan
        _note_lower_body(lower, finished.labels, run)
    except Exception as error:  # the other cases are worth having, whatever became of this one
        return replace(empty, error=error)
    for warning in finished.warnings:
        run.warn(warning)
    if finished.notes:
        run.facts["postprocessing"] = list(finished.notes)
    return replace(empty, scan=scan, labels=finished.labels, judgements=judgements)


def _written(case: _Labelled) -> SegmentedCase:
    """The second half of a case: its folder."""
    name, error = case.paths.folder.name, case.error
    if case.scan is not None and case.labels is not None:
        try:
            _write_folder(name, case.scan, case.labels, case)
        except Exception as failure:
            error = failure
    seconds = time.perf_counter() - case.begin
    if error is not None:
        return SegmentedCase(name, case.paths, error=_as_ours(error), seconds=seconds)
    return SegmentedCase(
        name,
        case.paths,
        case.model.task,
        tuple(case.run.facts["structures"]),
        tuple(case.run.warnings),
        seconds=seconds,
        judgements=case.judgements,
    )


def _write_folder(name: str, scan: Volume, labels: LabelMap, case: _Labelled) -> None:
    try:
        with folder_written_whole(case.paths.folder) as part:
            _write_case(name, scan, labels, case.judgements, case.model, case.run, CasePaths(part))
    except OSError as error:
        raise WriteError(f"{case.paths.folder} cannot be written: {error.strerror or error}.") from error


def _predicted(scan: Volume, lower: LowerBody | None, model: Model, engine: Engine) -> Prediction:
    """The network's answer; its classes lie on the whole scan, also where it saw but the legs."""
    if lower is None:
        return predict(scan, model, engine)
    prediction = predict(scan.cropped(lower.box(scan.shape)), model, engine)
    return replace(prediction, classes=lower.on_whole(prediction.classes, scan))


def _judged(
    prediction: Prediction, labels: LabelMap, model: Model, calibration: Calibration | None, run: Run
) -> tuple[Judgement, ...]:
    """What the result is worth; what is to be looked at goes to the run."""
    if prediction.votes is not None:
        evidence = evidence_of(prediction, labels, model.spec)
        run.facts["disagreement"] = {e.structure: round(e.numbers.get("disagreement", nan), 3) for e in evidence}
    if calibration is None:
        return ()
    judgements = judge(prediction, labels, model.spec, calibration)
    reason_to_look = warning_of(judgements, calibration)
    if reason_to_look:
        run.warn(reason_to_look)
    run.facts["confidence"] = [
        {"structure": j.structure, "expected_dice": round(j.expected_dice, 3), "look": j.look, "reasons": j.reasons}
        for j in judgements
    ]
    return judgements


def _read(wanted: _Input, model: Model, run: Run) -> Volume:
    """The scan; what is to be said about it goes to the run."""
    found = read_scan(wanted.path, series=wanted.series, prefer="water" if model.task.limb else None)
    if 1 in found.volume.shape:
        raise ReadError(f"{wanted.path} holds a single slice, which is not a volume. Give all slices of the series.")
    for note in found.notes:
        run.warn(note)
    if found.study:
        run.add_study(found.study)
    return found.volume


def _lower_body(scan: Volume, from_slice: int | None, model: Model) -> LowerBody | None:
    """Where the legs begin, for models of limbs."""
    if model.task.limb is None:
        return None
    return find_lower_body(scan) if from_slice is None else lower_body_from_slice(scan, from_slice)


def _note_lower_body(lower: LowerBody | None, labels: LabelMap, run: Run) -> None:
    limb = labels.task.limb
    if lower is None or limb is None:
        return
    if limb.order:
        lower, reason_to_look = confirmed(lower, labels, limb.order[0])
        if reason_to_look:
            run.warn(reason_to_look)
    run.facts["legs_begin"] = lower.facts()


def _write_case(
    name: str,
    scan: Volume,
    labels: LabelMap,
    judgements: tuple[Judgement, ...],
    model: Model,
    run: Run,
    paths: CasePaths,
) -> None:
    with run.stage("write label map"):
        write(labels, paths.segmentation)
    with run.stage("meshes"):
        surfaces = surfaces_of(labels)
        write_meshes(surfaces, paths.meshes)
    with run.stage("measurements"):
        table = measure(labels)
        write_measurements(with_expected_dice(table, judgements), paths.measurements)
    run.facts["structures"] = [str(structure) for structure in table["structure"]]
    run.facts["model"] = {"name": model.spec.name, "sha256": model.spec.weights_sha256, "licence": model.spec.licence}
    with run.stage("report"):
        preview(scan, labels, surfaces, paths.preview)
        facts = {
            "Model": f"{model.spec.name} ({model.spec.title}); licence of the weights: {model.spec.licence}",
            "Engine": str(run.arguments["engine"]),
            "Scan": f"{' x '.join(str(n) for n in scan.shape)} voxels of "
            f"{' x '.join(f'{s:.2f}' for s in scan.spacing_mm)} mm, axes {scan.orientation}+",
            "Time": ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in run.stages_s.items()),
        }
        if "legs_begin" in run.facts:
            begin = run.facts["legs_begin"]
            facts["Where the legs begin"] = (
                f"Slice {begin['slice']}, confidence {begin['confidence']:.2f}; slices {begin['kept_slices'][0]} to "
                f"{begin['kept_slices'][1]} were segmented. {begin['reason']}"
            )
        if "postprocessing" in run.facts:
            facts["Changed after the network"] = " ".join(run.facts["postprocessing"])
        content = ReportContent(
            case=name,
            scan=scan,
            labels=labels,
            surfaces=surfaces,
            measurements=table,
            preview=paths.preview,
            facts=facts,
            warnings=run.warnings,
            judgements=judgements,
        )
        write_report(paths.report, content)
    run.write(paths.folder)
