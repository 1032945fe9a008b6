"""Alarms through kills, cut links and a full disk: none lost, none shown twice, order kept.

Each alarm has three steps (opens, gets worse, returns) for two police targets: one by signed
webhook over two paths, one by MQTT with its own acknowledgement. While the service's transactions
raise the alarms and a real sender process delivers them, in turn: `kill -9` of the sender, of the
alarm writer, of the webhook receiver, of the broker and of the MQTT room; the first path loses its
answers (the worst case: the message arrived, the receipt did not); the disk under the database is
full (a small tmpfs filled to the last byte; mounting it needs root). The next fault comes when the
rooms were shown so many messages more, however fast the machine is, so that each meets traffic.

    python -m benchmarks.delivery_faults [--alarms N] [--rounds N] [--database sqlite|postgres]
                                         [--json]
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
from benchmarks.peers.delivery_rooms import TOPIC
from benchmarks.peers.postgres import Postgres
from benchmarks.peers.postgres import installed as postgres_installed
from benchmarks.report import CHECKOUT, EXIT_TARGET_MISSED, Report, no_data, parser
from config import sample_school_directory

_ROOMS, _WRITER = "benchmarks.peers.delivery_rooms", "benchmarks.peers.delivery_writer"
_DISK_MIB = 1024
_ACTIONS = ["opened", "raised", "returned"]
_QUIET_S = 1800.0
_SERVER_EVERY_S = 10.0


@dataclass(slots=True)
class Processes:
    """The processes under test; a killed one is started again at once, as a supervisor would."""

    folder: Path
    environment: dict[str, str]
    server: Postgres | None = None
    commands: dict[str, list[str]] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    server_due: float = 0.0

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
        if self.server is not None and time.monotonic() >= self.server_due:
            self.server.tend()
            self.server_due = time.monotonic() + _SERVER_EVERY_S
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
    """One run: the faults in turn, each after `step` more messages were shown."""

    processes: Processes
    broker: mosquitto.Mosquitto
    rooms: tuple[Path, Path]
    main_port: int
    disk: Path | None
    expected: int
    rounds: int
    pause_s: float
    done: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        faults: list[tuple[str, Callable[[], None]]] = [
            ("sender killed", lambda: self.processes.kill("sender")),
            ("first path cut", self._cut),
            ("alarm writer killed", lambda: self.processes.kill("writer")),
            ("broker killed", self._break_broker),
            ("receiver killed", lambda: self.processes.kill("receiver")),
            ("room killed", lambda: self.processes.kill("room")),
        ]
        if self.disk is not None:
            faults.append(("disk full", self._fill_disk))
        step = self.expected // (self.rounds * len(faults) + 1)
        for number in range(self.rounds * len(faults)):
            name, inject = faults[number % len(faults)]
            self._until_shown((number + 1) * step)
            if name == "alarm writer killed" and self.processes.ended("writer"):
                continue
            inject()
            self.done[name] += 1

    def _until_shown(self, wanted: int) -> None:
        begun = time.monotonic()
        while self.shown() < wanted:
            if time.monotonic() - begun > _QUIET_S:
                raise TimeoutError(f"{self.shown()} messages shown, {wanted} expected by now")
            self.processes.tend()
            time.sleep(0.5)

    def shown(self) -> int:
        """Messages that the persons in both rooms were shown so far."""
        return sum(_lines(room / "shown.log") for room in self.rooms)

    def _cut(self) -> None:
        mark = self.rooms[0] / f"cut-{self.main_port}"
        mark.touch()
        time.sleep(self.pause_s)
        mark.unlink()

    def _break_broker(self) -> None:
        self.broker.kill()
        time.sleep(self.pause_s)
        self.broker.start()

    def _fill_disk(self) -> None:
        if self.disk is None:
            raise FileNotFoundError("no small disk")
        fill(self.disk)
        time.sleep(self.pause_s)
        (self.disk / "ballast").unlink()
        self.processes.tend()


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


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
    server: Postgres | None = None
    if options.database == "postgres":
        # The server's own account has to reach its folder on the small disk.
        folder.chmod(0o711)
        server = stack.enter_context(Postgres(disk))
        url = server.url
    else:
        url = f"sqlite:///{disk or folder}/desk.db"
    migrate(url)
    broker = stack.enter_context(mosquitto.Mosquitto(folder / "broker"))
    ports = (free_port(), free_port())
    write_site(folder / "site", ports, broker.port)
    secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    environment = {"HOOK": secret, "XIAOAN_DATABASE_URL": url, "XIAOAN_RUN_DIR": str(folder)}
    processes = Processes(folder, environment, server)
    stack.callback(processes.end)
    receiver, room = folder / "receiver", folder / "room"
    receiver.mkdir()
    processes.start("receiver", _ROOMS, "receiver", str(receiver), *map(str, ports))
    processes.start("room", _ROOMS, "room", str(room), str(broker.port))
    processes.start("sender", "api.delivery.process", "--site", str(folder / "site"))
    site = str(folder / "site")
    processes.start("writer", _WRITER, url, site, str(options.alarms))
    begun = time.monotonic()
    expected = options.alarms * len(_ACTIONS)
    rooms = (receiver, room)
    run = Course(
        processes, broker, rooms, ports[0], disk, 2 * expected, options.rounds, options.pause
    )
    run.run()
    open_rows = "SELECT count(*) FROM deliveries WHERE is_open"
    while not processes.ended("writer") or count(url, open_rows) != 0:
        if time.monotonic() - begun > _QUIET_S + options.alarms:
            break
        processes.tend()
        time.sleep(0.5)
    report.figures |= {
        "alarms": count(url, "SELECT count(*) FROM alarms"),
        "open_at_the_end": count(url, open_rows),
        "database": options.database,
        "disk_full_injected": disk is not None,
        "took_s": round(time.monotonic() - begun, 1),
        "faults": dict(run.done),
    }
    report.row("alarms written", report.figures["alarms"], options.alarms)
    report.row("faults", ", ".join(f"{n} x {name}" for name, n in run.done.items()))
    if disk is None:
        report.row("disk full", "not injected: no tmpfs could be mounted here")
    judged = [
        judge(receiver, expected, "webhook", report),
        judge(room, expected, "mqtt", report),
    ]
    return all(judged) and report.figures["alarms"] == options.alarms


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--alarms", type=int, default=10_000)
    arguments.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    arguments.add_argument("--rounds", type=int, default=5, help="times each fault is injected")
    arguments.add_argument("--pause", type=float, default=5.0, help="seconds that a cut lasts")
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
