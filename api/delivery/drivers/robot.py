"""Chat robots of WeCom, DingTalk and Feishu: information only, never counted as delivered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from api.delivery.driver import Accepted, Receipt
from api.delivery.drivers.answers import small_body
from api.delivery.errors import PathError, RefusedError, SetupError
from api.delivery.message import OutMessage
from api.delivery.outward import Gate
from config.delivery import RobotKeys, read_secret
from config.errors import SecretError
from streams.clock import Clock
from vision.instants import Monotonic

# DingTalk blocks a robot for ten minutes after more than 20 messages a minute; the others are
# kept to the same.
MESSAGES_A_MINUTE = 18
_MINUTE_S = 60.0


class RobotDriver:
    """Writes a short text without any person's name. Raises `SetupError`."""

    def __init__(self, keys: RobotKeys, directory: Path, clock: Clock, gate: Gate) -> None:
        self._keys = keys
        self._clock = clock
        try:
            self._url = read_secret(keys.url, directory)
            self._secret = read_secret(keys.secret, directory) if keys.secret else ""
        except SecretError as error:
            raise SetupError(str(error)) from None
        if urlsplit(self._url).scheme not in ("http", "https"):
            raise SetupError(f"{keys.url} does not hold the robot's web address")
        self._recent: deque[Monotonic] = deque(maxlen=MESSAGES_A_MINUTE)
        self._client = httpx.AsyncClient(
            timeout=keys.timeout_s,
            transport=gate.transport(),
            follow_redirects=False,
            trust_env=False,
        )

    async def start(self) -> None:
        """Connections open with the first message."""

    async def stop(self) -> None:
        await self._client.aclose()

    async def send(self, message: OutMessage, accepted: Accepted) -> Receipt:
        """See `Driver.send`; the receipt is never "received"."""
        now = self._clock.monotonic()
        full = len(self._recent) == MESSAGES_A_MINUTE
        if full and now - self._recent[0] < _MINUTE_S:
            raise PathError(f"held back: more than {MESSAGES_A_MINUTE} messages a minute")
        self._recent.append(now)
        url, body = self.request(message)
        try:
            async with self._client.stream("POST", url, json=body) as answer:
                said = json.loads(await small_body(answer)) if answer.is_success else {}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            # The error's text may hold the address with its key.
            raise PathError(type(error).__name__) from None
        if not answer.is_success:
            raise PathError(f"HTTP {answer.status_code}")
        if not isinstance(said, dict):
            raise PathError("the answer is no robot's")
        code = said.get("errcode", said.get("code", said.get("StatusCode", 0)))
        if code != 0:
            raise RefusedError(f"the robot answered code {code}")
        accepted()
        return Receipt(received=False, detail="shown in the chat, perhaps")

    async def supervise(self) -> str:
        """Whether the robot's server answers at all; nothing is written in the chat."""
        parts = urlsplit(self._url)
        try:
            await self._client.head(f"{parts.scheme}://{parts.netloc}/")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PathError(type(error).__name__) from None
        return "server answers"

    def request(self, message: OutMessage) -> tuple[str, dict[str, Any]]:
        """Address and body of one message, signed as the service wants it."""
        content = f"{message.local_step_time:%m-%d %H:%M} {message.headline.both()}"
        if self._keys.kind == "feishu":
            body: dict[str, Any] = {"msg_type": "text", "content": {"text": content}}
            if self._secret:
                seconds = str(self._clock.utc().ns // 1_000_000_000)
                body |= {"timestamp": seconds, "sign": _feishu_sign(seconds, self._secret)}
            return self._url, body
        body = {"msgtype": "text", "text": {"content": content}}
        if self._keys.kind == "dingtalk" and self._secret:
            ms = str(self._clock.utc().ns // 1_000_000)
            sign = quote(_dingtalk_sign(ms, self._secret), safe="")
            joint = "&" if "?" in self._url else "?"
            return f"{self._url}{joint}timestamp={ms}&sign={sign}", body
        return self._url, body


def _dingtalk_sign(ms: str, secret: str) -> str:
    """base64(HMAC-SHA256(key = secret, text = "ms\\nsecret"))."""
    digest = hmac.new(secret.encode(), f"{ms}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _feishu_sign(seconds: str, secret: str) -> str:
    """base64(HMAC-SHA256(key = "seconds\\nsecret", text = ""))."""
    digest = hmac.new(f"{seconds}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
