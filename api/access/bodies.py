"""Bodies of sign-in, the own account and its administration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from api.access.accounts import Account
from api.access.actor import Actor, Grant
from api.access.audit import Entry, Verdict
from api.access.audit_words import AuditWords
from api.access.open_sessions import OpenSession
from api.access.rights import ROLE_RIGHTS, Role
from api.schemas import Body, NameBody, with_examples
from config.moments import Moment
from config.texts import LANGUAGES, text
from vision.instants import Utc

SignInName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20)]
DisplayName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[\w ·.\-]+$"),
]
PlaceId = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9][\w.-]{0,79})$")]
_GRANT = {"role": "operator", "site": "sample-school", "zones": None, "until": None}
_PASSWORD = "four-quiet-herons-cross"  # noqa: S105 - an example in the description of the API


class SignInIn(Body):
    """Name, password and, where one is set up, a code of the authenticator or a recovery code."""

    model_config = with_examples({"name": "wangfang", "password": _PASSWORD, "code": "123456"})

    name: SignInName
    password: Password = Field(repr=False)
    code: Code = Field(default="", repr=False)


class NothingIn(Body):
    """Nothing: the session says who."""

    model_config = with_examples({})


class OwnPasswordIn(Body):
    """The own password once more: an open session alone does not prove who sits there."""

    model_config = with_examples({"password": _PASSWORD})

    password: Password = Field(repr=False)


class PasswordIn(Body):
    """The old password and a new one."""

    model_config = with_examples({"old": _PASSWORD, "new": "seven-lamps-by-the-river"})

    old: Password = Field(repr=False)
    new: Password = Field(repr=False)


class ConfirmIn(Body):
    """The own password once more, and the first code of the new authenticator."""

    model_config = with_examples({"password": _PASSWORD, "secret": "JBSWY3DPEHPK3PXP"})

    password: Password = Field(repr=False)
    secret: Annotated[str, StringConstraints(pattern=r"^[A-Z2-7]{16,64}$")] = Field(repr=False)
    code: Code = Field(default="", repr=False)


class GrantBody(Body):
    """A role at a place: `*` for all sites; no zones for the whole site; no end for always."""

    model_config = with_examples(_GRANT)

    role: Role
    site: PlaceId = "*"
    zones: Annotated[frozenset[PlaceId], Field(max_length=200)] | None = None
    until: Moment | None = None

    @classmethod
    def of(cls, grant: Grant) -> GrantBody:
        until = None if grant.until is None else grant.until.to_datetime()
        return cls(role=grant.role, site=grant.site, zones=grant.zones, until=until)

    def grant(self) -> Grant:
        until = None if self.until is None else Utc.from_datetime(self.until)
        return Grant(self.role, self.site, self.zones, until)


class AccountIn(Body):
    """A new account; the person changes the first password."""

    model_config = with_examples(
        {
            "name": "wangfang",
            "display_name": "王芳",
            "password": _PASSWORD,
            "shared": False,
            "grants": [_GRANT],
        }
    )

    name: SignInName
    display_name: DisplayName
    password: Password = Field(repr=False)
    shared: bool = False
    grants: Annotated[tuple[GrantBody, ...], Field(max_length=50)] = ()


class SetUpIn(AccountIn):
    """The first administrator, with the code that the start of the service has shown."""

    model_config = with_examples(
        {
            "code": "u0zJb6Qk0uU2b1v3",
            "name": "admin",
            "display_name": "管理员",
            "password": _PASSWORD,
        }
    )

    code: Annotated[str, StringConstraints(strip_whitespace=True, max_length=80)] = Field(
        repr=False
    )


class GrantsIn(Body):
    """All roles of an account; what is not listed is taken away."""

    model_config = with_examples({"grants": [_GRANT]})

    grants: Annotated[tuple[GrantBody, ...], Field(max_length=50)]


class ResetIn(Body):
    """A new first password; the authenticator is taken away and every session ends."""

    model_config = with_examples({"password": _PASSWORD})

    password: Password = Field(repr=False)


class MeBody(Body):
    """Who is signed in, and what they may do somewhere."""

    name: str
    account: str
    shared: bool
    roles: tuple[Role, ...]
    rights: tuple[str, ...]

    @classmethod
    def of(cls, actor: Actor) -> MeBody:
        rights = {right.value for role in actor.roles for right in ROLE_RIGHTS[role]}
        return cls(
            name=actor.name,
            account=actor.account,
            shared=actor.shared,
            roles=tuple(sorted(actor.roles)),
            rights=tuple(sorted(rights)),
        )


class AccountBody(Body):
    """An account as the administrator sees it: nothing of its secrets."""

    id: int
    name: str
    display_name: str
    shared: bool
    disabled: bool
    second_factor: bool
    signs_in_elsewhere: bool
    sessions: int = Field(description="in how many browsers it is signed in now")
    grants: tuple[GrantBody, ...]

    @classmethod
    def of(cls, account: Account, sessions: int = 0) -> AccountBody:
        return cls(
            id=account.id,
            name=account.name,
            display_name=account.display_name,
            shared=account.shared,
            disabled=account.disabled,
            second_factor=account.totp_sealed is not None,
            signs_in_elsewhere=account.subject is not None,
            sessions=sessions,
            grants=tuple(GrantBody.of(grant) for grant in account.grants),
        )


class SessionBody(Body):
    """One browser in which an account is signed in; `here` marks the one that asks."""

    id: str
    address: str = Field(description="of the machine that signed in")
    began_at: AwareDatetime
    seen_at: AwareDatetime = Field(description="last sign of life, to the minute")
    here: bool

    @classmethod
    def of(cls, session: OpenSession, *, here: bool) -> SessionBody:
        return cls(
            id=session.id,
            address=session.address,
            began_at=session.began.to_datetime(),
            seen_at=session.seen.to_datetime(),
            here=here,
        )


class EnrolBody(Body):
    """A new authenticator's secret and its QR code as SVG data; stored once confirmed."""

    secret: str
    address: str
    qr: str


class RecoveryBody(Body):
    """Codes for a lost authenticator; each works once, and they are shown this once."""

    codes: tuple[str, ...]


class ToldBody(Body):
    """A line of the audit log in words of one language."""

    actor: str
    act: str
    subject: str
    detail: str


class EntryBody(Body):
    """One line of the audit log: the codes that are kept, and the same in words."""

    seq: int
    at: AwareDatetime
    actor: str
    account: str
    action: str
    subject: str
    detail: str
    hash: str
    zh: ToldBody
    en: ToldBody

    @classmethod
    def of(cls, entry: Entry, words: Mapping[str, AuditWords]) -> EntryBody:
        told = {
            lang: ToldBody(
                actor=one.actor(entry.actor) if not entry.account else entry.actor,
                act=one.act(entry.action),
                subject=one.subject(entry),
                detail=one.detail(entry),
            )
            for lang, one in words.items()
        }
        return cls(
            seq=entry.seq,
            at=Utc(entry.at_ns).to_datetime(),
            actor=entry.actor,
            account=entry.account,
            action=entry.action,
            subject=entry.subject,
            detail=entry.detail_json,
            hash=entry.hash,
            **told,
        )


class VerdictBody(Body):
    """Whether the chain holds; `fault` is empty when it does."""

    entries: int
    fault: str
    seq: int
    words: NameBody | None = Field(description="what is wrong; none where the chain holds")

    @classmethod
    def of(cls, verdict: Verdict) -> VerdictBody:
        key = f"audit.fault.{verdict.fault}"
        values = {"entries": verdict.entries, "seq": verdict.seq}
        words = None
        if verdict.fault:
            zh, en = (
                text("audit.fault", lang, fault=text(key, lang), **values) for lang in LANGUAGES
            )
            words = NameBody(zh=zh, en=en)
        return cls(fault=verdict.fault, words=words, **values)
