"""The dependency audit: a known vulnerability fails it, silence is no pass, and it never hangs."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, need_peer

SCRIPT = CHECKOUT / "scripts" / "audit-dependencies"
PINNED = "packaging==24.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"
VULNERABILITY = {
    "id": "PYSEC-0000-1",
    "summary": "an example",
    "details": "an example",
    "affected": [
        {
            "package": {"name": "packaging", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "24.1"}]}],
        }
    ],
}

pytestmark = pytest.mark.peer


@pytest.fixture(autouse=True)
def _auditor() -> None:
    need_peer(find_spec("pip_audit"), "pip-audit", "pip install pip-audit")


@contextmanager
def advisories(found: list[object], status: int = 200) -> Iterator[str]:
    """An OSV service that answers every question with the same."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            del args

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/query"
        finally:
            server.shutdown()
            serving.join()


def audited(tmp_path: Path, url: str, pinned: str = PINNED) -> tuple[int, str]:
    requirements = tmp_path / "pinned.txt"
    requirements.write_text(pinned, "utf-8")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(requirements), "--advisories", url],
        capture_output=True,
        text=True,
        timeout=240,
    )
    return done.returncode, done.stdout


def test_a_known_vulnerability_fails_the_audit_and_names_the_mend(tmp_path: Path) -> None:
    with advisories([VULNERABILITY]) as url:
        code, told = audited(tmp_path, url)
    assert code == 1
    assert "packaging 24.0: PYSEC-0000-1 — mend: 24.1" in told


def test_packages_without_a_known_vulnerability_pass(tmp_path: Path) -> None:
    with advisories([]) as url:
        assert audited(tmp_path, url) == (0, "1 packages, no known vulnerability\n")


@pytest.mark.parametrize("pinned", [PINNED, ""])
def test_a_service_that_fails_is_no_pass(tmp_path: Path, pinned: str) -> None:
    with advisories([], status=500) as url:
        code, told = audited(tmp_path, url, pinned)
    assert code == 3
    assert told.startswith("NOT AUDITED")


def test_a_service_that_nobody_serves_is_no_pass(tmp_path: Path) -> None:
    code, told = audited(tmp_path, "http://127.0.0.1:9/v1/query")
    assert code == 3
    assert told.startswith("NOT AUDITED")
