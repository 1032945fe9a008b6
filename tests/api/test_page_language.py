"""The language of a page: asked for now, kept by the browser, or the service's own."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from api.frame.drawing import AskedLanguage, Language, language_of, page


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def shown(request: Request, lang: AskedLanguage = None) -> HTMLResponse:
        language = language_of(request, lang)
        return page(language, language, keep=lang is not None)

    return app


@pytest.mark.parametrize(
    ("query", "cookie", "language", "kept"),
    [
        ("", "", "zh", None),
        ("", "en", "en", None),
        ("", "anything", "zh", None),
        ("?lang=en", "", "en", "en"),
        ("?lang=zh", "en", "zh", "zh"),
    ],
)
async def test_what_is_asked_for_goes_before_what_is_kept(
    query: str, cookie: str, language: Language, kept: str | None
) -> None:
    transport = httpx.ASGITransport(application())
    cookies = {"xiaoan_lang": cookie} if cookie else {}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://desk", cookies=cookies
    ) as client:
        answer = await client.get(f"/{query}")
    assert answer.text == language
    assert answer.cookies.get("xiaoan_lang") == kept


async def test_another_language_is_refused() -> None:
    transport = httpx.ASGITransport(application())
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
        answer = await client.get("/?lang=fr")
    assert answer.status_code == 422
