"""Secrets by reference: the file names where a secret stands, never the secret itself."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from config.errors import SecretError

_REFERENCE = re.compile(r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:[^\s].*)$")


def _checked(text: str) -> str:
    if not _REFERENCE.match(text):
        # The text is not shown: it may be the secret itself.
        raise ValueError(
            "this must be a reference, not the secret itself — write env:NAME or "
            "file:secrets/NAME.txt"
        )
    return text


SecretReference = Annotated[str, AfterValidator(_checked)]


def read_secret(reference: str, directory: Path) -> str:
    """The secret behind `env:NAME` or `file:PATH` (relative to the site folder). Never log it.

    Raises:
        SecretError: the variable is not set, the file cannot be read, or it is empty.
    """
    kind, _, name = reference.partition(":")
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
