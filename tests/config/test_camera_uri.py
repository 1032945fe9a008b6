"""Camera addresses: what is accepted, what is refused, and that no secret is ever shown."""

import pickle
from pathlib import Path

import pytest

from config import CameraUri, CameraUriError, SecretError


@pytest.mark.parametrize(
    ("text", "scheme", "location"),
    [
        ("rtsp://10.0.0.5/stream1", "rtsp", "10.0.0.5/stream1"),
        (
            "rtsps://cam.school:322/a?channel=1&subtype=1",
            "rtsps",
            "cam.school:322/a?channel=1&subtype=1",
        ),
        ("rtsp://[fd00::5]:554/a", "rtsp", "[fd00::5]:554/a"),
        ("file:clips/a.mp4", "file", "clips/a.mp4"),
        ("file:///srv/a.mp4", "file", "/srv/a.mp4"),
        ("virtual:blocked_stair", "virtual", "blocked_stair"),
    ],
)
def test_accepted_addresses(text: str, scheme: str, location: str) -> None:
    uri = CameraUri.parse(text, directory=Path("/site"))
    assert (uri.scheme, uri.location) == (scheme, location)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("http://10.0.0.5/stream1", "known scheme"),
        ("10.0.0.5", "known scheme"),
        ("", "known scheme"),
        ("rtsp://admin:pa55@10.0.0.5/a", "in clear"),
        ("rtsp://admin@10.0.0.5/a", "in clear"),
        ("rtsp://10.0.0.5/a?user=admin&password=pa55", "in clear"),
        ("rtsp://10.0.0.5/user=admin_password=pa55_channel=1", "in clear"),
        ("rtsp://", "host is missing"),
        ("rtsp://host:port/a", "cannot be read"),
        ("rtsp://[::1/a", "cannot be read"),
        ("rtsp://host/a b", "space or control"),
        ("file:", "path is missing"),
        ("virtual:", "scenario"),
        ("virtual:../etc", "scenario"),
        ("virtual:stair?sed=1", "unknown parameter 'sed'"),
        ("virtual:stair?seed=one", "seed"),
        ("virtual:stair?light=night", "unknown light"),
        ("virtual:stair?seed", "cannot be read"),
        ("virtual:stair?start_s=soon", "start_s"),
    ],
)
def test_refused_addresses_say_why_and_show_no_secret(text: str, words: str) -> None:
    with pytest.raises(CameraUriError) as refusal:
        CameraUri.parse(text, directory=Path("/site"))
    assert words in str(refusal.value)
    assert refusal.value.mend
    assert "pa55" not in str(refusal.value)


def test_credentials_must_be_a_reference() -> None:
    with pytest.raises(CameraUriError) as refusal:
        CameraUri.parse("rtsp://h/a", directory=Path(), credentials="admin:pa55")
    assert "pa55" not in str(refusal.value)


def test_a_secret_from_the_environment_is_revealed_only_on_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CAM_1", "admin:p@ss/wörd:1")
    uri = CameraUri.parse("rtsp://h:554/a", directory=Path(), credentials="env:CAM_1")
    assert uri.reveal() == "rtsp://admin:p%40ss%2Fw%C3%B6rd%3A1@h:554/a"
    assert str(uri) == "rtsp://***@h:554/a"
    for shown in (str(uri), repr(uri), f"{uri}", f"{[uri]}", str(pickle.dumps(uri))):
        assert "p@ss" not in shown
        assert "p%40ss" not in shown


def test_a_secret_from_a_file_fills_the_placeholders(tmp_path: Path) -> None:
    (tmp_path / "cam.txt").write_text("viewer:s&1\n", encoding="utf-8")
    uri = CameraUri.parse(
        "rtsp://h/user={user}_password={password}_channel=1",
        directory=tmp_path,
        credentials="file:cam.txt",
    )
    assert uri.reveal() == "rtsp://h/user=viewer_password=s%261_channel=1"
    assert "s%261" not in str(uri)


@pytest.mark.parametrize("content", [None, "no-colon", ":empty-user"])
def test_an_unusable_secret_is_refused_by_its_reference(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "cam.txt").write_text(content, encoding="utf-8")
    uri = CameraUri.parse("rtsp://h/a", directory=tmp_path, credentials="file:cam.txt")
    with pytest.raises(SecretError) as refusal:
        uri.reveal()
    assert "cam.txt" in str(refusal.value)
    assert "no-colon" not in str(refusal.value)


def test_a_missing_variable_is_named() -> None:
    uri = CameraUri.parse("rtsp://h/a", directory=Path(), credentials="env:XIAOAN_NO_SUCH")
    with pytest.raises(SecretError, match="XIAOAN_NO_SUCH is not set"):
        uri.reveal()


def test_a_file_is_relative_to_the_site_folder() -> None:
    relative = CameraUri.parse("file:clips/a.mp4", directory=Path("/site"))
    absolute = CameraUri.parse("file:///srv/a.mp4", directory=Path("/site"))
    assert relative.file_path == Path("/site/clips/a.mp4")
    assert relative.reveal() == "/site/clips/a.mp4"
    assert absolute.file_path == Path("/srv/a.mp4")
    with pytest.raises(ValueError, match="not of the virtual campus"):
        _ = relative.scenario


def test_a_virtual_address_has_seed_and_light() -> None:
    uri = CameraUri.parse("virtual:blocked_stair?seed=7&light=dim", directory=Path())
    assert (uri.scenario, uri.seed, uri.light) == ("blocked_stair", 7, "dim")
    assert str(uri) == uri.reveal() == "virtual:blocked_stair?light=dim&seed=7"
    plain = CameraUri.parse("virtual:quiet_corridor", directory=Path())
    assert (plain.seed, plain.light, plain.start_s) == (1, "day", 0.0)
    with pytest.raises(ValueError, match="not a file"):
        _ = plain.file_path
