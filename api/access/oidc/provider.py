"""The provider of identities over HTTP: what it says of itself, its keys, a code for a token."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from api.access.oidc.tokens import TokenError, verified_claims
from api.delivery.errors import SetupError
from api.delivery.outward import Gate, private_trust
from config.delivery import read_secret
from config.errors import SecretError
from config.oidc import OtherHouse
from vision.instants import Utc

_TIMEOUT_S = 5.0
_MOST_BYTES = 262_144
_SCOPE = "openid profile"


class ProviderError(Exception):
    """The provider does not answer, or not as OpenID Connect says; the text holds no secret."""


class Provider:
    """One provider. It is asked only while somebody signs in: the desk works without it."""

    def __init__(
        self, house: OtherHouse, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.house = house
        self._transport = transport

    async def entrance(self, state: str, nonce: str, challenge: str) -> str:
        """The address at which a person signs in there. Raises `ProviderError`."""
        async with self._client() as client:
            endpoint = (await self._description(client))["authorization_endpoint"]
        asked = {
            "response_type": "code",
            "client_id": self.house.client_id,
            "redirect_uri": self.house.return_address,
            "scope": _SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    async def claims(self, code: str, verifier: str, nonce: str, now: Utc) -> dict[str, Any]:
        """Who signed in there. Raises `ProviderError`, also for a token that proves nothing."""
        async with self._client() as client:
            described = await self._description(client)
            token = await self._token(client, described["token_endpoint"], code, verifier)
            keys = (await self._get(client, described["jwks_uri"])).get("keys")
        listed = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
        try:
            return verified_claims(
                token,
                listed,
                issuer=self.house.issuer,
                client_id=self.house.client_id,
                nonce=nonce,
                now_s=now.ns / 1e9,
            )
        except TokenError as error:
            raise ProviderError(str(error)) from None

    def _client(self) -> httpx.AsyncClient:
        try:
            transport = self._transport or self._outward()
        except SetupError as error:
            raise ProviderError(str(error)) from None
        return httpx.AsyncClient(transport=transport, timeout=_TIMEOUT_S, trust_env=False)

    def _outward(self) -> httpx.AsyncBaseTransport:
        """Raises `SetupError`."""
        house = self.house
        trust = private_trust(house.ca_file, house.directory) if house.ca_file else True
        return Gate(house.networks_dir).transport(verify=trust)

    async def _description(self, client: httpx.AsyncClient) -> dict[str, str]:
        address = f"{self.house.issuer}/.well-known/openid-configuration"
        found = await self._get(client, address)
        if found.get("issuer") != self.house.issuer:
            raise ProviderError("it names itself otherwise than the file does")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        scheme = urlsplit(self.house.issuer).scheme
        for name in names:
            if not _is_address(str(found.get(name)), scheme):
                raise ProviderError(f"its {name} is missing, or no address under {scheme}")
        return {name: str(found[name]) for name in names}

    async def _get(self, client: httpx.AsyncClient, address: str) -> dict[str, Any]:
        try:
            return _document(await client.get(address))
        except httpx.HTTPError as error:
            raise ProviderError(_told(error)) from None

    async def _token(
        self, client: httpx.AsyncClient, endpoint: str, code: str, verifier: str
    ) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.house.return_address,
            "code_verifier": verifier,
        }
        try:
            secret = read_secret(self.house.client_secret, self.house.directory)
            # RFC 6749, 2.3.1: both halves are encoded as a form.
            login = httpx.BasicAuth(quote(self.house.client_id, ""), quote(secret, ""))
            found = _document(await client.post(endpoint, data=form, auth=login))
        except SecretError as error:
            raise ProviderError(str(error)) from None
        except httpx.HTTPError as error:
            raise ProviderError(_told(error)) from None
        token = found.get("id_token")
        if not isinstance(token, str):
            raise ProviderError("it gave no ID token")
        return token


def _is_address(text: str, scheme: str) -> bool:
    """Whether one can ask there; a provider may say anything."""
    try:
        httpx.URL(text)
        parts = urlsplit(text)
    except (httpx.InvalidURL, ValueError):
        return False
    return parts.scheme == scheme and bool(parts.hostname)


def _told(error: BaseException) -> str:
    """Why there was no answer; a certificate is the cause that the school can mend itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not trusted ({cause.verify_message}): name the district's own "
                "certificate authority as ca_file in oidc.yaml"
            )
        cause = cause.__cause__ or cause.__context__
    return f"no answer ({type(error).__name__})"


def _document(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code != httpx.codes.OK or len(answer.content) > _MOST_BYTES:
        raise ProviderError(f"it answered {answer.status_code}")
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        raise ProviderError("it answered no JSON") from None
    if not isinstance(found, dict):
        raise ProviderError("it answered no JSON object")
    return found
