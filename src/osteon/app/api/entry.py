"""Signing in: the address that the terminal opens, and the password of an app that others can reach."""

from __future__ import annotations

import asyncio
from html import escape
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from osteon.app.access import Access

router = APIRouter(include_in_schema=False)

PAUSE_S = 1.0
"""After a wrong password."""

_guesses = asyncio.Semaphore(1)  # one guess at a time, from however many machines

LOGIN = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Osteon</title></head>
<body><h1>Osteon</h1><p>{message}</p>
<form method="post" action="/login"><label>Password <input type="password" name="password" autofocus></label>
<button>Sign in</button></form></body></html>
"""


@router.get("/open")
def open_(request: Request, token: str = "") -> Response:
    """Give the cookie to whoever has the token of the terminal."""
    access: Access = request.app.state.desk.access
    if not access.is_token(token):
        return HTMLResponse("<!DOCTYPE html><title>Osteon</title><p>Open the address that the terminal shows.</p>", 401)
    return _signed_in(access)


@router.get("/login")
def ask(request: Request) -> Response:
    """Ask for the password."""
    return HTMLResponse(LOGIN.format(message="This app asks for the password it was started with."))


@router.post("/login")
async def login(request: Request) -> Response:
    """Give the cookie to whoever knows the password."""
    access: Access = request.app.state.desk.access
    body = (await request.body()).decode("utf-8", "replace")
    password = parse_qs(body).get("password", [""])[0]
    async with _guesses:
        right = await asyncio.to_thread(access.is_password, password)
        if not right:
            await asyncio.sleep(PAUSE_S)
    if not right:
        return HTMLResponse(LOGIN.format(message=escape("This is not the password.")), 401)
    return _signed_in(access)


def _signed_in(access: Access) -> Response:
    answer = RedirectResponse("/", 303)
    answer.set_cookie(access.cookie, access.secret, httponly=True, samesite="strict", path="/")
    return answer
