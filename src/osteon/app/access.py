"""Who may use the app: a token in the opened address, then a cookie; beyond this machine, a password."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost", "::1")

ROUNDS = 200_000
"""Of the password's hash (PBKDF2, RFC 8018); about a tenth of a second for each guess."""


@dataclass(frozen=True)
class Access:
    """What a request must know.

    Parameters
    ----------
    host : str
        Where the app listens.
    port : int
    secret : str
        Value of the cookie.
    token : str
        In the address that is opened; a new one at every start.
    salt, password_hash : bytes
        Of the password; empty where there is none.
    """

    host: str
    port: int
    secret: str = field(repr=False)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    salt: bytes = field(default=b"", repr=False)
    password_hash: bytes = field(default=b"", repr=False)

    @classmethod
    def create(cls, host: str, port: int, *, secret: str | None = None, password: str | None = None) -> Access:
        """Make the rules for a start of the app; ``secret`` keeps browsers signed in over a restart."""
        salt = secrets.token_bytes(16) if password else b""
        hashed = _hashed(password, salt) if password else b""
        return cls(host, port, secret or secrets.token_urlsafe(32), salt=salt, password_hash=hashed)

    @property
    def cookie(self) -> str:
        """Name of the cookie: browsers keep one jar for all ports of a machine."""
        return f"osteon-{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the app."""
        return self.host in LOOPBACK

    @property
    def address(self) -> str:
        """What the browser opens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/open?token={self.token}"

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this app: a page that a foreign name leads here must not get in."""
        if not self.is_local:
            return bool(host)
        names = [f"[{name}]" if ":" in name else name for name in LOOPBACK]
        return host in {f"{name}:{self.port}" for name in names} | (set(names) if self.port == 80 else set())

    def is_cookie(self, value: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(value.encode(), self.secret.encode())

    def is_token(self, value: str) -> bool:
        """Compare in constant time; the token is for this machine alone."""
        return self.is_local and hmac.compare_digest(value.encode(), self.token.encode())

    def is_password(self, value: str) -> bool:
        """Compare in constant time; nothing is right where no password was set."""
        return bool(self.password_hash) and hmac.compare_digest(_hashed(value, self.salt), self.password_hash)


def kept_secret(path: Path) -> str:
    """The cookie's value of earlier starts, or a new one; only its owner can read the file."""
    if path.is_file():
        kept = path.read_text(encoding="ascii").strip()
        if len(kept) >= 32:
            return kept
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    made = secrets.token_urlsafe(32)
    path.write_text(made + "\n", encoding="ascii")
    return made


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
