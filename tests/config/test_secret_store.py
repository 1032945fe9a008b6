"""Sealed secrets: what the file holds, wrong and changed keys, rotation, and how they are found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config import CameraUri, SecretError
from config import secret_store as store
from config.secret_reference import read_secret

VALUE = "admin:p@ss/wörd"


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "elsewhere" / "site.key"
    monkeypatch.setenv(store.KEY_VARIABLE, str(path))
    return path


@pytest.fixture
def site(tmp_path: Path, key_file: Path) -> Path:
    """A site folder with one sealed secret."""
    folder = tmp_path / "site"
    folder.mkdir()
    store.put(folder, store.make_keys(key_file), "cam-gate", VALUE)
    return folder


def test_the_file_holds_names_and_no_value(site: Path, key_file: Path) -> None:
    content = (site / store.STORE_FILE).read_text("utf-8")
    assert "cam-gate" in content
    assert "admin" not in content
    assert key_file.read_text("ascii").strip() not in content
    assert (site / store.STORE_FILE).stat().st_mode & 0o077 == 0
    assert key_file.stat().st_mode & 0o077 == 0


def test_the_same_value_is_sealed_differently_each_time(site: Path, key_file: Path) -> None:
    keys = store.load_keys(key_file)
    assert keys.seal("cam-gate", VALUE) != keys.seal("cam-gate", VALUE)
    assert VALUE not in repr(keys)
    assert keys.keys[0].hex() not in repr(keys)


def test_a_camera_and_a_receiver_find_it_by_name(site: Path) -> None:
    uri = CameraUri.parse("rtsp://10.0.0.5/a", directory=site, credentials="sealed:cam-gate")
    assert uri.reveal() == "rtsp://admin:p%40ss%2Fw%C3%B6rd@10.0.0.5/a"
    assert "admin" not in str(uri) + repr(uri)
    assert read_secret("sealed:cam-gate", site) == VALUE


def test_another_key_is_told_clearly_and_no_value(site: Path, key_file: Path) -> None:
    key_file.unlink()
    store.make_keys(key_file)
    with pytest.raises(SecretError, match="sealed under another key") as told:
        store.open_secret(site, "cam-gate")
    assert "xiaoan secret set cam-gate" in str(told.value)
    assert "admin" not in str(told.value)


def test_without_the_key_file_the_mend_is_named(site: Path, key_file: Path) -> None:
    key_file.unlink()
    with pytest.raises(SecretError, match=store.KEY_VARIABLE):
        store.open_secret(site, "cam-gate")


def test_a_key_that_others_can_read_is_refused(site: Path, key_file: Path) -> None:
    key_file.chmod(0o644)
    with pytest.raises(SecretError, match="chmod 600"):
        store.open_secret(site, "cam-gate")


def test_a_value_moved_to_another_name_does_not_open(site: Path) -> None:
    """Who can write the file cannot give one camera the password of another."""
    path = site / store.STORE_FILE
    body = json.loads(path.read_text("utf-8"))
    body["secrets"]["cam-hall"] = body["secrets"]["cam-gate"]
    path.write_text(json.dumps(body), "utf-8")
    with pytest.raises(SecretError, match="moved to another name"):
        store.open_secret(site, "cam-hall")


# Not the last characters: some of their bits are padding, and change nothing.
@pytest.mark.parametrize("place", [-6, 14, 20])
def test_a_changed_value_does_not_open(site: Path, place: int) -> None:
    path = site / store.STORE_FILE
    body = json.loads(path.read_text("utf-8"))
    sealed = body["secrets"]["cam-gate"]
    other = "A" if sealed[place] != "A" else "B"
    body["secrets"]["cam-gate"] = sealed[:place] + other + sealed[place:][1:]
    path.write_text(json.dumps(body), "utf-8")
    with pytest.raises(SecretError, match="cam-gate"):
        store.open_secret(site, "cam-gate")


def test_a_rotated_key_opens_all_and_the_old_one_nothing(site: Path, key_file: Path) -> None:
    old = store.load_keys(key_file)
    store.put(site, old, "receiver", "whsec_abc")
    assert store.rotate(site, key_file) == 2
    assert store.open_secret(site, "cam-gate") == VALUE
    assert store.open_secret(site, "receiver") == "whsec_abc"
    with pytest.raises(SecretError, match="another key"):
        old.open("cam-gate", store.read_store(site)["cam-gate"])


def test_a_rotation_that_is_killed_half_way_loses_nothing(
    site: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, found: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(store, "_save", full)
        with pytest.raises(OSError, match="no space"):
            store.rotate(site, key_file)
    assert len(key_file.read_text("ascii").split()) == 2
    assert store.open_secret(site, "cam-gate") == VALUE


def test_a_rotation_that_cannot_open_everything_changes_nothing(site: Path, key_file: Path) -> None:
    path = site / store.STORE_FILE
    body = json.loads(path.read_text("utf-8"))
    body["secrets"]["lost"] = "0123456789ab.AAAA"
    path.write_text(json.dumps(body), "utf-8")
    before = key_file.read_text("ascii")
    with pytest.raises(SecretError, match="lost"):
        store.rotate(site, key_file)
    assert key_file.read_text("ascii") == before


@pytest.mark.parametrize("name", ["", "../x", "Cam", "a b", "a" * 64])
def test_names_are_plain(site: Path, key_file: Path, name: str) -> None:
    with pytest.raises(SecretError, match="name"):
        store.put(site, store.load_keys(key_file), name, "x:y")


@pytest.mark.parametrize("value", ["", "  ", "x" * 5_000, "a\x00b"])
def test_values_are_bounded(site: Path, key_file: Path, value: str) -> None:
    with pytest.raises(SecretError, match="cam-gate"):
        store.put(site, store.load_keys(key_file), "cam-gate", value)


def test_a_removed_secret_is_unknown_and_the_mend_is_named(site: Path) -> None:
    assert store.remove(site, "cam-gate")
    assert not store.remove(site, "cam-gate")
    with pytest.raises(SecretError, match="xiaoan secret set cam-gate"):
        store.open_secret(site, "cam-gate")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 2, "secrets": {}}', "\xff"])
def test_a_file_of_another_form_is_refused(site: Path, content: str) -> None:
    (site / store.STORE_FILE).write_text(content, "latin-1")
    with pytest.raises(SecretError, match="restore it"):
        store.open_secret(site, "cam-gate")
