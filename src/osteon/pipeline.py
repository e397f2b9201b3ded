"""From scans to case folders: read, segment, name levels, write, mesh, measure, show."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from osteon.anatomy import Task
from osteon.case_list import cases_of, refuse_what_is_in_the_way
from osteon.case_paths import CasePaths
from osteon.errors import OsteonError, UnexpectedError, UsageError, WriteError
from osteon.inference import Engine, engine_for, predict_classes, with_looks
from osteon.io import read_labels, write
from osteon.io.dicom.sources import without_uid
from osteon.io.whole import folder_written_whole
from osteon.labelling import Input, Labelled, labelled
from osteon.networks.model import Model
from osteon.run import Run
from osteon.shard import Shard
from osteon.volume import LabelMap, Volume

if TYPE_CHECKING:
    from osteon.confidence import Calibration, Judgement
    from osteon.postprocessing import Finished

DEFAULT_MODEL = "lumbar-vertebrae"

OVERLAPPED_VOXELS = 150_000_000
"""Larger scans are written before the next is read, so that two are never in memory at once."""

AFTERWARDS = ("pandas", "osteon.postprocessing", "osteon.confidence", "osteon.case_folder")
"""What is needed only after the network: it loads while that is made ready."""

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
    precision: str = "auto",
    looks: int = 1,
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
    precision : "auto", "fp32" or "int8"
        As for `osteon.inference.engine_for`.
    looks : int
        How often the network looks at each slice, a few pixels apart (`osteon.inference.with_looks`).
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
    cases = cases_of([scans] if isinstance(scans, str | Path) else scans)
    cases = cases if shard is None else shard.share(cases)
    refuse_what_is_in_the_way(out, [name for name, _ in cases], overwrite)
    model = model if isinstance(model, Model) else Model.load(model)
    if from_slice is not None and model.task.limb is None:
        raise UsageError(f"The model {model.spec.name} looks for no legs. Leave --from-slice out.")
    if not cases:  # of more shares than scans
        return []
    doing = _forwards(doing)
    done: list[SegmentedCase] = []

    def ended(case: SegmentedCase) -> None:
        done.append(case)
        said(case, len(done), len(cases))

    waiting: Future[SegmentedCase] | None = None
    with ThreadPoolExecutor(max_workers=1) as behind:
        loading = behind.submit(_load_what_follows)
        ready = with_looks(engine_for(model, engine, device, lambda message: doing(0.0, message), precision), looks)
        loading.result()  # two threads that load parts of one package can get into each other's way
        calibration = _calibration(model)
        for number, (name, path) in enumerate(cases):
            arguments = {"scan": path, "model": model.spec.name, "engine": ready.name}
            arguments |= {"series": without_uid(series)} if series else {}
            run = Run("segment", arguments, begins=_begins(doing, name, number, len(cases)))
            wanted = Input(path, series, from_slice)
            case = labelled(CasePaths(out / name), wanted, model, calibration, ready, run)
            if waiting is not None:
                ended(waiting.result())
                waiting = None
            large = case.scan is not None and case.scan.array.size > OVERLAPPED_VOXELS
            if large or number == len(cases) - 1:
                ended(_written(case))
            else:
                waiting = behind.submit(_written, case)
            del case
    return done


def segment_volume(scan: Volume, model: Model, engine: Engine) -> Finished:
    """Segment one volume in memory: the network, then instances and levels. Nothing is written."""
    from osteon.postprocessing import finish

    return finish(predict_classes(scan, model, engine), model.spec, model.task)


def _forwards(doing: Callable[[float, str], None]) -> Callable[[float, str], None]:
    """The same, but never backwards: the end of one case goes on beside the beginning of the next."""
    lock, reached = Lock(), (-1.0, "")

    def say(share: float, what: str) -> None:
        nonlocal reached
        with lock:
            if share >= reached[0] and (share, what) != reached:  # a stage may go on after another look
                reached = share, what
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


def _written(case: Labelled) -> SegmentedCase:
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


def _write_folder(name: str, scan: Volume, labels: LabelMap, case: Labelled) -> None:
    try:
        with folder_written_whole(case.paths.folder) as part:
            _write_case(name, scan, labels, case, CasePaths(part))
    except OSError as error:
        raise WriteError(f"{case.paths.folder} cannot be written: {error.strerror or error}.") from error


def _calibration(model: Model) -> Calibration | None:
    from osteon.confidence import Calibration

    return Calibration.of(model)


def _load_what_follows() -> None:
    for name in AFTERWARDS:
        import_module(name)


def _write_case(name: str, scan: Volume, labels: LabelMap, case: Labelled, paths: CasePaths) -> None:
    from osteon.case_folder import write_results

    run, spec = case.run, case.model.spec
    with run.stage("write label map"):
        write(labels, paths.segmentation)
    run.facts["model"] = {"name": spec.name, "sha256": spec.weights_sha256, "licence": spec.licence}
    write_results(
        paths, scan, labels, run, lambda: _facts(scan, case.model, run), name=name, judgements=case.judgements
    )


def _facts(scan: Volume, model: Model, run: Run) -> dict[str, str]:
    """How the labels came to be, for the page."""
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
    return facts
