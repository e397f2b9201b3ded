"""The app's programming interface: everything the pages do goes through it."""

from osteon.app.api import cases, cohorts, entry, exports, jobs, masks, results, trainings, uploads, workspace

ROUTERS = (
    workspace.router,
    cases.router,
    uploads.router,
    masks.router,
    cohorts.router,
    trainings.router,
    jobs.router,  # after those that also begin with /jobs
    results.router,
    exports.router,
)

__all__ = ["ROUTERS", "entry"]
