"""Accounts in the database: made, given roles, changed, disabled; each change with its audit line.

Functions take the caller's connection, so that a change and its audit line are one transaction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access import audit
from api.access.actor import Actor, Grant
from api.access.errors import AccountRefusal
from api.access.rights import APART, ASSIGNABLE, MUST_EXPIRE, STRONG, Right, Role
from api.access.tables import ACCOUNTS, GRANTS, SESSIONS
from vision.instants import Utc

_NAME = re.compile(r"[\w.@-]{2,60}")
_A = ACCOUNTS.c
MEMBER = Grant(Role.MEMBER, site="")


@dataclass(frozen=True, slots=True)
class Account:
    """A row of `accounts` with its roles.

    Attributes:
        shared: a desk of several people, who type their name at the start of a shift.
        totp_sealed: the authenticator's secret, sealed; `None` where none is set up.
        grants: also those that have ended.
    """

    id: int
    name: str
    display_name: str
    password_hash: str
    shared: bool
    totp_sealed: bytes | None
    totp_used: int
    recovery_json: str
    subject: str | None
    disabled: bool
    grants: tuple[Grant, ...] = ()

    def actor(self, now: Utc, session: str = "") -> Actor:
        """Who this is now: ended roles, and strong ones without an authenticator, are left out."""
        strong = self.totp_sealed is not None
        held = tuple(
            grant
            for grant in self.grants
            if (grant.until is None or now < grant.until) and (strong or grant.role not in STRONG)
        )
        return Actor(self.display_name, (MEMBER, *held), self.name, session, self.shared)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an administrator enters; `password_hash` is empty for sign-in elsewhere."""

    name: str
    display_name: str
    grants: tuple[Grant, ...]
    password_hash: str = ""
    shared: bool = False
    subject: str | None = None


async def count(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.count()).select_from(ACCOUNTS))).scalar_one())


async def by_name(connection: AsyncConnection, name: str) -> Account | None:
    return await _one(connection, _A.name == name.strip().lower())


async def by_id(connection: AsyncConnection, account_id: int) -> Account | None:
    return await _one(connection, _A.id == account_id)


async def by_subject(connection: AsyncConnection, subject: str) -> Account | None:
    """The account that signs in elsewhere under this issuer and subject."""
    return await _one(connection, _A.subject == subject)


async def listed(connection: AsyncConnection) -> tuple[Account, ...]:
    """All accounts by name."""
    rows = (await connection.execute(select(ACCOUNTS).order_by(_A.name))).mappings().all()
    grants = (await connection.execute(select(GRANTS).order_by(GRANTS.c.id))).mappings().all()
    return tuple(
        _account(row, [one for one in grants if one["account_id"] == row["id"]]) for row in rows
    )


async def add(connection: AsyncConnection, by: Actor | str, new: NewAccount, now: Utc) -> Account:
    """Store an account with its roles.

    Raises:
        AccountRefusal: a name that is taken or not plain, a role that needs an end, roles that
            exclude each other, or roles that `by` may not give.
    """
    name = new.name.strip().lower()
    if not _NAME.fullmatch(name):
        raise AccountRefusal("account_name")
    if await by_name(connection, name) is not None:
        raise AccountRefusal("account_taken", name=name)
    check_grants(by, new.grants)
    values = {
        "name": name,
        "display_name": new.display_name,
        "password_hash": new.password_hash,
        "shared": new.shared,
        "totp_sealed": None,
        "totp_used": 0,
        "recovery_json": "[]",
        "subject": new.subject,
        "disabled_ns": None,
        "created_ns": now.ns,
    }
    stored = await connection.execute(insert(ACCOUNTS).values(values).returning(_A.id))
    account_id = int(stored.scalar_one())
    await _store_grants(connection, account_id, new.grants)
    told = {"roles": [told_grant(grant) for grant in new.grants]}
    await audit.append(connection, by, audit.Act("account.added", name, told), now)
    found = await by_id(connection, account_id)
    assert found is not None  # noqa: S101 - it was written above, in the same transaction
    return found


async def set_grants(
    connection: AsyncConnection,
    by: Actor | str,
    account: Account,
    grants: Sequence[Grant],
    now: Utc,
) -> None:
    """Give an account other roles. Raises `AccountRefusal`."""
    check_grants(by, grants)
    if isinstance(by, Actor) and by.account == account.name:
        raise AccountRefusal("account_own")
    after = replace(account, grants=tuple(grants))
    if _administers(account) and not _administers(after):
        await _refuse_without_administrator(connection, account)
    await connection.execute(delete(GRANTS).where(GRANTS.c.account_id == account.id))
    await _store_grants(connection, account.id, grants)
    told = {"roles": [told_grant(grant) for grant in grants]}
    await audit.append(connection, by, audit.Act("account.roles", account.name, told), now)


async def set_disabled(
    connection: AsyncConnection, by: Actor | str, account: Account, now: Utc, *, disabled: bool
) -> None:
    """Close or open an account; closing ends its sessions, and within seconds its streams."""
    if disabled:
        if isinstance(by, Actor) and by.account == account.name:
            raise AccountRefusal("account_own")
        if _administers(account):
            await _refuse_without_administrator(connection, account)
        await end_sessions(connection, account.id)
    value = now.ns if disabled else None
    await connection.execute(update(ACCOUNTS).where(_A.id == account.id).values(disabled_ns=value))
    act = audit.Act("account.disabled" if disabled else "account.enabled", account.name)
    await audit.append(connection, by, act, now)


async def change(
    connection: AsyncConnection,
    by: Actor | str,
    account: Account,
    act: str,
    now: Utc,
    **values: Any,
) -> None:
    """Set columns of an account with an audit line that tells the act, never the values."""
    await connection.execute(update(ACCOUNTS).where(_A.id == account.id).values(values))
    await audit.append(connection, by, audit.Act(act, account.name), now)


async def reset(
    connection: AsyncConnection, by: Actor | str, account: Account, password_hash: str, now: Utc
) -> None:
    """Take away every way in but the password of `password_hash`, and end all sessions.

    The identity of another house too: whoever had the account may have bound one of their own.
    """
    values = {"password_hash": password_hash, "totp_sealed": None, "recovery_json": "[]"}
    await change(connection, by, account, "account.reset", now, **values, subject=None)
    await end_sessions(connection, account.id)


async def end_sessions(connection: AsyncConnection, account_id: int, but: str = "") -> None:
    """End all sessions of an account, but for the one with the digest `but`."""
    columns = SESSIONS.c
    await connection.execute(
        delete(SESSIONS).where(columns.account_id == account_id, columns.digest != but)
    )


def check_grants(by: Actor | str, grants: Sequence[Grant]) -> None:
    """Refuse roles that cannot stand, or that `by` may not give there. Raises `AccountRefusal`."""
    roles = {grant.role for grant in grants}
    for grant in grants:
        if grant.role not in ASSIGNABLE or not grant.site:
            raise AccountRefusal("role_unknown", role=grant.role.value)
        if grant.role in MUST_EXPIRE and grant.until is None:
            raise AccountRefusal("role_needs_end", role=grant.role.value)
        if isinstance(by, Actor) and not answers_for(by, (grant,)):
            raise AccountRefusal("role_not_yours", site=grant.site)
    apart = roles & APART
    if apart and len(roles) > 1:
        raise AccountRefusal("role_apart", role=next(iter(apart)).value)


def answers_for(administrator: Actor, grants: Sequence[Grant]) -> bool:
    """Whether all places of these roles lie where the administrator keeps accounts.

    An account without a role may yet get one anywhere: only who keeps all accounts answers for it.
    """
    right = Right.ADMINISTER_ACCOUNTS
    return all(
        administrator.may_in_all(right, site=grant.site, zones=grant.zones or ())
        for grant in grants or (Grant(Role.MEMBER),)
    )


def told_grant(grant: Grant) -> dict[str, Any]:
    """A grant for the audit log and for answers."""
    return {
        "role": grant.role.value,
        "site": grant.site,
        "zones": None if grant.zones is None else sorted(grant.zones),
        "until": None if grant.until is None else grant.until.iso(),
    }


def _administers(account: Account) -> bool:
    return any(grant.role is Role.ADMINISTRATOR for grant in account.grants)


async def _refuse_without_administrator(connection: AsyncConnection, without: Account) -> None:
    others = [
        one
        for one in await listed(connection)
        if one.id != without.id and not one.disabled and _administers(one)
    ]
    if not others:
        raise AccountRefusal("account_last_administrator")


async def _store_grants(
    connection: AsyncConnection, account_id: int, grants: Sequence[Grant]
) -> None:
    for grant in grants:
        zones = None if grant.zones is None else json.dumps(sorted(grant.zones))
        until = None if grant.until is None else grant.until.ns
        values = {"role": grant.role.value, "site": grant.site, "zones_json": zones}
        await connection.execute(
            insert(GRANTS).values(account_id=account_id, until_ns=until, **values)
        )


async def _one(connection: AsyncConnection, condition: Any) -> Account | None:
    row = (await connection.execute(select(ACCOUNTS).where(condition))).mappings().first()
    if row is None:
        return None
    query = select(GRANTS).where(GRANTS.c.account_id == row["id"]).order_by(GRANTS.c.id)
    return _account(row, (await connection.execute(query)).mappings().all())


def _account(row: Mapping[Any, Any], grants: Sequence[Mapping[Any, Any]]) -> Account:
    names = ("id", "name", "display_name", "password_hash", "shared", "totp_sealed", "totp_used")
    return Account(
        **{name: row[name] for name in (*names, "recovery_json", "subject")},
        disabled=row["disabled_ns"] is not None,
        grants=tuple(_grant(one) for one in grants),
    )


def _grant(row: Mapping[Any, Any]) -> Grant:
    zones, until = row["zones_json"], row["until_ns"]
    return Grant(
        Role(row["role"]),
        row["site"],
        None if zones is None else frozenset(json.loads(zones)),
        None if until is None else Utc(until),
    )
