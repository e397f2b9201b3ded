"""What every request passes first: Host, Origin, cookie, size; and what every answer carries."""

from __future__ import annotations

import json
from http.cookies import CookieError, SimpleCookie

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from osteon.app.access import Access

OPEN_TO_ALL = ("/open", "/login")
"""Where the cookie is given."""

LARGEST_BODY = 2**20
"""Bytes of a request that is no file."""

LARGEST_CORRECTION = 64 * 2**20
LARGEST_FILE = 2 * 2**30

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; frame-src 'self'; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
)
"""Content Security Policy (W3C, level 3): only what comes from here runs; the viewer unpacks its font from data."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware; the reasons of a refusal are words, not codes.

    Parameters
    ----------
    app : ASGI application
    access : Access
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        status, reason = self._refusal(scope, headers)
        if status:
            await _answer(send, status, reason, wants_page="text/html" in headers.get("accept", ""))
            return
        limited = _Limited(receive, _limit(scope["path"], scope["method"]))
        await self.app(scope, limited, _with_headers(send))

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str]:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self.access.knows_host(host):
            return 421, "This address is not the app's. Open the address that the terminal shows."
        if origin is not None and origin != f"http://{host}":
            return 403, "A page of another site asked for this; it is refused."
        if scope["path"] not in OPEN_TO_ALL and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "A page of another site asked for this; it is refused."
        if scope["method"] not in ("GET", "HEAD") and origin is None:
            return 403, "The request does not say which page it comes from; it is refused."
        if scope["path"] not in OPEN_TO_ALL and not self.access.is_cookie(_cookie(headers, self.access.cookie)):
            return 401, "This browser is not signed in. Open the address that the terminal shows."
        length = headers.get("content-length", "0")
        limit = _limit(scope["path"], scope["method"])
        if not length.isdigit() or int(length) > limit:
            return 413, f"This is larger than the {limit / 2**20:.0f} MB that are taken here."
        return 0, ""


class _Limited:
    """Reads a request's body and ends it once it is larger than allowed, whatever its header promised."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self.receive, self.left = receive, limit

    async def __call__(self) -> Message:
        message = await self.receive()
        self.left -= len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.left < 0 else message


def _limit(path: str, method: str) -> int:
    if method == "PUT":
        return LARGEST_FILE
    return LARGEST_CORRECTION if path.endswith("/corrections") else LARGEST_BODY


def _cookie(headers: dict[str, str], name: str) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            added = {**HEADERS, "content-security-policy": POLICY}
            message["headers"] = [
                *message["headers"],
                *((n.encode(), v.encode()) for n, v in added.items() if n.encode() not in present),
            ]
        await send(message)

    return sending


async def _answer(send: Send, status: int, reason: str, *, wants_page: bool) -> None:
    body = f"<!DOCTYPE html><title>Osteon</title><p>{reason}</p>" if wants_page else json.dumps({"detail": reason})
    kind = b"text/html; charset=utf-8" if wants_page else b"application/json"
    await _with_headers(send)({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": body.encode()})
