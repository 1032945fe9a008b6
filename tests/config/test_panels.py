"""Panels that would stay on, share a terminal or write a secret down are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from config import load_site, sample_school_directory
from config.door_contacts import doors_of, watched_leaves
from config.errors import ConfigFileError
from config.panels_load import parse_panels

EXAMPLE = (sample_school_directory() / "panels.example.yaml").read_text(encoding="utf-8")
ZONES = {"gate-main", "stair-a"}
DOORS = {"stair-leaf-wide": True, "gate-leaf": True, "toilet-leaf": False}


def test_the_example_is_good(tmp_path: Path) -> None:
    plan = parse_panels(EXAMPLE.encode(), zone_ids=ZONES, directory=tmp_path, doors=DOORS)
    assert plan.inputs[0].normally_closed
    assert [output.safe_on for output in plan.outputs] == [False, False]
    assert plan.devices[0].watchdog is not None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    watchdog: {register: 100, timeout_s: 3}\n", "", "has no watchdog, so 'siren-gate'"),
        ("coil: 1", "coil: 0", "coil 0 of 'io-gate' is already 'siren-gate'"),
        ("    device: io-gate\n    discrete_input", "    device: io-gat\n    discrete_input",
         "there is no device 'io-gat' — mend: did you mean `io-gate`?"),
        ("zone: gate-main", "zone: gate-mian", "there is no zone 'gate-mian'"),
        ('    safe: "off"\n    when: {priorities: [1], during', '    safe: "on"\n    when: '
         "{priorities: [1], during", "frightens people for nothing"),
        ("    device: io-gate\n    discrete_input: 0\n",
         '    http: {secret: "whsec_c2VjcmV0LW9mLXRoZS1idXR0b24="}\n',
         "must be a reference, not the secret itself"),
        ("    discrete_input: 0\n", "", "the discrete_input of the device is missing"),
        ("door: gate-leaf", "door: gate-leav", "there is no door 'gate-leav'"),
        ("door: gate-leaf", "door: toilet-leaf", "lies along no exit of a zone"),
        ("door: gate-leaf", "door: stair-leaf-wide", "'stair-leaf-wide' has two contacts"),
        ("discrete_input: 8", "discrete_input: 0", "discrete_input 0 of 'io-gate' is already"),
        ("    shut: open\n", "", "the discrete_input or shut is missing"),
        ("    shut: open\n", "    shut: ajar\n", "shut"),
        ("token: AlarmIn_2", "token: AlarmIn_1", "token AlarmIn_1 of 'cam-gate-io' is already"),
        ("    onvif: {device: cam-gate-io, token: AlarmIn_2, shut: true}\n", "",
         "it needs either a device or onvif"),
        ("id: contact-gate", "id: pillar-gate", "pillar-gate"),
    ],
)  # fmt: skip
def test_refusals(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in EXAMPLE
    with pytest.raises(ConfigFileError) as refusal:
        parse_panels(
            EXAMPLE.replace(old, new, 1).encode(),
            zone_ids=ZONES,
            directory=tmp_path,
            doors=DOORS,
        )
    told = str(refusal.value)
    assert message in told
    assert "panels.yaml:" in told
    assert "c2VjcmV0" not in told


def test_a_secret_that_cannot_be_had_locks_what_it_is_for_and_nothing_else(tmp_path: Path) -> None:
    button = "    device: io-gate\n    discrete_input: 0\n"
    assert button in EXAMPLE
    for reference, told in (
        ("env:XIAOAN_NO_SUCH", "environment variable XIAOAN_NO_SUCH is not set"),
        ("file:none.secret", "the secret file none.secret cannot be read"),
        ("sealed:none", "none"),
        ("file:plain.secret", "the secret file:plain.secret is not of the form whsec_..."),
    ):
        (tmp_path / "plain.secret").write_text("hunter2", encoding="utf-8")
        content = EXAMPLE.replace(button, f'    http: {{secret: "{reference}"}}\n', 1)
        plan = parse_panels(content.encode(), zone_ids=ZONES, directory=tmp_path, doors=DOORS)
        (locked,) = (one for one in plan.inputs if one.id in plan.locked)
        assert locked.secret == ""
        problem = plan.locked[locked.id]
        assert told in problem.message
        assert "hunter2" not in str(problem)
        assert problem.key.endswith("http.secret")
        assert problem.line > 1
        assert len(plan.locked) == 1 + sum(one.id in plan.locked for one in plan.onvif)


def test_a_door_contact_is_at_rest_while_the_door_stands_open(tmp_path: Path) -> None:
    content = EXAMPLE.encode()
    plan = parse_panels(content, zone_ids=ZONES, directory=tmp_path, doors=DOORS)
    wide, gate = (one for one in plan.inputs if one.door_id is not None)
    assert (wide.door_id, wide.address, wide.normally_closed) == ("stair-leaf-wide", 8, True)
    assert (gate.door_id, gate.token, gate.normally_closed) == ("gate-leaf", "AlarmIn_2", False)


def test_doors_along_exits_of_the_sample_school(tmp_path: Path) -> None:
    site = load_site(sample_school_directory())
    assert doors_of(site) == {
        "exit-leaf": True,
        "stair-leaf-wide": True,
        "stair-leaf-narrow": True,
        "toilet-leaf": False,
        "gate-leaf": True,
    }
    assert watched_leaves(site) == {}
    (tmp_path / "panels.yaml").write_text(EXAMPLE, "utf-8")
    watched = watched_leaves(replace(site, directory=tmp_path))
    assert {floor: [leaf.id for leaf in leaves] for floor, leaves in watched.items()} == {
        "f1": ["stair-leaf-wide"],
        "yard": ["gate-leaf"],
    }
