"""What belongs to a result besides its label map, for label maps that no model made: meshes, measurements, report."""

from __future__ import annotations

from collections.abc import Callable

from osteon.app.viewing import view_of_labels
from osteon.app.workspace import Origin, Workspace
from osteon.case_folder import CasePaths, write_results
from osteon.io import read, read_labels
from osteon.run import Run

SHARES = {"read": 0.0, "meshes": 0.1, "measurements": 0.3, "report": 0.45}
"""How much is done when a stage begins."""


def complete(workspace: Workspace, case: str, name: str, doing: Callable[[float, str], None]) -> None:
    """Write meshes, measurements, preview, report and ``run.json`` beside a label map.

    Parameters
    ----------
    workspace : Workspace
    case, name : str
        Which result.
    doing : callable
        Gets the share that is done and what comes now.
    """
    paths = workspace.result(case, name)
    origin = workspace.origin(paths)
    arguments = {"case": case, "base": origin.base, "made_by": origin.made_by}
    run = Run("app", arguments, begins=lambda stage: doing(SHARES[stage], stage))
    with run.stage("read"):
        run.add_input(workspace.scan(case))
        scan = read(workspace.scan(case))
        labels = read_labels(paths.segmentation, workspace.task(paths))
    run.facts["changes"] = list(origin.changes)
    write_results(paths, scan, labels, run, lambda: _facts(origin), name=case)
    view_of_labels(workspace, case, name, whole=False)


def is_complete(paths: CasePaths) -> bool:
    """Whether a result has all its files."""
    return all(p.exists() for p in (paths.measurements, paths.preview, paths.report, paths.record, paths.meshes))


def _facts(origin: Origin) -> dict[str, str]:
    if origin.made_by == "file":
        return {"Label map": "Added from a file; no model made it."}
    changed = [f"{c['structure']} ({c['added_cm3']:+.2f} and {-c['removed_cm3']:+.2f} cm3)" for c in origin.changes]
    return {"Label map": f"{origin.base}, corrected by hand", "Corrected": "; ".join(changed) or "nothing"}
