"""Passwords (Argon2id), one-time codes (RFC 6238) and recovery codes."""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass
from hashlib import sha256

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from api.access.errors import AccountRefusal
from vision.instants import Utc

SHORTEST = 15
SHORTEST_WITH_CODE = 8
LONGEST = 128
RECOVERY_CODES = 10
_STEP_S = 30
_NS = 1_000_000_000
_ISSUER = "Xiaoan"

# 64 MiB, three passes, four lanes: the second recommended choice of RFC 9106.
_HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)


@dataclass(frozen=True, slots=True)
class Passwords:
    """Hashes passwords; tests may hand in a cheaper hasher."""

    hasher: PasswordHasher = _HASHER

    def hashed(self, password: str, *, name: str, with_code: bool) -> str:
        """The hash for the database. Raises `AccountRefusal` for a password that is too weak."""
        shortest = SHORTEST_WITH_CODE if with_code else SHORTEST
        if not shortest <= len(password) <= LONGEST:
            raise AccountRefusal("password_length", least=shortest, most=LONGEST)
        if name.lower() in password.lower() or len(set(password)) < 5:
            raise AccountRefusal("password_plain")
        return self.hasher.hash(password)

    def matches(self, stored: str, password: str) -> bool:
        """Whether the password is right; as slow for an account that does not exist."""
        if not stored:
            self.hasher.hash(password[:LONGEST])
            return False
        try:
            return self.hasher.verify(stored, password[:LONGEST])
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False


def new_totp_secret() -> str:
    """A secret for an authenticator, base 32."""
    return pyotp.random_base32()


def totp_address(secret: str, name: str) -> str:
    """The `otpauth://` address that an authenticator reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def totp_step(secret: str, code: str, now: Utc, used: int) -> int | None:
    """The time step that `code` belongs to; `None` when it is wrong or was used before.

    One step of 30 s before and after is let through for clocks that differ.
    """
    present = now.ns // _NS // _STEP_S
    one_time = pyotp.TOTP(secret)
    for step in (present, present - 1, present + 1):
        expected = one_time.at(step * _STEP_S)
        if step > used and hmac.compare_digest(expected, code.strip()):
            return step
    return None


def new_recovery_codes() -> tuple[tuple[str, ...], str]:
    """Ten codes to print, and their digests as JSON for the database."""
    codes = tuple(f"{secrets.token_hex(4)}-{secrets.token_hex(4)}" for _ in range(RECOVERY_CODES))
    return codes, json.dumps([_digest(code) for code in codes])


def use_recovery_code(stored_json: str, code: str) -> str | None:
    """The remaining digests after `code` was used; `None` when it is not one of them."""
    digests = list(json.loads(stored_json))
    wanted = _digest(code.strip().lower())
    if wanted not in digests:
        return None
    digests.remove(wanted)
    return json.dumps(digests)


def _digest(code: str) -> str:
    return sha256(code.encode()).hexdigest()
