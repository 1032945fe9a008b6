"""Keeps the runtimes from reporting to their makers; imported before them, by the package itself.

ONNX Runtime's wheels from the package index keep an identifier of the device on disk and look for
a server of their maker's unless the variable stands when they are loaded; its own
`disable_telemetry_events()` comes too late for that. OpenVINO keeps one in the home folder and
sends an event to Google Analytics whenever it is imported, unless there is no package to send it
with; then it goes on without. NNCF does the same.
"""

import os
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# An import of what stands here as None fails, as that of a package that is not installed.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
