"""Secrets at rest: AES-256-GCM under a key that lies in a file beside, never in, the database."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.errors import SettingsError
from config.whole_files import write_once

KEY_FILE = "secrets.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class SealError(Exception):
    """A sealed value cannot be opened: the key is another one, or the value was changed."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and opens values; `label` binds a value to its place, so rows cannot be swapped."""

    key: bytes = field(repr=False)

    def seal(self, value: bytes, label: str) -> bytes:
        """Nonce and ciphertext of `value`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, value, label.encode())

    def open(self, sealed: bytes, label: str) -> bytes:
        """The value. Raises `SealError`."""
        try:
            nonce, cipher = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return AESGCM(self.key).decrypt(nonce, cipher, label.encode())
        except (InvalidTag, ValueError):
            raise SealError(
                f"{label}: cannot be opened with this {KEY_FILE}; restore the key file that "
                "belongs to this database, or enter the secret again"
            ) from None


def load_sealer(path: Path) -> Sealer:
    """The key in `path`; a random one is written, readable by this user only, when there is none.

    Raises:
        SettingsError: the file cannot be read or written, is not a key, or others can read it.
    """
    try:
        if not path.exists():
            _write_key(path)
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise SettingsError.at(
            str(path),
            f"the key cannot be read or written ({error})",
            "restore it from its backup; without it, sealed secrets must be entered again",
        ) from None
    if len(key) != _KEY_BYTES:
        message = f"not a key of {_KEY_BYTES} bytes"
        raise SettingsError.at(str(path), message, "restore its backup")
    if mode & 0o077:
        raise SettingsError.at(str(path), "others can read it", f"chmod 600 {path}")
    return Sealer(key)


def _write_key(path: Path) -> None:
    write_once(path, f"{secrets.token_hex(_KEY_BYTES)}\n".encode(), mode=0o600)
