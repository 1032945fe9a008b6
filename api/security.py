"""What every answer and every changing request must satisfy, before accounts exist.

- strict headers: no inline script or style, no framing, no sniffing;
- the Host header must be an address, `localhost` or a name that the settings allow, so that a
  foreign page cannot read the console through a name it controls;
- a browser may change something only from the console's own pages;
- a large body is read only from whoever is signed in, or carries the workers' token: reading one
  holds up everything else for a moment, alarms too;
- text that is sent is UTF-8 and holds no control characters but line ends and tabs, no half
  characters and none of Unicode's noncharacters: documents, databases and logs choke on them;
- workers carry a bearer token.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.guard import Access
from api.problems import Problem, problem_body

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)

_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_BODY_OF_STRANGERS_BYTES = 256 * 1024

# JSON can hold such characters only as escapes, an address only percent-encoded.
_CONTROL_IN_JSON = re.compile(
    rb"(?<!\\)(?:\\\\)*\\(?:u00(?:0[0-8bcefBCEF]|1[0-9a-fA-F]|7[fF])|[bf])"
)
_HALF_IN_JSON = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_CONTROL_IN_ADDRESS = re.compile(rb"%(?:0[0-8bcef]|1[0-9a-f]|7f)", re.IGNORECASE)
# U+FDD0 to U+FDEF, and the last two of each of the 17 planes: escaped in JSON, as UTF-8 of three
# and of four bytes, and the same percent-encoded.
_NONCHARACTER_IN_JSON = re.compile(
    rb"(?<!\\)(?:\\\\)*\\u(?:[fF]{3}[eEfF]|[fF][dD][dDeE][0-9a-fA-F]"
    rb"|[dD][89abAB][37bBfF][fF]\\u[dD][fF]{2}[eEfF])"
    rb"|\xef(?:\xbf[\xbe\xbf]|\xb7[\x90-\xaf])|[\xf0-\xf4][\x8f\x9f\xaf\xbf]\xbf[\xbe\xbf]"
)
_NONCHARACTER_IN_ADDRESS = re.compile(
    rb"%ef%(?:bf%b[ef]|b7%[9a][0-9a-f])|%f[0-4]%[89ab]f%bf%b[ef]", re.IGNORECASE
)
# Where none of these bytes stand, none of the above can: a photo in base64 needs no closer look,
# which takes a second for the largest body.
_MARKS_IN_JSON = (b"\\", b"\xbf\xbe", b"\xbf\xbf", b"\xef\xb7")
_NOT_IN_JSON = (_CONTROL_IN_JSON, _HALF_IN_JSON, _NONCHARACTER_IN_JSON)
_NOT_IN_ADDRESS = (_CONTROL_IN_ADDRESS, _NONCHARACTER_IN_ADDRESS)


class Guard:
    """ASGI middleware: checks the host and the origin, sets the headers."""

    def __init__(self, app: ASGIApp, *, allowed_hosts: Collection[str]) -> None:
        self._app = app
        self._allowed = {"localhost", *(host.lower() for host in allowed_hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers)
        if refusal is None and any(one.search(_address(scope)) for one in _NOT_IN_ADDRESS):
            refusal = 422, "text_unreadable"
        if refusal is None and scope["method"] not in _SAFE_METHODS:
            if int(headers["content-length"]) > MAX_BODY_OF_STRANGERS_BYTES:
                refusal = await _refusal_of_stranger(scope)
            if refusal is None:
                body = await _whole(receive)
                receive = _replayed(body, receive)
                if _unreadable(body):
                    refusal = 422, "text_unreadable"
        if refusal is not None:
            status, code = refusal
            answer = JSONResponse(problem_body(code).model_dump(), status_code=status)
            await answer(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not self._known_host(host):
            return 421, "unknown_host"
        if method in _SAFE_METHODS:
            return None
        if not _same_origin(headers, host):
            return 403, "foreign_page"
        if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            return 415, "not_json"
        length = headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            return 413, "body_too_large"
        return None

    def _known_host(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
            if name not in self._allowed:
                ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


async def _refusal_of_stranger(scope: Scope) -> tuple[int, str] | None:
    """Why the body is not read: nobody is behind the request; `None` where somebody is.

    A service without access knows nobody, and its only large bodies are those of the workers.
    """
    access: Access | None = getattr(scope["app"].state, "access", None)
    if access is None:
        return None
    try:
        actor = await access.actor_of(HTTPConnection(scope))
    except Problem as problem:
        return problem.status, problem.body.code
    except SQLAlchemyError:
        return 503, "database_refused"
    return (401, "sign_in_needed") if actor is None else None


def _unreadable(body: bytes) -> bool:
    """Whether the body holds text that nothing can keep, or is no UTF-8 at all.

    JSON in UTF-16 and UTF-32 holds zero bytes; it is refused, as what its escapes say would not be
    seen here.
    """
    try:
        body.decode()
    except UnicodeDecodeError:
        return True
    if b"\x00" in body:
        return True
    return any(mark in body for mark in _MARKS_IN_JSON) and any(
        one.search(body) for one in _NOT_IN_JSON
    )


def _address(scope: Scope) -> bytes:
    """Path and query as they were sent."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw + b"?" + bytes(scope.get("query_string", b""))


async def _whole(receive: Receive) -> bytes:
    """The body of a request whose length was checked; what came before a broken connection."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Hands the body out again, and then whatever comes next."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _same_origin(headers: Headers, host: str) -> bool:
    """Browsers say where a request comes from; programs such as workers say nothing."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == host
    except ValueError:
        return False


def require_token(request: Request, expected: str) -> None:
    """Raises `Problem` 401 unless the request carries the workers' bearer token."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(given.strip().encode(), expected.encode())
    if scheme.lower() != "bearer" or not right:
        raise Problem(401, "token_wrong", headers={"WWW-Authenticate": "Bearer"})
