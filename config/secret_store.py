"""Secrets of the site, sealed in a file beside `site.yaml`, under a key that lies elsewhere.

`secrets.sealed` holds names and ciphertexts (AES-256-GCM, the name bound in), and may be copied and
backed up with the site. The key file holds one key a line, the newest first: older ones open what
was sealed before a change of keys, until everything is sealed anew.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.errors import SecretError
from config.whole_files import replace_whole

STORE_FILE = "secrets.sealed"
KEY_FILE = "site-secrets.key"
KEY_VARIABLE = "XIAOAN_SECRETS_KEY_FILE"
_FORMAT = 1
_KEY_BYTES = 32
_NONCE_BYTES = 12
_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,62}$")
_MOST_CHARACTERS = 4_096


def key_path(run_dir: Path | None = None) -> Path:
    """Where the key lies: named by the environment, a credential of systemd, or in the run folder.

    Never in the site folder: who copies the site copies no secret.
    """
    named = os.environ.get(KEY_VARIABLE)
    if named:
        return Path(named)
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / KEY_FILE).exists():
        return Path(credentials) / KEY_FILE
    return (run_dir or Path(os.environ.get("XIAOAN_RUN_DIR") or "var")) / KEY_FILE


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """The keys of a key file, newest first; their `id` tells which one sealed a value."""

    keys: tuple[bytes, ...] = field(repr=False)

    @property
    def newest_id(self) -> str:
        return key_id(self.keys[0])

    def seal(self, name: str, value: str) -> str:
        """`key id.nonce and ciphertext`, under the newest key."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = AESGCM(self.keys[0]).encrypt(nonce, value.encode(), _label(name))
        return f"{self.newest_id}.{base64.b64encode(nonce + cipher).decode()}"

    def open(self, name: str, sealed: str) -> str:
        """The value. Raises `SecretError`: sealed under another key, or changed."""
        wanted, _, text = sealed.partition(".")
        key = next((one for one in self.keys if key_id(one) == wanted), None)
        if key is None:
            raise SecretError(
                f"the secret {name} was sealed under another key ({wanted}) than the key file "
                f"holds ({self.newest_id}); restore that key file, or enter the secret again with "
                f"`xiaoan secret set {name}`"
            )
        try:
            raw = base64.b64decode(text, validate=True)
            return (
                AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _label(name)).decode()
            )
        except (InvalidTag, ValueError):
            raise SecretError(
                f"the secret {name} in {STORE_FILE} was changed or moved to another name; restore "
                f"the file, or enter the secret again with `xiaoan secret set {name}`"
            ) from None


def key_id(key: bytes) -> str:
    """Tells keys apart without telling them."""
    return sha256(b"xiaoan secret key:" + key).hexdigest()[:12]


def load_keys(path: Path) -> SecretKeys:
    """The keys in `path`.

    Raises:
        SecretError: no such file, others can read it, or a line is no key.
    """
    try:
        lines = path.read_text(encoding="ascii").split()
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError):
        raise SecretError(
            f"the key file {path} cannot be read; name it in {KEY_VARIABLE}, restore it from its "
            "backup, or make one with `xiaoan secret set`"
        ) from None
    if mode & 0o077:
        raise SecretError(f"others can read the key file {path}; chmod 600 {path}")
    try:
        keys = tuple(bytes.fromhex(line) for line in lines)
    except ValueError:
        keys = ()
    if not keys or any(len(key) != _KEY_BYTES for key in keys):
        raise SecretError(f"the key file {path} holds no key of {_KEY_BYTES} bytes; restore it")
    return SecretKeys(keys)


def make_keys(path: Path) -> SecretKeys:
    """The keys in `path`; a random one is written, for this user only, when there is no file."""
    if not path.exists():
        _write(path, secrets.token_hex(_KEY_BYTES) + "\n")
    return load_keys(path)


def read_store(directory: Path) -> dict[str, str]:
    """Names and sealed values of a site folder; none when there is no file.

    Raises:
        SecretError: the file is not what this program writes.
    """
    path = directory / STORE_FILE
    if not path.exists():
        return {}
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        found = dict(body["secrets"])
        well = body["format"] == _FORMAT and all(isinstance(one, str) for one in found.values())
    except (OSError, ValueError, KeyError, TypeError):
        well = False
    if not well:
        raise SecretError(f"{STORE_FILE} cannot be read; restore it from its backup")
    return found


def put(directory: Path, keys: SecretKeys, name: str, value: str) -> None:
    """Seal a secret under a name, in place of what stood there.

    Raises:
        SecretError: a name that is not plain, or a value that is empty or far too long.
    """
    if not _NAME.match(name):
        raise SecretError("a secret's name has small letters, digits, dots and dashes only")
    if not value.strip() or len(value) > _MOST_CHARACTERS or "\x00" in value:
        raise SecretError(f"the secret {name} is empty or longer than {_MOST_CHARACTERS}")
    _save(directory, {**read_store(directory), name: keys.seal(name, value.strip())})


def remove(directory: Path, name: str) -> bool:
    """Take a secret out; whether there was one."""
    found = read_store(directory)
    if name not in found:
        return False
    del found[name]
    _save(directory, found)
    return True


def rotate(directory: Path, path: Path) -> int:
    """Change the key: everything is sealed anew, then the old keys go. Returns how many.

    Killed in between, nothing is lost: the key file holds both keys until all is sealed anew.

    Raises:
        SecretError: something cannot be opened with the present keys; nothing is changed then.
    """
    old = load_keys(path)
    opened = {name: old.open(name, one) for name, one in read_store(directory).items()}
    both = SecretKeys((secrets.token_bytes(_KEY_BYTES), *old.keys))
    _write(path, "".join(f"{key.hex()}\n" for key in both.keys))
    _save(directory, {name: both.seal(name, value) for name, value in opened.items()})
    _write(path, f"{both.keys[0].hex()}\n")
    return len(opened)


def open_secret(directory: Path, name: str) -> str:
    """The secret behind `sealed:NAME`. Never log it. Raises `SecretError`."""
    found = read_store(directory)
    if name not in found:
        raise SecretError(
            f"{STORE_FILE} holds no secret {name}; enter it with `xiaoan secret set {name}`"
        )
    return load_keys(key_path()).open(name, found[name])


def _label(name: str) -> bytes:
    return f"site secret:{name}".encode()


def _save(directory: Path, found: Mapping[str, str]) -> None:
    body = {"format": _FORMAT, "secrets": dict(sorted(found.items()))}
    _write(directory / STORE_FILE, json.dumps(body, indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    """Readable by this user only."""
    replace_whole(path, text.encode(), mode=0o600)
