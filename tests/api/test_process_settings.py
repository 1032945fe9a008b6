"""A process that is started by hand with a wrong setting ends with one line that names it."""

import json
import os
import subprocess
import sys

import pytest

from config import sample_school_directory
from config.settings import ENV_PREFIX

WORKER = ("api.worker_process", "--worker-id", "worker-7")


@pytest.mark.parametrize(
    ("program", "variable", "value", "words"),
    [
        (("api.service_process",), "PORT", "many", ("environment variable XIAOAN_PORT: ",)),
        (("api.delivery.process",), "ALLOWED_HOSTS", "a", ("XIAOAN_ALLOWED_HOSTS", "as JSON")),
        (WORKER, "STALE_AFTER_S", "0", ("environment variable XIAOAN_STALE_AFTER_S: ",)),
        (WORKER, "WORKERS", "2", ("--worker-id worker-7", "worker-0, worker-1")),
        (("api.service_process",), "HEARTBEAT_FD", "987654", ("XIAOAN_HEARTBEAT_FD",)),
    ],
)
def test_what_is_wrong_is_named_with_its_mend(
    program: tuple[str, ...], variable: str, value: str, words: tuple[str, ...]
) -> None:
    others = {name: told for name, told in os.environ.items() if not name.startswith(ENV_PREFIX)}
    ended = subprocess.run(
        [sys.executable, "-m", *program, "--site", str(sample_school_directory())],
        env=others | {f"{ENV_PREFIX}{variable}": value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    (line,) = (ended.stdout + ended.stderr).splitlines()
    told = json.loads(line)
    assert "cannot start" in told["event"]
    assert "mend: " in told["reason"]
    assert [word for word in words if word not in told["reason"]] == []
