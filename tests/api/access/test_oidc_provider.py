"""What a provider may say of itself, and whose certificates are believed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.access.oidc.provider import Provider, ProviderError
from config.oidc import OtherHouse, load_oidc
from config.site import LocalText
from tests.certificates import private_server

NAME = LocalText("区统一身份", "District account")


def described(issuer: str) -> dict[str, Any]:
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    return {"issuer": issuer, **{name: f"{issuer}/{name}" for name in names}}


@contextmanager
def provider_with_own_authority(folder: Path) -> Iterator[str]:
    """The address of one whose certificate no machine knows."""

    class Description(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(described(address)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Description)
    server.socket = private_server(folder).wrap_socket(server.socket, server_side=True)
    address = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def test_a_district_s_own_authority_is_believed_where_the_file_names_it(
    tmp_path: Path,
) -> None:
    with provider_with_own_authority(tmp_path) as issuer:
        keys = (
            f"name: {{zh: 区, en: District}}\nissuer: {issuer}\nclient_id: xiaoan\n"
            "client_secret: env:OIDC\naddress: https://school.example\n"
        )
        (tmp_path / "oidc.yaml").write_text(keys, "utf-8")
        house = load_oidc(tmp_path)
        assert house is not None
        with pytest.raises(ProviderError, match=r"certificate is not trusted .* ca_file in oidc"):
            await Provider(house).entrance("s", "n", "c")
        (tmp_path / "oidc.yaml").write_text(keys + "ca_file: ca.pem\n", "utf-8")
        house = load_oidc(tmp_path)
        assert house is not None
        entrance = await Provider(house).entrance("s", "n", "c")
        assert entrance.startswith(f"{issuer}/authorization_endpoint?response_type=code&")
        (tmp_path / "ca.pem").write_text("no certificate", "utf-8")
        with pytest.raises(ProviderError, match=r"ca\.pem is no readable certificate file"):
            await Provider(house).entrance("s", "n", "c")


@pytest.mark.parametrize(
    "endpoint", ["https://[bad", "https://id.example/\x00", "https:///t", "http://id.example/t", 7]
)
async def test_an_endpoint_that_is_no_address_is_refused_in_words(
    tmp_path: Path, endpoint: object
) -> None:
    issuer = "https://id.example"
    said = described(issuer) | {"jwks_uri": endpoint}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=said))
    house = OtherHouse(NAME, issuer, "x", "env:O", "https://s.example", tmp_path, tmp_path)
    with pytest.raises(ProviderError, match="its jwks_uri is missing, or no address under https"):
        await Provider(house, transport).entrance("s", "n", "c")
