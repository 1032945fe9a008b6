"""Why an account refuses what was asked of it.

AccountRefusal          its code is a key `api.error.<code>` of the catalogue
└── SignInRefusal       name, password or code are wrong, or it is too early to try again
"""

from __future__ import annotations


class AccountRefusal(Exception):  # noqa: N818 - it is told to a person, no fault of the program
    """Something about an account is not as asked."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class SignInRefusal(AccountRefusal):
    """Nobody is signed in."""
