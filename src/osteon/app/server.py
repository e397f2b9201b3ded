"""The application, and the server that runs it."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.requests import ClientDisconnect

from osteon.app.access import Access, kept_secret
from osteon.app.api import ROUTERS, entry
from osteon.app.desk import Desk
from osteon.app.guard import Guard
from osteon.app.workspace import UnknownError
from osteon.errors import OsteonError, UsageError

HOME = Path(".osteon")
"""Below the user's home: the secret of the cookie, and the workspaces of earlier days."""

PAGES = Path(str(resources.files("osteon.app"))) / "static"
"""What `make pages` builds and wheels hold."""

DESCRIPTION = "Local programming interface of `osteon app`. Everything that its pages do goes through it."


def create_app(desk: Desk, static: Path | None = None) -> Guard:
    """Put the application together: routes, pages, and the guard before them.

    Parameters
    ----------
    desk : Desk
    static : Path, optional
        Folder of the built pages; None for those of the package.
    """
    app = bare_app(desk)
    pages = static or PAGES
    if (pages / "index.html").is_file():
        app.mount("/", StaticFiles(directory=pages, html=True))
    return Guard(app, desk.access)


def bare_app(desk: Desk) -> FastAPI:
    """The routes alone, without guard and pages."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        desk.shut()

    app = FastAPI(
        title="Osteon",
        version=version("osteon"),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses={404: {"description": "Not in this workspace."}, 422: {"description": "Refused, with the reason."}},
    )
    app.state.desk = desk
    app.include_router(entry.router)
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(OsteonError, _refused)
    app.add_exception_handler(RequestValidationError, _misunderstood)
    app.add_exception_handler(ClientDisconnect, _too_large)
    return app


def serve(
    workspace: Path | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8770,
    password: str | None = None,
    open_browser: bool = True,
    said: Callable[[str], None] = lambda line: None,
) -> None:
    """Run the app until it is stopped.

    Parameters
    ----------
    workspace : Path, optional
        Opened at once; else it is chosen in the browser.
    host : str
        Other than this machine's own (127.0.0.1, localhost, ::1) only with a password.
    port : int
    password : str, optional
    open_browser : bool
    said : callable
        Gets the address, and what to know about it.

    Raises
    ------
    UsageError
        If the port is taken, the pages are not built, or the app would be open to others without a password.
    """
    import uvicorn

    access = Access.create(host, port, secret=kept_secret(Path.home() / HOME / "app-secret"), password=password)
    if not access.is_local and not password:
        raise UsageError(
            f"Listening on {host} lets other machines in: they need a password. `osteon app` asks for one; leave "
            "--host out if nobody else is to get in."
        )
    if not access.is_local and workspace is None:
        raise UsageError("An app that other machines can reach needs its workspace named at the start.")
    if not (PAGES / "index.html").is_file():
        raise UsageError(
            "The pages of the app are not built. From a clone, build them with: make pages (needs Node.js)."
        )
    listening = _listening(host, port)  # before anything is opened: another app may be at work here
    desk = Desk(access, Path.home() / HOME / "workspaces.json", spare=True)
    try:
        if workspace is not None:
            desk.open(workspace.expanduser().absolute(), create=True)
        said(f"Osteon is at {access.address if access.is_local else f'http://{host}:{port}/login'}")
        said("Stop it with Ctrl-C; running work is begun anew at the next start.")
        config = uvicorn.Config(create_app(desk), log_level="error", ws="none")
        config.server_header, config.timeout_graceful_shutdown = False, 3
        if open_browser and access.is_local:
            webbrowser.open(access.address)
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        desk.shut()
        listening.close()


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise UsageError(
            f"Nothing can listen on {host}, port {port}: {error.strerror}. Give another --port."
        ) from error


def _refused(request: Request, error: Exception) -> JSONResponse:
    status = 404 if isinstance(error, UnknownError) else 422
    return JSONResponse({"detail": str(error)}, status)


def _misunderstood(request: Request, error: Exception) -> JSONResponse:
    first: dict[str, Any] = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    place = ".".join(str(part) for part in first.get("loc", ())[1:])
    return JSONResponse({"detail": f"The request was not understood: {place}: {first.get('msg', '')}."}, 422)


def _too_large(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "The file is larger than allowed, or its transfer was broken off."}, 413)
