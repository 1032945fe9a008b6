"""Alarms through kills, cut links and a full disk: none lost, none shown twice, order kept.

Each alarm has three steps (opens, gets worse, returns) for two police targets: one by signed
webhook over two paths, one by MQTT with its own acknowledgement. While the service's transactions
raise the alarms and a real sender process delivers them, in turn: `kill -9` of the sender, of the
alarm writer, of the webhook receiver, of the broker and of the MQTT room; the first path loses its
answers (the worst case: the message arrived, the receipt did not); the disk under the database is
full (a small tmpfs filled to the last byte; needs root, and SQLite).

    python -m benchmarks.delivery_faults [--alarms N] [--database sqlite|postgres] [--json]
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from api.database import migrate
from api.database.engine import parse_url
from benchmarks.peers import mosquitto
from benchmarks.peers.delivery_peers import STEPS, TOPIC
from benchmarks.peers.postgres import Postgres
from benchmarks.peers.postgres import installed as postgres_installed
from benchmarks.report import CHECKOUT, EXIT_TARGET_MISSED, Report, no_data, parser
from config import sample_school_directory

_PEERS = "benchmarks.peers.delivery_peers"
_DISK_MIB = 256
_ACTIONS = ["opened", "raised", "returned"]
_QUIET_S = 1800.0


@dataclass(slots=True)
class Processes:
    """The processes under test; a killed one is started again at once, as a supervisor would."""

    folder: Path
    environment: dict[str, str]
    commands: dict[str, list[str]] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def start(self, name: str, *command: str) -> None:
        self.commands[name] = [sys.executable, "-m", *command]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.commands[name],
                cwd=CHECKOUT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """SIGKILL, and a new start."""
        if self.running[name].poll() is None:
            self.running[name].kill()
            self.running[name].wait()
            self.kills[name] += 1
            self.start(name, *self.commands[name][2:])

    def tend(self) -> None:
        """Start again what ended by itself with an error."""
        for name, process in list(self.running.items()):
            if process.poll() not in (None, 0):
                self.start(name, *self.commands[name][2:])

    def ended(self, name: str) -> bool:
        """Whether it came to its good end."""
        return self.running[name].poll() == 0

    def end(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A tmpfs that can be filled; `None` where it cannot be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MIB}m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def fill(disk: Path) -> None:
    """Write until nothing more fits."""
    with (disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(65_536))


def write_site(folder: Path, ports: tuple[int, int], broker_port: int) -> None:
    """The sample school with two police targets."""
    shutil.copytree(sample_school_directory(), folder, dirs_exist_ok=True)
    hook = "driver: webhook, settings: {secret: env:HOOK, timeout_s: 3.0, url"
    (folder / "delivery.yaml").write_text(
        f"""
targets:
  - id: police-http
    name: {{zh: 警务室甲, en: Police room A}}
    role: police
    lowest_priority: 4
    paths:
      - {{id: main, {hook}: "http://127.0.0.1:{ports[0]}/"}}}}
      - {{id: backup, {hook}: "http://127.0.0.1:{ports[1]}/"}}}}
  - id: police-mqtt
    name: {{zh: 警务室乙, en: Police room B}}
    role: police
    lowest_priority: 4
    one_path_reason: the broker is what is killed
    paths:
      - id: main
        driver: mqtt
        settings: {{host: 127.0.0.1, port: {broker_port}, tls: false, client_id: school,
          topic: {TOPIC}, ack_topic: {TOPIC}/ack}}
""",
        encoding="utf-8",
    )


@dataclass(slots=True)
class Course:
    """One run: the faults in turn until all alarms are written and each fault was there."""

    processes: Processes
    broker: mosquitto.Mosquitto
    receiver: Path
    main_port: int
    disk: Path | None
    pause_s: float
    done: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        faults: list[tuple[str, Callable[[], None]]] = [
            ("sender killed", lambda: self.processes.kill("sender")),
            ("first path cut", self._cut),
            ("alarm writer killed", lambda: self.processes.kill("writer")),
            ("broker killed", self._break_broker),
            ("receiver killed", lambda: self.processes.kill("receiver")),
            ("disk full", self._fill_disk),
            ("room killed", lambda: self.processes.kill("room")),
        ]
        while not self.processes.ended("writer") or len(self.done) < len(faults):
            for name, inject in faults:
                if self.processes.ended("writer") and self.done[name]:
                    continue
                time.sleep(self.pause_s)
                self.processes.tend()
                inject()
                self.done[name] += 1

    def _cut(self) -> None:
        mark = self.receiver / f"cut-{self.main_port}"
        mark.touch()
        time.sleep(self.pause_s)
        mark.unlink()

    def _break_broker(self) -> None:
        self.broker.kill()
        time.sleep(self.pause_s)
        self.broker.start()

    def _fill_disk(self) -> None:
        if self.disk is None:
            return
        fill(self.disk)
        time.sleep(self.pause_s)
        (self.disk / "ballast").unlink()


def count(url: str, query: str) -> int:
    """One number out of the database; -1 while it refuses."""
    parsed = parse_url(url)
    drivers = {"sqlite+aiosqlite": "sqlite"}
    engine = create_engine(parsed.set(drivername=drivers.get(parsed.drivername, parsed.drivername)))
    try:
        with engine.connect() as connection:
            return int(connection.execute(text(query)).scalar_one())
    except SQLAlchemyError:
        return -1
    finally:
        engine.dispose()


def judge(folder: Path, expected: int, name: str, report: Report) -> bool:
    """What one receiver's person was shown: all of it, once, in order."""
    lines = (folder / "shown.log").read_text(encoding="utf-8").splitlines()
    ids = Counter(line.split()[0] for line in lines)
    by_alarm: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        _, alarm, action = line.split()
        by_alarm[alarm].append(action)
    lost = expected - len(ids)
    twice = sum(times - 1 for times in ids.values())
    disordered = sum(actions != _ACTIONS for actions in by_alarm.values())
    again = len((folder / "again.log").read_text(encoding="utf-8").splitlines())
    for key, value, target in (
        ("messages_lost", lost, "0"),
        ("messages_shown_twice", twice, "0"),
        ("alarms_out_of_order", disordered, "0"),
        ("repetitions_dropped_by_id", again, ""),
    ):
        report.figures[f"{name}_{key}"] = value
        report.row(f"{name}: {key.replace('_', ' ')}", value, target)
    return (lost, twice, disordered) == (0, 0, 0)


def course(options: Any, folder: Path, stack: ExitStack, report: Report) -> bool:
    """Build everything, run the faults, wait for quiet, judge."""
    disk = stack.enter_context(small_disk(folder / "disk"))
    if options.database == "postgres":
        server = stack.enter_context(Postgres())
        url, disk = server.url, None
    else:
        url = f"sqlite:///{disk or folder}/desk.db"
    migrate(url)
    broker = stack.enter_context(mosquitto.Mosquitto(folder / "broker"))
    ports = (free_port(), free_port())
    write_site(folder / "site", ports, broker.port)
    secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    environment = {"HOOK": secret, "XIAOAN_DATABASE_URL": url, "XIAOAN_RUN_DIR": str(folder)}
    processes = Processes(folder, environment)
    stack.callback(processes.end)
    receiver, room = folder / "receiver", folder / "room"
    receiver.mkdir()
    processes.start("receiver", _PEERS, "receiver", str(receiver), *map(str, ports))
    processes.start("room", _PEERS, "room", str(room), str(broker.port))
    processes.start("sender", "api.delivery.process", "--site", str(folder / "site"))
    site = str(folder / "site")
    processes.start("writer", _PEERS, "writer", url, site, str(options.alarms))
    begun = time.monotonic()
    run = Course(processes, broker, receiver, ports[0], disk, options.pause)
    run.run()
    open_rows = "SELECT count(*) FROM deliveries WHERE is_open"
    while count(url, open_rows) != 0 and time.monotonic() - begun < _QUIET_S + options.alarms:
        processes.tend()
        time.sleep(0.5)
    report.figures |= {
        "alarms": count(url, "SELECT count(*) FROM alarms"),
        "open_at_the_end": count(url, open_rows),
        "database": options.database,
        "disk_full_injected": disk is not None,
        "took_s": round(time.monotonic() - begun, 1),
        "faults": {name: times for name, times in run.done.items() if name != "disk full" or disk},
    }
    report.row("alarms written", report.figures["alarms"], options.alarms)
    report.row("faults", ", ".join(f"{n} x {name}" for name, n in run.done.items()))
    if disk is None:
        report.row("disk full", "not injected: SQLite on a mountable tmpfs only")
    expected = options.alarms * len(STEPS)
    judged = [
        judge(receiver, expected, "webhook", report),
        judge(room, expected, "mqtt", report),
    ]
    return all(judged) and report.figures["alarms"] == options.alarms


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--alarms", type=int, default=10_000)
    arguments.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    arguments.add_argument("--pause", type=float, default=3.0, help="seconds between two faults")
    options = arguments.parse_args()
    if not mosquitto.installed():
        no_data(f"mosquitto is not installed; {mosquitto.MEND}")
    if options.database == "postgres" and not postgres_installed():
        no_data("PostgreSQL is not installed; apt-get install postgresql")
    report = Report("delivery_faults", options.seed, packages=("sqlalchemy", "aiomqtt"))
    with tempfile.TemporaryDirectory(prefix="xiaoan-") as folder, ExitStack() as stack:
        held = course(options, Path(folder), stack, report)
    report.publish(as_json=options.json)
    return 0 if held else EXIT_TARGET_MISSED


if __name__ == "__main__":
    sys.exit(main())
