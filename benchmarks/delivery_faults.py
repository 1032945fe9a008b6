"""Alarms through kills, cut links and a full disk: none lost, none shown twice, order kept.

A worker reports each crush and its end over HTTP to the service's own process, and a guard closes
the alarm over HTTP: three messages (opened, returned, closed) for two police targets, one by signed
webhook over two paths, one by MQTT with its own acknowledgement. While a real sender process
delivers them, in turn: `kill -9` of the sender, of the service (the API), of the webhook receiver,
of the broker and of the MQTT room; the first path loses its answers (the worst case: the message
arrived, the receipt did not); the disk under the database is full (a small tmpfs filled to the last
byte; mounting it needs root). The next fault comes when the rooms were shown so many messages more,
however fast the machine is, so that each meets traffic.

Held against each other: what the service promised to the worker and the guard (their answers), what
stands in the outbox, and what the persons in both rooms were shown.

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

_ROOMS, _SCHOOL = "benchmarks.peers.delivery_rooms", "benchmarks.peers.delivery_school"
_DISK_MIB = 1024
_ACTIONS = ["opened", "returned", "closed"]
_SLOW_S = 60.0
"""A killed service needs seconds to start; its zones are not to be lost meanwhile."""
_QUIET_S = 1800.0
_OPEN_ROWS = "SELECT count(*) FROM deliveries WHERE is_open"
_OUTBOX = """
SELECT d.message_id, d.alarm_number, d.action, a.type FROM deliveries d
JOIN alarms a ON a.number = d.alarm_number WHERE d.target_id = '{target}' ORDER BY d.seq
"""
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
            if process.poll() in (None, 0):
                continue
            if name == "school":
                raise RuntimeError(f"the school's side ended, see {self.folder / 'school.log'}")
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
    """The sample school with two police targets, told at once; no test alarm by the clock."""
    shutil.copytree(sample_school_directory(), folder, dirs_exist_ok=True)
    desk = folder / "desk.yaml"
    lines = desk.read_text(encoding="utf-8").splitlines(keepends=True)
    waits = ("operator_check:", "routine_test:")
    desk.write_text("".join(line for line in lines if not line.startswith(waits)), "utf-8")
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
            ("API killed", lambda: self.processes.kill("service")),
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


def ask(url: str, query: str) -> list[tuple[Any, ...]] | None:
    """Rows out of the database; `None` while it refuses."""
    parsed = parse_url(url)
    drivers = {"sqlite+aiosqlite": "sqlite"}
    engine = create_engine(parsed.set(drivername=drivers.get(parsed.drivername, parsed.drivername)))
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]
    except SQLAlchemyError:
        return None
    finally:
        engine.dispose()


def promised(url: str, told: Path, alarms: int, report: Report) -> bool:
    """Whether what the service answered over HTTP stands in the database, and nothing twice."""
    rows = ask(url, "SELECT number FROM alarms WHERE type = 'crowd' AND state = 'closed'") or []
    kept = {int(row[0]) for row in rows}
    answered = [int(line) for line in told.read_text(encoding="ascii").split()]
    lost = len(set(answered) - kept)
    report.row("alarms promised by the API", len(answered), alarms)
    report.row("promised and not kept", lost, "0")
    report.row("crowd alarms in the database", len(kept), alarms)
    report.figures |= {
        "alarms": len(kept),
        "alarms_promised": len(answered),
        "alarms_promised_and_lost": lost,
    }
    return lost == 0 and len(kept) == len(set(answered)) == len(answered) == alarms


def judge(folder: Path, outbox: list[tuple[Any, ...]], name: str, report: Report) -> bool:
    """What one receiver's person was shown: all of the outbox, once, in order within an alarm.

    `outbox` has message id, alarm number, action and type of the alarm, oldest first. Every crowd
    alarm has to tell that it opened, returned and was closed; other alarms that the faults
    themselves raise (a path's fault) are told as they came.
    """
    shown: dict[str, list[str]] = defaultdict(list)
    ids: Counter[str] = Counter()
    for line in (folder / "shown.log").read_text(encoding="utf-8").splitlines():
        message_id, alarm, _ = line.split()
        ids[message_id] += 1
        shown[alarm].append(message_id)
    wanted: dict[str, list[str]] = defaultdict(list)
    actions: dict[str, list[str]] = defaultdict(list)
    for message_id, alarm, action, kind in outbox:
        wanted[str(alarm)].append(message_id)
        if kind == "crowd":
            actions[str(alarm)].append(action)
    found = {
        "messages_lost": sum(message_id not in ids for message_id, *_ in outbox),
        "messages_shown_twice": sum(times - 1 for times in ids.values()),
        "alarms_out_of_order": sum(
            list(dict.fromkeys(shown[alarm])) != told for alarm, told in wanted.items()
        ),
        "crowd_alarms_not_told_whole": sum(
            [one for one in told if one in _ACTIONS] != _ACTIONS for told in actions.values()
        ),
    }
    for key, value in found.items():
        report.row(f"{name}: {key.replace('_', ' ')}", value, "0")
    again = len((folder / "again.log").read_text(encoding="utf-8").splitlines())
    report.row(f"{name}: messages shown", len(ids))
    report.row(f"{name}: repetitions dropped by id", again)
    report.figures |= {f"{name}_{key}": value for key, value in found.items()}
    report.figures[f"{name}_messages_shown"] = len(ids)
    report.figures[f"{name}_repetitions_dropped_by_id"] = again
    return not any(found.values())


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
    api_port = free_port()
    environment = {
        "HOOK": secret,
        "XIAOAN_DATABASE_URL": url,
        "XIAOAN_RUN_DIR": str(folder / "run"),
        "XIAOAN_PORT": str(api_port),
        "XIAOAN_ACCESS": "open",
        "XIAOAN_STALE_AFTER_S": str(_SLOW_S),
    }
    processes = Processes(folder, environment, server)
    stack.callback(processes.end)
    rooms = folder / "receiver", folder / "room"
    site = str(folder / "site")
    begun = time.monotonic()
    processes.start("receiver", _ROOMS, "receiver", str(rooms[0]), *map(str, ports))
    processes.start("room", _ROOMS, "room", str(rooms[1]), str(broker.port))
    processes.start("sender", "api.delivery.process", "--site", site)
    processes.start("service", "api.service_process", "--site", site)
    at, token = f"http://127.0.0.1:{api_port}", str(folder / "run" / "ingest.token")
    processes.start("school", _SCHOOL, at, token, site, str(options.alarms), str(folder))
    expected = 2 * options.alarms * len(_ACTIONS)
    run = Course(processes, broker, rooms, ports[0], disk, expected, options.rounds, options.pause)
    run.run()
    _settle(processes, url, options.alarms)
    report.figures |= {
        "open_at_the_end": (ask(url, _OPEN_ROWS) or [(-1,)])[0][0],
        "database": options.database,
        "disk_full_injected": disk is not None,
        "took_s": round(time.monotonic() - begun, 1),
        "faults": dict(run.done),
    }
    report.row("faults", ", ".join(f"{n} x {name}" for name, n in run.done.items()))
    if disk is None:
        report.row("disk full", "not injected: no tmpfs could be mounted here")
    return _held(url, folder, rooms, options.alarms, report)


def _settle(processes: Processes, url: str, alarms: int) -> None:
    """Wait until the school has ended and nothing waits in the outbox."""
    begun = time.monotonic()
    while not processes.ended("school") or ask(url, _OPEN_ROWS) != [(0,)]:
        if time.monotonic() - begun > _QUIET_S + alarms:
            return
        processes.tend()
        time.sleep(0.5)


def _held(url: str, folder: Path, rooms: tuple[Path, Path], alarms: int, report: Report) -> bool:
    held = [promised(url, folder / "told.log", alarms, report)]
    for name, room, target in (
        ("webhook", rooms[0], "police-http"),
        ("mqtt", rooms[1], "police-mqtt"),
    ):
        outbox = ask(url, _OUTBOX.format(target=target))
        held.append(bool(outbox) and judge(room, outbox or [], name, report))
    return all(held) and report.figures["open_at_the_end"] == 0


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
