"""Keeps ONNX Runtime from reporting to its maker; imported before it, by the package itself.

Its wheels from the package index keep an identifier of the device on disk and look for a server of
their maker's unless this variable stands when they are loaded; its own
`disable_telemetry_events()` comes too late for that.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
