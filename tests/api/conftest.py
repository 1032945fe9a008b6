"""A fresh, migrated database for each test: SQLite always, PostgreSQL where it is installed; and a
real browser."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service as DriverService

from api.database import migrate
from tests.conftest import need_peer

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "desk.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """URL of a migrated SQLite database of this test's own."""
    path = tmp_path / "desk.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A private PostgreSQL cluster, reached by socket only; yields its URL without a database."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    need_peer(binaries, "PostgreSQL", "apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="xiaoan-pg-"))
    prefix: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        prefix = ["runuser", "-u", "postgres", "--"]
    folder.chmod(0o755)
    data, sockets = folder / "data", folder / "sockets"

    def run(program: str, *arguments: str) -> None:
        command = [*prefix, str(binaries[-1] / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/", timeout=120)

    run("initdb", "-D", str(data), "-U", "xiaoan", "-A", "trust", "--no-sync", "-E", "UTF8")
    subprocess.run([*prefix, "mkdir", str(sockets)], check=True, cwd="/")
    options = f"-k {sockets} -c listen_addresses='' -c fsync=off"
    run("pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql://xiaoan@/{{name}}?host={sockets}"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    create_database(postgres_server, "template_desk", "template0")
    migrate(postgres_server.format(name="template_desk"))
    return "template_desk"


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> str:
    """URL of a migrated PostgreSQL database of this test's own."""
    name = f"desk{next(_NUMBERS)}"
    create_database(postgres_server, name, postgres_template)
    return postgres_server.format(name=name)


def create_database(server: str, name: str, template: str) -> None:
    """A new database on the test server as a copy of another."""
    with psycopg.connect(server.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Every test that takes this runs on both databases."""
    url = request.getfixturevalue(f"{request.param}_url")
    assert isinstance(url, str)
    return url


@pytest.fixture
def browser(chrome: webdriver.Chrome) -> webdriver.Chrome:
    """A browser that remembers nothing of the test before: no language, no session."""
    chrome.get("about:blank")
    chrome.execute_cdp_cmd("Network.clearBrowserCookies", {})
    return chrome


@pytest.fixture(scope="module")
def chrome(chromium: Path) -> Iterator[webdriver.Chrome]:
    driver = shutil.which("chromedriver")
    need_peer(driver, "chromedriver", "apt-get install chromium-driver")
    options = Options()
    options.binary_location = str(chromium)
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-proxy-server",
        "--window-size=1920,1080",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=DriverService(driver))
    try:
        yield chrome
    finally:
        chrome.quit()
