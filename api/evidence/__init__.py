"""Clips of alarms: collected from the ring, played with a reason, redacted for export, deleted."""
