"""Packages that anybody can check: good ones, and each way of changing one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.evidence import evidence_app
from api.evidence.errors import VerificationError
from api.evidence.signing import (
    KEY_FILE,
    fingerprint,
    public_pem,
    signing_key,
    verify_package,
    write_package,
)

FACTS = {"alarm": 7, "requested_by": "王芳", "made_at": "2026-09-01T12:00:00Z"}


def make(folder: Path) -> tuple[Path, str]:
    """A package of two files and the fingerprint of its key."""
    for name, content in (("a.mp4", b"film" * 1000), ("evidence.json", b"{}")):
        (folder / name).write_bytes(content)
    key = signing_key(folder)
    files = {name: folder / name for name in ("a.mp4", "evidence.json")}
    write_package(folder / "p.zip", files, FACTS, key)
    return folder / "p.zip", fingerprint(public_pem(key))


def rewrite(package: Path, change: dict[str, bytes | None]) -> None:
    """The package with some files changed, added or (None) removed."""
    with zipfile.ZipFile(package) as old:
        content = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(package, "w") as new:
        for name, data in {**content, **change}.items():
            if data is not None:
                new.writestr(name, data)


def test_a_package_is_good_and_its_key_can_be_compared(tmp_path: Path) -> None:
    package, key = make(tmp_path)
    found = verify_package(package)
    assert (found.good, found.trusted, found.fingerprint) == (True, None, key)
    assert found.manifest["requested_by"] == "王芳"
    assert verify_package(package, key.upper()).trusted is True
    other = verify_package(package, "0" * 64)
    assert (other.good, other.trusted) == (False, False)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"a.mp4": b"film" * 999 + b"fiim"}, "a.mp4: changed since it was signed"),
        ({"a.mp4": None}, "a.mp4: missing from the package"),
        ({"b.mp4": b"more"}, "b.mp4: not in the manifest"),
        ({"manifest.sig": b"x" * 64}, "manifest.json: the signature is not valid"),
    ],
)
def test_a_changed_package_is_found_out(
    tmp_path: Path, change: dict[str, bytes | None], problem: str
) -> None:
    package, _ = make(tmp_path)
    rewrite(package, change)
    assert verify_package(package).problems == (problem,)


@pytest.mark.parametrize("where", ["before", "between", "comment"])
def test_what_stands_beside_the_files_of_a_package_is_found_out(tmp_path: Path, where: str) -> None:
    package, key = make(tmp_path)
    assert verify_package(package, key).good
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("a.mp4", b"another film")
    if where == "before":
        # A program that reads from the front finds the other film.
        package.write_bytes((tmp_path / "other.zip").read_bytes() + package.read_bytes())
    else:
        with zipfile.ZipFile(package, "a") as changed:
            if where == "between":
                changed.writestr("b.mp4", b"another film")
                # It is in the file, and no more in the list of what the file holds.
                changed.filelist.pop()
                del changed.NameToInfo["b.mp4"]
            else:
                changed.comment = b"another film"
    found = verify_package(package, key)
    assert found.problems == ("p.zip: there is more in it than its files",)


def test_a_manifest_with_new_digests_does_not_carry_the_signature(tmp_path: Path) -> None:
    package, _ = make(tmp_path)
    with zipfile.ZipFile(package) as old:
        manifest = old.read("manifest.json")
    rewrite(package, {"manifest.json": manifest.replace("王芳".encode(), "李强".encode())})
    assert verify_package(package).problems == ("manifest.json: the signature is not valid",)


@pytest.mark.parametrize("content", [b"", b"no zip at all"])
def test_other_files_are_no_packages(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(VerificationError, match="no evidence package"):
        verify_package(tmp_path / "x.zip")


@pytest.mark.parametrize(
    "manifest", [b"[]", b"{}", b'{"files": null}', b'{"files": ["x"]}', b'{"files": [{}]}', b"7"]
)
def test_a_manifest_of_another_form_is_none(tmp_path: Path, manifest: bytes) -> None:
    package, _ = make(tmp_path)
    rewrite(package, {"manifest.json": manifest})
    with pytest.raises(VerificationError, match="no evidence package"):
        verify_package(package)


def test_an_encrypted_package_cannot_be_checked(tmp_path: Path) -> None:
    package, _ = make(tmp_path)
    with zipfile.ZipFile(package) as whole:
        starts = [entry.header_offset for entry in whole.infolist()]
        listed = whole.start_dir
    content = bytearray(package.read_bytes())
    for at in starts:
        content[at + 6] |= 1
    while (listed := content.find(b"PK\x01\x02", listed)) >= 0:
        content[listed + 8] |= 1
        listed += 4
    package.write_bytes(content)
    with pytest.raises(VerificationError, match="encrypted"):
        verify_package(package)
    asked = CliRunner().invoke(evidence_app, ["verify", str(package)])
    assert asked.exit_code == 2
    assert "no evidence package" in asked.output


def test_a_file_whose_packing_is_torn_was_changed(tmp_path: Path) -> None:
    package, _ = make(tmp_path)
    with zipfile.ZipFile(package) as old:
        content = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in content.items():
            new.writestr(name, data)
        film = new.getinfo("a.mp4")
    torn = bytearray(package.read_bytes())
    begin = film.header_offset + 30 + len("a.mp4")
    torn[begin : begin + 8] = b"\xff" * 8
    package.write_bytes(torn)
    assert verify_package(package).problems == ("a.mp4: changed since it was signed",)


def test_the_key_is_made_once_and_for_this_account_only(tmp_path: Path) -> None:
    first = public_pem(signing_key(tmp_path / "evidence"))
    assert public_pem(signing_key(tmp_path / "evidence")) == first
    assert (tmp_path / "evidence" / KEY_FILE).stat().st_mode & 0o077 == 0
