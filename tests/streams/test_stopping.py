"""How a process ends while a thread of it is still held."""

import subprocess
import sys

import pytest

_ENDS = """
import sys, threading
import cv2, numpy as np
from streams.stopping import leave

image, begun = np.zeros((1000, 1000, 3), np.uint8), threading.Event()

def held() -> None:
    while True:
        cv2.GaussianBlur(image, (31, 31), 0)
        begun.set()

if "held" in sys.argv:
    threading.Thread(target=held, daemon=True).start()
    begun.wait()
print("all is closed")
leave(3)
"""


@pytest.mark.parametrize("how", ["alone", "held"])
def test_a_thread_that_is_held_by_foreign_code_makes_no_stop_a_crash(how: str) -> None:
    """With `sys.exit` the second one ends by SIGABRT."""
    ended = subprocess.run(  # this file's own program
        [sys.executable, "-c", _ENDS, how], capture_output=True, check=False, text=True
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "all is closed\n", "")
