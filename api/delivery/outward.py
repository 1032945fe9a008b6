"""HTTP to the outside: only to addresses that the site allows, judged after the name's look-up."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import httpx

from api.delivery.errors import PathError, SetupError
from config.networks import (
    AddressRefusedError,
    NetworkRules,
    NetworksFileError,
    Resolver,
    is_address,
    load_networks,
    permitted,
    system_resolver,
)


class _LookUps:
    """Addresses of machines; a path has one look-up of a name under way, whoever waits for it.

    A name server that does not answer holds a thread for some seconds each time. With one for each
    message it would soon hold all of them, and what goes to other machines would wait for it too.
    """

    def __init__(self, rules: NetworkRules, resolver: Resolver) -> None:
        self._rules = rules
        self._resolver = resolver
        self._running: dict[str, asyncio.Task[str]] = {}

    async def address(self, host: str) -> str:
        """Raises `AddressRefusedError` or `OSError`."""
        if is_address(host.strip("[]")):
            # No name server is asked, so nothing is waited for.
            return permitted(host, self._rules, self._resolver)
        running = self._running.get(host)
        if running is None:
            looking = asyncio.to_thread(permitted, host, self._rules, self._resolver)
            running = self._running[host] = asyncio.create_task(looking, name=f"look-up-{host}")
            running.add_done_callback(self._done)
        return await asyncio.shield(running)

    def _done(self, ended: asyncio.Task[str]) -> None:
        self._running = {host: one for host, one in self._running.items() if one is not ended}
        if not ended.cancelled():
            # Everybody who asked may have given up meanwhile.
            ended.exception()


def private_trust(ca_file: str, directory: Path) -> ssl.SSLContext:
    """Trust in a certificate authority of a private network, in a file of the site folder.

    Raises:
        SetupError: it is no readable certificate file.
    """
    try:
        return ssl.create_default_context(cafile=str(directory / ca_file))
    except (OSError, ssl.SSLError):
        raise SetupError(f"{ca_file} is no readable certificate file") from None


class Gate:
    """Which machines the drivers may connect to."""

    def __init__(self, directory: Path, resolver: Resolver = system_resolver) -> None:
        """Raises `SetupError` when `networks.yaml` of the site folder cannot be used."""
        try:
            self._rules = load_networks(directory)
        except NetworksFileError as error:
            raise SetupError(str(error)) from None
        self._resolver = resolver
        self._look_ups = _LookUps(self._rules, resolver)

    def transport(
        self, *, verify: ssl.SSLContext | bool = True, limits: httpx.Limits = httpx.Limits()
    ) -> OutwardTransport:
        """What HTTP goes through."""
        return OutwardTransport(self._rules, verify=verify, limits=limits, resolver=self._resolver)

    async def address(self, host: str) -> str:
        """The judged address of a host, to be connected to as it is. Raises `PathError`."""
        try:
            return await self._look_ups.address(host)
        except AddressRefusedError as error:
            raise PathError(str(error)) from None
        except OSError as error:
            raise PathError(f"{host}: {error.strerror or 'unknown'}") from error


class OutwardTransport(httpx.AsyncBaseTransport):
    """Looks a name up once, judges every address, and connects to the one that was judged.

    The certificate is still held against the name. Raises `httpx.ConnectError` where the address
    is refused or unknown.
    """

    def __init__(
        self,
        rules: NetworkRules,
        *,
        verify: ssl.SSLContext | bool = True,
        limits: httpx.Limits = httpx.Limits(),
        resolver: Resolver = system_resolver,
    ) -> None:
        self._look_ups = _LookUps(rules, resolver)
        self._inner = httpx.AsyncHTTPTransport(verify=verify, limits=limits, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send to the judged address; `Host` and the name of the certificate stay."""
        host = request.url.host
        try:
            address = await self._look_ups.address(host)
        except (AddressRefusedError, OSError) as error:
            raise httpx.ConnectError(str(error), request=request) from None
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=address)
        answer = await self._inner.handle_async_request(request)
        # Nobody here needs cookies. httpx would send them back, and one with a letter beyond ASCII,
        # as a firewall on the way may set, would end every later request.
        answer.headers.pop("set-cookie", None)
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()
