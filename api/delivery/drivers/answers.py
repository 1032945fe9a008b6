"""HTTP answers: a receiver that never ends one must cost neither memory nor a receipt."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx

from api.delivery.errors import PathError

_MOST_BYTES = 65_536
_REST_WITHIN_S = 0.5


async def status_of(
    client: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str]
) -> int:
    """POST; the status is the answer, and a short rest is read only to use the connection again.

    Raises `httpx.HTTPError`.
    """
    async with client.stream("POST", url, content=body, headers=headers) as answer:
        with suppress(TimeoutError, PathError, httpx.HTTPError):
            async with asyncio.timeout(_REST_WITHIN_S):
                await small_body(answer)
        return answer.status_code


async def small_body(answer: httpx.Response, most_bytes: int = _MOST_BYTES) -> bytes:
    """The body of a streamed answer.

    Raises:
        PathError: it is larger than any answer of such a receiver.
        httpx.HTTPError: it breaks off.
    """
    body = b""
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > most_bytes:
            raise PathError("the answer does not end")
    return body
