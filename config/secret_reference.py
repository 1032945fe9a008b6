"""Secrets by reference: the file names where a secret stands, never the secret itself."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from config.errors import SecretError
from config.secret_store import open_secret

_REFERENCE = re.compile(r"^(sealed:[a-z0-9][a-z0-9._-]*|env:[A-Za-z_][A-Za-z0-9_]*|file:[^\s].*)$")

# What is wrong, and the mend. The text that was written is not shown: it may be the secret itself.
REFERENCE_WANTED = (
    "this must be a reference, not the secret itself",
    "write sealed:NAME, env:NAME or file:secrets/NAME.txt",
)


def is_reference(text: str) -> bool:
    """Whether a text names a place of a secret. What does not may be the secret itself."""
    return _REFERENCE.match(text) is not None


def _checked(text: str) -> str:
    if not is_reference(text):
        raise ValueError(" — ".join(REFERENCE_WANTED))
    return text


SecretReference = Annotated[str, AfterValidator(_checked)]


def read_secret(reference: str, directory: Path) -> str:
    """The secret behind `sealed:NAME`, `env:NAME` or `file:PATH` of the site. Never log it.

    Raises:
        SecretError: there is none of that name, the file cannot be read, or it is empty.
    """
    kind, _, name = reference.partition(":")
    if kind == "sealed":
        return open_secret(directory, name)
    if kind == "env":
        secret = os.environ.get(name, "").strip()
        if not secret:
            raise SecretError(f"environment variable {name} is not set; set it to the secret")
        return secret
    try:
        secret = (directory / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SecretError(
            f"the secret file {name} cannot be read; write the secret into it, chmod 600"
        ) from None
    if not secret:
        raise SecretError(f"the secret file {name} is empty; write the secret into it")
    return secret


def read_credentials(reference: str, directory: Path) -> tuple[str, str]:
    """User name and password behind a reference to `user:password`. Never log them.

    Raises:
        SecretError: see `read_secret`; or it is not of that form.
    """
    user, separator, password = read_secret(reference, directory).partition(":")
    if not separator or not user:
        raise SecretError(f"the secret {reference} is not of the form user:password")
    return user, password
