"""Panels that would stay on, share a terminal or write a secret down are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import sample_school_directory
from config.errors import ConfigFileError
from config.panels_load import parse_panels

EXAMPLE = (sample_school_directory() / "panels.example.yaml").read_text(encoding="utf-8")
ZONES = {"gate-main", "stair-a"}


def test_the_example_is_good(tmp_path: Path) -> None:
    plan = parse_panels(EXAMPLE.encode(), zone_ids=ZONES, directory=tmp_path)
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
         "not a reference to a secret"),
        ("    device: io-gate\n    discrete_input: 0\n",
         '    http: {secret: "env:XIAOAN_NO_SUCH"}\n',
         "the secret env:XIAOAN_NO_SUCH is missing"),
        ("    discrete_input: 0\n", "", "the discrete_input of the device is missing"),
    ],
)  # fmt: skip
def test_refusals(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in EXAMPLE
    with pytest.raises(ConfigFileError) as refusal:
        parse_panels(EXAMPLE.replace(old, new, 1).encode(), zone_ids=ZONES, directory=tmp_path)
    told = str(refusal.value)
    assert message in told
    assert "panels.yaml:" in told
    assert "c2VjcmV0" not in told
