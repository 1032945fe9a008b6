"""A TrueType font with Chinese characters, to embed in reports.

The Noto CJK fonts carry PostScript outlines, which the PDF library cannot embed; the fonts below
have TrueType outlines. Set-up installs the first.
"""

from __future__ import annotations

import os
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from api.coverage.errors import ReportError

FONT_NAME = "XiaoanReport"
FONT_VARIABLE = "XIAOAN_REPORT_FONT"
FONT_FILES = (
    Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"),
    Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf"),
    Path("C:/Windows/Fonts/simhei.ttf"),
    Path("C:/Windows/Fonts/msyh.ttc"),
)


def register_font() -> str:
    """Make the report font known to the PDF library; its name.

    Raises:
        ReportError: when no usable font is installed, or the chosen file is none.
    """
    if FONT_NAME in pdfmetrics.getRegisteredFontNames():
        return FONT_NAME
    chosen = os.environ.get(FONT_VARIABLE)
    candidates = (Path(chosen),) if chosen else FONT_FILES
    for path in candidates:
        if not path.is_file():
            continue
        try:
            pdfmetrics.registerFont(TTFont(FONT_NAME, str(path), subfontIndex=0))
        except (TTFError, OSError) as error:
            raise ReportError(
                f"{path.name} cannot be embedded ({error}); set {FONT_VARIABLE} to a TrueType "
                "font with Chinese characters, or install fonts-wqy-zenhei"
            ) from error
        return FONT_NAME
    if chosen:
        raise ReportError(
            f"{FONT_VARIABLE} names {chosen}, and there is no such file; correct the variable, or "
            "remove it and install fonts-wqy-zenhei"
        )
    raise ReportError(
        "no TrueType font with Chinese characters was found; install the package fonts-wqy-zenhei, "
        f"or set {FONT_VARIABLE} to such a file"
    )
