"""The app's programming interface: everything the pages do goes through it."""

from osteon.app.api import cases, entry, jobs, results, uploads, workspace

ROUTERS = (workspace.router, cases.router, uploads.router, jobs.router, results.router)

__all__ = ["ROUTERS", "entry"]
