"""HTTP POST signed after Standard Webhooks; a 2xx answer is the receiver's receipt."""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path

import httpx
from standardwebhooks import Webhook

from api.delivery.driver import MOST_AT_ONCE, Accepted, Receipt
from api.delivery.drivers.answers import status_of
from api.delivery.drivers.cap import cap_document
from api.delivery.errors import PathError, RefusedError, SetupError
from api.delivery.message import OutMessage
from api.delivery.outward import Gate, private_trust
from config.delivery import WebhookKeys, read_secret
from config.errors import SecretError
from streams.clock import Clock

_SHORTEST_KEY_BYTES = 24
_REFUSES = frozenset({400, 409, 413, 415, 422})
"""What is said of the message itself. Every other refusal is of the sender, the place or the hour,
and is mended some day: an expired key (401, 403), a moved address (404, 410)."""

_REFUSES_US = frozenset({401, 403, 404, 407})
_GONE = 410


class WebhookDriver:
    """Posts each message; the header `webhook-id` is the same on every attempt.

    Raises `SetupError` when a secret or certificate cannot be used.
    """

    def __init__(self, keys: WebhookKeys, directory: Path, clock: Clock, gate: Gate) -> None:
        self._keys = keys
        self._clock = clock
        references = [keys.secret] + ([keys.old_secret] if keys.old_secret else [])
        self._signers = [_signer(reference, directory) for reference in references]
        self._refused_us = False
        self._client = httpx.AsyncClient(
            timeout=keys.timeout_s,
            transport=gate.transport(
                verify=private_trust(keys.ca_file, directory) if keys.ca_file else True,
                # One more for the check.
                limits=httpx.Limits(max_connections=MOST_AT_ONCE + 1),
            ),
            follow_redirects=False,
            trust_env=False,
        )

    async def start(self) -> None:
        """Connections open with the first message."""

    async def stop(self) -> None:
        await self._client.aclose()

    async def send(self, message: OutMessage, accepted: Accepted) -> Receipt:
        """See `Driver.send`."""
        if self._keys.format == "cap":
            body, kind = cap_document(message, self._keys.sender), "application/cap+xml"
        else:
            document = json.dumps(message.public(), ensure_ascii=False, separators=(",", ":"))
            body, kind = document.encode(), "application/json"
        headers = {"Content-Type": kind, **self._signature(message.id, body.decode())}
        try:
            status = await status_of(self._client, self._keys.url, body, headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PathError(_told(error)) from error
        self._refused_us = status in _REFUSES_US
        if httpx.codes.is_success(status):
            accepted()
            return Receipt(received=True, detail=f"HTTP {status}")
        if status in _REFUSES:
            raise RefusedError(f"HTTP {status}")
        raise PathError(f"HTTP {status}")

    async def supervise(self) -> str:
        """A HEAD request: an answer shows that the path is there, but for faults of the server.

        A receiver that takes nothing but signed messages may well refuse a HEAD. So 401 and its
        like count as a miss only while the last message was refused in the same way.
        """
        try:
            answer = await self._client.head(self._keys.url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PathError(_told(error)) from error
        status = answer.status_code
        faulty = answer.is_server_error and status != httpx.codes.NOT_IMPLEMENTED
        if faulty or status == _GONE or (self._refused_us and status in _REFUSES_US):
            raise PathError(f"HTTP {status}")
        return f"answers (HTTP {status})"

    def _signature(self, message_id: str, body: str) -> dict[str, str]:
        now = self._clock.utc().to_datetime()
        signatures = [signer.sign(message_id, now, body) for signer in self._signers]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


def _signer(reference: str, directory: Path) -> Webhook:
    try:
        secret = read_secret(reference, directory)
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except SecretError as error:
        raise SetupError(str(error)) from None
    except (binascii.Error, ValueError):
        raise SetupError(f"{reference} is not whsec_ with base64; ask the receiver") from None
    if len(key) < _SHORTEST_KEY_BYTES:
        raise SetupError(f"{reference} is shorter than {_SHORTEST_KEY_BYTES} bytes; make a new one")
    return Webhook(key)


def _told(error: httpx.HTTPError | httpx.InvalidURL) -> str:
    """httpx reads where a redirect leads, although nobody follows it."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
