"""Nothing of what runs here is reported to the maker of a library."""

import os
import subprocess
import sys
from pathlib import Path

_LOOK = """
import numpy as np
from models import load_head_network
load_head_network(threads=1, precision="f32").observe(np.zeros((96, 96, 3), np.uint8))
"""


def test_the_runtime_keeps_no_identifier_of_the_machine(tmp_path: Path) -> None:
    told = {"XDG_CACHE_HOME": "", "ORT_DISABLE_TELEMETRY": "0"}
    environment = os.environ | told | {"HOME": str(tmp_path), "XIAOAN_CACHE": str(tmp_path / "c")}
    subprocess.run([sys.executable, "-c", _LOOK], env=environment, check=True)
    assert [path for path in tmp_path.rglob("*") if "microsoft" in str(path).lower()] == []
