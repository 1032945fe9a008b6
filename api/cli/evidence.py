"""`xiaoan evidence verify FILE`: is an exported package as it was signed?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.evidence.errors import VerificationError
from api.evidence.signing import verify_package
from config.texts import text

evidence_app = typer.Typer(
    no_args_is_help=True, help="录像证据 Evidence packages.", pretty_exceptions_enable=False
)


@evidence_app.callback()
def _group() -> None:
    """Keeps `verify` a command of its own."""


@evidence_app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="导出的 zip 文件 The exported package.")],
    fingerprint: Annotated[
        str, typer.Option("--fingerprint", help="学校公布的公钥指纹 The school's key.")
    ] = "",
    language: Annotated[str, typer.Option("--language", help="zh | en")] = "zh",
) -> None:
    """检查文件是否与签名清单一致 Check each file against the signed list; exit code 1 if not."""
    try:
        found = verify_package(file, fingerprint)
    except VerificationError as error:
        typer.echo(str(error))
        raise typer.Exit(2) from None
    manifest = found.manifest
    about = {key: manifest.get(key, "") for key in ("alarm", "requested_by", "made_at")}
    typer.echo(text("evidence.verify.about", language, **about))
    typer.echo(text("evidence.verify.key", language, fingerprint=found.fingerprint))
    if found.trusted is None:
        typer.echo(text("evidence.verify.compare", language))
    if found.good:
        typer.echo(text("evidence.verify.good", language, files=len(manifest["files"])))
        return
    typer.echo(text("evidence.verify.bad", language))
    if found.trusted is False:
        typer.echo(text("evidence.verify.other_key", language))
    for problem in found.problems:
        typer.echo(f"  {problem}")
    raise typer.Exit(1)
