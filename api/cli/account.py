"""`xiaoan account ...` and `xiaoan audit ...`: accounts and the audit log on the machine itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api.access import accounts, audit
from api.access.accounts import Account, NewAccount
from api.access.actor import EVERYWHERE, Grant
from api.access.credentials import Passwords, new_recovery_codes, new_totp_secret, totp_address
from api.access.errors import AccountRefusal
from api.access.rights import Role
from api.access.sealing import KEY_FILE, load_sealer
from api.access.sessions import totp_label
from api.cli.output import typed
from api.database import Database, DatabaseError, migrate
from api.database.reach import absent_file, told_with_mend
from api.problems import problem_body
from config import ConfigError
from config.settings import ServiceSettings, load_settings
from config.texts import text
from streams.clock import SystemClock
from vision.instants import Utc

account_app = typer.Typer(no_args_is_help=True, help="账号 Accounts on this machine.")
audit_app = typer.Typer(no_args_is_help=True, help="审计日志 The audit log.")

RunDir = Annotated[Path | None, typer.Option("--run-dir", help="数据目录 Folder of the database.")]
Name = Annotated[str, typer.Argument(callback=typed, help="用户名 Sign-in name.")]
_BY = "command line"


@account_app.command("add")
def add_command(
    name: Name,
    role: Annotated[list[Role], typer.Option("--role", help="角色 Role; repeat for several.")],
    display_name: Annotated[
        str, typer.Option("--display-name", callback=typed, help="姓名 Name.")
    ] = "",
    site: Annotated[str, typer.Option("--site", help="站点编号 Site id, * for all.")] = EVERYWHERE,
    zone: Annotated[list[str] | None, typer.Option("--zone", help="区域 Zone ids.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="截止 End (UTC).")] = None,
    shared: Annotated[bool, typer.Option("--shared", help="共用值班台 A shared desk.")] = False,
    authenticator: Annotated[
        bool, typer.Option("--authenticator", help="动态验证码 With a one-time code.")
    ] = False,
    run_dir: RunDir = None,
) -> None:
    """新建账号 Make an account; asks for its password, or reads it from a pipe."""
    password = typer.prompt("密码 Password", hide_input=True, confirmation_prompt=True)
    ends = None if until is None else Utc.from_datetime(until.replace(tzinfo=UTC))
    zones = None if not zone else frozenset(zone)
    grants = tuple(Grant(one, site, zones, ends) for one in role)

    async def act(database: Database, settings: ServiceSettings) -> None:
        hashed = Passwords().hashed(password, name=name, with_code=authenticator)
        new = NewAccount(name, display_name or name, grants, hashed, shared)
        now = SystemClock().utc()
        async with database.write() as connection:
            account = await accounts.add(connection, _BY, new, now)
            if authenticator:
                values = _authenticator(account, settings)
                await accounts.change(
                    connection, _BY, account, "account.authenticator", now, **values
                )
        typer.echo(text("access.cli.added", settings.language, name=account.name))

    _run(run_dir, act, makes_database=True)


@account_app.command("list")
def list_command(run_dir: RunDir = None) -> None:
    """列出账号 Print every account as one line of JSON."""

    async def act(database: Database, settings: ServiceSettings) -> None:
        del settings
        async with database.read() as connection:
            found = await accounts.listed(connection)
        for one in found:
            line = {
                "name": one.name,
                "display_name": one.display_name,
                "shared": one.shared,
                "disabled": one.disabled,
                "second_factor": one.totp_sealed is not None,
                "roles": [accounts.told_grant(grant) for grant in one.grants],
            }
            typer.echo(json.dumps(line, ensure_ascii=False))

    _run(run_dir, act)


@account_app.command("disable")
def disable_command(name: Name, run_dir: RunDir = None) -> None:
    """停用账号 Close an account; its open streams end within seconds."""
    _set_disabled(name, run_dir, disabled=True)


@account_app.command("enable")
def enable_command(name: Name, run_dir: RunDir = None) -> None:
    """启用账号 Open a closed account."""
    _set_disabled(name, run_dir, disabled=False)


@account_app.command("reset")
def reset_command(name: Name, run_dir: RunDir = None) -> None:
    """重设密码 A new password, no authenticator, no session, no identity of another house."""
    password = typer.prompt("密码 Password", hide_input=True, confirmation_prompt=True)

    async def act(database: Database, settings: ServiceSettings) -> None:
        hashed = Passwords().hashed(password, name=name, with_code=False)
        async with database.write() as connection:
            account = await _existing(connection, name, settings)
            await accounts.reset(connection, _BY, account, hashed, SystemClock().utc())
        typer.echo(text("access.cli.changed", settings.language, name=account.name))

    _run(run_dir, act)


@audit_app.command("verify")
def verify_command(
    run_dir: RunDir = None,
    anchors: Annotated[
        Path | None,
        typer.Option("--anchors", help="锚点文件 A copy of the anchors kept elsewhere."),
    ] = None,
) -> None:
    """核对日志链 Walk the chain; exit code 1 names the entry where it breaks."""

    async def act(database: Database, settings: ServiceSettings) -> None:
        try:
            # Without the anchors that were asked for, a log that was cut off would seem whole.
            if anchors is not None and not anchors.is_file():
                raise ValueError(text("access.cli.no_anchors", settings.language, path=anchors))
            known = audit.read_anchors(anchors or settings.run_dir / audit.ANCHOR_FILE)
        except ValueError as error:
            typer.echo(str(error))
            raise typer.Exit(2) from None
        async with database.read() as connection:
            verdict = await audit.verify(connection, known)
        language = settings.language
        if not verdict.fault:
            values = {"entries": verdict.entries, "anchors": len(known)}
            typer.echo(text("audit.verified", language, **values))
            return
        fault = text(f"audit.fault.{verdict.fault}", language)
        told = {"seq": verdict.seq, "fault": fault, "entries": verdict.entries}
        typer.echo(text("audit.fault", language, **told))
        raise typer.Exit(1)

    _run(run_dir, act)


def _set_disabled(name: str, run_dir: Path | None, *, disabled: bool) -> None:
    async def act(database: Database, settings: ServiceSettings) -> None:
        async with database.write() as connection:
            account = await _existing(connection, name, settings)
            now = SystemClock().utc()
            await accounts.set_disabled(connection, _BY, account, now, disabled=disabled)
        typer.echo(text("access.cli.changed", settings.language, name=account.name))

    _run(run_dir, act)


def _authenticator(account: Account, settings: ServiceSettings) -> dict[str, Any]:
    """A new authenticator, told on the terminal once."""
    secret = new_totp_secret()
    codes, digests = new_recovery_codes()
    language = settings.language
    address = totp_address(secret, account.name)
    typer.echo(text("access.cli.second_factor", language, address=address))
    typer.echo(text("access.cli.recovery", language, codes=" ".join(codes)))
    sealer = load_sealer(settings.run_dir / KEY_FILE)
    sealed = sealer.seal(secret.encode(), totp_label(account.name))
    return {"totp_sealed": sealed, "totp_used": 0, "recovery_json": digests}


async def _existing(connection: Any, name: str, settings: ServiceSettings) -> Account:
    account = await accounts.by_name(connection, name)
    if account is None:
        typer.echo(text("access.cli.unknown", settings.language, name=name))
        raise typer.Exit(1)
    return account


def _run(
    run_dir: Path | None,
    act: Callable[[Database, ServiceSettings], Awaitable[None]],
    *,
    makes_database: bool = False,
) -> None:
    """Open the database and act on it.

    Where there is none, only who is to make one goes on: a log of an empty database that was made
    beside the right one would be found whole.
    """

    async def whole(settings: ServiceSettings) -> None:
        url = settings.resolved_database_url
        with told_with_mend(url):
            async with Database(url) as database:
                await act(database, settings)

    try:
        settings = load_settings(run_dir=run_dir)
        absent = None if makes_database else absent_file(settings.resolved_database_url)
        if absent is not None:
            typer.echo(text("access.cli.no_database", settings.language, path=absent))
            raise typer.Exit(2)
        migrate(settings.resolved_database_url)
        asyncio.run(whole(settings))
    except AccountRefusal as error:
        body = problem_body(error.code, error.values)
        typer.echo(f"{body.message.zh} {body.message.en} — {body.mend.zh} {body.mend.en}")
        raise typer.Exit(1) from None
    except (ConfigError, DatabaseError) as error:
        typer.echo(str(error))
        raise typer.Exit(2) from None
