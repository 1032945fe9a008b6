"""Nothing of what runs here is reported to the maker of a library."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_LOOK = """
import numpy as np
from models import load_head_network
network = load_head_network(runtime="{runtime}", threads=1, precision="f32")
network.observe(np.zeros((96, 96, 3), np.uint8))
"""


# OpenVINO reports nothing from there.
_OF_CI = ("CI", "TF_BUILD", "JENKINS_URL")


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_runtime_keeps_no_identifier_of_the_machine(tmp_path: Path, runtime: str) -> None:
    told = {"XDG_CACHE_HOME": "", "ORT_DISABLE_TELEMETRY": "0"}
    own = tmp_path / "c"
    environment = {key: value for key, value in os.environ.items() if key not in _OF_CI} | told
    environment |= {"HOME": str(tmp_path), "XIAOAN_CACHE": str(own)}
    look = _LOOK.format(runtime=runtime)
    subprocess.run([sys.executable, "-c", look], env=environment, check=True)
    assert [path for path in tmp_path.iterdir() if path != own] == []
