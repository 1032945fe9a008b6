"""Which addresses the service connects to, with and without the site's own list."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import CameraUri
from config.networks import (
    NETWORKS_FILE,
    AddressRefusedError,
    NetworkRules,
    NetworksFileError,
    host_name,
    load_networks,
    permitted,
)

LIST = "networks: [10.20.0.0/16, 'fd00:1::/32']\n"


@pytest.mark.parametrize(
    ("address", "without_list", "with_list"),
    [
        ("10.20.1.5", True, True),
        ("10.21.1.5", True, False),
        ("fd00:1::5", True, True),
        ("203.0.113.9", True, False),
        ("127.0.0.1", True, False),
        ("::1", True, False),
        ("::ffff:127.0.0.1", True, False),
        ("::ffff:10.20.1.5", True, True),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("fd00:ec2::254", False, False),
        ("100.100.100.200", False, False),
        ("224.0.0.1", False, False),
        ("0.0.0.0", False, False),
        ("::", False, False),
        ("255.255.255.255", False, False),
    ],
)
def test_addresses(tmp_path: Path, address: str, without_list: bool, with_list: bool) -> None:
    assert (load_networks(tmp_path).refusal(address) == "") is without_list
    (tmp_path / NETWORKS_FILE).write_text(LIST, "utf-8")
    assert (load_networks(tmp_path).refusal(address) == "") is with_list


def test_this_machine_is_allowed_where_the_site_says_so(tmp_path: Path) -> None:
    (tmp_path / NETWORKS_FILE).write_text(LIST + "loopback: true\n", "utf-8")
    assert load_networks(tmp_path).refusal("127.0.0.1") == ""


def test_a_name_is_refused_when_any_of_its_addresses_is(tmp_path: Path) -> None:
    (tmp_path / NETWORKS_FILE).write_text(LIST, "utf-8")
    rules = load_networks(tmp_path)
    assert permitted("cam.school", rules, lambda host: ["10.20.1.5"]) == "10.20.1.5"
    with pytest.raises(AddressRefusedError, match=r"cam\.school: 127\.0\.0\.1 is this machine"):
        permitted("cam.school", rules, lambda host: ["10.20.1.5", "127.0.0.1"])


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("rtsp://10.20.1.5:554/a", True),
        ("rtsp://[fd00:1::5]/a", True),
        ("rtsp://10.99.1.5/a", False),
        ("rtsps://127.0.0.1/a", False),
        ("file:clips/a.mp4", True),
        ("virtual:blocked_stair", True),
    ],
)
def test_cameras_are_held_against_the_list(tmp_path: Path, address: str, allowed: bool) -> None:
    (tmp_path / NETWORKS_FILE).write_text(LIST, "utf-8")
    uri = CameraUri.parse(address, directory=tmp_path)
    if allowed:
        uri.check_address()
        return
    with pytest.raises(AddressRefusedError, match=r"networks\.yaml"):
        uri.check_address()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("networks: [10.20.0.1/16]\n", "host bits"),
        ("networks: [school]\n", "school"),
        ("networks: []\n", "networks"),
        ("loopback: true\n", "networks"),
        ("networks: [10.0.0.0/8]\nmore: 1\n", "more"),
    ],
)
def test_a_wrong_list_is_named_with_its_line(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / NETWORKS_FILE).write_text(content, "utf-8")
    with pytest.raises(NetworksFileError, match=words) as told:
        load_networks(tmp_path)
    assert NETWORKS_FILE in str(told.value)


@pytest.mark.parametrize("host", ["192.168.1..60", "a" * 64 + ".school", "."])
def test_a_name_that_is_none_is_an_error_of_looking_up(host: str) -> None:
    with pytest.raises(OSError, match="no name of a machine"):
        permitted(host, NetworkRules())


@pytest.mark.parametrize(
    "host", ["192.168.1.60", "[fd00::2]", "fe80::1%eth0", "cam.school.", "a-1"]
)
def test_hosts(host: str) -> None:
    assert host_name(host) == host


@pytest.mark.parametrize("host", ["192.168.1..60", "192.168.1.300", "192.168.1", "fd00:::2", ""])
def test_a_host_that_is_none_is_refused_with_its_mend(host: str) -> None:
    with pytest.raises(ValueError, match=" — "):
        host_name(host)
