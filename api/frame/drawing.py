"""How every page is drawn: its templates, its language, and the cookie that keeps the choice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Query, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from api.service import Service
from config.texts import catalogue

Language = Literal["zh", "en"]
AskedLanguage = Annotated[Language | None, Query(alias="lang")]

_COOKIE = "xiaoan_lang"
_KEPT_S = 365 * 86_400


class Pages:
    """The templates of one room."""

    def __init__(self, folder: Path) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(folder),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def html(self, template: str, language: Language, /, **values: object) -> str:
        """A template filled in.

        Beside `values` it gets `t(key, **given)` for the texts, `lang`, and `html_lang`.
        """
        texts = catalogue(language)
        words: Mapping[str, object] = {
            "t": lambda key, **given: texts[key].format(**given) if given else texts[key],
            "lang": language,
            "html_lang": "zh-CN" if language == "zh" else "en",
        }
        return self._templates.get_template(template).render({**words, **values})

    def draw(
        self, template: str, language: Language, /, *, keep: bool, **values: object
    ) -> HTMLResponse:
        """A template filled in, as the browser gets it; see `page`."""
        return page(self.html(template, language, **values), language, keep=keep)


TEMPLATES = Pages(Path(__file__).resolve().parent / "templates")
"""Templates of what all pages share."""


def page(html: str, language: Language, *, keep: bool, status: int = 200) -> HTMLResponse:
    """An answer that holds `html`.

    Args:
        keep: whether the language was asked for by this request; the browser then keeps it.
    """
    answer = HTMLResponse(html, status_code=status)
    if keep:
        answer.set_cookie(_COOKIE, language, max_age=_KEPT_S, samesite="strict")
    return answer


def list_text(language: Language, names: Iterable[str]) -> str:
    """Names one after the other, as the language writes them."""
    return (", " if language == "en" else "、").join(names)


def language_of(request: Request, asked: Language | None) -> Language:
    """The language that was asked for now, or earlier in this browser, or the service's own."""
    if asked is not None:
        return asked
    service = getattr(request.app.state, "service", None)
    own = service.settings.language if isinstance(service, Service) else "zh"
    return "en" if request.cookies.get(_COOKIE, own) == "en" else "zh"


__all__ = ["TEMPLATES", "AskedLanguage", "Language", "Pages", "language_of", "list_text", "page"]
