"""`xiaoan secret ...`: passwords of cameras and receivers, sealed beside the site file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from api.access import audit
from api.database import Database, DatabaseError, migrate
from api.database.reach import told_with_mend
from config import ConfigError
from config import secret_store as store
from config.settings import ServiceSettings, load_settings
from config.texts import text
from streams.clock import SystemClock

secret_app = typer.Typer(no_args_is_help=True, help="密封的密码 Sealed secrets of a site.")

SiteDir = Annotated[
    Path, typer.Option("--site", help="站点目录 Site folder.", exists=True, file_okay=False)
]
RunDir = Annotated[Path | None, typer.Option("--run-dir", help="数据目录 Folder of the database.")]
Name = Annotated[str, typer.Argument(help="名称 Name, as `sealed:NAME` refers to it.")]
_BY = "command line"


@secret_app.command("set")
def set_command(name: Name, site: SiteDir, run_dir: RunDir = None) -> None:
    """存入密码 Seal a secret, for a camera `user:password`; asks for it, or reads a pipe."""
    value = typer.prompt("密码 Secret", hide_input=True, confirmation_prompt=False)
    with _Told(run_dir) as told:
        keys = store.make_keys(told.key_path)
        store.put(site, keys, name, value)
        told.record("secret.set", name)
        told.say("secret.kept", name=name, path=told.key_path)


@secret_app.command("list")
def list_command(site: SiteDir, run_dir: RunDir = None) -> None:
    """列出名称 Names, and whether the present key opens each; never a value."""
    with _Told(run_dir) as told:
        found = store.read_store(site)
        keys = store.load_keys(told.key_path) if found else None
        for name, sealed in found.items():
            try:
                opens = keys is not None and bool(keys.open(name, sealed))
            except ConfigError:
                opens = False
            told.say("secret.opens" if opens else "secret.shut", name=name)


@secret_app.command("remove")
def remove_command(name: Name, site: SiteDir, run_dir: RunDir = None) -> None:
    """删除 Take a secret out."""
    with _Told(run_dir) as told:
        if not store.remove(site, name):
            told.say("secret.unknown", name=name)
            raise typer.Exit(1)
        told.record("secret.removed", name)
        told.say("secret.gone", name=name)


@secret_app.command("rotate")
def rotate_command(site: SiteDir, run_dir: RunDir = None) -> None:
    """更换密钥 Seal everything anew under a new key; the old key goes."""
    with _Told(run_dir) as told:
        count = store.rotate(site, told.key_path)
        told.record("secret.rotated", str(count))
        told.say("secret.rotated", count=count, path=told.key_path)


class _Told:
    """Settings, the key's place, answers and the audit line of one command; ends with its code."""

    def __init__(self, run_dir: Path | None) -> None:
        self._run_dir = run_dir

    def __enter__(self) -> _Told:
        try:
            self._settings: ServiceSettings = load_settings(run_dir=self._run_dir)
        except ConfigError as error:
            typer.echo(str(error))
            raise typer.Exit(2) from None
        self.key_path = store.key_path(self._settings.run_dir)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ConfigError | DatabaseError):
            typer.echo(str(error))
            raise typer.Exit(2) from None
        if isinstance(error, OSError):
            # The store and its key are replaced whole: what was there before still holds.
            reason = error.strerror or str(error)
            typer.echo(text("secret.not_written", self._settings.language, reason=reason))
            raise typer.Exit(2) from None

    def say(self, key: str, **values: object) -> None:
        typer.echo(text(key, self._settings.language, **values))

    def record(self, action: str, subject: str) -> None:
        """One line in the audit log; the value never goes there."""
        url = self._settings.resolved_database_url
        migrate(url)

        async def append() -> None:
            async with Database(url) as database, database.write() as connection:
                act = audit.Act(action, subject)
                await audit.append(connection, _BY, act, SystemClock().utc())

        with told_with_mend(url):
            asyncio.run(append())
