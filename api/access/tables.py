"""Tables of accounts, sessions and the audit log, on the service's one metadata.

`AUDIT` is append-only: triggers made by the migration refuse to change or delete a row.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    LargeBinary,
    String,
    Table,
    Text,
)

from api.database.tables import BIG_SERIAL, METADATA

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("display_name", String(80), nullable=False),
    # Empty for an account that signs in elsewhere.
    Column("password_hash", String(200), nullable=False),
    Column("shared", Boolean, nullable=False),
    # Sealed with the key file, which is not in the database.
    Column("totp_sealed", LargeBinary, nullable=True),
    # Number of the last time step whose code was used: no code works twice.
    Column("totp_used", BigInteger, nullable=False),
    Column("recovery_json", Text, nullable=False),
    Column("subject", String(300), nullable=True, unique=True),
    Column("disabled_ns", BigInteger, nullable=True),
    Column("created_ns", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

GRANTS = Table(
    "account_grants",
    METADATA,
    Column("id", BIG_SERIAL, primary_key=True, autoincrement=True),
    Column("account_id", BIG_SERIAL, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("role", String(30), nullable=False),
    Column("site", String(80), nullable=False),
    Column("zones_json", Text, nullable=True),
    Column("until_ns", BigInteger, nullable=True),
    sqlite_autoincrement=True,
)

SESSIONS = Table(
    "account_sessions",
    METADATA,
    # SHA-256 of the cookie's value: who reads the database cannot sign in with it.
    Column("digest", String(64), primary_key=True),
    Column("account_id", BIG_SERIAL, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("created_ns", BigInteger, nullable=False),
    Column("seen_ns", BigInteger, nullable=False, index=True),
    Column("address", String(80), nullable=False),
)

AUDIT = Table(
    "audit_log",
    METADATA,
    Column("seq", BIG_SERIAL, primary_key=True, autoincrement=False),
    Column("at_ns", BigInteger, nullable=False, index=True),
    Column("actor", String(80), nullable=False),
    Column("account", String(80), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("detail_json", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
