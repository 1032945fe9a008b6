"""Signing in at another house, against a provider of another code base in a process of its own."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from api.access import audit
from api.access.actor import Grant
from api.access.oidc.provider import Provider
from api.access.oidc.tokens import TokenError, verified_claims
from api.access.rights import Role
from config.oidc import OidcFileError, OtherHouse, load_oidc
from config.site import LocalText
from streams.clock import SystemClock
from tests.api.access.cases import PASSWORD, Browser, House, house
from tests.api.panels.panel_cases import free_port
from tests.conftest import need_peer

DESK = Grant(Role.OPERATOR, "school")
NAME = LocalText("区统一身份", "District account")
_PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A running provider that asks for any name and believes it."""
    mend = "pip install oidc-provider-mock"
    need_peer(find_spec("oidc_provider_mock"), "oidc-provider-mock", mend)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as peer:
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while not _answers(address):
                assert time.monotonic() < deadline
                assert peer.poll() is None
                time.sleep(0.1)
            yield address
        finally:
            peer.kill()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/", trust_env=False).is_success
    except httpx.TransportError:
        return False


def join(service: House, issuer: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the service trust the provider, and let its clock show the provider's time."""
    monkeypatch.setenv("OIDC_SECRET", "a-secret-of-this-test")
    service.access.provider = Provider(
        OtherHouse(NAME, issuer, "xiaoan", "env:OIDC_SECRET", "http://localhost", folder, folder)
    )
    service.clock.advance(SystemClock().utc() - service.clock.utc())


async def there_and_back(browser: Browser, url: str, sub: str) -> httpx.Response:
    """What a person does at the provider, and the browser's way back."""
    async with httpx.AsyncClient(trust_env=False) as outside:
        answer = await outside.post(url, data={"sub": sub})
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["location"])
    assert back.path == "/oidc/return"
    return await browser.get(f"{back.path}?{back.query}")


async def enter(service: House, sub: str) -> tuple[Browser, httpx.Response]:
    browser = service.browser()
    begun = await browser.get("/oidc/begin")
    assert begun.status_code == 303, begun.text
    return browser, await there_and_back(browser, begun.headers["location"], sub)


async def bind(browser: Browser, sub: str) -> httpx.Response:
    path = "/api/v1/me/other-house"
    # Whoever sits down at an open session binds nothing to it.
    wrong = await browser.post(path, {"password": "not-the-right-password"})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "password_wrong")
    begun = await browser.post(path, {"password": PASSWORD})
    assert begun.status_code == 200, begun.text
    return await there_and_back(browser, begun.json()["url"], sub)


@pytest.mark.peer
async def test_a_bound_account_signs_in_there_and_no_other(
    issuer: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(sqlite_url, tmp_path) as service:
        join(service, issuer, tmp_path, monkeypatch)
        assert "用 区统一身份 登录" in (await service.browser().get("/sign-in")).text
        for name in ("wang", "li"):
            await service.add(name, DESK)
        # The same name there opens nothing here: an account is bound by its own person.
        _, refused = await enter(service, "wang")
        assert (refused.status_code, refused.json()["code"]) == (401, "oidc_unbound")
        own = service.browser()
        assert (await own.sign_in("wang")).status_code == 200
        assert (await bind(own, "person-7")).status_code == 200
        browser, entered = await enter(service, "person-7")
        assert entered.status_code == 200
        assert 'content="0; url=/"' in entered.text
        assert (await browser.get("/api/v1/me")).json()["account"] == "wang"
        # Somebody else cannot take the identity over.
        other = service.browser()
        assert (await other.sign_in("li")).status_code == 200
        taken = await bind(other, "person-7")
        assert (taken.status_code, taken.json()["code"]) == (409, "oidc_taken")
        async with service.access.database.read() as connection:
            acts = [
                entry.action for entry in await audit.listed(connection, before=2**53, limit=99)
            ]
        assert acts.count("account.bound") == 1


@pytest.mark.peer
async def test_the_way_back_fits_one_browser_once_and_not_for_long(
    issuer: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(sqlite_url, tmp_path) as service:
        join(service, issuer, tmp_path, monkeypatch)
        await service.add("wang", DESK)
        victim, thief = service.browser(), service.browser()
        url = (await thief.get("/oidc/begin")).headers["location"]
        asked = parse_qs(urlsplit(url).query)
        assert asked["code_challenge_method"] == ["S256"]
        # A link with somebody else's code, in a browser that began nothing or something else.
        forged = await there_and_back(victim, url, "thief")
        assert (forged.status_code, forged.json()["code"]) == (401, "oidc_not_begun")
        await victim.get("/oidc/begin")
        forged = await there_and_back(victim, url, "thief")
        assert forged.json()["code"] == "oidc_not_begun"
        service.clock.advance(601.0)
        late = await there_and_back(thief, url, "thief")
        assert late.json()["code"] == "oidc_not_begun"


@pytest.mark.peer
async def test_an_authenticator_here_asks_for_a_second_factor_there(
    issuer: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(sqlite_url, tmp_path) as service:
        join(service, issuer, tmp_path, monkeypatch)
        own = await service.signed_in("chief", Grant(Role.ADMINISTRATOR))
        assert (await bind(own, "person-9")).status_code == 200
        _, entered = await enter(service, "person-9")
        assert (entered.status_code, entered.json()["code"]) == (401, "oidc_weak")


@pytest.mark.peer
async def test_binding_does_not_stand_in_for_an_authenticator(
    issuer: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(sqlite_url, tmp_path) as service:
        join(service, issuer, tmp_path, monkeypatch)
        await service.add("boss", Grant(Role.ADMINISTRATOR), Grant(Role.PRIVACY_OFFICER))
        own, later = service.browser(), service.browser()
        await own.sign_in("boss")
        assert (await bind(own, "person-11")).status_code == 200
        await later.sign_in("boss")
        entered, _ = await enter(service, "person-11")
        for browser in (own, later, entered):
            me = (await browser.get("/api/v1/me")).json()
            assert (me["account"], me["roles"]) == ("boss", ["member"])
            assert (await browser.get("/api/v1/accounts")).status_code == 403


@pytest.mark.peer
async def test_a_reset_releases_the_identity_and_ends_a_binding_that_has_begun(
    issuer: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(sqlite_url, tmp_path) as service:
        join(service, issuer, tmp_path, monkeypatch)
        wang, li = await service.add("wang", DESK), await service.add("li", DESK)
        admin = await service.signed_in("boss", Grant(Role.ADMINISTRATOR))
        thief, other = service.browser(), service.browser()
        await thief.sign_in("wang")
        assert (await bind(thief, "person-13")).status_code == 200
        listed = (await admin.get("/api/v1/accounts")).json()
        assert {one["name"] for one in listed if one["signs_in_elsewhere"]} == {"wang"}
        begun = await thief.post("/api/v1/me/other-house", {"password": PASSWORD})
        for account in (wang, li):
            told = await admin.post(f"/api/v1/accounts/{account}/reset", {"password": PASSWORD})
            assert (told.status_code, told.json()["signs_in_elsewhere"]) == (200, False)
        # Neither what was bound opens the account any more, nor what was on its way.
        _, refused = await enter(service, "person-13")
        assert (refused.status_code, refused.json()["code"]) == (401, "oidc_unbound")
        late = await there_and_back(thief, begun.json()["url"], "person-14")
        assert (late.status_code, late.json()["code"]) == (401, "oidc_not_begun")
        _, refused = await enter(service, "person-14")
        assert refused.json()["code"] == "oidc_unbound"
        # Another account may have the identity now.
        await other.sign_in("li")
        assert (await bind(other, "person-13")).status_code == 200


@pytest.mark.peer
async def test_whoever_turns_back_there_hears_so(
    issuer: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(sqlite_url, tmp_path) as service:
        join(service, issuer, tmp_path, monkeypatch)
        browser = service.browser()
        asked = parse_qs(urlsplit((await browser.get("/oidc/begin")).headers["location"]).query)
        back = f"/oidc/return?error=access_denied&state={asked['state'][0]}"
        refused = await browser.get(back)
        assert (refused.status_code, refused.json()["code"]) == (401, "oidc_declined")
        assert "access_denied" in refused.json()["message"]["en"]
        # Another's link tells nothing here.
        strange = await browser.get("/oidc/return?error=access_denied&state=other")
        assert strange.json()["code"] == "oidc_not_begun"


async def test_a_site_without_another_house_has_none(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path) as service:
        browser = service.browser()
        for path in ("/oidc/begin", "/oidc/return?code=x&state=y"):
            assert (await browser.get(path)).json()["code"] == "no_other_house"
        assert "/oidc/begin" not in (await browser.get("/sign-in")).text


_NOW_S = 1_800_000_000
_RIGHT: dict[str, Any] = {
    "iss": "https://id.example", "aud": "xiaoan", "nonce": "n", "sub": "7", "iat": _NOW_S,
    "exp": _NOW_S + 300,
}  # fmt: skip


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def integer(number: int) -> str:
    return b64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


RSA = rsa.generate_private_key(65_537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
_EC_POINT = EC.public_key().public_numbers()
KEYS = [
    {"kty": "RSA", "kid": "r", "n": integer(RSA.public_key().public_numbers().n), "e": "AQAB"},
    {"kty": "EC", "kid": "e", "crv": "P-256", "x": integer(_EC_POINT.x), "y": integer(_EC_POINT.y)},
]


def token(claims: dict[str, Any], alg: str = "RS256", kid: str = "r") -> str:
    """A token as a provider signs it."""
    head = b64(json.dumps({"alg": alg, "kid": kid}).encode())
    signed = f"{head}.{b64(json.dumps(claims).encode())}"
    if alg == "ES256":
        r, s = utils.decode_dss_signature(EC.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    elif alg == "none":
        signature = b""
    else:
        signature = RSA.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{b64(signature)}"


def judged(text: str) -> dict[str, Any]:
    return verified_claims(
        text, KEYS, issuer="https://id.example", client_id="xiaoan", nonce="n", now_s=_NOW_S
    )


@pytest.mark.parametrize(("alg", "kid"), [("RS256", "r"), ("ES256", "e")])
def test_a_right_token_gives_its_claims(alg: str, kid: str) -> None:
    assert judged(token(_RIGHT, alg, kid))["sub"] == "7"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"aud": "other"}, "another client"),
        ({"aud": ["xiaoan", "other"], "azp": "other"}, "another client"),
        ({"nonce": "m"}, "another sign-in"),
        ({"exp": _NOW_S - 61}, "too old"),
        ({"iat": _NOW_S + 61}, "clocks differ"),
        ({"exp": None}, "its times"),
        ({"sub": ""}, "a subject"),
    ],
)
def test_a_token_for_somebody_else_or_another_time_is_refused(
    changed: dict[str, Any], why: str
) -> None:
    with pytest.raises(TokenError, match=why):
        judged(token({**_RIGHT, **changed}))


def test_an_unsigned_or_changed_token_is_refused() -> None:
    right = token(_RIGHT)
    head, _, signature = right.split(".")
    forged = f"{head}.{b64(json.dumps({**_RIGHT, 'sub': '8'}).encode())}.{signature}"
    for text, why in (
        (forged, "none of the issuer's keys"),
        (token(_RIGHT, "none"), "not accepted"),
        (token(_RIGHT, "HS256"), "not accepted"),
        (token(_RIGHT, "RS256", "unknown"), "none of the issuer's keys"),
        ("a.b", "not a signed token"),
    ):
        with pytest.raises(TokenError, match=why):
            judged(text)


def test_the_file_names_its_fault_and_never_the_secret(tmp_path: Path) -> None:
    assert load_oidc(tmp_path) is None
    right = (
        "name: {zh: 区, en: District}\nissuer: https://id.example/\nclient_id: xiaoan\n"
        "client_secret: env:OIDC\naddress: https://school.example\n"
    )
    (tmp_path / "oidc.yaml").write_text(right, "utf-8")
    found = load_oidc(tmp_path)
    assert found is not None
    assert found.issuer == "https://id.example"
    assert found.return_address == "https://school.example/oidc/return"
    wrong = right.replace("https://id", "http://id").replace("env:OIDC", "hunter2hunter2")
    (tmp_path / "oidc.yaml").write_text(wrong, "utf-8")
    with pytest.raises(OidcFileError) as refused:
        load_oidc(tmp_path)
    told = str(refused.value)
    assert {part for part in ("issuer", "https://", "client_secret") if part not in told} == set()
    assert "hunter2" not in told
