"""A site's panels in a file, for one module on a free port."""

from __future__ import annotations

import socket
from pathlib import Path

from config.panels import PanelPlan
from config.panels_load import parse_panels

SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS1idXR0b24="


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def panel_text(port: int) -> str:
    return f"""\
format: 1
devices:
  - id: io-gate
    name: {{zh: 门岗模块, en: Gate module}}
    host: 127.0.0.1
    port: {port}
    poll_ms: 100
    watchdog: {{register: 100, timeout_s: 2}}
inputs:
  - id: pillar
    name: {{zh: 报警柱, en: Panic pillar}}
    device: io-gate
    discrete_input: 0
    zone: hall
  - id: phone-button
    name: {{zh: 手机按钮, en: Phone button}}
    http: {{secret: "file:button.secret", expect_every_s: 60}}
outputs:
  - id: siren
    name: {{zh: 警号, en: Siren}}
    kind: siren
    device: io-gate
    coil: 0
    safe: off
    when: {{priorities: [1], during: waiting}}
  - id: door
    name: {{zh: 门释放, en: Door release}}
    kind: door_release
    device: io-gate
    coil: 3
    safe: off
    when: {{priorities: [1], during: open, kinds: [panic]}}
"""


def panel_content(port: int) -> bytes:
    return panel_text(port).replace("safe: off", 'safe: "off"').encode()


def write_secret(folder: Path) -> None:
    (folder / "button.secret").write_text(SECRET, encoding="utf-8")


def panel_plan(folder: Path, port: int) -> PanelPlan:
    write_secret(folder)
    return parse_panels(panel_content(port), zone_ids={"hall", "stair"}, directory=folder)
