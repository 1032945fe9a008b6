"""Pages of accounts: sign in, the first administrator, the own account, accounts, the audit log.

They hold no data: their script asks the API, so that rights are judged in one place.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from api.access.audit_words import AREAS
from api.access.credentials import LONGEST, SHORTEST, SHORTEST_WITH_CODE
from api.access.guard import PUBLIC, needs
from api.access.rights import ASSIGNABLE, Right
from api.frame.drawing import AskedLanguage, Language, Pages, language_of
from api.frame.pages import navigation
from api.service import Service
from config.texts import catalogue

router = APIRouter(tags=["access pages"], include_in_schema=False)

_FOLDER = Path(__file__).resolve().parent
_PAGES = Pages(_FOLDER / "templates")
# What the script of the accounts' page writes, by its keys below `access.`.
_ACCOUNT_WORDS = (
    "change_roles", "disable", "disabled", "enable", "enabled", "everywhere", "no", "no_role",
    "own", "reset", "roles_set", "shared_desk", "sign_out_all", "signed_out", "sure", "sure_desk",
    "until_day", "was_reset", "yes",
)  # fmt: skip


def mount_files(app: FastAPI) -> None:
    """Serve the pages' style and script."""
    app.mount("/access-files", StaticFiles(directory=_FOLDER / "static"), name="access-files")


@router.get("/sign-in", dependencies=[PUBLIC])
async def sign_in_page(request: Request, lang: AskedLanguage = None) -> HTMLResponse:
    """Name, password, code."""
    return _page(request, "sign_in.html", lang)


@router.get("/set-up", dependencies=[PUBLIC])
async def set_up_page(request: Request, lang: AskedLanguage = None) -> HTMLResponse:
    """The first administrator."""
    return _page(request, "set_up.html", lang)


@router.get("/account", dependencies=[Depends(needs(Right.KEEP_OWN_ACCOUNT))])
async def account_page(request: Request, lang: AskedLanguage = None) -> HTMLResponse:
    """Password and authenticator of whoever is signed in."""
    return _page(request, "account.html", lang)


@router.get("/accounts", dependencies=[Depends(needs(Right.ADMINISTER_ACCOUNTS))])
async def accounts_page(request: Request, lang: AskedLanguage = None) -> HTMLResponse:
    """Accounts and their roles."""
    return _page(request, "accounts.html", lang)


@router.get("/audit", dependencies=[Depends(needs(Right.READ_AUDIT))])
async def audit_page(request: Request, lang: AskedLanguage = None) -> HTMLResponse:
    """The audit log."""
    return _page(request, "audit.html", lang)


def _page(request: Request, template: str, lang: Language | None) -> HTMLResponse:
    language = language_of(request, lang)
    texts = catalogue(language)
    return _PAGES.draw(
        template,
        language,
        keep=lang is not None,
        other="en" if language == "zh" else "zh",
        timezone=_timezone(request),
        areas=AREAS,
        roles=[role.value for role in ASSIGNABLE],
        role_words={role.value: texts[f"access.role.{role}"] for role in ASSIGNABLE},
        account_words={key: texts[f"access.{key}"] for key in _ACCOUNT_WORDS},
        shortest=SHORTEST,
        shortest_with_code=SHORTEST_WITH_CODE,
        longest=LONGEST,
        other_house=_other_house(request, language),
        nav=navigation(request, language, template.removesuffix(".html")),
    )


def _timezone(request: Request) -> str:
    """The site's, in which moments are written."""
    service = getattr(request.app.state, "service", None)
    return service.desk.board.site.timezone if isinstance(service, Service) else "UTC"


def _other_house(request: Request, language: Language) -> str:
    """Name of the house where people may sign in instead; empty where there is none."""
    access = getattr(request.app.state, "accounts", None)
    provider = getattr(access, "provider", None)
    return "" if provider is None else str(provider.house.name.in_language(language))
