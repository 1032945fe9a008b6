"""The school's own key, and packages that anybody can check: Ed25519 over a list of digests."""

from __future__ import annotations

import hashlib
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from api.evidence.errors import ExportFailedError, VerificationError
from api.evidence.origin import canonical
from config.whole_files import write_once

KEY_FILE = "signing.key"
MANIFEST, SIGNATURE, PUBLIC_KEY = "manifest.json", "manifest.sig", "public_key.pem"
_APART = frozenset({MANIFEST, SIGNATURE, PUBLIC_KEY})
_MANIFEST_BYTES = 10_000_000
_BLOCK_BYTES = 1 << 20
# Of a file in a zip: its header, and where in it the lengths of the name and of what follows stand.
_LOCAL_HEADER_BYTES, _LOCAL_LENGTHS_AT = 30, 26
# `zipfile` says with a RuntimeError that a file is encrypted or packed in an unknown way.
_UNREADABLE = (
    OSError, zipfile.BadZipFile, RuntimeError, EOFError, zlib.error, lzma.LZMAError, struct.error,
)  # fmt: skip


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """The key of this installation; a new one is written, for this account only, where none is.

    Raises:
        ExportFailedError: the file cannot be read or written, or holds another kind of key.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise ExportFailedError(
            f"{path.name}: the signing key cannot be used ({type(error).__name__}); "
            "check its folder's rights, or restore it from the backup"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ExportFailedError(f"{path.name}: not an Ed25519 key; restore it from the backup")
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    write_once(path, pem, mode=0o600)


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """The public half, to be given to whoever checks packages."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(pem: bytes) -> str:
    """Sha256 of a public key's raw bytes, hexadecimal.

    Raises:
        VerificationError: it is no Ed25519 public key.
    """
    return hashlib.sha256(_public(pem).public_bytes_raw()).hexdigest()


def write_package(
    out: Path, files: Mapping[str, Path], facts: Mapping[str, Any], key: Ed25519PrivateKey
) -> str:
    """A zip of `files` with a signed manifest; its sha256. It appears whole or not at all."""
    listed = [
        {"name": name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for name, path in sorted(files.items())
    ]
    manifest = canonical({"format": 1, **facts, "files": listed})
    draft = out.with_name(f".{out.name}.part")
    out.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as package:
            for name, path in sorted(files.items()):
                package.write(path, name)
            package.writestr(MANIFEST, manifest)
            package.writestr(SIGNATURE, key.sign(manifest))
            package.writestr(PUBLIC_KEY, public_pem(key))
        draft.chmod(0o600)
        digest = sha256_of(draft)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return digest


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found.

    Attributes:
        problems: empty when every file is as it was signed.
        trusted: the key is the one that the checker gave; `None` when none was given.
    """

    problems: tuple[str, ...]
    fingerprint: str
    trusted: bool | None
    manifest: Mapping[str, Any]

    @property
    def good(self) -> bool:
        return not self.problems and self.trusted is not False


def verify_package(path: Path, expected_fingerprint: str = "") -> Verified:
    """Check every file of a package against its signed manifest.

    Raises:
        VerificationError: the file cannot be read as a package at all.
    """
    try:
        with zipfile.ZipFile(path) as package:
            found = _verify(package, expected_fingerprint)
            if _has_more(package, path):
                # Other programs may show what stands there in place of the films.
                more = f"{path.name}: there is more in it than its files"
                found = replace(found, problems=(*found.problems, more))
            return found
    except (*_UNREADABLE, KeyError, ValueError) as error:
        raise VerificationError(f"{path.name}: no evidence package ({error})") from error


def _verify(package: zipfile.ZipFile, expected: str) -> Verified:
    names = package.namelist()
    problems = [f"{name}: stands twice in the package" for name in _twice(names)]
    raw, pem = _small(package, MANIFEST), _small(package, PUBLIC_KEY)
    try:
        _public(pem).verify(_small(package, SIGNATURE), raw)
    except InvalidSignature:
        problems.append("manifest.json: the signature is not valid")
    manifest, listed = _listed(raw)
    strangers = sorted(set(names) - set(listed) - _APART)
    problems.extend(f"{name}: not in the manifest" for name in strangers)
    for name, sha256 in listed.items():
        if name not in names:
            problems.append(f"{name}: missing from the package")
        elif _digest(package, name) != sha256:
            problems.append(f"{name}: changed since it was signed")
    found = fingerprint(pem)
    trusted = None if not expected else found == expected.lower().replace(":", "")
    return Verified(tuple(problems), found, trusted, manifest)


def _has_more(package: zipfile.ZipFile, path: Path) -> bool:
    """Whether bytes of the package belong to none of its files."""
    at = 0
    with path.open("rb") as file:
        for entry in sorted(package.infolist(), key=lambda entry: entry.header_offset):
            if entry.header_offset != at:
                return True
            file.seek(at + _LOCAL_LENGTHS_AT)
            name_bytes, extra_bytes = struct.unpack("<HH", file.read(4))
            at += _LOCAL_HEADER_BYTES + name_bytes + extra_bytes + entry.compress_size
    return at != package.start_dir or bool(package.comment)


def _listed(raw: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """The manifest, and the digest of each file by its name.

    Raises:
        VerificationError, ValueError: it has not the form of a manifest.
    """
    manifest = json.loads(raw)
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, list) or not all(isinstance(entry, dict) for entry in files):
        raise VerificationError(f"{MANIFEST}: no list of files; no evidence package")
    return manifest, {str(entry["name"]): str(entry["sha256"]) for entry in files}


def _public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise VerificationError("public_key.pem: no public key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise VerificationError("public_key.pem: not an Ed25519 key")
    return key


def _small(package: zipfile.ZipFile, name: str) -> bytes:
    with package.open(name) as file:
        return file.read(_MANIFEST_BYTES)


def _digest(package: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    try:
        with package.open(name) as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError):
        # What the zip itself says of its content does not hold: changed as well.
        return ""
    return digest.hexdigest()


def _twice(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


__all__ = [
    "KEY_FILE",
    "Verified",
    "fingerprint",
    "public_pem",
    "sha256_of",
    "signing_key",
    "verify_package",
    "write_package",
]
