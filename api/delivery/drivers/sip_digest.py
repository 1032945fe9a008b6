"""Digest access authentication for SIP (RFC 2617, RFC 7616, RFC 8760): MD5 and SHA-256. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

# A name begins where no letter stands before it: tried at each letter of a name without "=", one
# long header would hold the sender up for a minute.
_PART = re.compile(r'(?<!\w)(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_STRENGTH = {"SHA-256": 2, "MD5": 1}


@dataclass(frozen=True, slots=True)
class Challenge:
    """One `WWW-Authenticate: Digest ...`.

    Attributes:
        qop: whether the peer offers `auth`.
    """

    realm: str
    nonce: str
    algorithm: str = "MD5"
    opaque: str = ""
    qop: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """Who answers a challenge."""

    user: str
    password: str


def best_challenge(headers: Sequence[str]) -> Challenge | None:
    """The strongest challenge that can be answered; `None` when there is none."""
    found = [challenge for header in headers if (challenge := _challenge(header)) is not None]
    return max(found, key=lambda one: _STRENGTH[one.algorithm], default=None)


def authorization(challenge: Challenge, login: Login, method: str, uri: str, cnonce: str) -> str:
    """The value of the `Authorization` header. Each use of a challenge has its own `cnonce`."""
    digest = hashlib.sha256 if challenge.algorithm == "SHA-256" else hashlib.md5

    def hashed(text: str) -> str:
        return digest(text.encode()).hexdigest()

    secret = hashed(f"{login.user}:{challenge.realm}:{login.password}")
    request = hashed(f"{method}:{uri}")
    parts = [
        f'username="{login.user}"',
        f'realm="{challenge.realm}"',
        f'nonce="{challenge.nonce}"',
        f'uri="{uri}"',
    ]
    if challenge.qop:
        response = hashed(f"{secret}:{challenge.nonce}:00000001:{cnonce}:auth:{request}")
        parts += ["qop=auth", "nc=00000001", f'cnonce="{cnonce}"']
    else:
        response = hashed(f"{secret}:{challenge.nonce}:{request}")
    parts += [f'response="{response}"', f"algorithm={challenge.algorithm}"]
    if challenge.opaque:
        parts.append(f'opaque="{challenge.opaque}"')
    return "Digest " + ", ".join(parts)


def _challenge(header: str) -> Challenge | None:
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    values = {name.lower(): quoted or plain for name, quoted, plain in _PART.findall(rest)}
    algorithm = values.get("algorithm", "MD5").upper()
    if algorithm not in _STRENGTH or "nonce" not in values:
        return None
    return Challenge(
        realm=values.get("realm", ""),
        nonce=values["nonce"],
        algorithm=algorithm,
        opaque=values.get("opaque", ""),
        qop="auth" in [part.strip() for part in values.get("qop", "").split(",")],
    )
